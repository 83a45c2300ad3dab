//! What is concluded: a finding about a subject, and the verdict over all of them.

use crate::{Both, Level};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A process, by pid and executable path.
    Process,
    /// A file, by path.
    File,
    /// An account, by name.
    Account,
    /// An SSH key, by fingerprint.
    Key,
    /// A network address.
    Address,
    /// A socket, by protocol, address and port.
    Socket,
    /// A unit of the init system.
    Unit,
    /// A kernel module, eBPF program or kernel hook.
    Module,
    /// A log.
    Log,
    /// The machine as a whole.
    Host,
}

impl SubjectKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Process,
        Self::File,
        Self::Account,
        Self::Key,
        Self::Address,
        Self::Socket,
        Self::Unit,
        Self::Module,
        Self::Log,
        Self::Host,
    ];

    /// Returns the name used in JSON and in content pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::File => "file",
            Self::Account => "account",
            Self::Key => "key",
            Self::Address => "address",
            Self::Socket => "socket",
            Self::Unit => "unit",
            Self::Module => "module",
            Self::Log => "log",
            Self::Host => "host",
        }
    }

    /// Returns the kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a finding is about: its kind and what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The kind.
    pub kind: SubjectKind,
    /// A process's id.
    pub pid: Option<i64>,
    /// A process's start time in clock ticks since boot, so that a reused pid is another subject.
    pub start: Option<i64>,
    /// A file's path, or a process's executable.
    pub path: Option<String>,
    /// The name of an account, unit, module, log or host; a key's fingerprint; a socket's label.
    pub name: Option<String>,
    /// A network address.
    pub address: Option<String>,
    /// A port.
    pub port: Option<i64>,
}

impl Subject {
    /// Returns a subject of a kind with nothing else known.
    pub fn new(kind: SubjectKind) -> Self {
        Self { kind, pid: None, start: None, path: None, name: None, address: None, port: None }
    }
}

/// How a sign knows what it knows: classes of sources that fail independently of each other.
/// Two findings of one class about one subject count once (the strongest); two of different
/// classes support each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The state that user space reports: /proc, configuration files.
    State,
    /// Logs.
    Log,
    /// Views of the kernel set against each other.
    Kernel,
    /// The package database: who owns a file and what it should be.
    Package,
    /// The content of files.
    Content,
    /// Measured behaviour: CPU, memory, traffic.
    Behaviour,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::State, Self::Log, Self::Kernel, Self::Package, Self::Content, Self::Behaviour];

    /// Returns the name used in content pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Log => "log",
            Self::Kernel => "kernel",
            Self::Package => "package",
            Self::Content => "content",
            Self::Behaviour => "behaviour",
        }
    }

    /// Returns the class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// Where something was seen, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Evidence {
    /// A path, or a kernel interface (`sock_diag`, `bpf`).
    pub source: String,
    /// What stood there.
    pub excerpt: String,
    /// Byte offset in the source.
    pub offset: Option<u64>,
    /// Line in the source, from 1.
    pub line: Option<u64>,
    /// SHA-256 of the source, in hex.
    pub sha256: Option<String>,
}

/// One sign seen on one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// `F-0001` and so on, in the order of the page.
    pub id: String,
    /// The sign's id (`processes.deleted-program`).
    pub sign: String,
    /// `performance`, `traffic`, `logs`, `files` or `processes`.
    pub category: String,
    /// How grave.
    pub level: Level,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// How it is known.
    pub class: Class,
    /// One line.
    pub title: Both,
    /// What was seen, in numbers and names.
    pub seen: Both,
    /// Why it matters.
    pub why: Both,
    /// When it is innocent.
    pub innocent_when: Both,
    /// What to do next: prose.
    pub todo: Both,
    /// What to do next: commands.
    pub next: Vec<String>,
    /// About what.
    pub subject: Subject,
    /// ATT&CK technique ids (v19).
    pub attack: Vec<String>,
    /// RFC 3339 UTC time of the first trace, if known.
    pub first_seen: Option<String>,
    /// Where it was seen.
    pub evidence: Vec<Evidence>,
}

/// The answer to "have I been broken into?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing above a note.
    Clean,
    /// Something a person must look at.
    Suspicious,
    /// Broken into, as far as this machine can show.
    Compromised,
}

impl Verdict {
    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspicious => "suspicious",
            Self::Compromised => "compromised",
        }
    }
}
