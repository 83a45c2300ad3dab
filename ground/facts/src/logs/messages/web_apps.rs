//! Web applications that tell of logins: Roundcube, phpMyAdmin, Froxlor, Webmin, Bitwarden,
//! Drupal, Horde, WordPress with WP fail2ban, and nrpe.
//!
//! The user's name is the client's own words; where it stands before the address, the address is
//! looked for behind all that the client could have written.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut::{address, after, between, bracketed, is_address};

/// Parses what one of them says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim_end();
    match message.program {
        "roundcube" => roundcube(message, text),
        "phpMyAdmin" => {
            let (user, source) = text.strip_prefix("user denied: ")?.rsplit_once(" from ")?;
            let user = user.rsplit_once(" (").map_or(user, |(user, _)| user);
            Some(told(message, EventKind::AuthFailure, user, source))
        }
        "Froxlor" | "froxlor" => froxlor(message, text),
        "webmin" => webmin(message, text),
        "nrpe" => {
            let source = between(text, "Host ", " is not allowed to talk to us")?;
            Some(told(message, EventKind::ServiceAbuse, "", source))
        }
        _ => bitwarden(message, text),
    }
}

/// Parses messages whose program is named after the site.
pub fn parse_any<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    if message.text.starts_with("http") && message.text.contains("|user|") {
        return drupal(message);
    }
    // Horde writes no program's name: its host is its own, and its level stands in front.
    if matches!(message.program, "" | "error") && message.text.contains("FAILED LOGIN for ") {
        return horde(message);
    }
    if message.tag.starts_with("wordpress(") {
        return wordpress(message);
    }
    // `httpd/backend1`: the program's name is not the last part.
    if message.tag.starts_with("httpd/") || message.tag.starts_with("apache2/") {
        return super::web::parse(message);
    }
    None
}

fn told<'l>(message: &Message<'l>, kind: EventKind, user: &'l str, source: &'l str) -> Event<'l> {
    let mut event = message.event(kind);
    event.user = Cow::Borrowed(user.trim());
    event.source_ip = Cow::Borrowed(address(source.trim().trim_end_matches('.')));
    event.with("service", message.program);
    event
}

/// `[<session>] [IMAP Error: ]Login failed for USER [against HOST ]from ADDRESS[(…)][. …]`, in
/// which the answer of the IMAP server may hold the user's name again.
fn roundcube<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let marks = ["Login failed for ", "FAILED login for ", "Failed login for "];
    if let Some(rest) = text.find("Successful login for ").and_then(|at| text.get(at..)) {
        let user = rest.strip_prefix("Successful login for ")?.split(' ').next()?;
        let source = after(rest, " from ")?.split(' ').next()?;
        return Some(told(message, EventKind::AuthSuccess, user, source));
    }
    let rest = marks.iter().find_map(|mark| after(text, mark))?;
    for (at, _) in rest.match_indices(" from ").take(20) {
        let (user, tail) = rest.split_at(at);
        let tail = tail.strip_prefix(" from ")?;
        let end = tail.find([' ', '(', ',']).unwrap_or(tail.len());
        let (source, tail) = tail.split_at(end);
        let (source, dot) = match source.strip_suffix('.') {
            Some(source) => (source, true),
            None => (source, false),
        };
        let ends =
            dot || tail.is_empty() || tail.starts_with('(') || tail.starts_with(" in session");
        let again = ["user=", user].concat();
        if ends && is_address(source) && !tail.replacen(&again, "", 1).contains(" from ") {
            let user = user.split_once(" against ").map_or(user, |(user, _)| user);
            return Some(told(message, EventKind::AuthFailure, user, source));
        }
    }
    None
}

/// `[Login Action 1.2.3.4] User 'ann' tried to login with wrong password.`, since 2.2
/// `froxlor.WARNING: … {"source":"login","action":"50","user":"1.2.3.4"} []`.
fn froxlor<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let unknown = text.contains("nknown user");
    if !unknown && !text.contains("tried to login with wrong password") {
        return None;
    }
    let kind = if unknown { EventKind::AuthInvalidUser } else { EventKind::AuthFailure };
    let (user, source) = match between(text, "[Login Action ", "]") {
        Some(source) => (between(text, "ser '", "' tried").unwrap_or_default(), source),
        None => ("", between(text, "\"user\":\"", "\"")?),
    };
    Some(told(message, kind, user, source))
}

/// `Invalid login as root from 1.2.3.4`.
fn webmin<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let kinds = [
        ("Invalid login as ", EventKind::AuthFailure),
        ("Non-existent login as ", EventKind::AuthInvalidUser),
        ("Successful login as ", EventKind::AuthSuccess),
        ("Security alert: Invalid login as ", EventKind::AuthFailure),
    ];
    kinds.into_iter().find_map(|(mark, kind)| {
        let (user, source) = text.strip_prefix(mark)?.rsplit_once(" from ")?;
        Some(told(message, kind, user, source))
    })
}

/// `Failed login attempt[, 2FA invalid]. 1.2.3.4`.
fn bitwarden<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = after(text, "Failed login attempt")?;
    let source = rest.rsplit_once(". ").map(|(_, source)| source)?;
    is_address(source.trim()).then(|| told(message, EventKind::AuthFailure, "", source))
}

/// `base|time|user|address|request|referrer|uid|link|message`, in which the request may hold `|`.
fn drupal<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let mut fields = message.text.split('|');
    let kind = fields.nth(2)?;
    let source = fields.next()?;
    let last = message.text.rsplit('|').next()?;
    if kind != "user" || !is_address(source) {
        return None;
    }
    let words = last.trim_end().trim_end_matches('.');
    let user = words
        .strip_prefix("Login attempt failed for ")
        .or_else(|| words.strip_prefix("Login attempt failed from "));
    if let Some(user) = user {
        let user = if is_address(user) { "" } else { user };
        return Some(told(message, EventKind::AuthFailure, user, source));
    }
    let user = words.strip_prefix("Session opened for ")?;
    Some(told(message, EventKind::AuthSuccess, user, source))
}

