//! Servers of mailboxes that share the names of their programs (`imapd`, `pop3d`, `imap`, …):
//! Courier, Cyrus, UW and solid-pop3d, and the relay Perdition.
//!
//! Source: Courier `courier/imap/imaplogin.c` and `courier/module.esmtp`; Cyrus `imap/imapd.c`
//! (`badlogin: host [address] mechanism …`, `login: …`); UW `src/imapd/imapd.c` (`Login failed
//! user=… auth=… host=…`); solid-pop3d `src/main.c`; Perdition `perdition.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what a server of mailboxes says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    match message.program {
        "solid-pop3d" => return solid(message, text),
        "perdition" => return perdition(message, text),
        "courieresmtpd" | "esmtpd" => return esmtp(message, text),
        _ => {}
    }
    if let Some(rest) = text.strip_prefix("badlogin: ") {
        return cyrus(message, EventKind::AuthFailure, rest);
    }
    if let Some(rest) = text.strip_prefix("login: ") {
        return cyrus(message, EventKind::AuthSuccess, rest);
    }
    courier(message, text).or_else(|| uw(message, text))
}

/// `LOGIN FAILED, user=ann, ip=[::ffff:192.0.2.7]`.
fn courier<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (what, rest) = text.split_once(", ")?;
    let kind = match what {
        "LOGIN FAILED" => EventKind::AuthFailure,
        "LOGIN" => EventKind::AuthSuccess,
        "LOGOUT" | "DISCONNECTED" | "TIMEOUT" => EventKind::SessionClose,
        "Connection" => EventKind::NetworkListen,
        _ => return None,
    };
    let mut event = message.event(kind);
    // The user's name is the client's to choose; the address comes last.
    let (before, after) = rest.rsplit_once("ip=[")?;
    event.source_ip = Cow::Borrowed(cut::address(cut::until(after, "]")));
    event.source_port = cut::between(after, "port=[", "]").and_then(|port| port.parse().ok());
    let before = before.trim_end_matches([',', ' ']);
    if let Some(user) = before.strip_prefix("user=") {
        event.user = Cow::Borrowed(user);
    } else if let Some(method) = before.strip_prefix("method=") {
        event.method = Cow::Borrowed(method);
    }
    Some(event)
}

/// `error,relay=::ffff:192.0.2.7,from=<…>,to=<…>: 550 User unknown.`
fn esmtp<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = text.strip_prefix("error,relay=")?;
    let kind = match rest.contains("535 ") {
        true => EventKind::AuthFailure,
        false => EventKind::MailAbuse,
    };
    let mut event = message.event(kind);
    let relay = cut::until(cut::until(rest, ","), ": ");
    event.source_ip = Cow::Borrowed(cut::address_port(relay).0);
    event.with("reason", rest.rsplit_once(": ").map_or("", |(_, reason)| reason));
    Some(event)
}

/// `host.example [192.0.2.7] plaintext ann SASL(-13): …`.
fn cyrus<'l>(message: &Message<'l>, kind: EventKind, rest: &'l str) -> Option<Event<'l>> {
    let (address, behind) = cut::bracketed(rest)?;
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(address);
    let (first, rest) = cut::word(behind);
    if kind == EventKind::AuthSuccess {
        let (method, _) = cut::word(rest);
        (event.user, event.method) = (Cow::Borrowed(first), Cow::Borrowed(method));
        return Some(event);
    }
    event.method = Cow::Borrowed(first);
    if let Some((user, _)) = rest.split_once(" SASL(") {
        event.user = Cow::Borrowed(user);
    } else if let Some(user) = cut::between(rest, "user not found: user: ", " ") {
        event.kind = EventKind::AuthInvalidUser;
        event.user = Cow::Borrowed(cut::until(user, "@"));
    }
    Some(event)
}

