//! What lies at a path, what is to lie there, and how it gets there: the ground of all acts on
//! files.
//!
//! ```text
//!   from ── apply ──► to        content first into the vault, then removed or replaced in one step
//!   from ◄── undo ─── to        and refused if what lies there by now is neither
//! ```
//! Every act on a file is one change from what the plan met to what is wanted. Done twice it is the
//! same as done once; cut off anywhere, the content is that of `from` or that of `to`, since a file
//! is replaced by a rename.

mod difference;
mod seeing;

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_ledger::Vault;
use stanch_machine::filing::SETTABLE;
use stanch_machine::{Changing, Dress, FileKind, Known, Machine, Miss, NewFile, Over};
use stanch_words::{Both, GapKind, Refusal, Risk, Step, Subject, SubjectKind, Undo, text};

use crate::act::Trouble;
use crate::order::{self, Does};

pub(crate) use difference::difference;
pub(crate) use seeing::sha256;
pub use seeing::{LARGEST, Seen, State, Whole};

/// The order of every act on a file, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    v: u32,
    /// Where, without symlinks on the way.
    pub(crate) path: String,
    /// The folder of the vault.
    vault: String,
    /// Which file it was, if one was there: device, inode and when it was changed.
    known: Option<[String; 3]>,
    /// When it was last read.
    accessed: i64,
    /// What the plan met, and what is wanted.
    pub(crate) from: State,
    pub(crate) to: State,
    /// The lines that are taken out, if the content is that of `from` without them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) without: Vec<Line>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// What stands in it, as text.
    pub text: String,
}

/// What a file looked like when a change of it was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Where, without symlinks on the way.
    pub path: PathBuf,
    /// All that is known of it.
    pub seen: Seen,
}

impl Met {
    /// Looks at a path, whatever lies there. Symlinks on the way are followed, a last one is not.
    ///
    /// # Errors
    /// [`Trouble`] if it could not be read to its end.
    pub fn at(machine: &dyn Machine, path: &Path) -> Result<Self, Trouble> {
        let doing = Trouble::while_doing("looking at a file");
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            let why = "not the path of a file".to_owned();
            return Err(Trouble::Order { act: "files", why });
        };
        let above = match machine.resolve(above) {
            Err(miss) if miss.absent => above.to_owned(),
            above => above.map_err(doing)?,
        };
        let path = above.join(name);
        let seen = seeing::look(machine, &path, None)?;
        Ok(Self { path, seen })
    }
}

/// What an act on a file took away and keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it lay.
    pub path: String,
    /// What it was.
    pub was: State,
    /// Where its content lies.
    pub vault: Vault,
}

impl Kept {
    /// Returns what the act of a step takes away; nothing if it takes no file or symlink away.
    pub fn by(step: &Step) -> Option<Self> {
        let order = Order::read("files", &step.order).ok()?;
        let takes = match &order.from {
            State::File(file) => order.to.sha256() != Some(&file.sha256),
            State::Link { .. } | State::Folder { .. } | State::Special { .. } => true,
            State::Absent | State::TooLarge { .. } | State::Other { .. } => false,
        };
        let vault = order.vault();
        takes.then_some(Self { path: order.path, was: order.from, vault })
    }

    /// Returns whether it can come back: its content is there, or it needs none.
    pub fn is_there(&self) -> bool {
        self.was.sha256().is_none_or(|sha256| self.vault.has(sha256))
    }
}

/// What an act makes of a file.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) act: &'static str,
    pub(crate) to: State,
    pub(crate) without: Vec<Line>,
    pub(crate) does: Both,
    pub(crate) asked: Both,
    pub(crate) risk: Risk,
}

