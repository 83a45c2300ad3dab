//! Postfix: what its daemons say of clients, logins and mail.
//!
//! Source: Postfix `src/smtpd/smtpd.c`, `smtpd_sasl_glue.c`, `smtpd_check.c`,
//! `src/postscreen/*.c`, `src/qmgr/qmgr_active.c`, `src/global/log_adhoc.c`, `src/pickup/pickup.c`;
//! postconf(5) `syslog_name`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what one of Postfix's daemons says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    // `smtp`, `local`, `error`, …: words that other programs may be named by.
    if !message.tag.contains('/') && !matches!(message.program, "smtpd" | "postscreen") {
        return None;
    }
    let text = message.text;
    if let Some(warning) = text.strip_prefix("warning: ") {
        return warned(message, warning);
    }
    if message.program == "postscreen"
        && let Some(event) = screened(message, text)
    {
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("connect from ") {
        let mut event = message.event(EventKind::NetworkListen);
        from(&mut event, rest);
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("disconnect from ") {
        return Some(disconnected(message, rest));
    }
    if text.starts_with("too many errors after ")
        || text.starts_with("improper command pipelining after ")
    {
        return abuse(message, text, cut::until(text, " from "));
    }
    let unqueued = text.strip_prefix("NOQUEUE: ").unwrap_or(text);
    if let Some(rest) = unqueued
        .strip_prefix("lost connection after ")
        .or_else(|| unqueued.strip_prefix("timeout after "))
    {
        return Some(lost(message, unqueued, rest));
    }
    queued(message, text)
}

/// Takes the address of `host[1.2.3.4]:55` and what follows it.
fn from<'l>(event: &mut Event<'l>, text: &'l str) -> Option<&'l str> {
    let (address, behind) = cut::bracketed(text)?;
    event.source_ip = Cow::Borrowed(address);
    if let Some(rest) = behind.strip_prefix(':') {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        event.source_port = digits.parse().ok();
    }
    Some(behind)
}

fn abuse<'l>(message: &Message<'l>, text: &'l str, reason: &'l str) -> Option<Event<'l>> {
    let mut event = message.event(EventKind::MailAbuse);
    let (_, who) = text.split_once(" from ")?;
    from(&mut event, who)?;
    event.with("reason", reason);
    Some(event)
}

fn warned<'l>(message: &Message<'l>, warning: &'l str) -> Option<Event<'l>> {
    if let Some((who, rest)) = warning.split_once(": SASL ") {
        let (method, reason) = rest.split_once(" authentication failed")?;
        // The daemon that checks passwords is down: nobody guessed.
        if reason.contains("Connection lost to authentication server") {
            return None;
        }
        let mut event = message.event(EventKind::AuthFailure);
        from(&mut event, who).or_else(|| from(&mut event, warning))?;
        let port = warning.get(who.len()..).and(who.rsplit_once("]:")).map(|(_, port)| port);
        event.source_port = event.source_port.or(port.and_then(|port| port.parse().ok()));
        event.method = Cow::Borrowed(method);
        event.with("service", "smtp");
        if let Some((_, user)) = reason.split_once("sasl_username=") {
            event.user = Cow::Borrowed(user.trim());
        }
        return Some(event);
    }
    if let Some(rest) = warning.strip_prefix("hostname ") {
        let (_, rest) = rest.split_once(" does not resolve to address ")?;
        let mut event = message.event(EventKind::MailAbuse);
        event.source_ip = Cow::Borrowed(cut::address(cut::until(rest, ": ")));
        event.with("reason", "host name does not resolve to its address");
        return Some(event);
    }
    if warning.contains(" rate limit exceeded: ") || warning.starts_with("Connection concurrency") {
        return abuse(message, warning, cut::until(warning, ": "));
    }
    None
}

/// `unknown[192.0.2.1] helo=1 auth=0/1 quit=1 commands=2/3`: good of all, per command.
fn disconnected<'l>(message: &Message<'l>, rest: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::SessionClose);
    let counts = from(&mut event, rest).unwrap_or_default();
    let failed = |value: &str| {
        value.split_once('/').is_some_and(|(good, all)| good == "0" && all.parse() != Ok(0_u32))
    };
    if cut::value(counts, "auth", &[' ']).is_some_and(failed) {
        event.kind = EventKind::MailAbuse;
        event.with("reason", "no login of the session succeeded");
    }
    event
}

/// `CONNECT from spammer.example.com[192.0.2.10]`.
fn lost<'l>(message: &Message<'l>, text: &'l str, rest: &'l str) -> Event<'l> {
    let (stage, who) = rest.split_once(" from ").unwrap_or((rest, ""));
    // After AUTH the line `disconnect …` counts it; within mail a line may break.
    let kind = match stage {
        "CONNECT" | "EHLO" | "HELO" | "STARTTLS" | "UNKNOWN" | "NOOP" | "RSET"
            if text.starts_with("lost") =>
        {
            EventKind::MailAbuse
        }
        _ => EventKind::AuthAborted,
    };
    let mut event = message.event(kind);
    from(&mut event, who);
    event.with("reason", cut::until(text, " from "));
    event
}

