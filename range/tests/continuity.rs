//! Backups and what comes back of them, with restic as the judge: it checks and restores what we
//! wrote, and we restore what it wrote.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::too_many_lines, reason = "a story is told in one go")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use stanch_range::{binaries, possible, restic};

/// A folder of our own with data, a password and a case; it goes when the test ends.
struct World {
    folder: PathBuf,
    stanch: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl World {
    fn new(name: &str) -> Self {
        restic().unwrap();
        let folder = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("password"), "correct horse\n").unwrap();
        Self { folder, stanch: binaries().unwrap().join("stanch") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, lang: &str, verbs: &[&str]) -> Command {
        let mut command = Command::new(&self.stanch);
        command.args(["--lang", lang, "--json", "--case"]).arg(self.path("case")).args(verbs);
        command.arg("--password-file").arg(self.path("password"));
        command
    }

    /// Runs ours; returns the document and the exit code.
    fn stanch(&self, verbs: &[&str], repo: &str, more: &[&OsStr]) -> (Value, i32) {
        let mut command = self.command("en", verbs);
        let output = command.arg("--repo").arg(self.path(repo)).args(more).output().unwrap();
        document(&output)
    }

    fn restic(&self, repo: &str, arguments: &[&OsStr]) -> Output {
        let mut command = Command::new("restic");
        command.arg("--no-cache").arg("-r").arg(self.path(repo));
        command.arg("--password-file").arg(self.path("password"));
        let output = command.args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "restic {arguments:?}: {errors}");
        output
    }
}

fn document(output: &Output) -> (Value, i32) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"));
    (value, output.status.code().unwrap())
}

fn os(text: &str) -> &OsStr {
    OsStr::new(text)
}

/// Bytes that no compression makes smaller, always the same.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(seed >> 16).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn shell(script: &str, at: &Path) {
    let done = Command::new("sh").args(["-ec", script]).current_dir(at).output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Files of every kind, and names of every kind.
fn plant(data: &Path) {
    fs::create_dir_all(data.join("deep/er/and deeper")).unwrap();
    fs::write(data.join("empty"), "").unwrap();
    fs::write(data.join("small"), "some text\n").unwrap();
    fs::write(data.join("deep/er/large"), noise(20 << 20, 7)).unwrap();
    let names: [&[u8]; 8] = [
        b"new\nline",
        b"back\\slash",
        b"quo\"te",
        b"\xff\xfe\x80",
        b"tab\there",
        b" ",
        b"-rf",
        "止血".as_bytes(),
    ];
    for name in names {
        fs::write(data.join("deep").join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(data.join("deep").join("x".repeat(255)), "long").unwrap();
    let odd = OsStr::from_bytes(b"/nowhere/\xff");
    std::os::unix::fs::symlink(odd, data.join("odd-link")).unwrap();
    shell(
        "ln -s /etc/passwd out; ln -s ../../.. up; ln small twin; mkfifo pipe
         mknod null c 1 3; mknod loop b 7 200; truncate -s 40M sparse; echo end >> sparse
         cp small suid; chown 1234:4321 suid; chmod 4755 suid; chown -h 7:8 out
         mkdir closed sticky; echo in > closed/file; chmod 1777 sticky
         setfattr -n user.note -v hello small || python3 -c 'import os; os.setxattr(\"small\", \"user.note\", b\"hello\")'
         touch -d '2001-02-03 04:05:06.789012345' small deep/er; touch -h -d 2002-01-01 out
         chmod 0500 closed; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'",
        data,
    );
}

/// Describes all that lies below a folder: kind, mode, owner, time, size, target, device, bytes.
fn described(top: &Path) -> Described {
    let mut all = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            let kind = about.file_type();
            let mut line = format!(
                "{:o} {}:{} {}.{:09}",
                about.mode(),
                about.uid(),
                about.gid(),
                about.mtime(),
                about.mtime_nsec()
            );
            if kind.is_dir() {
                folders.push(path.clone());
            } else if kind.is_symlink() {
                line += &format!(" -> {:?}", fs::read_link(&path).unwrap());
            } else if kind.is_file() {
                let bytes = fs::read(&path).unwrap();
                let sum = bytes.iter().fold(bytes.len() as u64, |sum, byte| {
                    sum.wrapping_mul(1_099_511_628_211) ^ u64::from(*byte)
                });
                line += &format!(" {} {sum:x} links {}", bytes.len(), about.nlink());
            } else if kind.is_char_device() || kind.is_block_device() {
                line += &format!(" device {}", about.rdev());
            }
            all.insert(path.strip_prefix(top).unwrap().as_os_str().as_bytes().to_vec(), line);
        }
    }
    all
}

