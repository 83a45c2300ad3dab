//! PAM modules, which speak through whatever program loaded them.
//!
//! Source: Linux-PAM `modules/pam_unix/support.c` (`authentication failure; logname= uid=0 …`) and
//! `pam_unix_sess.c` (`session opened for user root(uid=0) by (uid=0)`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;

/// Parses `pam_unix(sshd:auth): …` and its relatives.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (head, text) = message.text.split_once(": ")?;
    let service = head.split_once('(').and_then(|(_, inside)| inside.split_once(':'));
    let mut event = if let Some((_, fields)) = text.split_once("authentication failure; ") {
        failure(message, fields)
    } else if let Some(rest) = text.strip_prefix("session opened for user ") {
        session(message, EventKind::SessionOpen, rest)
    } else if let Some(rest) = text.strip_prefix("session closed for user ") {
        session(message, EventKind::SessionClose, rest)
    } else {
        return None;
    };
    if let Some((service, _)) = service {
        event.with("service", service);
    }
    Some(event)
}

/// `logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root`.
fn failure<'l>(message: &Message<'l>, fields: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::AuthFailure);
    for field in fields.split(' ') {
        let Some((name, value)) = field.split_once('=') else { continue };
        match name {
            "rhost" => event.source_ip = Cow::Borrowed(value),
            "user" => event.user = Cow::Borrowed(value),
            "tty" => event.tty = Cow::Borrowed(value),
            "uid" => event.uid = value.parse().ok(),
            "ruser" if !value.is_empty() => {
                event.with("remote_user", value);
            }
            _ => {}
        }
    }
    event
}

/// `root(uid=0) by ann(uid=1000)`, `root by (uid=0)`, `root`.
fn session<'l>(message: &Message<'l>, kind: EventKind, rest: &'l str) -> Event<'l> {
    let mut event = message.event(kind);
    let (who, by) = rest.split_once(" by ").unwrap_or((rest, ""));
    let (user, uid) = account(who);
    event.user = Cow::Borrowed(user);
    event.uid = uid;
    let (opener, opener_uid) = account(by);
    if !opener.is_empty() {
        event.with("by", opener);
    }
    if let Some(uid) = opener_uid {
        event.with("by_uid", uid);
    }
    event
}

fn account(text: &str) -> (&str, Option<i64>) {
    match text.split_once("(uid=") {
        Some((name, uid)) => (name.trim(), uid.trim_end_matches(')').parse().ok()),
        None => (text.trim(), None),
    }
}