fn screened<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (what, who) = text.split_once(" from ").or_else(|| text.split_once(" for "))?;
    if what == "CONNECT" {
        let mut event = message.event(EventKind::NetworkListen);
        from(&mut event, who)?;
        return Some(event);
    }
    const ABUSE: [&str; 8] = [
        "PREGREET",
        "HANGUP",
        "COMMAND TIME LIMIT",
        "COMMAND COUNT LIMIT",
        "COMMAND LENGTH LIMIT",
        "COMMAND PIPELINING",
        "NON-SMTP COMMAND",
        "DNSBL rank",
    ];
    if !ABUSE.iter().any(|word| what.starts_with(word)) {
        return None;
    }
    let mut event = message.event(EventKind::MailAbuse);
    from(&mut event, who)?;
    event.with("reason", what);
    Some(event)
}

/// `QUEUE: reject: RCPT from …`, `QUEUE: client=…`, `QUEUE: from=…`, `QUEUE: to=…`.
fn queued<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (queue, rest) = text.split_once(": ")?;
    if queue.is_empty() || !queue.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some(rest) = rest.strip_prefix("reject: ").or_else(|| {
        rest.strip_prefix("milter-reject: ").or_else(|| rest.strip_prefix("reject_warning: "))
    }) {
        let mut event = abuse(message, rest, "")?;
        event.more.clear();
        let (_, why) = rest.split_once(']')?;
        let why = cut::after(why, ": ").unwrap_or_default();
        event.with("reason", cut::until(why, "; from="));
        addresses(&mut event, why);
        return Some(event);
    }
    if let Some(client) = rest.strip_prefix("client=") {
        let user = cut::value(client, "sasl_username", &[',', ' ']);
        let kind = user.map_or(EventKind::MailMessage, |_| EventKind::AuthSuccess);
        let mut event = message.event(kind);
        from(&mut event, client);
        if let Some(user) = user {
            event.user = Cow::Borrowed(user);
            event.method = Cow::Borrowed(cut::value(client, "sasl_method", &[',']).unwrap_or(""));
            event.with("service", "smtp");
        }
        event.with("queue_id", queue);
        return Some(event);
    }
    let known = ["from=", "to=", "uid=", "message-id=", "removed"];
    if !known.iter().any(|word| rest.starts_with(word)) {
        return None;
    }
    let mut event = message.event(EventKind::MailMessage);
    event.with("queue_id", queue);
    addresses(&mut event, rest);
    if let Some(uid) = cut::value(rest, "uid", &[' ']) {
        event.uid = uid.parse().ok();
    }
    if let Some(status) = cut::value(rest, "status", &[' ']) {
        event.with("result", status);
    }
    Some(event)
}

fn addresses<'l>(event: &mut Event<'l>, text: &'l str) {
    for (name, field) in [("from", "mail_from"), ("to", "mail_to")] {
        if let Some(value) = cut::value(text, name, &[' ', ',', ';'])
            && value.starts_with('<')
        {
            event.with(field, value.trim_matches(['<', '>']));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(EventKind, String, String)> {
        let message =
            Message { tag: "postfix/smtpd", program: "smtpd", text, ..Message::default() };
        parse(&message).map(|event| (event.kind, event.source_ip.into(), event.user.into()))
    }

    #[test]
    fn a_guessed_password_a_login_and_mail_of_the_web_user() {
        assert_eq!(
            read(
                "warning: unknown[192.0.2.7]:55: SASL LOGIN authentication failed: (reason unavailable), sasl_username=admin"
            ),
            Some((EventKind::AuthFailure, "192.0.2.7".into(), "admin".into()))
        );
        assert_eq!(
            read("4D1: client=h[192.0.2.7], sasl_method=PLAIN, sasl_username=ann@example.org"),
            Some((EventKind::AuthSuccess, "192.0.2.7".into(), "ann@example.org".into()))
        );
        let message = Message {
            tag: "postfix/pickup",
            program: "pickup",
            text: "4D1: uid=33 from=<www-data>",
            ..Message::default()
        };
        let event = parse(&message).unwrap();
        assert_eq!((event.kind, event.uid), (EventKind::MailMessage, Some(33)));
        assert_eq!(event.text("mail_from"), "www-data");
    }

    #[test]
    fn a_helo_that_holds_an_address_is_not_the_client() {
        let text = "NOQUEUE: reject: RCPT from a[192.0.2.7]: 450 4.7.1 Client host rejected: cannot find your hostname, [10.0.0.1]; from=<a@b> to=<c@d> proto=ESMTP helo=<x[10.0.0.2]>";
        assert_eq!(read(text).unwrap().1, "192.0.2.7");
    }

    #[test]
    fn one_who_leaves_early_and_a_server_that_is_down() {
        assert_eq!(
            read("lost connection after DATA from a[192.0.2.7]").unwrap().0,
            EventKind::AuthAborted
        );
        assert_eq!(
            read("disconnect from a[192.0.2.7] ehlo=1 auth=0/3 quit=1").unwrap().0,
            EventKind::MailAbuse
        );
        assert_eq!(
            read("disconnect from a[192.0.2.7] ehlo=1 auth=1 quit=1").unwrap().0,
            EventKind::SessionClose
        );
        assert_eq!(
            read(
                "warning: a[1.1.1.1]: SASL LOGIN authentication failed: Connection lost to authentication server"
            ),
            None
        );
    }
}
