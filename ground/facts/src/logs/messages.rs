//! What programs say through syslog or the journal, one file a family of programs.
//!
//! A parser is asked by the program's name. The name is a claim, so a parser must stand any text;
//! what it does not know stays a `log.message`, and nothing is lost.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Gap, Place, Text, Trust};

use super::{Each, Understood, audit, syslog};

/// A message and what its envelope says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'l> {
    /// When, in microseconds since 1970 UTC.
    pub time: Option<i64>,
    /// By which clock.
    pub clock: Clock,
    /// The host's name.
    pub host: &'l str,
    /// The program as it names itself, with a path or a part (`postfix/smtpd`).
    pub tag: &'l str,
    /// Its last part (`smtpd`).
    pub program: &'l str,
    /// The process that wrote it.
    pub pid: Option<i64>,
    /// The text.
    pub text: &'l str,
    /// How often it was said, where equal lines were folded; 0 for once.
    pub count: i64,
    /// Who vouches for program and pid.
    pub trust: Trust,
    /// Where it stands.
    pub place: Place<'l>,
}

impl<'l> Message<'l> {
    /// Returns an event of a kind with what the envelope says.
    pub fn event(&self, kind: EventKind) -> Event<'l> {
        let mut event = Event::new(kind);
        event.time = self.time;
        event.clock = self.clock;
        event.trust = self.trust;
        event.host = Cow::Borrowed(self.host);
        event.program = Cow::Borrowed(self.program);
        event.pid = self.pid;
        event.message = Cow::Borrowed(self.text);
        event.place = self.place;
        if self.count > 1 {
            event.with("count", self.count);
        }
        event
    }

    /// Returns the event that a parser made of it, else a plain message.
    pub fn told(&self, known: Option<Event<'l>>) -> Event<'l> {
        known.unwrap_or_else(|| self.event(EventKind::LogMessage))
    }
}

/// Parses a message, and returns its event if it knows the message.
pub type Parse = for<'l> fn(&Message<'l>) -> Option<Event<'l>>;

/// Declares the modules and the list in one place: module, then the programs it knows.
macro_rules! messages {
    ($($module:ident: $($program:literal)|+;)+) => {
        $(pub mod $module;)+
        /// Returns the parser for a program.
        fn parser(program: &str) -> Option<Parse> {
            match program {
                $($($program)|+ => Some($module::parse),)+
                _ => None,
            }
        }
    };
}

// One line a family of programs.
messages! {
    sshd: "sshd" | "sshd-session" | "sshd-auth";
    sudo: "sudo";
    accounts: "useradd" | "usermod" | "userdel" | "groupadd" | "groupmod" | "groupdel" | "gpasswd" | "groupmems" | "passwd" | "chpasswd" | "chage" | "chsh" | "chfn" | "newusers" | "adduser" | "addgroup" | "deluser" | "delgroup" | "vipw" | "vigr" | "pwck" | "grpck";
    clock: "ntpd" | "ntpdate" | "chronyd" | "systemd-timesyncd" | "systemd-timedated" | "hwclock";
    cron: "cron" | "CRON" | "crond" | "CROND" | "crontab" | "anacron" | "atd" | "run-parts" | "fcron";
    dropbear: "dropbear";
    kernel: "kernel";
    log_daemons: "rsyslogd" | "rsyslogd-2177" | "syslogd" | "syslog-ng" | "systemd-journald" | "journal" | "auditd" | "klogd" | "rklogd" | "syslog";
    logind: "systemd-logind" | "elogind" | "login" | "getty" | "agetty";
    privilege: "su" | "doas" | "pkexec" | "polkitd";
    systemd: "systemd" | "init" | "(systemd)";
    appliances: "screensharingd" | "vpnserver";
    asterisk: "asterisk";
    dovecot: "dovecot" | "imap-login" | "pop3-login" | "managesieve-login" | "submission-login";
    exim: "exim" | "exim4";
    fail2ban: "fail2ban.actions" | "fail2ban.filter" | "fail2ban.server" | "fail2ban" | "fail2ban-server";
    ftp: "vsftpd" | "proftpd" | "pure-ftpd" | "ftpd" | "wu-ftpd" | "in.ftpd" | "kftpd";
    mailboxes: "imapd" | "imapd-ssl" | "pop3d" | "pop3d-ssl" | "courierpop3login" | "courierimaplogin" | "courieresmtpd" | "esmtpd" | "imap" | "imaps" | "pop3" | "pop3s" | "nntp" | "timsieved" | "ipop3d" | "solid-pop3d" | "perdition";
    mysql: "mysqld" | "mariadbd" | "mysqld_safe";
    named: "named" | "bind9";
    openvpn: "openvpn" | "ovpn-server";
    postfix: "smtpd" | "postscreen" | "qmgr" | "pickup" | "cleanup" | "smtp" | "lmtp" | "local" | "virtual" | "pipe" | "bounce" | "error" | "trivial-rewrite";
    postgres: "postgres" | "postmaster" | "postgresql";
    qmail: "qmail" | "rblsmtpd" | "vpopmail" | "vchkpw-smtp" | "vchkpw-pop3" | "vchkpw-imap";
    redis: "redis" | "redis-server" | "valkey-server" | "keydb-server";
    resolvers: "dnsmasq" | "unbound" | "systemd-resolved";
    sendmail: "sendmail" | "sm-mta" | "sm-msp-queue";
    slapd: "slapd";
    xrdp: "xrdp" | "xrdp-sesman";
    xinetd: "xinetd" | "nrpe" | "tcpd" | "in.telnetd" | "rpcbind";
    web: "nginx" | "httpd" | "apache2" | "apache" | "lighttpd" | "haproxy" | "suhosin" | "php-fpm";
    web_apps: "roundcube" | "phpMyAdmin" | "Froxlor" | "froxlor" | "webmin" | "Bitwarden-Identity";
}

