//! What an intruder left is taken away, all of it comes back to the byte, and is taken away again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its table"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stanch_range::{How, PLANTS, Plant, Victim, debian, package_file, possible, web_server};

const CASE: [&str; 2] = ["--case", "/run/range/case"];

/// Runs `stanch` with the case, and returns its document and exit code.
fn stanch(victim: &Victim, words: &[&str]) -> (Value, i32) {
    victim.stanch(&[&CASE[..], words].concat()).unwrap()
}

/// Returns what `stanch detect` says of files, logs and processes.
fn detect(victim: &Victim) -> Value {
    let (document, code) = stanch(victim, &["detect", "--only", "files,logs,processes"]);
    assert!(code == 0 || code == 1 || code == 3, "{code}: {document}");
    document
}

/// Returns the findings that name a path and were not there before.
fn naming<'d>(document: &'d Value, clean: &Value, path: &str) -> Vec<&'d Value> {
    let same = |a: &Value, b: &Value| ["sign", "entity", "seen"].iter().all(|k| a[k] == b[k]);
    let before = clean["findings"].as_array().unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    let new = findings.filter(|finding| !before.iter().any(|old| same(old, finding)));
    new.filter(|finding| {
        [&finding["entity"], &finding["seen"], &finding["evidence"]]
            .iter()
            .any(|part| part.to_string().contains(path.trim_end()))
    })
    .collect()
}

/// All that has to come back of one entry: kind and mode, owner, size, time, attributes, flags,
/// target and content. A folder's time is its own, since what is removed from it changes it.
type Entry = (u32, u32, u32, u64, i128, Vec<(Vec<u8>, Vec<u8>)>, u32, u64);

/// Returns all entries below a root, but those of the kernel, the case and what runs.
fn tree(root: &Path) -> BTreeMap<PathBuf, Entry> {
    const LEFT_OUT: [&str; 9] = [
        "dev/log",
        "proc",
        "sys",
        "run/range",
        "var/log",
        "run/sshd.pid",
        "run/nginx.pid",
        "run/crond.pid",
        "run/rsyslogd.pid",
    ];
    let left_out: BTreeSet<PathBuf> = LEFT_OUT.iter().map(|place| root.join(place)).collect();
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if left_out.contains(&path) {
                continue;
            }
            let told = path.symlink_metadata().unwrap();
            let (mut flags, mut content) = (0, DefaultHasher::new());
            if told.is_file() {
                std::fs::read(&path).unwrap().hash(&mut content);
                let file = std::fs::File::open(&path).unwrap();
                flags = rustix::fs::ioctl_getflags(&file).map_or(0, |flags| flags.bits() & 0x30);
            } else if told.is_symlink() {
                std::fs::read_link(&path).unwrap().hash(&mut content);
            } else if told.is_dir() {
                folders.push(path.clone());
            }
            let time = i128::from(told.mtime()) * 1_000_000_000 + i128::from(told.mtime_nsec());
            let is_folder = told.is_dir();
            let (size, time) = if is_folder { (0, 0) } else { (told.size(), time) };
            let attributes = attributes(&path);
            let hash = content.finish();
            let one = (told.mode(), told.uid(), told.gid(), size, time, attributes, flags, hash);
            found.insert(path.strip_prefix(root).unwrap().to_owned(), one);
        }
    }
    found
}

fn attributes(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0_u8; 4096];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or(0);
    let names = names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = names
        .map(|name| {
            let mut value = vec![0_u8; 4096];
            let text = std::str::from_utf8(name).unwrap();
            let length = rustix::fs::lgetxattr(path, text, &mut value).unwrap();
            (name.to_vec(), value[..length].to_vec())
        })
        .collect();
    found.sort();
    found
}

/// Asserts that two trees are the same, and says where they are not.
fn assert_same(before: &BTreeMap<PathBuf, Entry>, after: &BTreeMap<PathBuf, Entry>, when: &str) {
    let all: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differ: Vec<String> = all
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| format!("{}: {:?} {:?}", path.display(), before.get(path), after.get(path)))
        .collect();
    assert!(differ.is_empty(), "{when}: {differ:#?}");
}

