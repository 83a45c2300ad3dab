//! Redis, KeyDB and Valkey: what the server says. Its own file and syslog share the text.
//!
//! Source: Redis `src/networking.c` (`Possible SECURITY ATTACK detected`), `src/replication.c`
//! (`REPLICAOF … enabled (user request from '…')`), `src/module.c` (`Module '…' loaded from …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what the server says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if text.contains("Possible SECURITY ATTACK detected") {
        return Some(abuse(message, text));
    }
    let danger = if text.contains("REPLICAOF ") || text.contains("SLAVE OF ") {
        if text.contains("NO ONE") { "" } else { "replication" }
    } else if text.starts_with("Module '") && text.contains(" loaded from ") {
        "library"
    } else if text.starts_with("CONFIG REWRITE executed") {
        "file-write"
    } else if text.starts_with("Accepted ") {
        let mut event = message.event(EventKind::NetworkListen);
        peer(&mut event, text.strip_prefix("Accepted ").unwrap_or_default());
        return Some(event);
    } else if text.starts_with("Ready to accept connections")
        || text.contains("now ready to accept")
    {
        return Some(message.event(EventKind::ServiceStart));
    } else if text.contains("now ready to exit") {
        return Some(message.event(EventKind::ServiceStop));
    } else {
        return None;
    };
    let mut event = message.event(EventKind::DataQuery);
    event.command = Cow::Borrowed(text);
    if let Some(address) = cut::value(text, "addr", &[' ', '\'']) {
        peer(&mut event, address);
    }
    if let Some((_, path)) = text.split_once(" loaded from ") {
        event.path = Cow::Borrowed(path);
    }
    if !danger.is_empty() {
        event.with("danger", danger);
    }
    Some(event)
}

fn abuse<'l>(message: &Message<'l>, text: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::ServiceAbuse);
    if let Some((_, rest)) = text.split_once("onnection from ") {
        peer(&mut event, cut::until(rest, " aborted").trim_end_matches('.'));
    }
    event.with("service", "redis").with("reason", "a web request or a cross-protocol attack");
    event
}

fn peer<'l>(event: &mut Event<'l>, text: &'l str) {
    let (address, port) = cut::address_port(text);
    (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
}
