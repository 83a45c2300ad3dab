//! What is telling in one mechanism and means nothing in another.
//!
//! Source: the manuals of the formats: sudoers(5), doas.conf(5), polkit(8), pam.d(5),
//! sshd_config(5), tmpfiles.d(5), fstab(5), core(5), kernel-command-line(7), capabilities(7),
//! binfmt.d(5), apt-secure(8).

use std::collections::HashSet;
use std::path::PathBuf;

use stanch_words::text;

use super::judge::Judged;
use super::{Entry, readers};

/// Accounts of services that cannot log in: a key, a unit or a right of theirs is nobody's habit.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) names: HashSet<String>,
    /// Where their homes are in the end.
    pub(super) homes: Vec<PathBuf>,
}

impl Services {
    fn has_home_of(&self, path: &str) -> bool {
        self.homes.iter().any(|home| std::path::Path::new(path).starts_with(home))
    }
}

/// One entry as the mechanism sees it.
pub(super) struct Seen<'a> {
    pub(super) mechanism: &'a str,
    pub(super) path: &'a str,
    pub(super) state: &'a str,
    pub(super) entry: &'a Entry,
    /// Empty without a target.
    pub(super) target_state: &'a str,
}

impl Seen<'_> {
    fn is_among_shipped(&self) -> bool {
        let usr = self.path.starts_with("/usr/") && !self.path.starts_with("/usr/local/");
        usr || ["/bin/", "/sbin/", "/lib"].iter().any(|place| self.path.starts_with(place))
    }
}

/// Adds what an entry says of itself by its mechanism.
pub(super) fn entry(seen: &Seen<'_>, services: &Services, judged: &mut Judged) {
    let lower = seen.entry.text.to_ascii_lowercase();
    match seen.mechanism {
        "authorized-keys" | "systemd-user-unit" | "user-crontab" => {
            owner(seen, &lower, services, judged)
        }
        "sshd-configuration" => sshd(seen, &lower, judged),
        "pam-stack" => pam(seen, &lower, judged),
        "sudo" | "doas" => rights(seen, &lower, services, judged),
        "set-id" | "capability" | "access-list" => file_right(seen, &lower, judged),
        "kernel-command-line" => command_line(&lower, judged),
        "kernel-setting" | "binary-format" => kernel_helper(seen, &lower, judged),
        "kernel-helper" => helper_in_force(seen, judged),
        "files-made-at-boot" => made_at_boot(seen, judged),
        "mount-table" => mounted(seen, judged),
        "inetd" if readers::is_shell(&seen.entry.command) => judged.add("shell-on-a-socket", 80),
        "trusted-host" => judged.add("trusts-a-host", if lower.starts_with('+') { 50 } else { 20 }),
        "web-server-configuration" => {
            let runs = ["load", "lua", "|"].iter().any(|word| lower.contains(word));
            if !runs {
                judged.forget("temporary-path");
            }
        }
        // A setting that names a place for work is no program there.
        "maintainer-script" => judged.forget("temporary-path"),
        _ => nobodys(seen, judged),
    }
}

/// What lies where only packages put something, or beside what it stands for.
fn nobodys(seen: &Seen<'_>, judged: &mut Judged) {
    if seen.state != "unowned" {
        return;
    }
    let leads = matches!(seen.target_state, "intact" | "config" | "missing");
    match seen.mechanism {
        "systemd-generator" | "pam-module" | "name-service-module" if !leads => {
            judged.add("only-packages-write-here", 60);
        }
        "sleep-or-shutdown-hook" if !leads => {
            let weight = if seen.is_among_shipped() { 60 } else { 20 };
            judged.add("only-packages-write-here", weight);
        }
        "initial-ramdisk" if seen.is_among_shipped() => judged.add("only-packages-write-here", 50),
        "kernel-module" | "udev-helper" | "systemd-unit" | "polkit" | "d-bus"
        | "module-autoload"
            if seen.is_among_shipped() || seen.path.contains("/modules-load.d/") =>
        {
            let dkms = seen.path.contains("/dkms/");
            judged.add("only-packages-write-here", if dkms { 5 } else { 20 });
        }
        "system-extension" => judged.add("lies-over-the-system", 20),
        "name-shadowing" => shadow(seen, judged),
        "hidden-storage" => {
            let weight = if seen.path.starts_with("/dev/") { 60 } else { 50 };
            judged.add("program-in-hidden-place", weight);
        }
        _ => {}
    }
}