/// Plants something in a running victim. What runs from the old file goes on running from it.
fn put(victim: &Victim, lower: &Path, plant: &Plant) {
    let root = victim.root();
    let _not_there = std::fs::remove_file(root.join(plant.path.trim_start_matches('/')));
    plant.put(lower, &root).unwrap();
}

/// Starts the victim's daemons anew.
const START_ANEW: &str = "
    for name in sshd nginx cron rsyslogd; do pkill -x $name || true; done; sleep 1
    for name in rsyslogd sshd nginx cron; do /usr/sbin/$name; done";

/// A victim with plants, and what was found of them.
struct Planted {
    victim: Victim,
    /// What is found without them.
    clean: Value,
    /// The tree with them.
    tree: BTreeMap<PathBuf, Entry>,
    report: Value,
}

impl Planted {
    fn with(plants: &[Plant]) -> Self {
        let lower = debian().unwrap();
        let victim = Victim::boot(&lower).unwrap();
        let clean = detect(&victim);
        for plant in plants {
            put(&victim, &lower, plant);
        }
        let tree = tree(&victim.root());
        let report = detect(&victim);
        let place = victim.root().join("run/range/report.json");
        std::fs::write(place, report.to_string()).unwrap();
        Self { victim, clean, tree, report }
    }

    /// Returns the words that plan or carry out what the report says of some plants.
    fn words(&self, verb: &str, plants: &[&Plant]) -> Vec<String> {
        let named = plants.iter().flat_map(|plant| naming(&self.report, &self.clean, plant.path));
        let ids: BTreeSet<&str> = named.map(|finding| finding["id"].as_str().unwrap()).collect();
        let words = ["eradicate", verb, "--report", "/run/range/report.json"];
        let words = [&words[..], &["--packages", "/run/range/packages"]].concat();
        let ids = ids.into_iter().flat_map(|id| ["--finding", id]);
        words.into_iter().chain(ids).map(str::to_owned).collect()
    }

    fn stanch(&self, words: &[String]) -> (Value, i32) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stanch(&self.victim, &words)
    }

    /// Plans, does, and returns the acts.
    fn apply(&self, plan: &Value) -> Vec<Value> {
        let id = plan["id"].as_str().unwrap();
        let apply = ["eradicate", "apply", "--yes", "--no-look", "--plan", id];
        let (done, code) = stanch(&self.victim, &apply);
        assert!(code == 0 || code == 3, "{code} {done}");
        // The document tells of all acts of the case, those of plans before among them.
        let acts = done["acts"].as_array().unwrap().iter().filter(|act| act["plan"] == id);
        let acts: Vec<Value> = acts.cloned().collect();
        assert!(acts.iter().all(|act| act["state"] == "done"), "{acts:#?}");
        acts
    }

    /// Takes acts back, the last first.
    fn undo(&self, acts: &[Value]) {
        for act in acts.iter().rev() {
            let (undone, code) = stanch(&self.victim, &["undo", act["id"].as_str().unwrap()]);
            assert_eq!(code, 0, "{}: {undone}", act["step"]["does"]);
        }
    }

    /// Returns those of some plants of which nothing is found any more.
    fn silent<'p>(&self, plants: &[&'p Plant]) -> Vec<&'p Plant> {
        // What uses a file that was put back is started anew, as the plan says.
        self.victim.shell(START_ANEW).unwrap();
        let after = detect(&self.victim);
        let mut silent = Vec::new();
        for plant in plants {
            let left = naming(&after, &self.clean, plant.path);
            for finding in &left {
                eprintln!("{:>4}  still {}: {}", plant.row, finding["sign"], finding["seen"]);
            }
            if left.is_empty() {
                silent.push(*plant);
            }
        }
        silent
    }
}

/// The packages of the files that are altered.
const ALTERED: [&str; 5] = ["coreutils", "openssh-server", "libpam-modules", "login", "libc6"];

