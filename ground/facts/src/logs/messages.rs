//! What programs say through syslog or the journal, one file a family of programs.
//!
//! A parser is asked by the program's name. The name is a claim, so a parser must stand any text;
//! what it does not know stays a `log.message`, and nothing is lost.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Place, Trust};

use super::{Each, syslog};

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
}

pub mod pam;

/// Shows the events of a message: at least one, `log.message` if nothing more is known.
pub fn show(message: &Message<'_>, each: &mut Each<'_>) {
    let mut message = *message;
    if let Some((text, count)) = syslog::unfold(message.text) {
        (message.text, message.count) = (text, count);
    }
    match understand(&message) {
        Some(event) => each(&event),
        None => each(&syslog::plain(&message)),
    }
}

fn understand<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    // PAM speaks through whatever program loaded it.
    if is_pam(message)
        && let Some(event) = pam::parse(message)
    {
        return Some(event);
    }
    parser(message.program).and_then(|parse| parse(message))
}

fn is_pam(message: &Message<'_>) -> bool {
    message.text.starts_with("pam_")
        || message.text.starts_with("PAM ")
        || message.tag.contains("(pam_")
}