/// restic neither keeps nor makes sockets, and before 0.16 it knows only targets of symlinks that
/// are UTF-8.
fn same_by_restic(left: &Path, right: &Path) {
    let (mut left, mut right) = (described(left), described(right));
    assert!(left.remove(&b"sock"[..]).is_some());
    assert_eq!(right.remove(&b"sock"[..]), None);
    assert!(left.remove(&b"odd-link"[..]).is_some());
    let odd = right.remove(&b"odd-link"[..]);
    assert!(odd.as_ref().is_some_and(|odd| odd.contains('\u{fffd}')), "{odd:?}");
    equal(&left, &right);
}

fn same(left: &Path, right: &Path) {
    equal(&described(left), &described(right));
}

type Described = BTreeMap<Vec<u8>, String>;

fn equal(left: &Described, right: &Described) {
    for (name, line) in left {
        assert_eq!(right.get(name), Some(line), "{}", String::from_utf8_lossy(name));
    }
    assert_eq!(left.len(), right.len());
}

fn below(top: &Path, data: &Path) -> PathBuf {
    top.join(data.strip_prefix("/").unwrap())
}

#[test]
fn restic_checks_and_restores_ours_and_we_restore_what_restic_wrote() {
    if !possible() {
        return;
    }
    let world = World::new("continuity");
    let data = world.path("data");
    plant(&data);

    let (made, code) = world.stanch(&["backup", "init"], "ours", &[]);
    assert_eq!((code, made["schema"].as_str()), (0, Some("stanch.backup-init/1")), "{made:#}");
    let (first, code) = world.stanch(&["backup", "run"], "ours", &[data.as_os_str()]);
    assert_eq!((code, &first["gaps"]), (0, &Value::Array(vec![])), "{first:#}");
    world.restic("ours", &[os("check"), os("--read-data")]);

    // A second time only what is new is read.
    fs::write(data.join("deep/new"), "new\n").unwrap();
    fs::write(data.join("empty"), "no more\n").unwrap();
    let (second, code) =
        world.stanch(&["backup", "run", "--exclude", "*slash"], "ours", &[data.as_os_str()]);
    assert_eq!((code, &second["new"], &second["changed"]), (0, &1.into(), &1.into()), "{second:#}");
    assert!(second["unchanged"].as_u64() > Some(8), "{second:#}");
    assert!(second["added"].as_u64() < Some(100_000), "{second:#}");
    assert_eq!(second["snapshot"]["parent"], first["snapshot"]["id"]);
    fs::remove_file(data.join("deep/back\\slash")).unwrap();
    // The folder's own time changed with that; the snapshot holds the time before it.
    shell("touch -d 2003-03-03 deep", &data);
    let (third, code) = world.stanch(&["backup", "run"], "ours", &[data.as_os_str()]);
    let all = third["files"].as_u64().unwrap() + third["others"].as_u64().unwrap();
    assert_eq!((code, &third["unchanged"]), (0, &all.into()), "{third:#}");
    world.restic("ours", &[os("check"), os("--read-data")]);

    // restic gives the same files back as we do.
    let theirs = world.path("theirs");
    world.restic("ours", &[os("restore"), os("latest"), os("--target"), theirs.as_os_str()]);
    same_by_restic(&data, &below(&theirs, &data));
    let back = world.path("back");
    let more = [os("latest"), os("--to"), back.as_os_str()];
    let (staged, code) = world.stanch(&["restore", "stage"], "ours", &more);
    assert_eq!((code, &staged["as_recorded"]), (0, &true.into()), "{staged:#}");
    same(&data, &below(&back, &data));
    let blocks = fs::metadata(below(&back, &data).join("sparse")).unwrap().blocks();
    assert!(blocks < 20_000, "zeros were written: {blocks} blocks");
    assert_eq!(fs::metadata(&back).unwrap().permissions().mode() & 0o777, 0o700);

    // One folder, and nothing else.
    let some = world.path("some");
    let wanted = data.join("deep/er");
    let more = [os("latest"), os("--to"), some.as_os_str(), os("--include"), wanted.as_os_str()];
    let (staged, code) = world.stanch(&["restore", "stage"], "ours", &more);
    assert_eq!((code, &staged["files"]), (0, &1.into()), "{staged:#}");
    same(&wanted, &below(&some, &wanted));
    assert!(!below(&some, &data).join("small").exists());

    // And the other way round, in both versions of the format.
    for version in ["1", "2"] {
        let repo = format!("restic-{version}");
        world.restic(&repo, &[os("init"), os("--repository-version"), os(version)]);
        world.restic(&repo, &[os("backup"), data.as_os_str()]);
        let (list, code) = world.stanch(&["snapshots"], &repo, &[]);
        assert_eq!(code, 0, "{list:#}");
        let one = &list["snapshots"][0];
        assert_eq!(one["paths"][0].as_str(), data.to_str());
        assert_eq!(one["case_entry"], Value::Null, "nobody told the case of it");
        let to = world.path(&format!("of-restic-{version}"));
        let id = one["id"].as_str().unwrap().get(..8).unwrap();
        let more = [os(id), os("--to"), to.as_os_str()];
        let (staged, code) = world.stanch(&["restore", "stage"], &repo, &more);
        assert_eq!((code, &staged["as_recorded"]), (0, &false.into()), "{staged:#}");
        same_by_restic(&data, &below(&to, &data));
        // Ours beside theirs, in a repository that they made.
        let (beside, code) = world.stanch(&["backup", "run"], &repo, &[data.as_os_str()]);
        assert_eq!(code, 0, "{beside:#}");
        assert!(beside["added"].as_u64() < Some(100_000), "cut elsewhere than restic: {beside:#}");
        world.restic(&repo, &[os("check"), os("--read-data")]);
    }
}

