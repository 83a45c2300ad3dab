//! Which of our events goes to which of Sigma's log sources.
//!
//! A rule names a category (`process_creation`), a service (`sshd`), a product (`linux`), or
//! several of them; all that it names must fit. The rules of one log source share one engine, so
//! that an event meets only the rules that it can fire.

use rsigma_parser::LogSource;
use stanch_words::{Event, EventKind};

macro_rules! categories {
    ($($(#[$doc:meta])* $category:ident $($name:literal)|+ => $($kind:ident)|+;)+) => {
        /// A category of Sigma that some event of ours can be.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Category { $($(#[$doc])* $category),+ }

        impl Category {
            /// All of them.
            const NAMES: &'static [(&'static str, Self)] = &[$($(($name, Self::$category)),+),+];

            /// Returns whether events of a kind belong to it.
            fn takes(self, kind: EventKind) -> bool {
                match self { $(Self::$category => matches!(kind, $(EventKind::$kind)|+)),+ }
            }
        }
    };
}

// list: category, its names in rules, the kinds of events that it takes
categories! {
    /// A program started, or was seen, or is told to have been run with rights or on a schedule.
    ProcessCreation "process_creation" =>
        ProcessStart | ProcessSeen | PrivilegeUse | PrivilegeFailure | CronRun;
    /// A program ended.
    ProcessTermination "process_termination" => ProcessEnd;
    /// A file was made or written.
    FileEvent "file_event" => FileWrite;
    /// A file was changed.
    FileChange "file_change" => FileWrite | FileAccess;
    /// A file was read.
    FileAccess "file_access" => FileAccess | FileWrite;
    /// A file was removed.
    FileDelete "file_delete" => FileDelete;
    /// A file got another name.
    FileRename "file_rename" => FileDelete | FileWrite;
    /// A connection, in either direction. That a name was asked for is how most logs tell of a
    /// connection to a name.
    NetworkConnection "network_connection" => NetworkConnect | NetworkListen | NetworkResolve;
    /// A packet filter.
    Firewall "firewall" => NetworkFilter;
    /// A name was asked for.
    DnsQuery "dns_query" | "dns" => NetworkResolve;
    /// A web server or a proxy.
    Webserver "webserver" | "proxy" => WebRequest | WebAbuse | WebError;
    /// Somebody came in or did not.
    Authentication "authentication" =>
        AuthFailure | AuthInvalidUser | AuthSuccess | AuthAborted | SessionOpen | SessionClose;
    /// A scanner's find.
    Antivirus "antivirus" => IdsWitness | LogMessage;
    /// A data store's log.
    Database "database" => DataQuery | ServiceAbuse | AuthFailure | AuthSuccess | LogMessage;
    /// A program's own log.
    Application "application" => LogMessage | WebError | ServiceAbuse;
}

/// The programs that a service or product of Sigma is written by, where its name is not the
/// program's own.
// list: service, programs
static PROGRAMS: &[(&str, &[&str])] = &[
    ("sshd", &["sshd", "sshd-session", "sshd-auth", "ssh"]),
    ("cron", &["cron", "crond", "anacron", "crontab", "fcron", "cronie", "atd"]),
    ("clamav", &["clamd", "clamav", "clamscan", "clamdscan", "clamonacc", "freshclam"]),
    ("vsftpd", &["vsftpd"]),
    ("guacamole", &["guacd", "guacamole", "tomcat", "tomcat8", "tomcat9", "tomcat10", "java"]),
    ("modsecurity", &["modsecurity", "modsec", "apache", "apache2", "httpd", "nginx"]),
    ("apache", &["apache", "apache2", "httpd"]),
    ("nginx", &["nginx"]),
    ("mysql", &["mysqld", "mysql", "mariadbd", "mariadb"]),
    ("postgresql", &["postgres", "postgresql"]),
    ("kernel", &["kernel"]),
    ("systemd", &["systemd", "systemd-logind", "init"]),
    ("sudo", &["sudo", "sudoedit"]),
    ("su", &["su"]),
    ("firewalld", &["firewalld"]),
    ("named", &["named", "bind", "bind9"]),
    ("dovecot", &["dovecot", "imap-login", "pop3-login"]),
    ("postfix", &["postfix", "smtpd", "smtp", "cleanup", "qmgr", "pickup", "bounce"]),
    ("suricata", &["suricata"]),
    ("snort", &["snort"]),
    ("zeek", &["zeek", "bro"]),
    ("auditd", &["auditd", "audit", "audispd"]),
    ("docker", &["dockerd", "docker", "containerd"]),
    ("php", &["php", "php-fpm"]),
    ("squid", &["squid"]),
    ("django", &["django"]),
    ("spring", &["spring"]),
    ("redis", &["redis", "redis-server"]),
];

/// Which events a service takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Service {
    /// Records of the kernel's audit.
    Audit,
    /// What came through syslog or the journal, whoever wrote it.
    Syslog,
    /// What is told of accounts, sessions and rights.
    Auth,
    /// What one of these programs wrote.
    Programs(Vec<String>),
}

/// A log source that some of our events belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) category: Option<Category>,
    service: Option<Service>,
}

/// Why no event of ours belongs to a log source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nowhere {
    /// It is of another system (`windows`).
    Product(String),
    /// Nothing that we read is of this category.
    Category(String),
}

