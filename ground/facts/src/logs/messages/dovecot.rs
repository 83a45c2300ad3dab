//! Dovecot: logins to IMAP, POP3, ManageSieve and submission, and what its authenticator says.
//!
//! Source: Dovecot `src/login-common/client-common.c` (`login_log_format`,
//! `client_get_extra_disconnect_reason`), `src/auth/auth-request.c` (`get_log_prefix`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what Dovecot says: `imap-login: Login: user=<ann>, method=PLAIN, rip=…`.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    // Its own file has the daemon as program, or `imap-login: Info: …` in the text.
    let (service, text) = match message.program {
        "dovecot" => message.text.split_once(": ")?,
        daemon => (daemon, message.text),
    };
    let service = cut::until(service, "(");
    let text = ["Info: ", "Error: ", "Debug: ", "Warning: "]
        .iter()
        .find_map(|level| text.strip_prefix(level))
        .unwrap_or(text);
    if let Some(protocol) = service.strip_suffix("-login") {
        return login(message, protocol, text);
    }
    if service.starts_with("auth") {
        return authenticator(message, text);
    }
    None
}

fn login<'l>(message: &Message<'l>, protocol: &'l str, text: &'l str) -> Option<Event<'l>> {
    let kind = if text.starts_with("Login: ") {
        EventKind::AuthSuccess
    } else if text.contains("(auth failed") || text.contains("(no auth attempts") {
        match text.contains("(auth failed") {
            true => EventKind::AuthFailure,
            false => EventKind::AuthAborted,
        }
    } else if text.starts_with("Disconnected") || text.starts_with("Aborted login") {
        let tried = ["auth failed", "tried to use disallowed", "disallowed plaintext auth"];
        match tried.iter().any(|reason| text.contains(reason)) {
            true => EventKind::AuthFailure,
            false => EventKind::AuthAborted,
        }
    } else {
        return None;
    };
    let mut event = message.event(kind);
    // Dovecot escapes what a client sends; the user still stands first, the address after it.
    let rest = text.split_once("rip=").map_or("", |(_, rest)| rest);
    event.source_ip = Cow::Borrowed(cut::address(rest.split([',', ' ']).next().unwrap_or("")));
    event.user = Cow::Borrowed(cut::between(text, "user=<", ">").unwrap_or_default());
    event.method = Cow::Borrowed(cut::value(text, "method", &[',']).unwrap_or_default());
    event.session = Cow::Borrowed(cut::between(text, "session=<", ">").unwrap_or_default());
    event.with("service", protocol);
    if let Some(reason) = cut::between(text, "(", ")").filter(|_| kind != EventKind::AuthSuccess) {
        event.with("reason", reason);
    }
    let tries = cut::between(text, "auth failed, ", " attempts").and_then(|n| n.parse().ok());
    if let Some(tries) = tries.filter(|&tries: &i64| tries > 1) {
        event.with("attempts", tries);
    }
    Some(event)
}

/// `passwd-file(ann,192.0.2.7,<session>): unknown user`: user and address within parentheses.
fn authenticator<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (head, what) = text.split_once("): ")?;
    let (_, inside) = head.rsplit_once('(')?;
    let lower = what.to_ascii_lowercase();
    let kind = if lower.contains("unknown user") {
        EventKind::AuthInvalidUser
    } else if lower.contains("password mismatch")
        || lower.contains("pam_authenticate() failed")
        || lower.contains("authentication failure")
        || lower.contains("given password")
        || lower.contains("invalid credentials")
    {
        EventKind::AuthFailure
    } else {
        return None;
    };
    let mut event = message.event(kind);
    // A user's name may hold commas: the address is the last part that is one.
    let parts = || inside.rsplit(',');
    let address = parts().map(cut::address).find(|part| cut::is_address(part)).unwrap_or("");
    event.source_ip = Cow::Borrowed(address);
    event.user = Cow::Borrowed(cut::until(inside, ","));
    event.with("reason", what);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(program: &str, text: &str) -> Option<(EventKind, String, String, String)> {
        let message = Message { program, text, ..Message::default() };
        parse(&message).map(|event| {
            let service = event.text("service").to_owned();
            (event.kind, event.user.into(), event.source_ip.into(), service)
        })
    }

    #[test]
    fn a_login_a_failure_and_one_who_never_tried() {
        for (text, kind) in [
            (
                "imap-login: Login: user=<ann>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, mpid=7, TLS, session=<x>",
                EventKind::AuthSuccess,
            ),
            (
                "imap-login: Disconnected (auth failed, 3 attempts in 9 secs): user=<ann>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1",
                EventKind::AuthFailure,
            ),
            (
                "imap-login: Info: Aborted login (tried to use disallowed plaintext auth): user=<ann>, rip=192.0.2.7, lip=1.1.1.1",
                EventKind::AuthFailure,
            ),
            (
                "imap-login: Disconnected (no auth attempts in 0 secs): user=<ann>, rip=192.0.2.7, lip=1.1.1.1",
                EventKind::AuthAborted,
            ),
        ] {
            let expected = (kind, "ann".into(), "192.0.2.7".into(), "imap".into());
            assert_eq!(read("dovecot", text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_authenticator_names_user_and_address() {
        let found = read(
            "dovecot",
            "auth-worker(7): pam(o,brien,192.0.2.7): unknown user (given password: x)",
        );
        let found = found.unwrap();
        assert_eq!((found.0, found.2.as_str()), (EventKind::AuthInvalidUser, "192.0.2.7"));
        assert_eq!(read("dovecot", "auth: Error: sql(a): broken"), None);
    }
}