/// `Login failed user=lizdy auth=lizdy host=host.example [192.0.2.7]`.
fn uw<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let failed = ["Login failed ", "Login excessive login failures ", "Login disabled "];
    let kind = if failed.iter().any(|words| text.starts_with(words))
        || text.starts_with("Failed ") && text.contains(" override of user=")
    {
        EventKind::AuthFailure
    } else if text.starts_with("Login user=") || text.starts_with("Authenticated user=") {
        EventKind::AuthSuccess
    } else if text.starts_with("Logout user=") {
        EventKind::SessionClose
    } else {
        return None;
    };
    let mut event = message.event(kind);
    // The name is the client's: the host is the last one named.
    let (before, host) = text.rsplit_once("host=")?;
    event.source_ip = Cow::Borrowed(cut::bracketed(host)?.0);
    event.user = Cow::Borrowed(cut::value(before, "user", &[' ']).unwrap_or_default());
    Some(event)
}

/// `authentication failed for user jacques - 192.0.2.7`.
fn solid<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (what, address) = text.rsplit_once(" - ")?;
    let address = cut::address(address);
    let kind = if what.contains("authenticated") || what.starts_with("user ") {
        EventKind::AuthSuccess
    } else if what.contains("no such user") || what.contains("can't map user") {
        EventKind::AuthInvalidUser
    } else if what.contains("failed") || what.contains("not allowed") || what.contains("can't find")
    {
        EventKind::AuthFailure
    } else {
        return None;
    };
    if !cut::is_address(address) {
        return None;
    }
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(address);
    let user = what.rsplit_once(": ").or_else(|| what.rsplit_once("user "));
    event.user = Cow::Borrowed(user.map_or("", |(_, user)| user));
    event.with("reason", what);
    Some(event)
}

/// `Auth: 192.0.2.7:3456->10.0.0.1:143 client-secure=… user="ann" … status="failed: …"`.
fn perdition<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = text.strip_prefix("Auth: ").or_else(|| text.strip_prefix("Fatal Error reading "))?;
    let status = cut::between(rest, "status=\"", "\"").unwrap_or_default();
    let kind = match status {
        "ok" => EventKind::AuthSuccess,
        "" => EventKind::AuthAborted,
        _ => EventKind::AuthFailure,
    };
    let client = cut::until(rest, "->");
    let client = client.rsplit(' ').next().unwrap_or(client);
    let mut event = message.event(kind);
    let (address, port) = cut::address_port(client);
    event.source_ip = Cow::Borrowed(address);
    event.source_port = port;
    event.user = Cow::Borrowed(cut::between(rest, "user=\"", "\"").unwrap_or_default());
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(program: &str, text: &str) -> Option<(EventKind, String, String)> {
        let message = Message { program, text, ..Message::default() };
        parse(&message).map(|event| (event.kind, event.user.into(), event.source_ip.into()))
    }

    #[test]
    fn a_name_that_imitates_the_rest_of_the_line_does_not_hide_the_address() {
        assert_eq!(
            read("imapd", "LOGIN FAILED, user=a, ip=[10.0.0.1], ip=[::ffff:192.0.2.7]"),
            Some((EventKind::AuthFailure, "a, ip=[10.0.0.1]".into(), "192.0.2.7".into()))
        );
        assert_eq!(
            read("imapd", "Login failed user=a host=x [10.0.0.1] auth=a host=y [192.0.2.7]")
                .unwrap()
                .2,
            "192.0.2.7"
        );
    }

    #[test]
    fn logins_that_succeeded() {
        assert_eq!(
            read("imaps", "login: h.example [192.0.2.7] ann plaintext+TLS User logged in"),
            Some((EventKind::AuthSuccess, "ann".into(), "192.0.2.7".into()))
        );
        assert_eq!(
            read("pop3d", "LOGIN, user=ann, ip=[::ffff:192.0.2.7], port=[55]"),
            Some((EventKind::AuthSuccess, "ann".into(), "192.0.2.7".into()))
        );
        assert_eq!(
            read(
                "perdition",
                "Auth: 192.0.2.7:34->10.0.0.1:143 client-secure=plaintext user=\"ann\" status=\"failed: x\""
            ),
            Some((EventKind::AuthFailure, "ann".into(), "192.0.2.7".into()))
        );
    }
}
