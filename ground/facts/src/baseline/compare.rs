//! Two sides in one order: what came, what went, what is another.

use std::io::Read;

use stanch_machine::inspect::Content;
use stanch_machine::{Attribute, FileKind};

use super::{Damage, Item, Reader, Row, is_below, order};

/// How many differences are kept.
const MOST: usize = 200_000;
/// How many files of which only times differ are kept.
const TIMES: usize = 1_000;

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Altered,
}

impl Change {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Altered => "altered",
        }
    }
}

/// What of a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Its kind: a file became a symlink.
    Kind,
    /// Its content, by a digest.
    Content,
    /// Its size.
    Size,
    /// Where it points.
    Target,
    /// The device that it stands for.
    Device,
    /// Its permission bits.
    Mode,
    /// Its owner.
    Owner,
    /// Its group.
    Group,
    /// Its file capabilities.
    Capabilities,
    /// Its access control lists.
    Acl,
    /// Its security label.
    Label,
    /// Other extended attributes.
    Attributes,
    /// Its inode flags.
    Flags,
    /// How many names it has.
    Links,
    /// Its inode number.
    Inode,
    /// When its content changed.
    Modified,
    /// When its inode changed.
    Changed,
    /// When it was born.
    Born,
}

impl Field {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "type",
            Self::Content => "content",
            Self::Size => "size",
            Self::Target => "target",
            Self::Device => "device",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Capabilities => "capabilities",
            Self::Acl => "acl",
            Self::Label => "label",
            Self::Attributes => "attributes",
            Self::Flags => "flags",
            Self::Links => "links",
            Self::Inode => "inode",
            Self::Modified => "mtime",
            Self::Changed => "ctime",
            Self::Born => "btime",
        }
    }

    /// Returns whether it tells who may do what, and not what is in a file.
    pub fn is_right(self) -> bool {
        matches!(
            self,
            Self::Mode | Self::Owner | Self::Group | Self::Capabilities | Self::Acl | Self::Label
        ) || matches!(self, Self::Attributes | Self::Flags)
    }

    /// Returns whether it is a time, or goes with being written anew.
    fn is_time(self) -> bool {
        matches!(self, Self::Links | Self::Inode | Self::Modified | Self::Changed | Self::Born)
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What became of the path.
    pub change: Change,
    /// How it was; none if it is new.
    pub was: Option<Box<Row>>,
    /// How it is; none if it is gone.
    pub now: Option<Box<Row>>,
    /// What differs, if it is another.
    pub fields: Vec<Field>,
}

impl Difference {
    /// Returns the row as it is, or as it was if it is gone.
    pub fn row(&self) -> Option<&Row> {
        self.now.as_deref().or(self.was.as_deref())
    }

    /// Returns the path.
    pub fn path(&self) -> &[u8] {
        self.row().map_or(&[], |row| &row.path)
    }

    /// Returns whether content became another while the time that anybody may set stayed: somebody
    /// took care that it should not be noticed.
    pub fn keeps_time(&self) -> bool {
        let same = |was: &Row, now: &Row| was.modified == now.modified;
        self.fields.contains(&Field::Content)
            && self.was.as_deref().zip(self.now.as_deref()).is_some_and(|(was, now)| same(was, now))
    }

    /// Returns whether a file gives or gets rights that it did not have: set-id bits, capabilities,
    /// or that everybody may write.
    pub fn gains_rights(&self) -> bool {
        let Some(now) = &self.now else { return false };
        let bits = rights(now) & !self.was.as_deref().map_or(0, rights);
        let capability = |row: &Row| attribute(row, CAPABILITY).map(<[u8]>::to_vec);
        let had = self.was.as_deref().and_then(capability);
        bits != 0 || capability(now).is_some_and(|has| had != Some(has))
    }
}

/// The name of the attribute that holds capabilities (capabilities(7)).
pub(super) const CAPABILITY: &[u8] = b"security.capability";

/// Returns the bits of a mode that give rights to others.
fn rights(row: &Row) -> u32 {
    match row.kind() {
        FileKind::Regular => row.mode & 0o6002,
        // In a directory with the sticky bit everybody may write only what is his own.
        FileKind::Directory if row.mode & 0o1000 == 0 => row.mode & 0o2,
        _ => 0,
    }
}

