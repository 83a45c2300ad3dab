//! A machine made by chance, with what an act is to be done to.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use stanch_acts::clear_rights::{ClearRights, Which};
use stanch_acts::edit_file::EditFile;
use stanch_acts::end_sessions::EndSessions;
use stanch_acts::files::Met;
use stanch_acts::freeze_container::FreezeContainer;
use stanch_acts::freeze_process::FreezeProcess;
use stanch_acts::isolate_network::{IsolateNetwork, Level, Order, Standing};
use stanch_acts::kill_process::KillProcess;
use stanch_acts::lock_account::LockAccount;
use stanch_acts::quarantine_file::QuarantineFile;
use stanch_acts::replace_host_key::{NewHostKey, ReplaceHostKey};
use stanch_acts::restore_file::{RestoreFile, Shipped};
use stanch_acts::rotate_password::{NewPassword, RotatePassword};
use stanch_acts::stop_service::{Before, StopService};
use stanch_acts::unplug_network::{UnplugNetwork, Wanted};
use stanch_acts::{Keep, Vault};
use stanch_machine::{Live, Machine as _};
use stanch_words::Step;
use stanch_words::sealed::Sealed;

use crate::cables;
use crate::chance::Chance;
use crate::place;

/// What is planned on a machine.
enum Wish {
    Network(Order),
    Unplug(Wanted),
    Freeze(i64),
    Container,
    Kill(Vec<i64>),
    Sessions(String),
    Lock(String),
    Take(PathBuf),
    Clear(PathBuf),
    Edit(PathBuf, Vec<u64>),
    Restore(PathBuf, Shipped),
    Password(NewPassword),
    HostKey(NewHostKey),
    Stop(String),
}

/// A machine: files, accounts, processes.
pub(crate) struct World {
    wish: Wish,
    children: Vec<Child>,
    /// The processes that are looked at, children and theirs.
    pids: Vec<i64>,
    /// Whether the machine has no control groups: a folder in memory lies over them.
    without_groups: bool,
}

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// The control group of a container.
const BOX: &str = "/laws-box";