impl Change {
    /// Returns the step, or why there is none.
    pub(crate) fn step(self, met: &Met, vault: &Vault) -> Result<Step, Refusal> {
        let asked = self.asked;
        let refuse = |en: &str, zh: &str| Refusal { asked: asked.clone(), why: Both::new(en, zh) };
        if let Some((en, zh)) = self.to.why_not_from(met, vault) {
            return Err(refuse(en, zh));
        }
        let path = text::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(met.path.as_os_str()));
        let order = Order {
            v: 1,
            path: path.clone(),
            vault: text::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(
                vault.folder().as_os_str(),
            )),
            known: met.seen.stat.map(|stat| identity(&stat)),
            accessed: met.seen.stat.map_or(0, |stat| stat.accessed),
            from: met.seen.state.clone(),
            to: self.to,
            without: self.without,
        };
        let mut subject = Subject::new(SubjectKind::File);
        subject.path = Some(path);
        Ok(Step {
            id: String::new(),
            act: self.act.to_owned(),
            subject,
            does: self.does,
            undo: Undo::Possible,
            risk: self.risk,
            met: order.from.text(),
            order: order::text(&order),
        })
    }
}

impl State {
    /// Returns why what was met cannot be made this, in English and Chinese, if it cannot.
    fn why_not_from(&self, met: &Met, vault: &Vault) -> Option<(&'static str, &'static str)> {
        if guarded(&met.path) {
            return Some((
                "it belongs to this session: the case, the program itself or the kernel's own tree",
                "它属于本次会话：案件目录、本程序自身或内核的伪文件系统",
            ));
        }
        if met.path.starts_with(vault.folder().parent().unwrap_or(vault.folder())) {
            return Some(("it belongs to the open case", "它属于当前案件"));
        }
        match &met.seen.state {
            Self::Other { .. } => {
                Some(("it is of a kind that cannot be given back", "它的类型无法恢复"))
            }
            Self::TooLarge { .. } => Some(("it is too large to be kept", "文件过大，无法保留副本")),
            Self::Absent if *self == Self::Absent => {
                Some(("there is nothing at that path", "该路径下没有文件"))
            }
            Self::Folder { .. } | Self::Special { .. } if *self != Self::Absent => Some((
                "it is a folder, a pipe, a socket or a device, where a file should be",
                "该处应为文件，实际却是目录、管道、套接字或设备",
            )),
            Self::Absent
            | Self::File(_)
            | Self::Link { .. }
            | Self::Folder { .. }
            | Self::Special { .. } => None,
        }
    }
}

/// What no act on files may touch, whatever it is asked for.
fn guarded(path: &Path) -> bool {
    ["/proc", "/sys", "/dev/pts"].iter().any(|place| path.starts_with(place))
}

/// A folder changes with what is taken out of it: its time says nothing.
fn identity(stat: &stanch_machine::Stat) -> [String; 3] {
    let changed = if stat.kind() == FileKind::Directory { 0 } else { stat.changed };
    [stat.device.to_string(), stat.inode.to_string(), changed.to_string()]
}

impl Does for Order {
    fn read(act: &'static str, text: &str) -> Result<Self, Trouble> {
        order::read(act, text, |order: &Self| order.v)
    }

    fn look(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        Ok(self.seen(machine)?.state.text())
    }

    /// Brings it from what was met to what is wanted.
    fn apply(&self, hands: &dyn Changing, _act: &'static str) -> Result<(), Trouble> {
        let now = self.seen(hands.machine())?;
        let is_met = now.state == self.from;
        let is_known = now.stat.map(|stat| identity(&stat)) == self.known;
        if is_met && !is_known && self.to != now.state {
            return Err(another("another file lies there by now, with the same content"));
        }
        if !is_met && !now.state.has_content_of(&self.to) && !now.state.has_content_of(&self.from) {
            return Err(another("what lies there is not what the plan met"));
        }
        self.keep(hands.machine(), &now)?;
        self.bring(hands, &now, &self.to)
    }

