//! `stanch --root` on roots that somebody made to mislead it: every file of the wrong kind, links
//! that lead outside, databases cut and scrambled, lists of absurd length.
//!
//! Asserted each time: no panic (neither exit code 70 nor a gap of kind `bug`), an end, valid JSON,
//! a gap for what could not be read, nothing from outside the root, no control byte on the page.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::Value;
use stanch_range::{debian, possible};

/// In the file outside; never to be seen.
const CANARY: &str = "canary5e2f";

/// Longer than any run takes on the slowest machine: a run that ends by it hangs.
const MOST_SECONDS: &str = "300";

/// Files that some table reads.
const FILES: &[&str] = &[
    "etc/sudoers.d/x",
    "etc/ld.so.preload",
    "etc/crontab",
    "etc/cron.d/x",
    "var/spool/cron/crontabs/root",
    "var/spool/at/a0000101",
    "etc/ssh/sshd_config",
    "etc/ssh/ssh_config",
    "root/.ssh/authorized_keys",
    "root/.ssh/known_hosts",
    "root/.ssh/id_rsa",
    "root/.bash_history",
    "root/.bashrc",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/services",
    "etc/protocols",
    "etc/shells",
    "etc/os-release",
    "etc/profile",
    "etc/pam.d/sshd",
    "etc/systemd/system/x.service",
    "etc/apt/sources.list",
    "etc/yum.repos.d/x.repo",
    "etc/sysctl.conf",
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/x.list",
    "var/lib/rpm/rpmdb.sqlite",
    "var/log/wtmp",
    "var/log/lastlog",
];
/// Files without which no account is known.
const ACCOUNTS: &[&str] = &["etc/passwd", "etc/shadow", "etc/group", "etc/sudoers"];
/// Files in folders whose every entry may be one: what is no file there is passed over, as the
/// daemon that reads the folder does.
const IN_FOLDERS: &[&str] = &[
    "etc/cron.d/x",
    "var/spool/cron/crontabs/root",
    "var/spool/at/a0000101",
    "etc/pam.d/sshd",
    "etc/sudoers.d/x",
];

/// What stands where a file is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Fifo,
    Socket,
    Endless,
    Folder,
    Loop,
    LinkToFifo,
    AbsoluteLink,
    ClimbingLink,
    LinkToProc,
}

const ALL_WRONG: [Wrong; 9] = [
    Wrong::Fifo,
    Wrong::Socket,
    Wrong::Endless,
    Wrong::Folder,
    Wrong::Loop,
    Wrong::LinkToFifo,
    Wrong::AbsoluteLink,
    Wrong::ClimbingLink,
    Wrong::LinkToProc,
];

/// Makes an empty folder for a test's roots.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile").join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// The least that is a system: accounts, a release, a package database.
fn small_root(root: &Path) {
    write(
        root,
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nannie:x:1000:1000::/home/annie:/bin/sh\n",
    );
    write(root, "etc/shadow", "root:!:19000:0:99999:7:::\nannie:!:19000:0:99999:7:::\n");
    write(root, "etc/group", "root:x:0:\nannie:x:1000:\n");
    write(root, "etc/sudoers", "root ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n");
    write(root, "etc/os-release", "ID=debian\nVERSION_ID=12\n");
    write(
        root,
        "var/lib/dpkg/status",
        "Package: base\nStatus: install ok installed\nVersion: 1\n\n",
    );
    write(root, "var/lib/dpkg/info/base.list", "/.\n/etc\n/usr\n/usr/bin\n");
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    std::fs::create_dir_all(root.join("root")).unwrap();
    std::fs::create_dir_all(root.join("home/annie")).unwrap();
}

