//! PostgreSQL: what the server says, after its prefix. Its own files and syslog share the text.
//!
//! Source: PostgreSQL `src/backend/libpq/auth.c` (`auth_failed`), `hba.c`, `src/backend/tcop/
//! postgres.c` (`statement:`, `execute …:`, `duration: … ms  statement:`), `postmaster.c`
//! (`connection received: host=… port=…`), `src/backend/utils/init/postinit.c` (`connection
//! authorized: user=…`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::{cut, statement};
use super::Message;

/// Levels and kinds of lines.
const LEVELS: &[&str] = &[
    "LOG",
    "ERROR",
    "FATAL",
    "PANIC",
    "WARNING",
    "NOTICE",
    "INFO",
    "DEBUG",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
    "DETAIL",
    "HINT",
    "STATEMENT",
    "CONTEXT",
    "QUERY",
    "LOCATION",
];

/// Returns what stands before the level, the level, and the text: `LOG:  text`.
pub(in super::super) fn split(text: &str) -> Option<(&str, &str, &str)> {
    // The prefix is short; a statement may hold anything.
    let mut from = 0;
    loop {
        let at = text.get(from..)?.find(":  ")?.checked_add(from)?;
        let (before, after) = (text.get(..at)?, text.get(at.checked_add(3)?..)?);
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let level = before.get(start..)?;
        if LEVELS.contains(&level) {
            return Some((before.get(..start)?, level, after));
        }
        if at > 400 {
            return None;
        }
        from = at.checked_add(3)?;
    }
}

/// Parses what PostgreSQL sends to syslog: `[7-1] ann@db FATAL:  …`.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (prefix, level, text) = split(message.text)?;
    let mut event = said(message, level, text);
    prefixed(&mut event, prefix);
    (event.kind != EventKind::LogMessage).then_some(event)
}

/// Takes user, database and client of a prefix: `[7] ann@shop `, `user=ann,db=shop,client=…`.
pub(in super::super) fn prefixed<'l>(event: &mut Event<'l>, prefix: &'l str) {
    let ends = [',', ' ', ';', ':', ')'];
    for word in prefix.split([' ', ',', ';', '[', ']', '(', ')']) {
        let word = word.trim_end_matches(':');
        match word.split_once('=') {
            Some(("user" | "u", value)) if event.user.is_empty() => {
                event.user = Cow::Borrowed(value);
            }
            Some(("db" | "d" | "database", value)) if !value.is_empty() => {
                event.with("database", value);
            }
            Some(("client" | "host" | "h" | "r" | "remote", value))
                if event.source_ip.is_empty() =>
            {
                event.source_ip = Cow::Borrowed(cut::address_port(value).0);
            }
            Some(_) => {}
            None if cut::is_address(word) && event.source_ip.is_empty() => {
                event.source_ip = Cow::Borrowed(word);
            }
            None => {
                if let Some((user, database)) =
                    word.split_once('@').filter(|parts| !parts.0.is_empty())
                {
                    if event.user.is_empty() {
                        event.user = Cow::Borrowed(user);
                    }
                    event.with("database", database.trim_end_matches(ends));
                }
            }
        }
    }
    if event.user == "[unknown]" {
        event.user = Cow::Borrowed("");
    }
}

/// Returns the event of a text and its level: `log.message` if nothing more is known.
pub(in super::super) fn said<'l>(
    message: &Message<'l>,
    level: &'l str,
    text: &'l str,
) -> Event<'l> {
    let mut event = message.event(EventKind::LogMessage);
    event.message = Cow::Borrowed(text);
    match level {
        "FATAL" => refused(&mut event, text),
        "LOG" => logged(&mut event, text),
        "STATEMENT" => {
            query(&mut event, text);
            event.with("result", "failure");
        }
        _ => {}
    }
    if event.kind == EventKind::LogMessage {
        event.with("severity", level);
    } else {
        event.with("service", "postgresql");
    }
    event
}

/// `password authentication failed for user "ann"`, `no pg_hba.conf entry for host "…", user …`.
fn refused<'l>(event: &mut Event<'l>, text: &'l str) {
    if let Some((method, rest)) = text.split_once(" authentication failed for user \"") {
        event.kind = EventKind::AuthFailure;
        event.method = Cow::Borrowed(method);
        event.user = Cow::Borrowed(rest.rsplit_once('"').map_or(rest, |(user, _)| user));
    } else if let Some((_, rest)) = text.split_once("pg_hba.conf ")
        && (rest.starts_with("entry for ") || rest.starts_with("rejects connection for "))
    {
        event.kind = EventKind::AuthFailure;
        event.source_ip = Cow::Borrowed(cut::between(rest, "host \"", "\"").unwrap_or_default());
        event.user = Cow::Borrowed(cut::between(rest, "user \"", "\"").unwrap_or_default());
        event.with("reason", "pg_hba.conf");
    } else if let Some(rest) = text.strip_prefix("role \"")
        && let Some((user, _)) = rest.split_once("\" does not exist")
    {
        event.kind = EventKind::AuthInvalidUser;
        event.user = Cow::Borrowed(user);
    }
}

fn logged<'l>(event: &mut Event<'l>, text: &'l str) {
    if let Some(rest) = text.strip_prefix("connection received: host=") {
        event.kind = EventKind::NetworkListen;
        let (host, rest) = cut::word(rest);
        event.source_ip = Cow::Borrowed(cut::address(host));
        event.source_port = cut::value(rest, "port", &[' ']).and_then(|port| port.parse().ok());
    } else if let Some(rest) = text.strip_prefix("connection authorized: ") {
        event.kind = EventKind::AuthSuccess;
        event.user = Cow::Borrowed(cut::value(rest, "user", &[' ']).unwrap_or_default());
        let database = cut::value(rest, "database", &[' ']).unwrap_or_default();
        event.with("database", database);
    } else if let Some(rest) = text.strip_prefix("disconnection: ") {
        event.kind = EventKind::SessionClose;
        event.user = Cow::Borrowed(cut::value(rest, "user", &[' ']).unwrap_or_default());
        let host = cut::value(rest, "host", &[' ']).unwrap_or_default();
        event.source_ip = Cow::Borrowed(cut::address(host));
    } else if let Some(sql) = statement_of(text) {
        query(event, sql);
    } else if text.starts_with("database system is ready to accept connections") {
        event.kind = EventKind::ServiceStart;
    } else if text.starts_with("database system is shut down") {
        event.kind = EventKind::ServiceStop;
    }
}

/// `statement: …`, `execute <unnamed>: …`, `duration: 1.2 ms  statement: …`.
fn statement_of(text: &str) -> Option<&str> {
    let text = match text.strip_prefix("duration: ") {
        Some(rest) => rest.split_once(" ms  ")?.1,
        None => text,
    };
    if let Some(sql) = text.strip_prefix("statement: ") {
        return Some(sql);
    }
    let rest = text.strip_prefix("execute ").or_else(|| text.strip_prefix("parse "))?;
    rest.split_once(": ").map(|(_, sql)| sql)
}

fn query<'l>(event: &mut Event<'l>, sql: &'l str) {
    event.kind = EventKind::DataQuery;
    event.command = Cow::Borrowed(sql.trim());
    statement::judge(event, sql);
}