#[test]
fn what_stands_in_the_way_is_told_and_leaves_nothing_half_done() {
    if !possible() {
        return;
    }
    let world = World::new("troubles");
    let data = world.path("data");
    fs::create_dir(&data).unwrap();
    for n in 0..8 {
        fs::write(data.join(format!("file-{n}")), noise(6 << 20, n)).unwrap();
    }
    let report = |(document, code): (Value, i32)| {
        (document["kind"].clone(), document["because"].to_string(), code)
    };
    let run = || world.stanch(&["backup", "run"], "repo", &[data.as_os_str()]);

    let (kind, because, code) = report(run());
    assert_eq!((kind, code), ("wrong-use".into(), 2));
    assert!(because.contains("there is no repository"), "{because}");
    assert_eq!(world.stanch(&["backup", "init"], "repo", &[]).1, 0);
    let (_, because, code) = report(world.stanch(&["backup", "init"], "repo", &[]));
    assert!(code == 2 && because.contains("not an empty folder"), "{because}");
    let nowhere = world.path("nowhere");
    let (_, because, code) =
        report(world.stanch(&["backup", "run"], "repo", &[nowhere.as_os_str()]));
    assert!(code == 2 && because.contains("nowhere"), "{because}");

    let (first, code) = run();
    assert_eq!(code, 0, "{first:#}");
    let mut packs: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(world.path("repo/data")).unwrap() {
        let folder = fs::read_dir(folder.unwrap().path()).unwrap();
        packs.extend(folder.map(|pack| pack.unwrap().path()));
    }
    let largest = packs.into_iter().max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
    fs::write(world.path("password"), "wrong\n").unwrap();
    let (kind, because, code) = report(run());
    assert_eq!((kind, code), ("refused".into(), 4));
    assert!(because.contains("password"), "{because}");
    let mut chinese = world.command("zh", &["snapshots"]);
    let output = chinese.arg("--repo").arg(world.path("repo")).output().unwrap();
    let (chinese, _) = document(&output);
    assert!(chinese["because"].to_string().contains("口令不对"), "{chinese:#}");
    fs::write(world.path("password"), "correct horse").unwrap();

    locked(&world, &run);
    changing(&world);
    full(&world, &data);

    // A pack that was cut short: what is in it is named, the rest comes back.
    let (again, code) = run();
    assert_eq!((code, &again["changed"]), (0, &0.into()), "{again:#}");
    let largest = &largest;
    let length = fs::metadata(largest).unwrap().len();
    fs::File::options().write(true).open(largest).unwrap().set_len(length / 2).unwrap();
    let back = world.path("cut");
    let id = first["snapshot"]["id"].as_str().unwrap();
    let more = [os(id), os("--to"), back.as_os_str()];
    let (staged, code) = world.stanch(&["restore", "stage"], "repo", &more);
    assert_eq!(code, 3, "{staged:#}");
    let gaps = staged["gaps"].as_array().unwrap();
    let missing = gaps.len();
    assert!((1..8).contains(&missing), "{staged:#}");
    assert!(gaps.iter().all(|gap| gap["why"].as_str().is_some()), "{staged:#}");
    let there = fs::read_dir(below(&back, &data)).unwrap().count();
    assert_eq!(there + missing, 8, "a file is left half-written: {staged:#}");
    for entry in fs::read_dir(below(&back, &data)).unwrap() {
        let path = entry.unwrap().path();
        let own = data.join(path.file_name().unwrap());
        assert!(fs::read(&path).unwrap() == fs::read(own).unwrap(), "{}", path.display());
    }
}