fn spoil(root: &Path, outside: &Path, file: &str, wrong: Wrong) {
    use std::os::unix::fs::symlink;
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _was_not_there = std::fs::remove_file(&path);
    let node = |path: &Path, kind, device| {
        mknodat(CWD, path, kind, Mode::from(0o644), device).unwrap();
    };
    match wrong {
        Wrong::Fifo => node(&path, FileType::Fifo, 0),
        Wrong::Socket => node(&path, FileType::Socket, 0),
        Wrong::Endless => node(&path, FileType::CharacterDevice, makedev(1, 5)),
        Wrong::Folder => std::fs::create_dir(&path).unwrap(),
        Wrong::Loop => symlink(path.file_name().unwrap(), &path).unwrap(),
        Wrong::LinkToFifo => {
            let fifo = root.join("fifo");
            if !fifo.exists() {
                node(&fifo, FileType::Fifo, 0);
            }
            symlink("/fifo", &path).unwrap();
        }
        Wrong::AbsoluteLink => symlink(outside, &path).unwrap(),
        Wrong::ClimbingLink => {
            let up = "../".repeat(64);
            let inner = outside.strip_prefix("/").unwrap();
            symlink(format!("{up}{}", inner.display()), &path).unwrap();
        }
        Wrong::LinkToProc => symlink("/proc/self/environ", &path).unwrap(),
    }
}

/// Runs `stanch --root` and returns what it wrote and its exit code.
fn run(root: &Path, arguments: &[&str]) -> (Vec<u8>, i32) {
    static BINARIES: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let stanch = BINARIES.get_or_init(|| stanch_range::binaries().unwrap()).join("stanch");
    let output = Command::new("timeout")
        .args(["-s", "KILL", MOST_SECONDS])
        .arg(stanch)
        .arg("--root")
        .arg(root)
        .args(arguments)
        .env("CANARY", CANARY)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let code = output.status.code().unwrap_or(-1);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, 0 | 1 | 3), "{root:?} {arguments:?}: exit {code}\n{errors}");
    for text in [&output.stdout, &output.stderr] {
        let found = text.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{root:?} {arguments:?} showed what lies outside");
    }
    (output.stdout, code)
}

/// Looks at a root in every way, and returns the document of `detect` and all gaps.
fn look(root: &Path) -> (Value, Vec<Value>) {
    let (out, _) = run(root, &["--json", "detect"]);
    let document: Value = serde_json::from_slice(&out).unwrap();
    let mut gaps = document["gaps"].as_array().unwrap().clone();
    let (out, _) = run(root, &["--json", "query", every_table()]);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    for row in answer["rows"].as_array().unwrap() {
        assert_eq!(row["outside"].as_i64().unwrap_or(0), 0, "{root:?}: {row}");
    }
    gaps.extend(answer["gaps"].as_array().unwrap().iter().cloned());
    let bugs: Vec<&Value> = gaps.iter().filter(|gap| gap["kind"] == "bug").collect();
    assert!(bugs.is_empty(), "{root:?}: {bugs:#?}");
    let (page, _) = run(root, &["--all", "detect"]);
    let page = String::from_utf8(page).unwrap();
    let control = page.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{root:?}: {page}");
    (document, gaps)
}

/// Returns a query that reads every column of every table of files, and counts the rows that hold
/// something from outside.
fn every_table() -> &'static str {
    static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    SQL.get_or_init(|| {
        let stanch = stanch_range::binaries().unwrap().join("stanch");
        let output = Command::new(stanch).args(["facts", "--json"]).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tables = document["tables"].as_array().unwrap().iter();
        let whole = tables.filter(|table| {
            let columns = table["columns"].as_array().unwrap();
            table["sees"] == "files" && columns.iter().all(|column| column["role"] != "required")
        });
        let parts: Vec<String> = whole
            .map(|table| {
                let name = table["name"].as_str().unwrap();
                let columns = table["columns"].as_array().unwrap().iter();
                let columns: Vec<String> =
                    columns.map(|c| format!("\"{}\"", c["name"].as_str().unwrap())).collect();
                let all = columns.join(", ");
                format!(
                    "SELECT '{name}' AS t, count(*) AS n, \
                     sum(instr(concat({all}), '{CANARY}') > 0) AS outside FROM {name}"
                )
            })
            .collect();
        assert!(parts.len() > 20, "{}", parts.len());
        parts.join(" UNION ALL ")
    })
}