impl World {
    /// Makes one for an act.
    pub(crate) fn make(act: &str, chance: &mut Chance) -> Self {
        let _from_before = fs::remove_dir_all(place());
        fs::create_dir_all(place().join("files")).unwrap();
        for entry in fs::read_dir("/etc").unwrap().map(Result::unwrap) {
            let path = entry.path();
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        let has_processes =
            matches!(act, FreezeProcess::NAME | KillProcess::NAME | EndSessions::NAME);
        let without_groups = has_processes && chance.coin();
        if without_groups {
            let mounted = quiet("mount").args(["-t", "tmpfs", "none", GROUPS]).status().unwrap();
            assert!(mounted.success(), "{mounted}");
        }
        let (children, pids) = (Vec::new(), Vec::new());
        let mut world = Self { wish: Wish::Freeze(0), children, pids, without_groups };
        world.wish = match act {
            IsolateNetwork::NAME => Wish::Network(order(chance)),
            UnplugNetwork::NAME => Wish::Unplug(cables::make(chance)),
            FreezeContainer::NAME => {
                world.container(chance);
                Wish::Container
            }
            FreezeProcess::NAME => Wish::Freeze(world.family(chance, None)),
            KillProcess::NAME => {
                let count = 1 + chance.below(2);
                Wish::Kill((0..count).map(|_| world.family(chance, None)).collect())
            }
            EndSessions::NAME => {
                let (name, uid) = accounts(chance);
                for _ in 0..=chance.below(2) {
                    world.family(chance, Some(uid));
                }
                Wish::Sessions(name)
            }
            LockAccount::NAME => Wish::Lock(accounts(chance).0),
            other => wish_for_files(other, chance),
        };
        world
    }

    /// Returns the folder of its case.
    pub(crate) fn case(&self) -> PathBuf {
        place().join("case")
    }

    /// Plans what is to be done.
    pub(crate) fn plan(&self, live: &Live) -> Step {
        let vault = Vault::beside(&self.case().join("ledger.jsonl"));
        let met = |path: &Path| Met::at(live, path).unwrap();
        match &self.wish {
            Wish::Network(order) => IsolateNetwork::plan(live, order).unwrap().unwrap(),
            Wish::Unplug(wanted) => UnplugNetwork::plan(live, wanted, Vec::new()).unwrap().unwrap(),
            Wish::Container => {
                FreezeContainer::plan(live, "docker box", Some(BOX)).unwrap().unwrap()
            }
            Wish::Freeze(pid) => FreezeProcess::plan(live, *pid).unwrap().unwrap(),
            Wish::Kill(pids) => KillProcess::plan(live, pids).unwrap().unwrap(),
            Wish::Sessions(name) => EndSessions::plan(live, name).unwrap().unwrap().unwrap(),
            Wish::Lock(name) => LockAccount::plan(live, name, &[], &vault).unwrap().unwrap(),
            Wish::Take(path) => QuarantineFile::plan(&met(path), &vault).unwrap(),
            Wish::Clear(path) => ClearRights::plan(&met(path), Which::Rights, &vault).unwrap(),
            Wish::Edit(path, numbers) => {
                EditFile::plan(live, &met(path), numbers, &vault).unwrap().unwrap()
            }
            Wish::HostKey(new) => {
                let mut steps = ReplaceHostKey::plan(live, new, &vault).unwrap();
                steps.remove(0).unwrap()
            }
            Wish::Password(new) => RotatePassword::plan(live, new, &vault).unwrap().unwrap(),
            // None of its processes runs: what was ended does not come back by an undo, and says so.
            Wish::Stop(unit) => StopService::plan(live, unit, Before::AsIs).unwrap().unwrap(),
            Wish::Restore(path, shipped) => {
                RestoreFile::plan(&met(path), shipped, &vault).unwrap().unwrap()
            }
        }
    }

    /// Returns all that may be changed, as text.
    pub(crate) fn state(&self, live: &Live) -> String {
        // A lock of an account is taken back line by line: the file's time is that of the undo.
        self.told(live, !matches!(self.wish, Wish::Lock(_) | Wish::Password(_)))
    }

    /// Returns all that an act makes of it: without the time at which it was done.
    pub(crate) fn outcome(&self, live: &Live) -> String {
        self.told(live, false)
    }

    fn told(&self, live: &Live, has_times: bool) -> String {
        let mut text = String::new();
        for &pid in &self.pids {
            let (state, group) = (process(pid), is_in_group_of_ours(pid));
            // Where one that has ended lies until it is buried is nobody's matter.
            let place = if group && state != "ended" { "in a group of ours" } else { "" };
            writeln!(text, "process {state} {place}").unwrap();
        }
        match &self.wish {
            Wish::Unplug(_) => cables::tell(&mut text),
            Wish::Container => {
                let group = format!("{GROUPS}{BOX}");
                let frozen = fs::read_to_string(format!("{group}/cgroup.freeze")).unwrap();
                let inside = fs::read_to_string(format!("{group}/cgroup.procs")).unwrap();
                writeln!(text, "frozen {frozen} inside {}", inside.lines().count()).unwrap();
            }
            _ => {}
        }
        if let Wish::Network(order) = &self.wish {
            writeln!(text, "{:?}", Standing::of(live, order).unwrap()).unwrap();
        }
        for folder in [place().join("files"), PathBuf::from("/etc"), PathBuf::from("/home")] {
            tree(live, &folder, has_times, &mut text);
        }
        text
    }

    /// Ends all that runs on it, and removes what is left.
    pub(crate) fn end(mut self) {
        for &pid in &self.pids {
            let pid = pid.to_string();
            let _gone = quiet("kill").args(["-KILL", &pid]).status().unwrap();
        }
        for child in &mut self.children {
            child.wait().unwrap();
        }
        if self.without_groups {
            let unmounted = quiet("umount").arg(GROUPS).status().unwrap();
            assert!(unmounted.success(), "{unmounted}");
        } else if !self.pids.is_empty() {
            for entry in fs::read_dir(GROUPS).into_iter().flatten().map(Result::unwrap) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if is_ours(&name) || BOX.ends_with(&name) {
                    remove(&entry.path());
                }
            }
        }
        if matches!(self.wish, Wish::Unplug(_)) {
            cables::end();
        }
        if let Wish::Network(order) = &self.wish {
            let live = Live::new();
            let hands = stanch_machine::Hands::on(&live).unwrap();
            let act = stanch_acts::acts::find(IsolateNetwork::NAME).unwrap();
            act.undo(&hands, &order.write(), "").unwrap();
        }
        unlock(&place().join("files"));
    }