/// A program that comes before one of the same name which watches or lets in.
fn shadow(seen: &Seen<'_>, judged: &mut Judged) {
    const WATCH: [&str; 20] = [
        "sshd",
        "ssh",
        "sudo",
        "su",
        "login",
        "passwd",
        "ps",
        "ls",
        "ss",
        "netstat",
        "lsof",
        "top",
        "find",
        "id",
        "who",
        "w",
        "last",
        "systemctl",
        "crontab",
        "cat",
    ];
    let name = seen.path.rsplit('/').next().unwrap_or_default();
    if WATCH.contains(&name) && !matches!(seen.target_state, "intact" | "config") {
        judged.add("shadows-a-command", 20);
    }
}

fn owner(seen: &Seen<'_>, lower: &str, services: &Services, judged: &mut Judged) {
    let name = seen.path.rsplit('/').next().unwrap_or_default();
    if seen.mechanism == "user-crontab" {
        if services.names.contains(name) {
            judged.add("service-account", 10);
        }
        return;
    }
    if services.has_home_of(seen.path) {
        judged.add("service-account", 50);
    }
    if seen.mechanism == "authorized-keys" {
        if !seen.path.contains("/.ssh/") {
            judged.add("keys-elsewhere", 10);
        }
        if name == "authorized_keys2" {
            judged.add("second-key-file", 50);
        }
        if lower.contains("environment=\"") {
            judged.add("sets-variables", 30);
        }
    }
}