#[test]
fn files_of_the_wrong_kind_are_gaps_and_nothing_outside_is_read() {
    if !possible() {
        return;
    }
    let place = fresh("kinds");
    let outside = place.join("outside");
    let secret = format!(
        "{CANARY}:x:0:0:{CANARY}:/{CANARY}:/bin/{CANARY}\n* * * * * root {CANARY}\nID={CANARY}\n\
         ssh-rsa AAAA {CANARY}\nnameserver 10.1.1.1 # {CANARY}\nPackage: {CANARY}\n/{CANARY}\n"
    );
    std::fs::write(&outside, secret).unwrap();
    let mut silent = Vec::new();
    for wrong in ALL_WRONG {
        for (group, files) in [("accounts", ACCOUNTS), ("rest", FILES)] {
            let root = place.join(format!("{wrong:?}-{group}"));
            small_root(&root);
            for file in files {
                spoil(&root, &outside, file, wrong);
            }
            let (_, gaps) = look(&root);
            let leads_nowhere =
                matches!(wrong, Wrong::AbsoluteLink | Wrong::ClimbingLink | Wrong::LinkToProc);
            for file in files.iter().filter(|_| !leads_nowhere) {
                // Of a folder of keys only what is a file can be one.
                let no_key = *file == "root/.ssh/id_rsa" && wrong != Wrong::Loop;
                if no_key || wrong == Wrong::Folder && IN_FOLDERS.contains(file) {
                    continue;
                }
                let path = format!("/{file}");
                if !gaps.iter().any(|gap| gap["path"] == path.as_str()) {
                    silent.push(format!("{wrong:?} {file}"));
                }
            }
        }
    }
    std::fs::remove_dir_all(&place).unwrap();
    assert!(silent.is_empty(), "no gap tells of: {silent:#?}");
}

#[test]
fn a_root_that_is_a_link_or_lies_about_dots_is_not_left() {
    if !possible() {
        return;
    }
    let place = fresh("dots");
    let root = place.join("root");
    small_root(&root);
    write(&place, "etc/shadow", format!("{CANARY}:$1$x$y:1:::::\n"));
    // Folders that are links up and out, on the way to what is read.
    std::os::unix::fs::symlink("../../../../../../../../..", root.join("up")).unwrap();
    std::os::unix::fs::symlink(&place, root.join("home/out")).unwrap();
    std::fs::remove_dir_all(root.join("etc/cron.d")).unwrap_or_default();
    std::os::unix::fs::symlink("../../etc", root.join("etc/cron.d")).unwrap();
    std::os::unix::fs::symlink("/../../..", root.join("opt")).unwrap();
    let paths = ["/../etc/shadow", "/up/etc/shadow", "/home/out/etc/shadow", "/opt/../etc/shadow"];
    for path in paths {
        let sql = format!("SELECT path, size FROM file WHERE path = '{path}'");
        let (out, _) = run(&root, &["--json", "query", &sql]);
        let document: Value = serde_json::from_slice(&out).unwrap();
        let own = std::fs::metadata(root.join("etc/shadow")).unwrap().len();
        for row in document["rows"].as_array().unwrap() {
            assert_eq!(row["size"].as_u64(), Some(own), "{path}: {row}");
        }
        let (out, _) =
            run(&root, &["--json", "query", &format!("SELECT * FROM hash WHERE path = '{path}'")]);
        let _valid: Value = serde_json::from_slice(&out).unwrap();
    }
    look(&root);
    std::fs::remove_dir_all(&place).unwrap();
}