impl Source {
    /// Returns what a rule's log source takes.
    pub(super) fn of(logsource: &LogSource) -> Result<Self, Nowhere> {
        let lower = |name: &Option<String>| name.as_deref().map(str::to_ascii_lowercase);
        let (product, service) = (lower(&logsource.product), lower(&logsource.service));
        let category = match lower(&logsource.category) {
            None => None,
            Some(name) => match Category::NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, category)) => Some(*category),
                None => return Err(Nowhere::Category(name)),
            },
        };
        let of_product = match product.as_deref() {
            None | Some("linux" | "unix") => None,
            Some(product) => {
                let known = PROGRAMS.iter().any(|(name, _)| *name == product);
                if !known {
                    return Err(Nowhere::Product(product.to_owned()));
                }
                // Of a web server, the service is a log of its own (`access`), told by the kind.
                Some(programs(product))
            }
        };
        let service = match (service.as_deref(), of_product) {
            (_, Some(programs)) => Some(programs),
            (None, None) => None,
            (Some("auditd"), None) => Some(Service::Audit),
            (Some("syslog" | "messages" | "journald" | "systemd-journald"), None) => {
                Some(Service::Syslog)
            }
            (Some("auth" | "authpriv" | "secure" | "pam"), None) => Some(Service::Auth),
            (Some(name), None) => Some(programs(name)),
        };
        // A web server's log is told by what it holds; which server wrote it, not every log says.
        let service = service.filter(|_| category != Some(Category::Webserver));
        Ok(Self { category, service })
    }

    /// Returns whether it is the kernel's audit, whose fields have names of their own.
    pub(super) fn is_audit(&self) -> bool {
        self.service == Some(Service::Audit)
    }

    /// Returns whether an event belongs to it.
    pub(super) fn takes(&self, event: &Event<'_>, is_audit: bool) -> bool {
        if let Some(category) = self.category
            && !category.takes(event.kind)
        {
            return false;
        }
        match &self.service {
            None => true,
            Some(Service::Audit) => is_audit,
            Some(Service::Syslog) => !is_audit && !is_file_of_its_own(event.kind),
            Some(Service::Auth) => !is_audit && tells_of_accounts(event),
            Some(Service::Programs(programs)) => programs.iter().any(|program| {
                event.program.eq_ignore_ascii_case(program) || is_its_unit(&event.unit, program)
            }),
        }
    }
}

fn is_its_unit(unit: &str, program: &str) -> bool {
    unit.strip_suffix(".service").is_some_and(|name| name.eq_ignore_ascii_case(program))
}

fn programs(name: &str) -> Service {
    let known = PROGRAMS.iter().find(|(known, _)| *known == name);
    Service::Programs(match known {
        Some((_, programs)) => programs.iter().map(|&program| program.to_owned()).collect(),
        None => vec![name.to_owned(), format!("{name}d")],
    })
}

/// Returns whether an event is made of records of the kernel's audit.
pub(super) fn is_audit(event: &Event<'_>) -> bool {
    matches!(event.kind, EventKind::AuditRecord | EventKind::AuditConfig)
        || (event.more.len() > 1
            && event.field("type").is_some()
            && event.field("serial").is_some())
}

fn is_file_of_its_own(kind: EventKind) -> bool {
    matches!(kind, EventKind::WebRequest | EventKind::FileTransfer | EventKind::IdsWitness)
}

fn tells_of_accounts(event: &Event<'_>) -> bool {
    matches!(
        event.kind,
        EventKind::AuthFailure
            | EventKind::AuthInvalidUser
            | EventKind::AuthSuccess
            | EventKind::AuthAborted
            | EventKind::SessionOpen
            | EventKind::SessionClose
            | EventKind::AccountAdd
            | EventKind::AccountChange
            | EventKind::AccountRemove
            | EventKind::GroupChange
            | EventKind::PrivilegeUse
            | EventKind::PrivilegeFailure
    ) || ["sshd", "sshd-session", "sudo", "su", "login", "systemd-logind", "polkitd", "passwd"]
        .contains(&&*event.program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(category: &str, product: &str, service: &str) -> Result<Source, Nowhere> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Source::of(&LogSource {
            category: some(category),
            product: some(product),
            service: some(service),
            ..LogSource::default()
        })
    }

    #[test]
    fn rules_of_other_systems_are_nobodys() {
        assert_eq!(
            source("process_creation", "windows", ""),
            Err(Nowhere::Product("windows".into()))
        );
        assert_eq!(source("ps_script", "", ""), Err(Nowhere::Category("ps_script".into())));
    }

    #[test]
    fn a_service_takes_what_its_programs_say() {
        let mut event = Event::new(EventKind::AuthFailure);
        event.program = "sshd-session".into();
        let takes = |service: &str| source("", "linux", service).unwrap().takes(&event, false);
        assert!(takes("sshd") && takes("auth") && takes("syslog") && takes(""));
        assert!(!takes("cron") && !takes("auditd") && !takes("vsftpd"));
    }

    #[test]
    fn a_command_run_with_sudo_is_a_process() {
        let event = Event::new(EventKind::PrivilegeUse);
        assert!(source("process_creation", "linux", "").unwrap().takes(&event, false));
        assert!(!source("file_event", "linux", "").unwrap().takes(&event, false));
    }
}