fn sshd(seen: &Seen<'_>, lower: &str, judged: &mut Judged) {
    let mut words = lower.split(|c: char| c.is_whitespace() || c == '=').filter(|w| !w.is_empty());
    let (option, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (option, value) {
        ("authorizedkeyscommand" | "authorizedprincipalscommand", program) if program != "none" => {
            let shipped = matches!(seen.target_state, "intact" | "config");
            judged.add("keys-from-a-program", if shipped { 5 } else { 30 });
        }
        ("permitemptypasswords", "yes") => judged.add("without-password", 50),
        ("permituserenvironment", value) if value != "no" => judged.add("sets-variables", 20),
        ("permitrootlogin", "yes") | ("trustedusercakeys", _) => judged.add("weakens", 10),
        ("authorizedkeysfile", value) if value.starts_with('/') => judged.add("weakens", 5),
        _ => {}
    }
}

fn pam(seen: &Seen<'_>, lower: &str, judged: &mut Judged) {
    let is_auth = lower.trim_start_matches('-').starts_with("auth");
    if lower.contains("pam_exec.so") || lower.contains("pam_script.so") {
        judged.add("runs-at-login", if is_auth { 30 } else { 10 });
    }
    let shipped = matches!(seen.target_state, "intact" | "config");
    // What is named by a path is not found where modules and stacks lie.
    let named = seen.entry.text.split_whitespace().find(|word| word.contains('/'));
    let includes = lower.contains(" include ")
        || lower.contains(" substack ")
        || lower.starts_with("@include");
    match named {
        Some(path) if includes && !path.starts_with("/etc/pam.d/") => {
            judged.add("foreign-include", 60);
        }
        Some(path) if path.ends_with(".so") && !path.contains("/security/") && !shipped => {
            judged.add("foreign-module", 60);
        }
        _ => {}
    }
}

/// sudo and doas: who may do everything without being asked.
fn rights(seen: &Seen<'_>, lower: &str, services: &Services, judged: &mut Judged) {
    let mut words = seen.entry.text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let whole = lower.trim_end();
    if first == "Defaults" || first.starts_with("Defaults") {
        if lower.contains("!authenticate") {
            judged.add("without-password", 50);
        }
        if lower.replace(' ', "").contains("timestamp_timeout=-1") {
            judged.add("without-password", 20);
        }
        return;
    }
    if first == "Plugin" && seen.target_state == "unowned" {
        judged.add("foreign-module", 60);
    }
    let (who, all) = if seen.mechanism == "doas" {
        let options = ["permit", "nopass", "keepenv", "persist", "nolog"];
        let who = seen.entry.text.split_whitespace().find(|word| !options.contains(word));
        (who.unwrap_or_default().trim_start_matches(':'), !lower.contains(" cmd "))
    } else {
        let shells = ["all", "/bin/bash", "/bin/sh", "/usr/bin/bash", "/usr/bin/sh"];
        let last = whole.rsplit([' ', ':', '=', ',']).next().unwrap_or_default();
        (first, shells.contains(&last) && whole.contains('='))
    };
    let asked = !(lower.contains("nopasswd") || lower.contains("permit nopass"));
    if !asked && all {
        judged.add("without-password", 20);
    }
    if all && services.names.contains(who) {
        judged.add("service-account", 40);
    }
    if all && !asked && (who == "ALL" || who == "%users") {
        judged.add("everybody", 60);
    }
}

/// Capabilities that are root by another name (capabilities(7)).
const ROOT: [&str; 10] = [
    "cap_setuid",
    "cap_setgid",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_sys_admin",
    "cap_sys_module",
    "cap_sys_ptrace",
    "cap_chown",
    "cap_fowner",
    "cap_setfcap",
];

fn file_right(seen: &Seen<'_>, lower: &str, judged: &mut Judged) {
    if matches!(seen.state, "intact" | "config" | "link" | "unverified")
        && seen.mechanism != "access-list"
    {
        // Of a package's file only those come here that no package ships so.
        return judged.add("never-shipped-so", 80);
    }
    match seen.mechanism {
        "set-id" => judged.add("set-id-of-nobody", if seen.is_among_shipped() { 60 } else { 20 }),
        "capability" if ROOT.iter().any(|name| lower.contains(name)) => {
            judged.add("root-by-capability", if seen.is_among_shipped() { 90 } else { 50 });
        }
        "access-list" => {
            let guarded = ["shadow", "sudoers", "cron", "ld.so.preload", "pam.d"];
            let weight = guarded.iter().any(|part| seen.path.contains(part));
            judged.add("access-list", if weight { 50 } else { 20 });
        }
        _ => judged.add("capability-of-nobody", 10),
    }
}

fn command_line(lower: &str, judged: &mut Judged) {
    const USUAL: [&str; 9] = [
        "/sbin/init",
        "/lib/systemd/systemd",
        "/usr/lib/systemd/systemd",
        "/bin/systemd",
        "/usr/sbin/init",
        "/bin/init",
        "/init",
        "/usr/bin/init",
        "/linuxrc",
    ];
    for word in lower.split(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
        let word = word.rsplit_once("linux=").map_or(word, |(_, word)| word);
        for name in ["init=", "rdinit=", "systemd.run="] {
            if let Some(program) = word.strip_prefix(name)
                && !USUAL.contains(&program)
                && program.starts_with('/')
            {
                judged.add("another-init", 80);
            }
        }
        if ["module.sig_enforce=0", "selinux=0", "apparmor=0", "lockdown=none"].contains(&word) {
            judged.add("weakens", 10);
        }
    }
}

fn kernel_helper(seen: &Seen<'_>, lower: &str, judged: &mut Judged) {
    let text = lower.trim_start_matches('-').replace('/', ".");
    let value = lower.split_once('=').map_or("", |(_, value)| value.trim());
    let piped = text.starts_with("kernel.core_pattern");
    if piped && !value.starts_with('|') {
        // A place for core files, which may well be a temporary one.
        judged.forget("temporary-path");
        judged.forget("target-unowned");
        return;
    }
    let is_helper =
        piped || text.starts_with("kernel.modprobe") || text.starts_with("kernel.hotplug");
    let shipped = matches!(seen.target_state, "intact" | "config");
    if is_helper && !shipped && value.contains('/') && value != "/sbin/modprobe" {
        judged.add("kernel-helper", 60);
    }
    if seen.mechanism == "binary-format" && !shipped {
        // Flag C: the interpreter runs with the rights of the program.
        let flags = lower.rsplit(':').next().unwrap_or_default();
        judged.add("kernel-helper", if flags.contains('c') { 40 } else { 10 });
    }
}

/// What the running kernel starts. In a container the host's program is simply not there.
fn helper_in_force(seen: &Seen<'_>, judged: &mut Judged) {
    let weight = match seen.target_state {
        "unowned" | "altered" => 60,
        "missing" => 10,
        _ => 0,
    };
    if weight > 0 {
        judged.add("kernel-helper", weight);
    }
}

/// Files of which a copy that is made at each boot is a way back.
const WAYS: [&str; 12] = [
    "authorized_keys",
    "/cron",
    "/sudoers",
    "/systemd/system",
    "/ld.so.preload",
    "/profile.d",
    "/etc/passwd",
    "/etc/shadow",
    "/pam.d",
    "/rc.local",
    "/init.d",
    "/udev/rules.d",
];

fn made_at_boot(seen: &Seen<'_>, judged: &mut Judged) {
    judged.forget("temporary-path");
    judged.forget("hidden-path");
    let mut words = seen.entry.text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    if kind.starts_with(['f', 'F', 'w', 'C', 'L', 'c', 'b']) {
        if WAYS.iter().any(|way| path.contains(way)) {
            judged.add("makes-a-way-back", 60);
        }
        words.skip(4).for_each(|argument| judged.place(argument));
    }
}

fn mounted(seen: &Seen<'_>, judged: &mut Judged) {
    judged.forget("temporary-path");
    judged.forget("hidden-path");
    judged.forget("target-unowned");
    let words: Vec<&str> = seen.entry.text.split_whitespace().collect();
    if let [device, place, kind, options, ..] = words.as_slice() {
        let over = ["/usr", "/etc", "/bin", "/sbin", "/lib"].iter().any(|system| {
            place.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let laid = *kind == "overlay" || options.split(',').any(|o| matches!(o, "bind" | "rbind"));
        if over && laid && device != place {
            judged.add("lies-over-the-system", 60);
        }
    }
}

/// Returns what a file as a whole says by its mechanism.
pub(super) fn whole(mechanism: &str, path: &str, bytes: &[u8]) -> Judged {
    let mut judged = Judged::default();
    if !matches!(
        mechanism,
        "polkit"
            | "python-start-hook"
            | "package-source"
            | "d-bus"
            | "static-pod"
            | "container-runtime"
            | "dnf-plugin"
    ) || bytes.iter().take(4096).any(|&b| b == 0)
    {
        return judged;
    }
    let told = text::from_bytes(bytes);
    let bare: String = told.chars().filter(|c| !c.is_whitespace()).collect();
    match mechanism {
        "polkit" => polkit(path, &told, &bare, &mut judged),
        "python-start-hook" => start_hook(path, &told, &mut judged),
        "package-source" => {
            let lower = bare.to_ascii_lowercase();
            let unsigned = ["trusted=yes", "trusted:yes", "gpgcheck=0", "allow-insecure=yes"];
            if unsigned.iter().any(|word| lower.contains(word)) {
                judged.add("unsigned-packages", 20);
            }
        }
        "d-bus" if bare.contains("own=\"*\"") => judged.add("everybody", 20),
        "static-pod" => {
            for (mark, weight) in
                [("privileged:true", 50), ("hostPID:true", 30), ("hostPath:{path:/}", 60)]
            {
                if bare.contains(mark) {
                    judged.add("whole-host", weight);
                }
            }
            let mut lines = told.lines().map(str::trim);
            if lines.any(|line| matches!(line, "path: /" | "path: \"/\"")) {
                judged.add("whole-host", 60);
            }
        }
        "container-runtime" => container(path, &told, &bare, &mut judged),
        _ => {}
    }
    judged
}

fn start_hook(path: &str, told: &str, judged: &mut Judged) {
    const CODE: [&str; 9] = [
        "exec(",
        "eval(",
        "b64decode",
        "subprocess",
        "os.system",
        "os.popen",
        "socket",
        "urllib",
        "marshal",
    ];
    // In a .pth only lines that begin with `import` are run (Python's site module).
    let mut lines = told.lines().filter(|line| {
        !path.ends_with(".pth") || line.starts_with("import ") || line.starts_with("import\t")
    });
    if lines.any(|line| CODE.iter().any(|code| line.contains(code))) {
        judged.add("code-at-start", 60);
    }
}

fn polkit(path: &str, told: &str, bare: &str, judged: &mut Judged) {
    let yes = bare.contains("Result.YES") || bare.contains("return\"yes\"");
    let asked = told.contains("subject.");
    if path.ends_with(".pkla") {
        let all = bare.contains("Identity=unix-user:*") || bare.contains("Action=*");
        if all && bare.to_ascii_lowercase().contains("=yes") {
            judged.add("everybody", 60);
        }
    } else if path.ends_with(".policy") {
        if bare.contains("<allow_any>yes<") {
            judged.add("everybody", 50);
        }
    } else if yes && !asked {
        judged.add("everybody", if told.contains("action.id") { 30 } else { 60 });
    }
}

fn container(path: &str, told: &str, bare: &str, judged: &mut Judged) {
    if path.ends_with("hostconfig.json") {
        let privileged = bare.contains("\"Privileged\":true");
        let root = bare.contains("\"/:/") && !bare.contains(":ro\"");
        let more = ["docker.sock:", "\"PidMode\":\"host\"", "\"/:/"];
        let weight = match (privileged, root) {
            (true, true) => 60,
            (false, true) => 40,
            (true, false) => 30,
            (false, false) if more.iter().any(|part| bare.contains(part)) => 20,
            (false, false) => 0,
        };
        if weight > 0 {
            judged.add("whole-host", weight);
        }
    } else if !path.ends_with("config.v2.json") {
        judged.places(told);
    }
}
