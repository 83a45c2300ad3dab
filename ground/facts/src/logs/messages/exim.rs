//! Exim: what it says of clients. Its own files and syslog share the text.
//!
//! Source: Exim `src/smtp_in.c`, `src/receive.c`, `src/acl.c`, `src/auths/auth-spa.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Refusals, each a part of the line.
const REFUSED: &[&str] = &[
    " rejected RCPT ",
    " rejected EHLO or HELO ",
    " rejected HELO ",
    " rejected connection in ",
    " rejected after DATA",
    " rejected AUTH ",
    " rejected VRFY ",
    " rejected MAIL ",
    " sender verify fail for ",
    "relay not permitted",
    "SMTP protocol synchronization error",
    "SMTP protocol error in ",
    "too many nonmail commands",
    "too many syntax or protocol errors",
    "too many unrecognized commands",
    "no MAIL in SMTP connection from",
    "no host name found for IP address",
];

/// Parses what Exim says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some((method, rest)) = text.split_once(" authenticator failed for ") {
        let mut event = message.event(EventKind::AuthFailure);
        event.source_ip = Cow::Borrowed(cut::bracketed(rest)?.0);
        event.method = Cow::Borrowed(method.rsplit(' ').next().unwrap_or_default());
        event.user = Cow::Borrowed(cut::between(rest, "(set_id=", ")").unwrap_or_default());
        event.with("service", "smtp");
        return Some(event);
    }
    if let Some(refused) = REFUSED.iter().find(|words| text.contains(**words)) {
        let mut event = message.event(EventKind::MailAbuse);
        let client = text.split_once("H=").map_or(text, |(_, client)| client);
        let address = cut::bracketed(client).map(|found| found.0).or_else(|| {
            cut::after(text, "for IP address ").map(|rest| cut::address(cut::word(rest).0))
        })?;
        event.source_ip = Cow::Borrowed(address);
        event.with("reason", refused.trim());
        return Some(event);
    }
    // `<= ann@example.org H=… [192.0.2.7] … A=plain_server:ann`.
    let (_, rest) = text.split_once(" <= ")?;
    let login = cut::value(rest, "A", &[' '])?;
    let (method, user) = login.split_once(':')?;
    let mut event = message.event(EventKind::AuthSuccess);
    event.source_ip = Cow::Borrowed(cut::bracketed(rest.split_once("H=")?.1)?.0);
    (event.method, event.user) = (Cow::Borrowed(method), Cow::Borrowed(user));
    event.with("service", "smtp").with("mail_from", cut::word(rest).0);
    Some(event)
}
