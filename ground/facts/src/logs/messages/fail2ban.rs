//! fail2ban, through its own file or syslog.
//!
//! Source: fail2ban `fail2ban/server/actions.py`, `filter.py`, `server.py`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what fail2ban says: `NOTICE  [sshd] Ban 192.0.2.7`.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if text.contains("Exiting Fail2ban") || text.contains("Shutdown in progress") {
        let mut event = message.event(EventKind::ServiceStop);
        event.with("service", "fail2ban");
        return Some(event);
    }
    let (_, rest) = text.split_once('[')?;
    let (jail, said) = rest.split_once("] ")?;
    let said =
        said.strip_prefix("Restore ").or_else(|| said.strip_prefix("Increase ")).unwrap_or(said);
    let (verb, rest) = cut::word(said);
    let (kind, action) = match verb {
        "Ban" => (EventKind::IdsWitness, "ban"),
        "Unban" => (EventKind::LogMessage, "unban"),
        "Found" => (EventKind::LogMessage, "found"),
        _ => return None,
    };
    let address = cut::address(cut::word(rest).0);
    if !cut::is_address(address) {
        return None;
    }
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(address);
    event.with("service", jail).with("action", action);
    Some(event)
}
