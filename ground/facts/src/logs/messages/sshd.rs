//! OpenSSH's server, versions 3 to 10 (`sshd`, since 9.8 also `sshd-session` and `sshd-auth`).
//!
//! Source: OpenSSH `auth.c` (`auth_log`), `auth2.c`, `monitor.c`, `packet.c`, `sshd.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;

/// Parses what sshd says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some(rest) = text.strip_prefix("Accepted ") {
        return verdict(message, EventKind::AuthSuccess, rest);
    }
    if let Some(rest) = text.strip_prefix("Failed ") {
        return verdict(message, EventKind::AuthFailure, rest);
    }
    if let Some(rest) =
        text.strip_prefix("Invalid user ").or_else(|| text.strip_prefix("Illegal user "))
    {
        let mut event = message.event(EventKind::AuthInvalidUser);
        from(&mut event, rest);
        return Some(event);
    }
    None
}

/// `password for invalid user admin from 1.2.3.4 port 22 ssh2: ED25519 SHA256:…`.
fn verdict<'l>(message: &Message<'l>, kind: EventKind, rest: &'l str) -> Option<Event<'l>> {
    let (method, rest) = rest.split_once(" for ")?;
    let invalid = rest.strip_prefix("invalid user ").or_else(|| rest.strip_prefix("illegal user "));
    let kind = match invalid {
        Some(_) if kind == EventKind::AuthFailure => EventKind::AuthInvalidUser,
        _ => kind,
    };
    let mut event = message.event(kind);
    event.method = Cow::Borrowed(method);
    let after = from(&mut event, invalid.unwrap_or(rest));
    if let Some((_, key)) = after.split_once(": ") {
        let (key_type, fingerprint) = key.split_once(' ').unwrap_or(("", key));
        event.with("key_type", key_type).with("fingerprint", fingerprint);
    }
    Some(event)
}

/// Takes user, address and port from `USER from ADDRESS port PORT …`, and returns what follows.
/// A user name may hold ` from ` itself: the last one counts.
fn from<'l>(event: &mut Event<'l>, text: &'l str) -> &'l str {
    let Some((user, rest)) = text.rsplit_once(" from ") else {
        event.user = Cow::Borrowed(text.trim());
        return "";
    };
    event.user = Cow::Borrowed(user.trim());
    let (address, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    event.source_ip = Cow::Borrowed(address);
    let Some(rest) = rest.strip_prefix("port ") else { return rest };
    let (port, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    event.source_port = port.trim_end_matches(':').parse().ok();
    rest
}