pub mod pam;

/// Those who speak in one source, with what must be kept between their lines.
#[derive(Debug, Default)]
pub struct Speakers {
    ssh: sshd::Connections,
    ldap: slapd::Connections,
    /// Audit records that the kernel or a dispatcher wrote here.
    audit: audit::Window,
}

impl Speakers {
    /// Shows the events of a message. A line that only makes sense with a later one is kept, and
    /// shown with it, or at the end.
    pub fn show(&mut self, message: &Message<'_>, each: &mut Each<'_>) -> Understood {
        let unfolded = unfolded(message);
        let message = unfolded.as_ref().unwrap_or(message);
        if message.program.starts_with("sshd")
            && let Some(understood) = self.ssh.take(message, each)
        {
            return understood;
        }
        if message.program == "slapd" {
            self.ldap.take(message, each);
            return Understood::Yes;
        }
        match audit::of_message(message) {
            Some(record) => self.audit.record(&record, each),
            None => show_one(message, each),
        }
        Understood::Yes
    }

    /// Shows what was kept.
    pub fn end(&mut self, each: &mut Each<'_>) {
        self.ssh.end(each);
        self.audit.end(each);
    }

    /// Returns what was left out.
    pub fn gaps(&mut self) -> Vec<Gap> {
        self.audit.gaps()
    }
}

/// Shows the events of a message by itself: at least one, `log.message` if nothing more is known.
pub fn show(message: &Message<'_>, each: &mut Each<'_>) {
    show_one(unfolded(message).as_ref().unwrap_or(message), each);
}

/// Returns the message that a line says to have been repeated, if it says so.
fn unfolded<'l>(message: &Message<'l>) -> Option<Message<'l>> {
    let (text, count) = syslog::unfold(message.text)?;
    Some(Message { text, count, ..*message })
}

fn show_one(message: &Message<'_>, each: &mut Each<'_>) {
    let Some(event) = understand(message) else {
        each(&syslog::plain(message));
        return;
    };
    each(&event);
    if let Some(process) = process(&event) {
        each(&process);
    }
}

fn understand<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    // PAM speaks through whatever program loaded it.
    if is_pam(message)
        && let Some(event) = pam::parse(message)
    {
        return Some(event);
    }
    let known = parser(message.program).and_then(|parse| parse(message));
    known.or_else(|| by_shape(message).and_then(|parse| parse(message)))
}

/// Returns the parser for programs whose names vary, or that give none.
fn by_shape(message: &Message<'_>) -> Option<Parse> {
    if message.program.starts_with("ovpn-") || message.program.starts_with("openvpn") {
        return Some(openvpn::parse);
    }
    if message.tag.starts_with("postfix") {
        return Some(postfix::parse);
    }
    // `syslogd 1.4.1: restart.`, `exiting on signal 15`: the classic daemon gives itself no tag.
    if message.text.starts_with("syslogd ") || message.text.starts_with("exiting on signal ") {
        return Some(log_daemons::parse);
    }
    if appliances::is(message.text) {
        return Some(appliances::parse);
    }
    Some(web_apps::parse_any)
}

fn is_pam(message: &Message<'_>) -> bool {
    let text = message.text.as_bytes();
    text.starts_with(b"pam_")
        || text.starts_with(b"PAM ")
        || text.starts_with(b"(pam_")
        || (message.tag.ends_with(')') && message.tag.contains("(pam_"))
        || message.tag.starts_with("pam_")
}