/// A sequence of bytes that is the same each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Cuts bytes somewhere, or flips some of them.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if self.next().is_multiple_of(2) {
            bytes.truncate(self.next() as usize % bytes.len());
            return bytes;
        }
        for _ in 0..1 + bytes.len() / 500 {
            let at = self.next() as usize % bytes.len();
            bytes[at] = self.next() as u8;
        }
        bytes
    }
}

#[test]
fn databases_cut_scrambled_and_random_leave_gaps_and_no_verdict() {
    if !possible() {
        return;
    }
    let sound = debian().unwrap();
    let place = fresh("databases");
    let status = std::fs::read(sound.join("var/lib/dpkg/status")).unwrap();
    let list = std::fs::read(sound.join("var/lib/dpkg/info/bash.list")).unwrap();
    let sums = std::fs::read(sound.join("var/lib/dpkg/info/bash.md5sums")).unwrap();
    let berkeley = include_bytes!("../../ground/facts/fixtures/rpm-berkeley.db");
    for seed in 1..=4_u64 {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let root = place.join(seed.to_string());
        small_root(&root);
        write(&root, "var/lib/dpkg/status", noise.damage(&status));
        write(&root, "var/lib/dpkg/info/bash.list", noise.damage(&list));
        write(&root, "var/lib/dpkg/info/bash.md5sums", noise.damage(&sums));
        write(&root, "var/lib/dpkg/diversions", noise.bytes(3000));
        write(&root, "var/lib/rpm/Packages", noise.damage(berkeley));
        write(&root, "usr/lib/sysimage/rpm/rpmdb.sqlite", noise.bytes(200_000));
        for (file, length) in [
            ("var/log/wtmp", 384 * 100 + 7),
            ("var/log/btmp", 384 * 100 + 7),
            ("run/utmp", 384 * 3 + 1),
            ("var/log/lastlog", 292 * 50 + 3),
            ("var/log/auth.log", 100_000),
            ("etc/sudoers", 10_000),
            ("etc/crontab", 10_000),
            ("root/.bash_history", 100_000),
            ("root/.ssh/authorized_keys", 10_000),
            ("etc/ssh/sshd_config", 10_000),
            ("etc/pam.d/sshd", 10_000),
            ("etc/systemd/system/noise.service", 10_000),
        ] {
            write(&root, file, noise.bytes(length));
        }
        let (document, gaps) = look(&root);
        let damaged = gaps.iter().filter(|gap| gap["kind"] != "not-here");
        let paths: Vec<&str> = damaged.filter_map(|gap| gap["path"].as_str()).collect();
        for file in ["/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/log/wtmp"] {
            assert!(paths.contains(&file), "seed {seed}: {file} {paths:?}");
        }
        let grave = grave(&document);
        assert_eq!(grave, Vec::<String>::new(), "seed {seed}");
        assert_eq!(document["verdict"], "clean", "seed {seed}");
    }
    std::fs::remove_dir_all(&place).unwrap();
}

fn grave(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| !matches!(finding["level"].as_str().unwrap(), "info" | "low"))
        .map(|finding| format!("{} {} {}", finding["level"], finding["sign"], finding["seen"]))
        .collect()
}

#[test]
fn a_hundred_thousand_accounts_are_all_seen() {
    if !possible() {
        return;
    }
    let place = fresh("many");
    let root = place.join("root");
    small_root(&root);
    let (mut passwd, mut shadow, mut group) = (
        "root:x:0:0:root:/root:/bin/bash\n".to_owned(),
        "root:!:19000:0:99999:7:::\n".to_owned(),
        "root:x:0:\n".to_owned(),
    );
    for number in 1..100_000_u32 {
        let id = 1000 + number;
        passwd.push_str(&format!("user{number}:x:{id}:{id}::/home/u/{number}:/usr/sbin/nologin\n"));
        shadow.push_str(&format!("user{number}:!:19000:0:99999:7:::\n"));
        group.push_str(&format!("user{number}:x:{id}:\n"));
    }
    write(&root, "etc/passwd", passwd);
    write(&root, "etc/shadow", shadow);
    write(&root, "etc/group", group);
    for (table, expected) in [("users", 100_000), ("shadow", 100_000), ("groups", 100_000)] {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        let (out, code) = run(&root, &["--json", "query", &sql]);
        let document: Value = serde_json::from_slice(&out).unwrap();
        let seen = document["rows"][0]["n"].as_u64().unwrap();
        let told = document["gaps"].as_array().unwrap().len();
        assert!(seen == expected || (seen > 0 && told > 0), "{table}: {seen} rows, {told} gaps");
        assert!(code == 0 || told > 0, "{table}: exit {code}");
    }
    let (document, _) = look(&root);
    assert_eq!(grave(&document), Vec::<String>::new());
    std::fs::remove_dir_all(&place).unwrap();
}

