//! What happened, as a log, a history or an accounting record tells it.
//!
//! An event borrows from the line it was read from: a reader makes one, shows it, and forgets it,
//! so that a log of any size passes through the same few kilobytes.

use std::borrow::Cow;

/// Text that lies in the source or was made from it; empty means not known.
pub type Text<'l> = Cow<'l, str>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal;)+) => {
        /// What kind of thing happened. The names are part of the contract (`stanch events`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $($(#[$doc])* $kind),+ }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns the dotted name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            /// Returns its place in [`EventKind::ALL`].
            pub fn position(self) -> usize {
                usize::from(self as u8)
            }

            /// Returns the kind of a dotted name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$kind),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// An authentication failed.
    AuthFailure "auth.failure";
    /// Somebody tried an account that does not exist, or is not allowed.
    AuthInvalidUser "auth.invalid_user";
    /// An authentication succeeded.
    AuthSuccess "auth.success";
    /// A connection to a login service that came to nothing (closed, reset or timed out before
    /// authentication, bad protocol).
    AuthAborted "auth.aborted";
    /// A session began.
    SessionOpen "session.open";
    /// A session ended.
    SessionClose "session.close";
    /// A session is remembered as the newest of its account (lastlog).
    SessionSeen "session.seen";
    /// An account was added.
    AccountAdd "account.add";
    /// An account was changed (password, shell, home, name, expiry, lock).
    AccountChange "account.change";
    /// An account was removed.
    AccountRemove "account.remove";
    /// A group was added or removed, or its members changed.
    GroupChange "group.change";
    /// Rights of another account were used (sudo, su, pkexec, doas).
    PrivilegeUse "privilege.use";
    /// Rights of another account were asked for and refused.
    PrivilegeFailure "privilege.failure";
    /// A program started.
    ProcessStart "process.start";
    /// A program was seen running; when it started is not known.
    ProcessSeen "process.seen";
    /// A program ended.
    ProcessEnd "process.end";
    /// A file was written or made.
    FileWrite "file.write";
    /// A file was read or its metadata changed where the source does not say more.
    FileAccess "file.access";
    /// A file was removed or renamed away.
    FileDelete "file.delete";
    /// A connection was made to somewhere.
    NetworkConnect "network.connect";
    /// A connection came in or a socket was bound.
    NetworkListen "network.listen";
    /// A name was resolved.
    NetworkResolve "network.resolve";
    /// A packet filter logged a packet.
    NetworkFilter "network.filter";
    /// A web request, whatever came of it.
    WebRequest "web.request";
    /// A web server's own complaint that names no abuse.
    WebError "web.error";
    /// A web server refused or noticed abuse.
    WebAbuse "web.abuse";
    /// Mail was sent, received or relayed.
    MailMessage "mail.message";
    /// A mail service refused or noticed abuse.
    MailAbuse "mail.abuse";
    /// Another service refused or noticed abuse.
    ServiceAbuse "service.abuse";
    /// A data store was told to do something that it logged.
    DataQuery "data.query";
    /// A file was sent or taken over a file service.
    FileTransfer "file.transfer";
    /// A package was installed.
    PackageInstall "package.install";
    /// A package was upgraded (or downgraded: `old_version` tells).
    PackageUpgrade "package.upgrade";
    /// A package was removed.
    PackageRemove "package.remove";
    /// A service started.
    ServiceStart "service.start";
    /// A service stopped.
    ServiceStop "service.stop";
    /// A service failed.
    ServiceFail "service.fail";
    /// A kernel module was loaded or unloaded.
    ModuleLoad "module.load";
    /// The kernel complained (a crash, a taint, an oops, no memory).
    KernelComplaint "kernel.complaint";
    /// Auditing was configured, started or stopped.
    AuditConfig "audit.config";
    /// An audit record of another kind.
    AuditRecord "audit.record";
    /// A log was emptied, rotated away or begun anew.
    LogCleared "log.cleared";
    /// A record of a log is damaged or was wiped: `reason` tells how.
    LogDamaged "log.damaged";
    /// A log daemon dropped or suppressed messages.
    LogLost "log.lost";
    /// The clock was set.
    ClockChange "clock.change";
    /// The machine started.
    Boot "boot";
    /// The machine stopped.
    Shutdown "shutdown";
    /// A job of cron, at or anacron ran.
    CronRun "cron.run";
    /// A crontab was changed.
    CronChange "cron.change";
    /// A configuration was changed or loaded again.
    ConfigChange "config.change";
    /// A container was made, started or stopped.
    ContainerChange "container.change";
    /// An intrusion detection system raised its voice.
    IdsWitness "ids.witness";
    /// A line that nobody understood; shown only where somebody asks for such lines, and never
    /// counted as an event.
    LogStrange "log.not_understood";
    /// A line that was understood only as far as its source, time and text.
    LogMessage "log.message";
}

/// Which clock a time was written by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// The time names its zone, or counts from 1970 UTC.
    Utc,
    /// Local time of the machine; its zone was used to make it UTC.
    Local,
    /// Nothing says which.
    #[default]
    Unknown,
}

impl Clock {
    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Local => "local",
            Self::Unknown => "unknown",
        }
    }
}

/// Who vouches for what an event says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// The kernel wrote it, or vouches for who did (audit, accounting, trusted journal fields).
    Kernel,
    /// A program wrote it into its own file or database.
    Program,
    /// Somebody said so through a socket that everybody may write to (syslog): name and pid are
    /// claims.
    #[default]
    Claim,
    /// An ordinary user could have written it (a shell history).
    User,
}

impl Trust {
    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Program => "program",
            Self::Claim => "claim",
            Self::User => "user",
        }
    }
}