/// `[error] [imp] FAILED LOGIN for ann [1.2.3.4] to {mail.example:993 …}`.
fn horde<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let rest = after(message.text, "FAILED LOGIN for ")?;
    let (source, _) = bracketed(rest)?;
    let user = rest.split_once(" [").map_or("", |(user, _)| user);
    let mut event = told(message, EventKind::AuthFailure, user, source);
    event.more.retain(|(name, _)| name != "service");
    event.with("service", "horde");
    Some(event)
}

/// `Authentication failure for admin from 1.2.3.4`, as the plugin WP fail2ban writes.
fn wordpress<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim_end();
    let kinds = [
        ("Authentication failure for ", EventKind::AuthFailure),
        ("XML-RPC authentication failure for ", EventKind::AuthFailure),
        ("Authentication attempt for unknown user ", EventKind::AuthInvalidUser),
        ("Blocked authentication attempt for ", EventKind::AuthFailure),
        ("Accepted password for ", EventKind::AuthSuccess),
        ("Blocked user enumeration attempt", EventKind::WebAbuse),
        ("Pingback error ", EventKind::WebAbuse),
    ];
    kinds.into_iter().find_map(|(mark, kind)| {
        let (user, source) = text.strip_prefix(mark)?.rsplit_once("from ")?;
        let user = if kind == EventKind::WebAbuse { "" } else { user };
        let mut event = told(message, kind, user, source);
        event.more.retain(|(name, _)| name != "service");
        event.with("service", "wordpress");
        Some(event)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(program: &'static str, text: &'static str) -> Option<(EventKind, String, String)> {
        let message = Message { program, tag: program, text, ..Message::default() };
        let event = parse(&message).or_else(|| parse_any(&message))?;
        Some((event.kind, event.source_ip.into_owned(), event.user.into_owned()))
    }

    #[test]
    fn failed_logins_of_every_application() {
        for (program, text, user) in [
            ("roundcube", "IMAP Error: Login failed for ann from 192.0.2.1", "ann"),
            (
                "roundcube",
                "<3z5> IMAP Error: Login failed for ann against localhost from 192.0.2.1. AUTHENTICATE PLAIN: x in /a.php on line 2 (POST /?b)",
                "ann",
            ),
            (
                "roundcube",
                "<4z5> Failed login for ann from 192.0.2.1 in session 4z506 (error: 0)",
                "ann",
            ),
            (
                "roundcube",
                "IMAP Error: Login failed for ann from 192.0.2.1(X-Real-IP: 192.0.2.3,X-Forwarded-For: 192.0.2.4). AUTHENTICATE PLAIN: x in /a.php",
                "ann",
            ),
            ("phpMyAdmin", "user denied: ann (mysql-denied) from 192.0.2.1", "ann"),
            (
                "Froxlor",
                "[Login Action 192.0.2.1] User 'ann' tried to login with wrong password.",
                "ann",
            ),
            ("webmin", "Invalid login as ann from 192.0.2.1 ", "ann"),
            (
                "site",
                "https://example.com|1430068525|user|192.0.2.1|https://example.com/?q=user|https://example.com/?q=user|0||Login attempt failed for ann.",
                "ann",
            ),
            (
                "error",
                "[imp] FAILED LOGIN for ann [192.0.2.1] to {mx:993 [imap/ssl]} [pid 68394 on line 139 of /x]",
                "ann",
            ),
            ("wordpress(example.com)", "Authentication failure for ann from 192.0.2.1", "ann"),
        ] {
            let expected = Some((EventKind::AuthFailure, "192.0.2.1".into(), user.into()));
            assert_eq!(source(program, text), expected, "{text}");
        }
        let expected = Some((EventKind::AuthFailure, "192.0.2.1".into(), String::new()));
        assert_eq!(
            source("Bitwarden-Identity", "[Bit.Core] Failed login attempt, 2FA invalid. 192.0.2.1"),
            expected
        );
    }

    #[test]
    fn a_user_name_that_holds_an_address_frames_nobody() {
        for text in [
            "IMAP Error: Login failed for admin from 127.0.0.1 from 1.2.3.4",
            "IMAP Error: Login failed for admin from 127.0.0.1. from 1.2.3.4. AUTHENTICATE PLAIN: A0002 NO Login failed. user=admin from 127.0.0.1. in /a.php on line 205 (POST /w/)",
            "IMAP Error: Login failed for admin from 127.0.0.1 in from 1.2.3.4. AUTHENTICATE PLAIN: A0002 NO Login failed. user=admin from 127.0.0.1 in in /a.php on line 205 (POST /w/)",
        ] {
            assert_eq!(
                source("roundcube", text).map(|(_, source, _)| source).as_deref(),
                Some("1.2.3.4"),
                "{text}"
            );
        }
        let uri = "https://example.com|1613063581|user|192.0.2.5|https://example.com/?t=%7C|https://example.com/?t=|0||Login attempt failed for tester|2||Session revisited for drupaladmin.";
        assert_eq!(source("site", uri), None);
    }

    #[test]
    fn a_session_that_opens_is_no_failure() {
        let text = "https://example.com|1430068748|user|192.0.2.1|https://example.com/user|https://example.com/user|1||Session opened for ann.";
        assert_eq!(source("site", text).map(|(kind, ..)| kind), Some(EventKind::AuthSuccess));
        assert_eq!(source("roundcube", "anything"), None);
        assert_eq!(source("nrpe", "Host  is"), None);
    }
}