/// Brings package files, outside of what is compared.
fn bring(victim: &Victim, names: &[&str]) {
    let brought = victim.root().join("run/range/packages");
    for name in names {
        let file = package_file(&debian().unwrap(), name).unwrap();
        copy(file.parent().unwrap(), &brought, |path| path == file);
    }
}

fn rows(plants: &[&Plant]) -> usize {
    plants.iter().map(|plant| plant.row).collect::<BTreeSet<u32>>().len()
}

#[test]
fn ways_back_are_found_removed_given_back_to_the_byte_and_removed_again() {
    if !possible() {
        return;
    }
    let planted = Planted::with(PLANTS);
    bring(&planted.victim, &ALTERED);
    let (found, lost): (Vec<&Plant>, Vec<&Plant>) = PLANTS
        .iter()
        .partition(|plant| !naming(&planted.report, &planted.clean, plant.path).is_empty());
    let (plan, code) = planted.stanch(&planted.words("plan", &found));
    assert_eq!(code, 0, "{plan}");
    assert_same(&planted.tree, &tree(&planted.victim.root()), "a plan touches nothing");
    let steps = plan["steps"].as_array().unwrap().iter();
    let paths: BTreeSet<&str> = steps.filter_map(|step| step["subject"]["path"].as_str()).collect();
    let (of_plan, not_planned): (Vec<&Plant>, Vec<&Plant>) =
        found.iter().partition(|plant| paths.contains(plant.path));
    for (what, plants) in [("not found", &lost), ("not planned", &not_planned)] {
        for plant in plants {
            eprintln!("{:>4}  {what}  {}", plant.row, plant.path);
        }
    }
    let acts = planted.apply(&plan);
    let removed = planted.silent(&of_plan);
    planted.undo(&acts);
    assert_same(&planted.tree, &tree(&planted.victim.root()), "undone");
    let (plan, code) = planted.stanch(&planted.words("plan", &removed));
    assert_eq!(code, 0, "{plan}");
    planted.apply(&plan);
    let again = planted.silent(&removed).len();
    let all: Vec<&Plant> = PLANTS.iter().collect();
    eprintln!(
        "planted {} of {} rows, found {}, planned {}, removed {} of {} rows, acts undone {} of {}, \
         removed again {again} of {}",
        all.len(),
        rows(&all),
        found.len(),
        of_plan.len(),
        removed.len(),
        rows(&removed),
        acts.len(),
        acts.len(),
        removed.len(),
    );
    assert_eq!(again, removed.len(), "what was removed once is removed again");
    assert!(rows(&removed) >= 95, "{} rows", rows(&removed));
    assert_eq!(stanch(&planted.victim, &["ledger", "verify"]).1, 0);
}