    /// Returns what is missing for it to be done.
    fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        let now = self.seen(machine)?.state;
        if now.is(&self.to) {
            if let State::File(file) = &self.from
                && self.to.sha256() != Some(&file.sha256)
                && !self.vault().has(&file.sha256)
            {
                return Ok(Some("the vault does not hold what was there".to_owned()));
            }
            return Ok(None);
        }
        Ok(Some(difference(&self.to, &now)))
    }

    /// Brings it back to what was met.
    fn undo(&self, hands: &dyn Changing, _act: &'static str) -> Result<(), Trouble> {
        let now = self.seen(hands.machine())?;
        let is_ours = now.state.has_content_of(&self.to) || now.state.has_content_of(&self.from);
        if !is_ours {
            return Err(another("something else came there since"));
        }
        self.bring(hands, &now, &self.from)
    }

    /// Returns what an undo would overwrite, if anything came there since it was done.
    fn overwritten(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        let now = self.seen(machine)?;
        if now.state == self.from {
            return Ok(None);
        }
        let kept = self.from.sha256().filter(|sha256| self.to.sha256() != Some(sha256));
        if kept.is_some_and(|sha256| !self.vault().has(sha256)) {
            return Err(another("the vault does not hold its content any more"));
        }
        if now.state.is(&self.to) {
            return Ok(None);
        }
        let mut told = difference(&self.to, &now.state);
        let ours = self.content_of(&self.to).ok().flatten();
        let lines = difference::of_lines(machine, &self.path(), ours.as_deref(), &now.state);
        if let Some(lines) = lines {
            told.push('\n');
            told.push_str(&lines);
        }
        Ok(Some(told))
    }
}

impl Order {
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.path)
    }

    pub(crate) fn vault(&self) -> Vault {
        Vault::at(path_of(&self.vault))
    }

    /// Returns what lies there now.
    fn seen(&self, machine: &dyn Machine) -> Result<Seen, Trouble> {
        seeing::look(machine, &self.path(), None)
    }

    /// Puts the content that lies there now into the vault, if it is the one that is to be kept.
    fn keep(&self, machine: &dyn Machine, now: &Seen) -> Result<(), Trouble> {
        let State::File(file) = &self.from else { return Ok(()) };
        let vault = self.vault();
        if self.to.sha256() == Some(&file.sha256) || vault.has(&file.sha256) {
            return Ok(());
        }
        if now.state.sha256() != Some(&file.sha256) {
            return Err(another("the content to be kept is gone"));
        }
        let failed = |source| Trouble::Vault { source };
        let mut keep = vault.keep(&file.sha256).map_err(failed)?;
        seeing::look(machine, &self.path(), Some(&mut keep))?;
        keep.finish().map_err(failed)
    }

    /// Makes of what lies there what is wanted.
    fn bring(&self, hands: &dyn Changing, now: &Seen, wanted: &State) -> Result<(), Trouble> {
        let (files, path) = (hands.files(), self.path());
        let known = now.stat.as_ref().map(Known::of);
        match (wanted, known) {
            (wanted, _) if now.state.is(wanted) => Ok(()),
            (State::Absent, Some(known)) => {
                files.remove(&path, known).map_err(Trouble::while_doing("removing a file"))
            }
            (State::File(file), Some(known)) if now.state.has_content_of(wanted) => {
                let dress = file.dress(self.accessed);
                let done = files.dress(&path, known, &dress);
                done.map_err(Trouble::while_doing("changing a file's rights"))
            }
            (State::File(file), known) => {
                let mut content = self.content(hands.machine(), wanted)?;
                let mut new = NewFile { content: &mut content, dress: file.dress(self.accessed) };
                let over = known.map_or(Over::Nothing, Over::Known);
                files.put(&path, &mut new, over).map_err(Trouble::while_doing("putting a file"))
            }
            (State::Link { target, uid, gid, modified }, None) => {
                let times = Some((self.accessed, *modified));
                let dress = Dress { uid: *uid, gid: *gid, times, ..Dress::default() };
                let put = files.put_link(&path, &text::to_bytes(target), &dress);
                put.map_err(Trouble::while_doing("putting a symlink"))
            }
            // One that was made and not yet dressed, when it was cut off, is there already.
            (wanted, known) if known.is_none() || now.state.has_content_of(wanted) => {
                let (special, dress) = wanted
                    .special(self.accessed)
                    .ok_or_else(|| another(&format!("it cannot be made {}", wanted.kind())))?;
                let put = files.put_special(&path, special, &dress);
                put.map_err(Trouble::while_doing("making a folder or a special file"))
            }
            (wanted, _) => Err(another(&format!("it cannot be made {}", wanted.kind()))),
        }
    }

    /// Returns what a wanted file holds.
    fn content(&self, machine: &dyn Machine, wanted: &State) -> Result<Box<dyn Read>, Trouble> {
        if !self.without.is_empty() && *wanted == self.to {
            let read = machine.read(&self.path(), LONGEST_TEXT);
            let read = read.map_err(Trouble::while_doing("reading a file"))?;
            let bytes = without(&read.bytes, &self.without)
                .ok_or_else(|| another("the lines are not where the plan met them"))?;
            if seeing::sha256(&bytes) != self.to.sha256().map_or("", String::as_str) {
                return Err(another("the content is not what the plan met"));
            }
            return Ok(Box::new(Cursor::new(bytes)));
        }
        let sha256 = wanted.sha256().map_or("", String::as_str);
        let kept = self.vault().open(sha256).map_err(|source| Trouble::Vault { source })?;
        Ok(Box::new(kept))
    }

    /// Returns the content that the act left there, as far as it is text of a usual length.
    fn content_of(&self, state: &State) -> Result<Option<Vec<u8>>, Trouble> {
        let vault = self.vault();
        let of = |sha256: &str| -> Option<Vec<u8>> {
            let mut bytes = Vec::new();
            vault.open(sha256).ok()?.take(LONGEST_TEXT).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        if !self.without.is_empty() && *state == self.to {
            let from = self.from.sha256().and_then(|sha256| of(sha256));
            return Ok(from.and_then(|bytes| without(&bytes, &self.without)));
        }
        Ok(state.sha256().and_then(|sha256| of(sha256)))
    }
}

