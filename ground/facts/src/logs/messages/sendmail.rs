//! Sendmail: refused and accepted mail, failed logins.
//!
//! Source: sendmail `sendmail/srvrsmtp.c` (`AUTH failure (…): …, relay=…`, `possible SMTP attack`,
//! `did not issue MAIL/EXPN/VRFY/ETRN`), `sendmail/envelope.c` (`from=…`), `sendmail/deliver.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what sendmail says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    let (queue, rest) = match text.split_once(": ") {
        Some((queue, rest)) if queue.bytes().all(|b| b.is_ascii_alphanumeric()) => (queue, rest),
        _ => ("", text),
    };
    let relay = rest.rsplit_once("relay=").map_or(rest, |(_, relay)| relay);
    let kind = if rest.starts_with("AUTH failure") {
        EventKind::AuthFailure
    } else if rest.starts_with("AUTH=server") {
        EventKind::AuthSuccess
    } else if rest.contains("reject=")
        || rest.contains("possible SMTP attack")
        || rest.contains("did not issue MAIL/EXPN/VRFY/ETRN")
        || rest.contains("rejecting commands from")
        || rest.contains("pre-greeting traffic")
        || rest.contains("User unknown") && !rest.starts_with("to=")
    {
        EventKind::MailAbuse
    } else if rest.starts_with("from=") || rest.starts_with("to=") {
        EventKind::MailMessage
    } else {
        return None;
    };
    let mut event = message.event(kind);
    // In a refusal the address of the relay comes before what the client said.
    let address = match kind {
        EventKind::MailAbuse => cut::bracketed(cut::after(rest, "relay=").unwrap_or(rest)),
        _ => cut::bracketed(relay),
    };
    if let Some((address, _)) = address {
        event.source_ip = Cow::Borrowed(address);
    } else if kind != EventKind::MailMessage {
        return None;
    }
    if kind == EventKind::AuthSuccess {
        event.user = Cow::Borrowed(cut::value(rest, "authid", &[',']).unwrap_or_default());
        event.method = Cow::Borrowed(cut::value(rest, "mech", &[',']).unwrap_or_default());
    }
    if kind == EventKind::AuthFailure {
        event.method = Cow::Borrowed(cut::between(rest, "AUTH failure (", ")").unwrap_or_default());
        event.user = Cow::Borrowed(cut::value(rest, "user", &[',']).unwrap_or_default());
    }
    if !queue.is_empty() {
        event.with("queue_id", queue);
    }
    for (name, field) in [("from", "mail_from"), ("to", "mail_to"), ("reject", "reason")] {
        if let Some(value) = cut::value(rest, name, &[',']) {
            event.with(field, value.trim_matches(['<', '>']));
        }
    }
    if let Some(uid) =
        cut::between(rest, "ctladdr=", ", ").and_then(|who| cut::between(who, "(", "/"))
    {
        event.uid = uid.parse().ok();
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_logins_and_mail() {
        for (text, kind, ip) in [
            (
                "q1: ruleset=check_rcpt, arg1=<a@b>, relay=x.example [192.0.2.7], reject=550 5.7.1 <a@b>... Relaying denied",
                EventKind::MailAbuse,
                "192.0.2.7",
            ),
            (
                "q1: AUTH failure (LOGIN): user not found (-20) SASL(-13): user not found: checkpass failed, relay=[192.0.2.7]",
                EventKind::AuthFailure,
                "192.0.2.7",
            ),
            (
                "AUTH=server, relay=h [192.0.2.7] (may be forged), authid=ann, mech=PLAIN, bits=0",
                EventKind::AuthSuccess,
                "192.0.2.7",
            ),
            (
                "q1: from=<a@b>, size=7, class=0, nrcpts=1, relay=h [192.0.2.7]",
                EventKind::MailMessage,
                "192.0.2.7",
            ),
            (
                "q1: h [192.0.2.7] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
                EventKind::MailAbuse,
                "192.0.2.7",
            ),
        ] {
            let event = parse(&Message { text, ..Message::default() }).unwrap();
            assert_eq!((event.kind, &*event.source_ip), (kind, ip), "{text}");
        }
    }
}