/// Takes a file away by its path, and returns the act.
fn take(victim: &Victim, path: &str) -> Value {
    let words = ["eradicate", "apply", "--yes", "--no-look", "--path", path];
    let (done, code) = stanch(victim, &words);
    assert_eq!(code, 0, "{done}");
    done["acts"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn all_that_belongs_to_a_file_comes_back_and_nothing_that_came_later_is_lost() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let root = victim.root();
    let place = root.join("opt/agent");
    // A name that drives a terminal, a lock, an attribute, rights, and times of long ago.
    std::fs::write(&place, b"#!/bin/sh\nexec sleep 1\n").unwrap();
    let set = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&place, "user.note", b"kept\0as it is", set).unwrap();
    victim.shell("chown 33:4 /opt/agent; chmod 4751 /opt/agent; touch -d 2019-03-04T05:06:07.123456789 /opt/agent").unwrap();
    let file = std::fs::File::open(&place).unwrap();
    let flags = rustix::fs::ioctl_getflags(&file).unwrap();
    rustix::fs::ioctl_setflags(&file, flags | rustix::fs::IFlags::IMMUTABLE).unwrap();
    drop(file);
    std::os::unix::fs::symlink("/opt/agent", root.join("etc/agent")).unwrap();
    let before = tree(&root);

    let file = take(&victim, "/opt/agent");
    let link = take(&victim, "/etc/agent");
    assert!(!place.exists() && root.join("etc/agent").symlink_metadata().is_err());
    let (list, _) = stanch(&victim, &["quarantine", "list"]);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{list}");
    assert_eq!((&items[0]["mode"], &items[0]["flags"]), (&"4751".into(), &16.into()), "{list}");
    assert_eq!(items[1]["target"], "/opt/agent");
    let kept =
        std::fs::read(root.join(items[0]["kept_at"].as_str().unwrap().trim_start_matches('/')));
    let kept = kept.unwrap();
    assert!(!kept.windows(5).any(|window| window == b"sleep"), "it lies there defused");
    for act in [&file, &link] {
        let (back, code) = stanch(&victim, &["quarantine", "restore", act["id"].as_str().unwrap()]);
        assert_eq!(code, 0, "{back}");
    }
    assert_same(&before, &tree(&root), "given back");

    // Somebody put another file there since: it is not overwritten.
    let act = take(&victim, "/etc/agent");
    std::fs::write(root.join("etc/agent"), "ours\n").unwrap();
    let (refused, code) = stanch(&victim, &["undo", act["id"].as_str().unwrap()]);
    assert_eq!(code, 4, "{refused}");
    assert!(refused["because"].as_str().unwrap().contains("+ours"), "{refused}");
    assert_eq!(std::fs::read(root.join("etc/agent")).unwrap(), b"ours\n");
    std::fs::remove_file(root.join("etc/agent")).unwrap();
    assert_eq!(stanch(&victim, &["undo", act["id"].as_str().unwrap()]).1, 0);
    assert_same(&before, &tree(&root), "given back once more");

    // What was destroyed does not come back, and says so before anything is tried.
    std::fs::write(root.join("opt/other"), "x").unwrap();
    let act = take(&victim, "/opt/other");
    let id = act["id"].as_str().unwrap();
    assert_eq!(stanch(&victim, &["quarantine", "purge", id, "--yes"]).1, 0);
    let (gone, code) = stanch(&victim, &["undo", id]);
    assert_eq!(code, 4, "{gone}");
    let (own, code) =
        stanch(&victim, &["eradicate", "plan", "--path", "/run/range/case/ledger.jsonl"]);
    assert_eq!(code, 4, "the case itself is refused: {own}");
}

#[test]
fn what_changed_since_the_plan_or_leads_elsewhere_is_left_alone() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let root = victim.root();
    let plan = |path: &str| {
        let (plan, code) = stanch(&victim, &["eradicate", "plan", "--path", path]);
        assert_eq!(code, 0, "{plan}");
        plan["id"].as_str().unwrap().to_owned()
    };
    let apply =
        |id: &str| stanch(&victim, &["eradicate", "apply", "--yes", "--no-look", "--plan", id]);
    victim.shell("mkdir /opt/a /opt/b; echo one > /opt/a/x; echo one > /opt/b/x").unwrap();
    // Another content; the same content in another file; a folder that is a symlink by now.
    let changes = [
        "echo two > /opt/a/x",
        "cp -p /opt/a/x /opt/a/y; mv /opt/a/y /opt/a/x",
        "mv /opt/a /opt/c; ln -s b /opt/a",
    ];
    for change in changes {
        let id = plan("/opt/a/x");
        victim.shell(change).unwrap();
        let before = tree(&root);
        let (refused, code) = apply(&id);
        assert!(code == 4 || code == 5, "{change}: {code} {refused}");
        assert_same(&before, &tree(&root), change);
    }
}

/// Kills the program at its Nth call of something, on its way through `eradicate apply`.
fn killed_at(victim: &Victim, call: &str, number: u32, plan: &str) {
    let script = format!(
        "strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={number} \
         /run/range/stanch --case /run/range/case eradicate apply --yes --no-look --plan {plan}"
    );
    victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
}

