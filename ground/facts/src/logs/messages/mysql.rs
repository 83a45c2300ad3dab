//! MySQL and MariaDB: what the server says of clients. Its own file and syslog share the text.
//!
//! Source: MySQL `share/messages_to_clients.txt` (ER_ACCESS_DENIED_ERROR, ER_HOST_IS_BLOCKED,
//! ER_HOST_NOT_PRIVILEGED), `sql/mysqld.cc`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::{cut, statement};
use super::Message;

/// Parses what the server says, with or without its own time and level before.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some((_, rest)) = text.split_once("Access denied for user '") {
        return denied(message, rest);
    }
    if let Some((_, rest)) = text.split_once("Host '") {
        let (host, what) = rest.split_once('\'')?;
        if what.contains(" is not allowed to connect") || what.contains(" is blocked because of") {
            let mut event = message.event(EventKind::ServiceAbuse);
            event.source_ip = Cow::Borrowed(cut::address(host));
            event.with("reason", what.trim()).with("service", "mysql");
            return Some(event);
        }
        return None;
    }
    let kind = if text.contains("ready for connections") {
        EventKind::ServiceStart
    } else if text.ends_with("Shutdown complete") || text.contains(": Shutdown complete ") {
        EventKind::ServiceStop
    } else {
        return None;
    };
    let mut event = message.event(kind);
    event.with("service", "mysql");
    Some(event)
}

/// `root'@'192.0.2.7' (using password: YES)`, and nothing behind it: what imitates the line
/// within another one has something there.
fn denied<'l>(message: &Message<'l>, rest: &'l str) -> Option<Event<'l>> {
    let (user, rest) = rest.rsplit_once("'@'")?;
    let (host, tail) = rest.split_once('\'')?;
    let known = ["", "(using password: YES)", "(using password: NO)"];
    if !known.contains(&tail.trim()) && !tail.starts_with(" to database '") {
        return None;
    }
    let mut event = message.event(EventKind::AuthFailure);
    event.user = Cow::Borrowed(user);
    event.source_ip = Cow::Borrowed(cut::address(host));
    event.with("service", "mysql");
    Some(event)
}

/// Returns a statement's event.
pub(in super::super) fn query<'l>(message: &Message<'l>, text: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::DataQuery);
    event.command = Cow::Borrowed(text.trim());
    statement::judge(&mut event, text);
    event
}