/// restic at work, stopped while it has the repository for itself.
fn locked(world: &World, run: &dyn Fn() -> (Value, i32)) {
    let locks = world.path("repo/locks");
    let mut met = false;
    for _ in 0..20 {
        let mut check = Command::new("restic");
        check.arg("--no-cache").arg("-r").arg(world.path("repo"));
        check.arg("--password-file").arg(world.path("password")).args(["check", "--read-data"]);
        let mut check = check.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = check.id().to_string();
        // A lock that is being written has a longer name.
        let is_held = || {
            let mut names = fs::read_dir(&locks).unwrap().map(|one| one.unwrap().file_name());
            names.any(|name| name.len() == 64)
        };
        while !is_held() && check.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        shell(&format!("kill -STOP {pid} || true"), &locks);
        let is_held = is_held();
        if is_held && check.try_wait().unwrap().is_none() {
            let (document, code) = run();
            assert_eq!((code, &document["kind"]), (4, &"refused".into()), "{document:#}");
            assert!(document["because"].to_string().contains(&pid), "{document:#}");
            met = true;
        }
        check.kill().unwrap();
        check.wait().unwrap();
        shell("rm -f ./*", &locks);
        if met {
            break;
        }
    }
    assert!(met, "restic was never met at work");
    assert_eq!(run().1, 0, "its lock is gone");
    assert_eq!(fs::read_dir(&locks).unwrap().count(), 0, "our own lock stays");
}

/// A log that grows while it is read.
fn changing(world: &World) {
    let folder = world.path("changing");
    fs::create_dir(&folder).unwrap();
    let log = folder.join("log");
    fs::write(&log, noise(60 << 20, 99)).unwrap();
    let is_done = AtomicBool::new(false);
    let (document, code) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&log).unwrap();
            while !is_done.load(Ordering::Relaxed) {
                file.write_all(b"one more line\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let answer = world.stanch(&["backup", "run"], "repo", &[folder.as_os_str()]);
        is_done.store(true, Ordering::Relaxed);
        answer
    });
    assert_eq!(code, 3, "{document:#}");
    let gap = &document["gaps"][0];
    assert!(gap["path"].as_str().unwrap().ends_with("changing/log"), "{document:#}");
    assert!(gap["why"].to_string().contains("changed"), "{document:#}");
    world.restic("repo", &[os("check")]);
}

/// A disk that is full, for the repository and for the staging folder, in a mount namespace.
fn full(world: &World, data: &Path) {
    let place = world.path("small-disk");
    fs::create_dir(&place).unwrap();
    let script = format!(
        "mount --make-rprivate /; mount -t tmpfs -o size=9m tmpfs '{place}'
         s() {{ '{stanch}' --lang en --json --case '{case}' \"$@\" --password-file '{password}'; }}
         s backup init --repo '{place}/repo' > /dev/null
         s backup run '{data}' --repo '{place}/repo'; echo \"code $?\"
         ls '{place}/repo/snapshots' | wc -l
         mount -t tmpfs -o size=9m tmpfs '{place}'
         s restore stage latest --repo '{repo}' --to '{place}/back' --include '{data}'; echo \"code $?\"
         ls '{place}' | wc -l",
        place = place.display(),
        stanch = world.stanch.display(),
        case = world.path("case").display(),
        password = world.path("password").display(),
        data = data.display(),
        repo = world.path("full-source").display(),
    );
    assert_eq!(world.stanch(&["backup", "init"], "full-source", &[]).1, 0);
    assert_eq!(world.stanch(&["backup", "run"], "full-source", &[data.as_os_str()]).1, 0);
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let codes: Vec<&str> = text.lines().filter(|line| line.starts_with("code ")).collect();
    assert_eq!(codes, ["code 5", "code 2"], "{text}\n{errors}");
    assert!(text.contains("No space left on device"), "{text}");
    let counts: Vec<&str> = text.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(counts, ["0", "0"], "a snapshot or a folder was left: {text}");
}