#[test]
fn killed_at_any_step_it_is_gone_on_with_or_taken_back() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let root = victim.root();
    victim.shell("printf 'a\\nb\\n' > /opt/x; chmod 4755 /opt/x; ln -s /opt/x /opt/y").unwrap();
    let before = tree(&root);
    let (mut cut_off, mut done) = (0, 0);
    let steps = (1..=12)
        .map(|number| ("fsync,fdatasync", number))
        .chain((1..=6).map(|number| ("unlinkat,renameat2,renameat", number)));
    for (at, (call, number)) in steps.enumerate() {
        let words = ["eradicate", "plan", "--path", "/opt/x", "--path", "/opt/y"];
        let (plan, code) = stanch(&victim, &words);
        assert_eq!(code, 0, "{plan}");
        killed_at(&victim, call, number, plan["id"].as_str().unwrap());
        let (status, code) = stanch(&victim, &["contain", "status"]);
        assert_eq!(code, 0, "the ledger is whole after {call} {number}: {status}");
        let acts = status["acts"].as_array().unwrap();
        let open = acts.iter().filter(|act| act["state"] == "cut-off");
        for act in open {
            cut_off += 1;
            let id = act["id"].as_str().unwrap();
            let way: &[&str] = if at % 2 == 0 { &["undo", id] } else { &["undo", id, "--resume"] };
            let (told, code) = stanch(&victim, way);
            assert_eq!(code, 0, "{way:?} after {call} {number}: {told}");
        }
        let (status, _) = stanch(&victim, &["contain", "status"]);
        for act in status["acts"].as_array().unwrap().iter().rev() {
            if act["state"] == "done" {
                done += 1;
                let (told, code) = stanch(&victim, &["undo", act["id"].as_str().unwrap()]);
                assert_eq!(code, 0, "{call} {number}: {told}");
            }
        }
        assert_same(&before, &tree(&root), &format!("after {call} {number}"));
    }
    eprintln!("cut off {cut_off} times, done and undone {done} times");
    assert!(cut_off >= 4, "it was cut off {cut_off} times");
    assert_eq!(stanch(&victim, &["ledger", "verify"]).1, 0);
}

/// Two programs that were altered, as the planter does it.
const TROJANS: [Plant; 2] = [altered(66, "/usr/bin/ls"), altered(34, "/usr/sbin/sshd")];

const fn altered(row: u32, path: &'static str) -> Plant {
    Plant { row, path, how: How::More("x"), sign: "", least: "high", with: &[] }
}