/// Where an event stands in its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'l> {
    /// The file, as a path on the machine that is looked at (lossless text).
    pub file: &'l str,
    /// The line, or the number of the record, from 1.
    pub line: u64,
    /// The offset of its first byte (after decompression).
    pub offset: u64,
}

/// A value of one of an event's further fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<'l> {
    /// Text.
    Text(Text<'l>),
    /// A whole number.
    Number(i64),
    /// Several texts, in order.
    List(Vec<Text<'l>>),
}

impl Field<'_> {
    /// Returns the text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::List(_) => None,
        }
    }

    /// Returns the number, if it is one.
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) | Self::List(_) => None,
        }
    }
}

impl<'l> From<&'l str> for Field<'l> {
    fn from(text: &'l str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}
impl From<String> for Field<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}
impl<'l> From<Text<'l>> for Field<'l> {
    fn from(text: Text<'l>) -> Self {
        Self::Text(text)
    }
}
impl From<i64> for Field<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// One thing that happened.
///
/// What most events have are fields of their own; the rest stands in [`Event::more`] under these
/// names: `destination_ip`, `destination_port`, `fingerprint`, `key_type`, `url`, `status`,
/// `bytes`, `referrer`, `user_agent`, `virtual_host`, `group`, `home`, `shell`, `gid`, `package`,
/// `version`, `old_version`, `architecture`, `signature`, `severity`, `serial`, `syscall`, `auid`,
/// `euid`, `result` (`success` or `failure`), `exit`, `key`, `cwd`, `reason`, `count` (how often),
/// `parent_command`, `parent_path`, `service`, `container`, `seqnum`, `danger` (by which way a
/// statement or setting leads out of a data store: `program`, `library`, `file-write`, `file-read`,
/// `replication`, `account`, `erase`, `api-on-network`, `host-root`, `privileged`), `database`,
/// `query` and `query_type` (a name that was asked for), `server_name`, `protocol`, `bytes_in`,
/// `action`, `category`, `signature_id`, `attempts`, `packets`, `duration` (in seconds), `started`
/// (of what is logged at its end, in microseconds since 1970 UTC), `direction` (`in`, `out`; of a
/// name: `in` for its answer), `mail_from`, `mail_to`, `queue_id`, `torn` (1 if the line ends
/// within a field); a source's own names (audit's `a0`, the journal's `_TRANSPORT`) are kept as
/// they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'l> {
    /// What kind of thing.
    pub kind: EventKind,
    /// When, in microseconds since 1970 UTC.
    pub time: Option<i64>,
    /// The latest time it can have been, where [`Event::time`] is only the earliest.
    pub until: Option<i64>,
    /// The clock of the time.
    pub clock: Clock,
    /// Who vouches for it.
    pub trust: Trust,
    /// The host that it happened on, as the source names it.
    pub host: Text<'l>,
    /// The program that tells it (`sshd`, `sudo`, `nginx`, …), without path and pid.
    pub program: Text<'l>,
    /// The process that it is about.
    pub pid: Option<i64>,
    /// That process's parent.
    pub ppid: Option<i64>,
    /// The account that acted or tried to.
    pub user: Text<'l>,
    /// Its number.
    pub uid: Option<i64>,
    /// The account that was acted on or turned into.
    pub target: Text<'l>,
    /// Where it came from: an address; a host name if the source resolved it.
    pub source_ip: Text<'l>,
    /// The port there.
    pub source_port: Option<u16>,
    /// How: `password`, `publickey`, …; `GET`, `POST`, … for a web request.
    pub method: Text<'l>,
    /// The command line.
    pub command: Text<'l>,
    /// The file that it is about; for a process, its program.
    pub path: Text<'l>,
    /// The terminal.
    pub tty: Text<'l>,
    /// The session's name or number.
    pub session: Text<'l>,
    /// The systemd unit.
    pub unit: Text<'l>,
    /// The source's own words, after its header.
    pub message: Text<'l>,
    /// Everything else.
    pub more: Vec<(Text<'l>, Field<'l>)>,
    /// Where it stands.
    pub place: Place<'l>,
}

impl<'l> Event<'l> {
    /// Returns an event of a kind that says nothing else yet.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            time: None,
            until: None,
            clock: Clock::default(),
            trust: Trust::default(),
            host: Text::default(),
            program: Text::default(),
            pid: None,
            ppid: None,
            user: Text::default(),
            uid: None,
            target: Text::default(),
            source_ip: Text::default(),
            source_port: None,
            method: Text::default(),
            command: Text::default(),
            path: Text::default(),
            tty: Text::default(),
            session: Text::default(),
            unit: Text::default(),
            message: Text::default(),
            more: Vec::new(),
            place: Place::default(),
        }
    }

    /// Adds a further field.
    pub fn with(&mut self, name: impl Into<Text<'l>>, value: impl Into<Field<'l>>) -> &mut Self {
        self.more.push((name.into(), value.into()));
        self
    }

    /// Returns a further field, the first of that name.
    pub fn field(&self, name: &str) -> Option<&Field<'l>> {
        self.more.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Returns a further field's text, empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.field(name).and_then(Field::as_text).unwrap_or_default()
    }

    /// Returns a further field's number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name).and_then(Field::as_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_kind() {
        for &kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(EventKind::from_name("auth"), None);
    }

    #[test]
    fn further_fields_are_found_by_name() {
        let mut event = Event::new(EventKind::WebRequest);
        event.with("status", 200).with("url", "/a");
        assert_eq!((event.number("status"), event.text("url")), (Some(200), "/a"));
        assert_eq!((event.number("url"), event.text("status")), (None, ""));
    }
}