fn attribute<'a>(row: &'a Row, name: &[u8]) -> Option<&'a [u8]> {
    row.attributes.iter().find(|one| one.0 == name).map(|one| &*one.1)
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many files there are on both sides.
    pub compared: u64,
    /// What differs in more than times, in the order of paths.
    pub differences: Vec<Difference>,
    /// How many differences more there were.
    pub more: u64,
    /// Files of which only times differ: the first of them.
    pub times: Vec<Difference>,
    /// How many there are of these.
    pub times_count: u64,
    /// Files that one side could not see.
    pub unseen: u64,
}

/// Compares a baseline with what is there now. When nothing more comes, `is_whole` tells whether
/// that was all, or whether the rest could not be seen.
///
/// # Errors
/// [`Damage`] if the baseline does not hold.
pub fn compare<R: Read>(
    was: &mut Reader<R>,
    now: &mut dyn Iterator<Item = Item>,
    is_whole: &dyn Fn() -> bool,
) -> Result<Compared, Damage> {
    let mut merge = Merge::default();
    let (mut left, mut right) = (was.next()?, now.next());
    loop {
        if right.is_none() && merge.now_hidden.as_deref() != Some(b"/") && !is_whole() {
            merge.now_hidden = Some(b"/".to_vec());
        }
        let which = match (&left, &right) {
            (None, None) => return Ok(merge.compared),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => order(a.path(), b.path()),
        };
        let was_item = if which.is_le() { std::mem::replace(&mut left, was.next()?) } else { None };
        let now_item = if which.is_ge() { std::mem::replace(&mut right, now.next()) } else { None };
        merge.meet(was_item, now_item);
    }
}

#[derive(Default)]
struct Merge {
    compared: Compared,
    /// What one side could not see, with all below it.
    was_hidden: Option<Vec<u8>>,
    now_hidden: Option<Vec<u8>>,
}

fn covers(hidden: Option<&Vec<u8>>, path: &[u8]) -> bool {
    hidden.is_some_and(|hidden| path == hidden || is_below(path, hidden))
}

impl Merge {
    /// Takes what both sides, or one of them, have at one path.
    fn meet(&mut self, was: Option<Item>, now: Option<Item>) {
        let was = hide(was, &mut self.was_hidden);
        let now = hide(now, &mut self.now_hidden);
        match (was, now) {
            (Some(was), Some(now)) => self.both(was, now),
            (Some(was), None) if covers(self.now_hidden.as_ref(), &was.path) => self.unseen(),
            (None, Some(now)) if covers(self.was_hidden.as_ref(), &now.path) => self.unseen(),
            (Some(was), None) => self.keep(Change::Removed, Some(was), None, Vec::new()),
            (None, Some(now)) => self.keep(Change::Added, None, Some(now), Vec::new()),
            (None, None) => {}
        }
    }

    fn unseen(&mut self) {
        self.compared.unseen = self.compared.unseen.saturating_add(1);
    }

    fn both(&mut self, was: Box<Row>, now: Box<Row>) {
        self.compared.compared = self.compared.compared.saturating_add(1);
        let fields = fields(&was, &now);
        if fields.is_empty() {
            return;
        }
        if is_times_only(&was, &now, &fields) {
            self.compared.times_count = self.compared.times_count.saturating_add(1);
            if self.compared.times.len() < TIMES {
                let (was, now) = (Some(was), Some(now));
                let change = Change::Altered;
                self.compared.times.push(Difference { change, was, now, fields });
            }
            return;
        }
        self.keep(Change::Altered, Some(was), Some(now), fields);
    }

    fn keep(
        &mut self,
        change: Change,
        was: Option<Box<Row>>,
        now: Option<Box<Row>>,
        fields: Vec<Field>,
    ) {
        if self.compared.differences.len() < MOST {
            self.compared.differences.push(Difference { change, was, now, fields });
        } else {
            self.compared.more = self.compared.more.saturating_add(1);
        }
    }
}