/// Copies files of a folder whose names say that they are wanted.
fn copy(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && wanted(&path) {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Plans and does it, and returns the plan: both programs have the digests that dpkg keeps then.
fn put_back(victim: &Victim, words: &[&str]) -> String {
    let (plan, code) = stanch(victim, &[&["eradicate", "plan"][..], words].concat());
    assert_eq!(code, 0, "{plan}");
    let id = plan["id"].as_str().unwrap();
    let apply = ["eradicate", "apply", "--yes", "--no-look", "--plan", id];
    let (done, code) = stanch(victim, &apply);
    assert_eq!(code, 0, "{done}");
    let acts = done["acts"].as_array().unwrap().iter().filter(|act| act["plan"] == id);
    let acts: Vec<&Value> = acts.collect();
    assert_eq!(acts.len(), 2, "{done}");
    assert!(acts.iter().all(|act| act["step"]["act"] == "restore_file"), "{done}");
    for (package, path) in [("coreutils", "bin/ls"), ("openssh-server", "usr/sbin/sshd")] {
        let script = format!(
            "cd /; grep ' {path}$' /var/lib/dpkg/info/{package}.md5sums | md5sum --check --status"
        );
        assert_eq!(victim.run(&["sh", "-c", &script]).unwrap().code, 0, "{path}");
    }
    id.to_owned()
}

#[test]
fn altered_programs_come_back_as_their_packages_bring_them_and_their_copies_are_kept() {
    if !possible() {
        return;
    }
    let lower = debian().unwrap();
    let victim = Victim::boot(&lower).unwrap();
    let root = victim.root();
    // What apt keeps of the archive: lists that it signed.
    let lists = web_server().unwrap().join("srv/packages");
    let is_list = |path: &Path| path.extension().is_none_or(|extension| extension != "deb");
    copy(&lists, &root.join("var/lib/apt/lists"), is_list);
    let before = tree(&root);
    // What a responder brings, outside of what is compared.
    let brought = root.join("run/range/packages");
    let names = ["coreutils", "openssh-server"];
    bring(&victim, &names);
    let packages = names.map(|name| package_file(&lower, name).unwrap());
    for plant in &TROJANS {
        put(&victim, &lower, plant);
        std::fs::remove_dir_all(root.join("opt/stand-in")).unwrap();
    }
    let planted = tree(&root);
    let paths = ["--path", TROJANS[0].path, "--path", TROJANS[1].path];
    let (refused, code) = stanch(&victim, &[&["eradicate", "plan"][..], &paths].concat());
    assert_eq!(code, 4, "without their packages it is refused: {refused}");
    let told = refused["costs"].to_string();
    for word in ["apt-get download coreutils:amd64=", "http://", "/coreutils_", "--packages DIR"] {
        assert!(told.contains(word), "how to get them is told: {word}: {told}");
    }
    // From what the responder brings, and from apt's own cache, since the archive signed for it.
    let cache = root.join("var/cache/apt/archives");
    for options in [&["--packages", "/run/range/packages"][..], &[]] {
        if options.is_empty() {
            copy(&brought, &cache, |_| true);
        }
        let id = put_back(&victim, &[&paths[..], options].concat());
        if options.is_empty() {
            copy(&cache, &brought, |_| true);
            for file in &packages {
                std::fs::remove_file(cache.join(file.file_name().unwrap())).unwrap();
            }
        }
        assert_same(&before, &tree(&root), "as the packages bring them, to the byte");
        let (list, _) = stanch(&victim, &["quarantine", "list"]);
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{list}");
        assert!(items.iter().all(|item| item["can_come_back"] == true), "{list}");
        let (undone, code) = stanch(&victim, &["undo", &id]);
        assert_eq!(code, 0, "{undone}");
        assert_same(&planted, &tree(&root), "undone");
    }
    // A package file in the cache that no archive signed for is not believed.
    let forged = std::fs::read(&packages[0]).unwrap();
    let forged = [&forged[..], b"\n"].concat();
    std::fs::write(cache.join(packages[0].file_name().unwrap()), forged).unwrap();
    let (refused, code) = stanch(&victim, &["eradicate", "plan", "--path", TROJANS[0].path]);
    assert_eq!(code, 4, "{refused}");
}

/// An account with root's number, and a service's that was opened: a shell, a password, a key and a
/// rule of sudo.
const ACCOUNTS: &str = "
    echo 'agent:x:0:0::/root:/bin/sh' >> /etc/passwd
    echo 'agent:$6$x$y:19000:0:99999:7:::' >> /etc/shadow
    usermod -s /bin/bash backup; echo backup:first | chpasswd
    mkdir -p /var/backups/.ssh; echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA x' \
        > /var/backups/.ssh/authorized_keys
    chown -R backup: /var/backups/.ssh; chmod -R go= /var/backups/.ssh
    echo 'backup ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/99-backup; chmod 440 /etc/sudoers.d/99-backup
    setsid --fork runuser -u backup -- sleep 4321 </dev/null >/dev/null 2>&1";

/// A tree without the times of the files of accounts: a row that is given back is a file anew.
fn without_times(mut tree: BTreeMap<PathBuf, Entry>) -> BTreeMap<PathBuf, Entry> {
    for path in ["etc/passwd", "etc/shadow"] {
        tree.get_mut(Path::new(path)).unwrap().4 = 0;
    }
    tree.remove(Path::new("etc/.pwd.lock"));
    tree
}

/// Returns what a step does to what.
fn named(step: &Value) -> String {
    let subject = &step["subject"];
    let what = subject["path"].as_str().or(subject["name"].as_str()).unwrap_or("");
    format!("{} {what}", step["act"].as_str().unwrap())
}

#[test]
fn accounts_of_the_intruders_go_with_what_lets_them_in_and_come_back() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(ACCOUNTS).unwrap();
    let before = without_times(tree(&victim.root()));
    let is_about = |finding: &&Value| {
        let of = |key: &str| finding["entity"][key].as_str().unwrap_or_default().to_owned();
        let is_theirs =
            ["agent", "backup"].contains(&&*of("name")) || of("path").contains("backup");
        // What changed the accounts last is told of any hand, ours too.
        is_theirs && finding["sign"] != "logs.last-account-change"
    };
    let report = detect(&victim);
    std::fs::write(victim.root().join("run/range/report.json"), report.to_string()).unwrap();
    let found = report["findings"].as_array().unwrap().iter().filter(is_about);
    let ids: Vec<&str> = found.map(|finding| finding["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 2, "{report}");
    let ids: Vec<&str> = ids.into_iter().flat_map(|id| ["--finding", id]).collect();
    for round in 1..=2 {
        let words = ["eradicate", "plan", "--report", "/run/range/report.json"];
        let (plan, code) = stanch(&victim, &[&words[..], &ids].concat());
        assert_eq!(code, 0, "{plan}");
        let steps = plan["steps"].as_array().unwrap();
        let steps: Vec<String> = steps.iter().map(named).collect();
        for one in [
            "edit_file /etc/passwd",
            "edit_file /etc/shadow",
            "lock_account backup",
            "quarantine_file /var/backups/.ssh/authorized_keys",
        ] {
            assert!(steps.iter().any(|step| step == one), "{one}: {steps:#?}");
        }
        assert!(steps.iter().any(|step| step.ends_with("/etc/sudoers.d/99-backup")), "{steps:#?}");
        if round == 1 {
            assert!(steps.contains(&"end_sessions backup".to_owned()), "{steps:#?}");
        }
        let id = plan["id"].as_str().unwrap();
        let apply = ["eradicate", "apply", "--yes", "--no-look", "--plan", id];
        let (done, code) = stanch(&victim, &apply);
        assert_eq!(code, 0, "{done}");
        assert_eq!(victim.run(&["grep", "-c", "^agent:", "/etc/passwd"]).unwrap().out, "0\n");
        assert!(victim.shell("passwd -S backup").unwrap().contains(" L "));
        let rules = victim.run(&["sudo", "-n", "-l", "-U", "backup"]).unwrap();
        assert!(rules.out.contains("not allowed"), "{rules:?}");
        let runs = victim.run(&["pgrep", "-r", "R,S,D,T", "-u", "backup"]).unwrap();
        assert_eq!(runs.out, "", "its session ended");
        let after = detect(&victim);
        let left: Vec<&Value> =
            after["findings"].as_array().unwrap().iter().filter(is_about).collect();
        assert_eq!(left, Vec::<&Value>::new(), "what was found is found no more");
        // A session that was ended stays so, and all else comes back.
        let (undone, code) = stanch(&victim, &["undo", id]);
        assert_eq!(code, 0, "{undone}");
        assert_same(&before, &without_times(tree(&victim.root())), "undone");
    }
    // Root's own row stays, whoever asks.
    let own = "{\"kind\":\"account\",\"name\":\"root\"}";
    let text = report.to_string().replace("{\"kind\":\"account\",\"name\":\"agent\"}", own);
    std::fs::write(victim.root().join("run/range/report.json"), text).unwrap();
    let words = ["eradicate", "plan", "--report", "/run/range/report.json"];
    let (plan, _) = stanch(&victim, &[&words[..], &ids].concat());
    assert!(!plan["steps"].to_string().contains("/etc/passwd"), "{plan}");
}