/// Lays a content into the vault, from where an act puts it in its place; returns its SHA-256.
pub(crate) fn lay(vault: &Vault, content: &[u8]) -> Result<String, Trouble> {
    let sha256 = seeing::sha256(content);
    if !vault.has(&sha256) {
        let failed = |source| Trouble::Vault { source };
        let mut keep = vault.keep(&sha256).map_err(failed)?;
        let wrote = std::io::Write::write_all(&mut keep, content);
        wrote.map_err(|source| Trouble::Writing { source })?;
        keep.finish().map_err(failed)?;
    }
    Ok(sha256)
}

/// The longest file of lines that is edited, in bytes.
pub(crate) const LONGEST_TEXT: u64 = 8 << 20;

/// Returns a content without lines, if they stand where they should.
pub(crate) fn without(bytes: &[u8], lines: &[Line]) -> Option<Vec<u8>> {
    let mut left = Vec::with_capacity(bytes.len());
    let mut found = 0_usize;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        match lines.iter().find(|out| out.number == number) {
            None => left.extend_from_slice(line),
            Some(out) if text::from_bytes(end_off(line)) == out.text => {
                found = found.saturating_add(1);
            }
            Some(_another) => return None,
        }
    }
    (found == lines.len()).then_some(left)
}

/// Returns a line without its end.
pub(crate) fn end_off(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn path_of(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(text::to_bytes(text)))
}

fn another(why: &str) -> Trouble {
    let source = Miss::new(GapKind::Changed, why, Path::new(""));
    Trouble::Machine { doing: "the file is not as it was met", source }
}