/// Returns the row of an item, and notes what its side could not see.
fn hide(item: Option<Item>, hidden: &mut Option<Vec<u8>>) -> Option<Box<Row>> {
    match item? {
        Item::Row(row) => Some(row),
        Item::Unseen(path) | Item::UnseenBelow(path) => {
            *hidden = Some(path);
            None
        }
    }
}

fn is_times_only(was: &Row, now: &Row, fields: &[Field]) -> bool {
    // Of what was not read on both sides, new times are all that tells of new content.
    let is_known = was.kind() != FileKind::Regular || has_common_digest(was, now);
    // One more name of a set-id program may keep an old one from being replaced.
    let keeps_names = was.mode & 0o6000 == 0 || !fields.contains(&Field::Links);
    let is_directory = now.kind() == FileKind::Directory;
    is_known
        && keeps_names
        && fields.iter().all(|field| field.is_time() || is_directory && *field == Field::Size)
}

fn has_common_digest(was: &Row, now: &Row) -> bool {
    was.blake3.is_some() && now.blake3.is_some() || was.sha256.is_some() && now.sha256.is_some()
}

/// Returns what differs.
fn fields(was: &Row, now: &Row) -> Vec<Field> {
    let differ = |a: &Option<super::Digest>, b: &Option<super::Digest>| matches!((a, b), (Some(a), Some(b)) if a != b);
    let is_read = |row: &Row| row.content == Content::Whole;
    let content = differ(&was.blake3, &now.blake3) || differ(&was.sha256, &now.sha256);
    let one = |name: &'static [u8]| attribute(was, name) != attribute(now, name);
    let acl = one(b"system.posix_acl_access") || one(b"system.posix_acl_default");
    let both = is_read(was) && is_read(now);
    [
        (was.kind() != now.kind(), Field::Kind),
        (content, Field::Content),
        (was.size != now.size, Field::Size),
        (was.target != now.target, Field::Target),
        (was.device != now.device, Field::Device),
        (was.mode & 0o7777 != now.mode & 0o7777, Field::Mode),
        (was.uid != now.uid, Field::Owner),
        (was.gid != now.gid, Field::Group),
        (one(CAPABILITY), Field::Capabilities),
        (acl, Field::Acl),
        (one(b"security.selinux") || one(b"security.SMACK64"), Field::Label),
        (others(&was.attributes).ne(others(&now.attributes)), Field::Attributes),
        // Extents, inline data and indexes are of the file system, which changes them by itself.
        (known(was.flags) != known(now.flags), Field::Flags),
        (was.links != now.links, Field::Links),
        (was.inode != now.inode, Field::Inode),
        (was.modified != now.modified, Field::Modified),
        // Without content on both sides the inode's time is what tells of a change.
        (was.changed != now.changed || !both && was.content != now.content, Field::Changed),
        (was.born.is_some() && now.born.is_some() && was.born != now.born, Field::Born),
    ]
    .into_iter()
    .filter_map(|(differs, field)| differs.then_some(field))
    .collect()
}

/// Returns the inode flags that a person sets (ioctl_iflags(2)): append-only, immutable, no dump,
/// no access time, synchronous, and the like; without a file system's own.
fn known(flags: Option<u32>) -> Option<u32> {
    // FS_SECRM 1, FS_UNRM 2, FS_COMPR 4, FS_SYNC 8, FS_IMMUTABLE 0x10, FS_APPEND 0x20, FS_NODUMP
    // 0x40, FS_NOATIME 0x80, FS_NOCOMP 0x400, FS_JOURNAL_DATA 0x4000, FS_NOTAIL 0x8000, FS_DIRSYNC
    // 0x10000, FS_TOPDIR 0x20000, FS_NOCOW 0x800000.
    const SET_BY_HAND: u32 = 0x0083_c4ff;
    flags.map(|flags| flags & SET_BY_HAND).filter(|flags| *flags != 0)
}

/// Returns attributes that are not told by a field of their own.
fn others(all: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    const OWN: [&[u8]; 5] = [
        CAPABILITY,
        b"system.posix_acl_access",
        b"system.posix_acl_default",
        b"security.selinux",
        b"security.SMACK64",
    ];
    // The kernel's integrity measurement signs content anew (evm, ima): that is content's.
    all.iter().filter(|one| !OWN.contains(&&*one.0))
}

#[cfg(test)]
mod tests;