/// Names and contents that would move a cursor, forge a line or are no text.
const ODD: [&[u8]; 5] = [
    b"a\nb",
    b"\x1b[2J\x1b]0;owned\x07",
    b"caf\xe9\xff",
    b"\xe2\x80\xaetxt.exe\xe2\x80\x8b",
    b"..\x7f\x9b31m",
];

/// Puts an odd name and odd contents wherever files are listed, and returns the account's line.
fn be_odd(root: &Path, number: usize, odd: &[u8]) -> Vec<u8> {
    let name = std::ffi::OsStr::from_bytes(odd);
    for folder in ["cron.d", "sudoers.d", "systemd/system", "pam.d", "ssh/sshd_config.d", "init.d"]
    {
        let folder = root.join("etc").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let line = [b"* * * * * root /bin/true ", odd, b"\n"].concat();
        std::fs::write(folder.join(name), line).unwrap();
    }
    let keys = root.join("home").join(name).join(".ssh");
    std::fs::create_dir_all(&keys).unwrap();
    let key = [b"ssh-rsa AAAAB3Nz ", odd, b"\n"].concat();
    std::fs::write(keys.join("authorized_keys"), key).unwrap();
    let history = [b"ls ", odd, b"\n"].concat();
    std::fs::write(keys.parent().unwrap().join(".bash_history"), history).unwrap();
    let id = format!("{}", 2000 + number);
    let comment: Vec<u8> = odd.iter().copied().filter(|&b| b != b'\n').collect();
    let (id, comment) = (id.as_bytes(), comment.as_slice());
    [b"odd", id, b":x:", id, b":", id, b":", comment, b":/home/", comment, b":/bin/sh\n"].concat()
}

#[test]
fn names_that_drive_terminals_are_shown_escaped() {
    if !possible() {
        return;
    }
    let place = fresh("names");
    let root = place.join("root");
    small_root(&root);
    let mut passwd = std::fs::read(root.join("etc/passwd")).unwrap();
    for (number, odd) in ODD.iter().enumerate() {
        passwd.extend(be_odd(&root, number, odd));
    }
    write(&root, "etc/passwd", &passwd);
    let (document, _) = look(&root);
    // Names and lines that drive a terminal hide something: that much is said of them, no more.
    let of_hiding = ["files.name-that-tricks", "files.telling-cron-job", "files.rights-opened"];
    let mut others = grave(&document);
    others.retain(|told| !of_hiding.iter().any(|sign| told.contains(sign)));
    assert_eq!(others, Vec::<String>::new());
    // In a table too; and no row is lost.
    let (out, _) = run(&root, &["query", "SELECT * FROM users"]);
    let text = String::from_utf8(out).unwrap();
    assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text}");
    let sql = "SELECT description FROM users WHERE uid >= 2000 ORDER BY uid";
    let (out, _) = run(&root, &["--json", "query", sql]);
    let document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["rows"].as_array().unwrap().len(), ODD.len());
    assert_eq!(document["rows"][2]["description"], "caf\\xe9\\xff");
    std::fs::remove_dir_all(&place).unwrap();
}