impl Whole {
    /// Returns what belongs to it beside its content.
    pub(crate) fn dress(&self, accessed: i64) -> Dress {
        Dress {
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            attributes: self.attributes(),
            times: self.modified.map(|modified| (accessed, modified)),
            flags: self.flags & SETTABLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clear_rights::{ClearRights, Which};
    use crate::edit_file::EditFile;
    use crate::quarantine_file::QuarantineFile;
    use stanch_machine::Pretend;

    fn met(machine: &Pretend, path: &str) -> Met {
        Met::at(machine, Path::new(path)).unwrap()
    }

    fn vault() -> Vault {
        Vault::at("/var/lib/stanch/case/vault")
    }

    #[test]
    fn a_link_on_the_way_is_followed_and_a_last_one_is_what_is_meant() {
        let machine = Pretend::new()
            .file("/usr/lib/a.so", "x")
            .link("/lib", "/usr/lib")
            .link("/etc/wants", "/usr/lib/a.so");
        let file = met(&machine, "/lib/a.so");
        assert_eq!(file.path, Path::new("/usr/lib/a.so"));
        assert_eq!(file.seen.state.kind(), "regular");
        let step = QuarantineFile::plan(&met(&machine, "/etc/wants"), &vault()).unwrap();
        assert!(step.met.contains("/usr/lib/a.so"), "{}", step.met);
        assert!(QuarantineFile::plan(&met(&machine, "/etc/none"), &vault()).is_err());
    }

    #[test]
    fn the_case_itself_and_the_kernels_tree_are_refused() {
        let machine = Pretend::new()
            .file("/var/lib/stanch/case/ledger.jsonl", "x")
            .file("/proc/sys/kernel/core_pattern", "|/x");
        for path in ["/var/lib/stanch/case/ledger.jsonl", "/proc/sys/kernel/core_pattern"] {
            assert!(QuarantineFile::plan(&met(&machine, path), &vault()).is_err(), "{path}");
        }
    }

    #[test]
    fn lines_are_taken_out_where_they_stand_and_nothing_else() {
        let text = "# jobs\n0 5 * * * root ok\n* * * * * root bad\n0 6 * * * root ok";
        let machine = Pretend::new().file("/etc/crontab", text);
        let met = met(&machine, "/etc/crontab");
        let step = EditFile::plan(&machine, &met, &[3], &vault()).unwrap().unwrap();
        let order = Order::read("edit_file", &step.order).unwrap();
        let left = without(text.as_bytes(), &order.without).unwrap();
        assert_eq!(left, b"# jobs\n0 5 * * * root ok\n0 6 * * * root ok");
        assert_eq!(order.to.sha256(), Some(&sha256(&left)));
        let moved = text.replace("# jobs\n", "");
        assert_eq!(without(moved.as_bytes(), &order.without), None, "it stands elsewhere");
        assert!(EditFile::plan(&machine, &met, &[9], &vault()).unwrap().is_err());
    }

    #[test]
    fn rights_are_taken_off_and_the_group_of_an_acl_is_that_of_its_entry() {
        // `u::rw-,u:33:rwx,g::r--,m::rwx,o::r--`.
        let acl = [
            2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 7, 0, 33, 0, 0, 0, 4, 0, 4, 0, 255,
            255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
        ];
        let machine = Pretend::new()
            .file("/a", "x")
            .with("/a", |stat| stat.mode = 0o104_674)
            .with_attribute("/a", "system.posix_acl_access", &acl)
            .with_attribute("/a", "user.kept", b"1");
        let step = ClearRights::plan(&met(&machine, "/a"), Which::Rights, &vault()).unwrap();
        let State::File(to) = Order::read("clear_rights", &step.order).unwrap().to else {
            panic!("a file stays one")
        };
        assert_eq!(format!("{:o}", to.mode), "644");
        assert_eq!(to.attributes, [("user.kept".to_owned(), "31".to_owned())]);
        assert!(ClearRights::plan(&met(&machine, "/a"), Which::Locks, &vault()).is_err());
    }

    #[test]
    fn what_came_later_is_told_as_a_difference() {
        let machine = Pretend::new().file("/a", "one\nTWO\nthree\n");
        let now = met(&machine, "/a").seen.state;
        let lines =
            difference::of_lines(&machine, Path::new("/a"), Some(b"one\ntwo\nthree\n"), &now);
        assert_eq!(lines.unwrap(), "@@ line 2 @@\n-two\n+TWO");
        assert!(difference(&State::Absent, &now).contains("regular in place of absent"));
    }

    #[test]
    fn an_order_is_read_as_it_was_written_and_a_newer_one_is_not() {
        let machine = Pretend::new().file("/a", "x");
        let step = QuarantineFile::plan(&met(&machine, "/a"), &vault()).unwrap();
        assert!(Order::read("a", &step.order).is_ok());
        assert!(Order::read("a", &step.order.replace("\"v\":1", "\"v\":2")).is_err());
        let kept = Kept::by(&step).unwrap();
        assert_eq!((kept.path.as_str(), kept.is_there()), ("/a", false));
    }
}