/// Returns the start of the program that a line about rights or jobs tells.
fn process<'l>(event: &Event<'l>) -> Option<Event<'l>> {
    let runs = matches!(event.kind, EventKind::PrivilegeUse | EventKind::CronRun);
    if !runs || event.command.is_empty() {
        return None;
    }
    let mut process = event.clone();
    process.kind = EventKind::ProcessStart;
    // The pid is that of sudo or of cron's child, not of the program.
    process.pid = None;
    process.ppid = event.pid;
    if !event.target.is_empty() {
        process.user = event.target.clone();
        process.target = Text::default();
        process.uid = None;
    }
    process.with("parent_command", event.program.clone());
    Some(process)
}

/// Writes a command and its program into an event. What a shell is given need not begin with a
/// program; what begins with an assignment does not.
fn put_command<'l>(event: &mut Event<'l>, command: &'l str) {
    event.command = Cow::Borrowed(command);
    let program = command.split(' ').next().unwrap_or_default();
    if !program.contains(['=', ';', '|', '&', '(', '$', '`', '"', '<', '>']) {
        event.path = Cow::Borrowed(program);
    }
}

/// Returns an address as it is best compared.
fn sshd_address(address: Text<'_>) -> Text<'_> {
    match address {
        Cow::Borrowed(text) => sshd::address(text),
        Cow::Owned(text) => Cow::Owned(sshd::address(&text).into_owned()),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Lines for the tests of the families.

    use stanch_words::Event;

    use crate::logs::{Context, Each, Line, Understood};

    /// Reads lines as syslog, and hands their events on with the number of the line that was read
    /// when they were shown; 0 after the end.
    pub(crate) fn read(lines: &[&str], each: &mut dyn FnMut(usize, &Event<'_>)) -> Vec<Understood> {
        let Some(format) = crate::logs::find("syslog") else { return Vec::new() };
        let crate::logs::Form::Lines(open) = format.form else { return Vec::new() };
        // 2026-11-23 12:00:00 UTC.
        let mut reader = open(&Context::new("auth.log", 1_795_435_200_000_000));
        let mut all = Vec::new();
        for (at, text) in lines.iter().enumerate() {
            let place = stanch_words::Place { file: "auth.log", line: at as u64 + 1, offset: 0 };
            let each: &mut Each<'_> = &mut |event| each(at + 1, event);
            all.push(reader.line(&Line { text, place }, each));
        }
        reader.end(&mut |event| each(0, event));
        all
    }

    /// Returns the one event of a message of a machine.
    pub(crate) fn only(tagged: &str) -> Event<'static> {
        let mut events = all(tagged);
        assert_eq!(events.len(), 1, "{tagged}: {events:?}");
        events.remove(0)
    }

    /// Returns the events of a message of a machine.
    pub(crate) fn all(tagged: &str) -> Vec<Event<'static>> {
        let line: &'static str = Box::leak(format!("Nov  2 08:12:44 web01 {tagged}").into());
        let mut events = Vec::new();
        read(&[line], &mut |_, event| events.push(owned(event)));
        events
    }

    /// Returns a copy that borrows from nothing.
    pub(crate) fn owned(event: &Event<'_>) -> Event<'static> {
        use std::borrow::Cow;

        use stanch_words::Field;
        let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
        let mut copy = Event::new(event.kind);
        (copy.time, copy.until, copy.clock) = (event.time, event.until, event.clock);
        (copy.trust, copy.pid, copy.ppid) = (event.trust, event.pid, event.ppid);
        (copy.uid, copy.source_port) = (event.uid, event.source_port);
        (copy.host, copy.program) = (text(&event.host), text(&event.program));
        (copy.user, copy.target) = (text(&event.user), text(&event.target));
        (copy.source_ip, copy.method) = (text(&event.source_ip), text(&event.method));
        (copy.command, copy.path) = (text(&event.command), text(&event.path));
        (copy.tty, copy.session) = (text(&event.tty), text(&event.session));
        (copy.unit, copy.message) = (text(&event.unit), text(&event.message));
        copy.place = stanch_words::Place { file: "auth.log", ..event.place };
        for (name, field) in &event.more {
            let field = match field {
                Field::Text(value) => Field::Text(text(value)),
                Field::Number(number) => Field::Number(*number),
                Field::List(list) => Field::List(list.iter().map(text).collect()),
            };
            copy.more.push((text(name), field));
        }
        copy
    }
}