    /// Starts processes in a control group of their own, as a container's are, some of them in one
    /// below it.
    fn container(&mut self, chance: &mut Chance) {
        let group = PathBuf::from(format!("{GROUPS}{BOX}"));
        let inner = group.join("inner");
        fs::create_dir_all(&inner).unwrap();
        for _ in 0..=chance.below(2) {
            self.family(chance, None);
        }
        for pid in &self.pids {
            let place = if chance.coin() { &group } else { &inner };
            fs::write(place.join("cgroup.procs"), pid.to_string()).unwrap();
        }
    }

    /// Starts a process with some of its own, and returns its pid.
    fn family(&mut self, chance: &mut Chance, uid: Option<u32>) -> i64 {
        let size = chance.below(3);
        let script = format!("{} exec sleep 300", "sleep 300 & ".repeat(size as usize));
        let mut command = quiet("sh");
        command.args(["-c", &script]).process_group(0);
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        let child = command.spawn().unwrap();
        let pid = i64::from(child.id());
        self.children.push(child);
        // Until all of them are there and sleep.
        for _ in 0..2000 {
            let mut pids = vec![pid];
            pids.extend(children(pid));
            if pids.len() == size as usize + 1 && pids.iter().all(|&pid| name(pid) == "sleep") {
                self.pids.extend(pids);
                return pid;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("the family of {pid} did not come about");
    }
}

/// Returns what is planned for files, those of accounts and services among them.
fn wish_for_files(act: &str, chance: &mut Chance) -> Wish {
    match act {
        QuarantineFile::NAME => Wish::Take(match chance.below(6) {
            0 => link(chance),
            1 | 2 => special(chance),
            _ => file(chance, 0),
        }),
        ClearRights::NAME => {
            let rights = *chance.one(&[0o4000, 0o2000, 0o6000]);
            Wish::Clear(file(chance, rights))
        }
        EditFile::NAME => {
            let path = file(chance, 0);
            let lines = fs::read(&path).unwrap();
            let count = lines.split_inclusive(|&byte| byte == b'\n').count() as u64;
            let mut numbers: Vec<u64> =
                (0..=chance.below(3)).map(|_| 1 + chance.below(count)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            Wish::Edit(path, numbers)
        }
        RestoreFile::NAME => {
            let path = file(chance, 0);
            if chance.below(3) == 0 {
                unlock(&path);
                fs::remove_file(&path).unwrap();
            }
            Wish::Restore(path, shipped(chance))
        }
        RotatePassword::NAME => {
            let (name, _) = accounts(chance);
            let shadow = fs::read_to_string("/etc/shadow").unwrap();
            let with = format!("\n{name}:$6$old{}$hash:", chance.below(1000));
            let (before, after) = shadow.split_once(&format!("\n{name}:")).unwrap();
            let (_, rest) = after.split_once(':').unwrap();
            fs::write("/etc/shadow", format!("{before}{with}{rest}")).unwrap();
            let letters = |chance: &mut Chance| format!("{:016x}", chance.below(1 << 31));
            let (password, salt) = (Sealed::new(letters(chance)), letters(chance));
            Wish::Password(NewPassword { name, password, salt })
        }
        StopService::NAME => {
            fs::create_dir_all("/etc/systemd/system").unwrap();
            let name = *chance.one(&["nginx", "x@y", "miner-1", "back.up"]);
            let kind = *chance.one(&["service", "timer", "socket", "path"]);
            Wish::Stop(format!("{name}.{kind}"))
        }
        ReplaceHostKey::NAME => {
            fs::create_dir_all("/etc/ssh").unwrap();
            fs::write("/etc/ssh/sshd_config", "UsePAM yes\n").unwrap();
            if chance.below(3) > 0 {
                let mode = *chance.one(&[0o600, 0o640]);
                let path = Path::new("/etc/ssh/ssh_host_ed25519_key");
                fs::write(path, format!("old {}\n", chance.below(1000))).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let byte = u8::try_from(chance.below(256)).unwrap();
            Wish::HostKey(NewHostKey::of([byte; 32]))
        }
        other => panic!("no machine is made for the act `{other}`: the laws want one"),
    }
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn children(pid: i64) -> Vec<i64> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    listed.unwrap_or_default().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn name(pid: i64) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Removes a control group as soon as the last that has ended in it is buried.
fn remove(group: &Path) {
    let inner = group.join("inner");
    for _ in 0..2000 {
        let _none_in_most = fs::remove_dir(&inner);
        if fs::remove_dir(group).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{} stays", group.display());
}

/// Returns whether a control group is one that an act made.
fn is_ours(name: &str) -> bool {
    name.starts_with("stanch")
}

fn is_in_group_of_ours(pid: i64) -> bool {
    let told = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    told.lines().any(|line| line.rsplit('/').next().is_some_and(is_ours))
}

/// Returns whether a process runs, is stopped, or has ended.
fn process(pid: i64) -> &'static str {
    // A signal is sent at once and takes effect a moment later.
    let state = || {
        let told = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        told.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    for _ in 0..200 {
        match state() {
            None | Some('Z' | 'X') => return "ended",
            Some('T' | 't') => return "stopped",
            Some('S') => break,
            Some(_between) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    "runs"
}

/// Writes a folder and all below it, as far as it can be given back.
fn tree(live: &Live, path: &Path, has_times: bool, text: &mut String) {
    let Ok(told) = fs::symlink_metadata(path) else { return };
    // The lock of the accounts' files (lckpwdf(3)) stays there, empty, for ever.
    if path.ends_with(".pwd.lock") {
        return;
    }
    let (mode, uid, gid) = (told.mode(), told.uid(), told.gid());
    let attributes = live.attributes(path).unwrap_or_default();
    write!(text, "{} {mode:o} {uid}:{gid} {attributes:?}", path.display()).unwrap();
    if told.is_dir() {
        writeln!(text).unwrap();
        let mut below: Vec<PathBuf> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        below.sort();
        for one in below {
            tree(live, &one, has_times, text);
        }
        return;
    }
    if !told.is_file() && !told.is_symlink() {
        let time = if has_times { (told.mtime(), told.mtime_nsec()) } else { (0, 0) };
        writeln!(text, " {:x} {time:?}", told.rdev()).unwrap();
        return;
    }
    let flags = live.flags(path).ok().flatten().unwrap_or(0) & stanch_machine::filing::SETTABLE;
    let content = if told.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else {
        fs::read(path).unwrap()
    };
    let time =
        if has_times && !told.is_symlink() { (told.mtime(), told.mtime_nsec()) } else { (0, 0) };
    writeln!(text, " {flags:x} {time:?} {}", content.escape_ascii()).unwrap();
}

/// Makes a file by chance, in a folder by chance.
fn file(chance: &mut Chance, rights: u32) -> PathBuf {
    let folder = place().join("files").join(*chance.one(&["a", "b c", "d/e", "f\u{e9}"]));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(*chance.one(&["x", ".hidden", "two words", "-rf", "\u{6728}.php"]));
    let mut content = Vec::new();
    for _ in 0..=chance.below(6) {
        let length = chance.below(40);
        content.extend((0..length).map(|_| (32 + chance.below(95)) as u8));
        content.push(b'\n');
    }
    if chance.below(3) == 0 {
        content.extend_from_slice(b"no end of line");
    }
    fs::write(&path, content).unwrap();
    let owner = chance.one(&[0_u32, 33, 1000]);
    std::os::unix::fs::chown(&path, Some(*owner), Some(*owner)).unwrap();
    let mode = *chance.one(&[0o644_u32, 0o600, 0o755, 0o400]) | rights;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let time = std::time::UNIX_EPOCH
        + std::time::Duration::from_secs(1_600_000_000 + chance.below(1 << 27));
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    if chance.below(4) == 0 {
        let flag = *chance.one(&["+i", "+a"]);
        let _not_on_every_file_system = quiet("chattr").arg(flag).arg(&path).status();
    }
    path
}

/// Makes a folder, a pipe, a socket or a device by chance.
fn special(chance: &mut Chance) -> PathBuf {
    let path = place().join("files/special");
    match *chance.one(&["folder", "socket", "p", "c 1 3", "b 7 200"]) {
        "folder" => fs::create_dir(&path).unwrap(),
        "socket" => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        node => {
            let mut words = node.split(' ');
            let kind = words.next().unwrap();
            let made = quiet("mknod").arg(&path).arg(kind).args(words).status().unwrap();
            assert!(made.success(), "{made}");
        }
    }
    let owner = chance.one(&[0_u32, 33, 1000]);
    std::os::unix::fs::chown(&path, Some(*owner), Some(*owner)).unwrap();
    let mode = *chance.one(&[0o644_u32, 0o600, 0o1777, 0o400]);
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// Makes a symlink by chance.
fn link(chance: &mut Chance) -> PathBuf {
    let path = place().join("files/link");
    let target = *chance.one(&["/bin/sh", "../nowhere", "/dev/null"]);
    symlink(target, &path).unwrap();
    path
}

/// Takes locks off, so that the next machine can be made.
fn unlock(folder: &Path) {
    let _best_effort = quiet("chattr").args(["-R", "-i", "-a"]).arg(folder).status();
}

fn shipped(chance: &mut Chance) -> Shipped {
    let length = chance.below(5000);
    Shipped {
        package: "coreutils 9.1-1".to_owned(),
        content: (0..length).map(|_| chance.below(256) as u8).collect(),
        mode: *chance.one(&[0o755, 0o4755, 0o644]),
        uid: 0,
        gid: *chance.one(&[0, 42]),
        modified: 1_663_668_000_000_000_000,
    }
}

/// Writes the accounts of a machine, and returns one that is neither the responder's nor the last.
fn accounts(chance: &mut Chance) -> (String, u32) {
    let uid = 1000 + u32::try_from(chance.below(500)).unwrap();
    let name = (*chance.one(&["web", "j.doe", "svc-backup", "_x"])).to_owned();
    let shell = *chance.one(&["/bin/bash", "/bin/sh", "/usr/sbin/nologin"]);
    let password = *chance.one(&["$y$j9T$abc$def", "!", "*", ""]);
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/bash\nops:x:1999:1999::/home/ops:/bin/bash\n\
         {name}:x:{uid}:{uid}:W,,,:/home/{name}:{shell}\n"
    );
    let shadow = format!(
        "root:$y$j9T$r$r:19000:0:99999:7:::\nops:$y$j9T$o$o:19000:0:99999:7:::\n\
         {name}:{password}:19000:0:99999:7:::\n"
    );
    let member = if chance.coin() { format!(",{name}") } else { String::new() };
    let group = format!("root:x:0:\nsudo:x:27:ops{member}\n{name}:x:{uid}:\n");
    for (path, text, mode) in
        [("passwd", passwd, 0o644), ("shadow", shadow, 0o640), ("group", group, 0o644)]
    {
        let path = Path::new("/etc").join(path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    (name, uid)
}

/// Returns an order to cut the network, of any level.
fn order(chance: &mut Chance) -> Order {
    let level = *chance.one(&Level::ALL);
    let address = |chance: &mut Chance| {
        let [a, b] = [chance.below(250) + 1, chance.below(250) + 1];
        let length = chance.below(3);
        match (chance.coin(), length) {
            (true, 0) => format!("203.0.{a}.{b}"),
            (true, _) => format!("203.0.{a}.0/24"),
            (false, 0) => format!("2001:db8::{a:x}:{b:x}"),
            (false, _) => format!("2001:db8:{a:x}::/48"),
        }
    };
    let keep = (0..=chance.below(3))
        .map(|_| {
            let address = address(chance);
            let port = 1 + chance.below(65_000);
            let written = if chance.coin() { format!("[{address}]:{port}") } else { address };
            Keep::parse(&written).or_else(|| Keep::parse("10.0.0.9:22")).unwrap()
        })
        .collect();
    let block = (0..=chance.below(60)).map(|_| Keep::parse(&address(chance)).unwrap()).collect();
    let devices = chance.one(&["laws0", "laws0 laws1", ""]).split_whitespace();
    Order {
        v: 1,
        level,
        keep,
        block: if level == Level::Block { block } else { Vec::new() },
        ways_in: Vec::new(),
        devices: devices.map(str::to_owned).collect(),
        uplinks: Vec::new(),
        seconds: 30 + chance.below(86_000),
        code: "k7mq2x".to_owned(),
    }
}
