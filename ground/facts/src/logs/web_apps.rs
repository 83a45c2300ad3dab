//! Web applications that write a file of their own: Roundcube, GitLab, Monitorix, DirectAdmin,
//! Bitwarden, GroupOffice, HCL Domino.
//!
//! Each line has a time in its application's own shape; what it says is read where the same
//! application is read through syslog, or here where it never speaks there.

use std::borrow::Cow;

use stanch_words::{Event, EventKind, Trust};

use super::cut::{address, after, between, bracketed, is_address};
use super::messages::{Message, web_apps};
use super::stamps::Stamp;
use super::web_error::php;
use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood};
use crate::web_attacks::{self, Attack};

pub(super) static FORMAT: Format = Format {
    name: "web-apps",
    recognise,
    form: Form::Lines(|context| Box::new(WebApps { stamps: Stamps::new(context) })),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    sample.share(|line| {
        std::str::from_utf8(line).is_ok_and(|line| {
            let line = Line { text: line, place: stanch_words::Place::default() };
            read(&line, &mut stamps).is_some()
        })
    })
}

struct WebApps {
    stamps: Stamps,
}

impl Reader for WebApps {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        match read(line, &mut self.stamps) {
            Some(event) => {
                each(&event);
                Understood::Yes
            }
            None => Understood::No,
        }
    }
}

fn read<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let text = line.text;
    match text.as_bytes().first()? {
        b'[' => roundcube(line, stamps)
            .or_else(|| group_office(line, stamps))
            .or_else(|| domino(line, stamps)),
        b'0'..=b'9' => directadmin(line, stamps)
            .or_else(|| gitlab(line, stamps))
            .or_else(|| bitwarden(line, stamps))
            .or_else(|| domino(line, stamps)),
        b'A'..=b'Z' => monitorix(line, stamps),
        _ => None,
    }
}

fn message<'l>(line: &Line<'l>, program: &'l str, stamp: Stamp, text: &'l str) -> Message<'l> {
    Message {
        time: Some(stamp.time),
        clock: stamp.clock,
        program,
        tag: program,
        text,
        trust: Trust::Program,
        place: line.place,
        ..Message::default()
    }
}

fn told<'l>(message: &Message<'l>, kind: EventKind, user: &'l str, source: &'l str) -> Event<'l> {
    let mut event = message.event(kind);
    event.user = Cow::Borrowed(user.trim());
    event.source_ip = Cow::Borrowed(address(source));
    event.with("service", message.program);
    event
}

/// `[22-Jan-2013 22:28:21 +0200]: <session> FAILED login for ann from 1.2.3.4`.
fn roundcube<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (stamp, text) = line.text.strip_prefix('[')?.split_once("]: ")?;
    let (time, clock) = php::time(stamp, stamps)?;
    let message = message(line, "roundcube", Stamp { time, clock }, text);
    Some(web_apps::parse(&message).unwrap_or_else(|| message.event(EventKind::LogMessage)))
}

/// `2020-04-09T14:04:00.667Z: Failed Login: username=ann ip=1.2.3.4`.
fn gitlab<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (stamp, rest) = stamps.iso(line.text)?;
    let text = rest.strip_prefix(": ")?;
    let (user, source) = text.strip_prefix("Failed Login: username=")?.rsplit_once(" ip=")?;
    Some(told(&message(line, "gitlab", stamp, text), EventKind::AuthFailure, user, source.trim()))
}

/// `Wed Apr 14 08:54:22 2021 - NOTEXIST - [127.0.0.1] File does not exist: /manager/html`.
fn monitorix<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (stamp, rest) = stamps.ctime(line.text)?;
    let (what, text) = rest.strip_prefix(" - ")?.split_once(" - ")?;
    let (source, words) = bracketed(text)?;
    let message = message(line, "monitorix", stamp, text);
    let path = after(words, ": ").unwrap_or_default();
    let attack = web_attacks::classify_missing(path);
    let (kind, attack) = match what {
        "OK" => (EventKind::WebRequest, None),
        "NOTEXIST" => (EventKind::WebAbuse, attack.or(Some(Attack::Probe))),
        "NOTALLOWED" => (EventKind::WebAbuse, attack),
        "AUTHERR" => (EventKind::AuthFailure, None),
        _ => return None,
    };
    let mut event = told(&message, kind, "", source);
    let request = between(words, "\"", " - ").and_then(|request| request.split_once(' '));
    match request {
        Some((method, url)) => {
            event.method = Cow::Borrowed(method);
            event.with("url", url);
        }
        None => {
            event.with("url", path);
        }
    }
    if let Some(attack) = attack {
        event.with("attack", attack.name());
    }
    Some(event)
}

/// `2014:07:02-00:17:45: '3.2.1.4' 2 failed login attempts. Account 'test'`.
fn directadmin<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (when, text) = line.text.split_once(": '")?;
    let bytes = when.as_bytes();
    if bytes.len() != 19 || bytes.get(4) != Some(&b':') || bytes.get(10) != Some(&b'-') {
        return None;
    }
    let (day, clock) = when.split_at_checked(10)?;
    let (stamp, _) = stamps.iso(&format!("{}T{}", day.replace(':', "-"), clock.get(1..)?))?;
    let (source, words) = text.split_once("' ")?;
    let message = message(line, "directadmin", stamp, words);
    if let Some((count, words)) = words.split_once(" failed login attempt") {
        let user = words.rsplit_once("' via '").map_or(words, |(words, _)| words);
        let user = user.split_once('\'').map_or("", |(_, user)| user.trim_end_matches('\''));
        let invalid = words.contains("Invalid account");
        let kind = if invalid { EventKind::AuthInvalidUser } else { EventKind::AuthFailure };
        let mut event = told(&message, kind, user, source);
        if let Ok(count @ 2..) = count.parse::<i64>() {
            event.with("count", count);
        }
        return Some(event);
    }
    let user = between(words, "successful login to '", "'")?;
    Some(told(&message, EventKind::AuthSuccess, user, source))
}

/// `2019-11-25 21:39:58.464 +01:00 [WRN] Failed login attempt, 2FA invalid. 1.2.3.4`.
fn bitwarden<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (stamp, rest) = stamps.iso(line.text)?;
    let (_level, text) = rest.trim_start().strip_prefix('[')?.split_once("] ")?;
    text.starts_with("Failed login attempt").then_some(())?;
    web_apps::parse(&message(line, "bitwarden", stamp, text))
}

/// `[2014-01-06 10:59:38]LOGIN FAILED for user: "ann" from IP: 1.2.3.4`.
fn group_office<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let (stamp, rest) = stamps.iso(line.text.strip_prefix('[')?)?;
    let text = rest.strip_prefix(']')?.trim_start();
    let (kind, rest) = match text.strip_prefix("LOGIN FAILED for user: \"") {
        Some(rest) => (EventKind::AuthFailure, rest),
        None => (EventKind::AuthSuccess, text.strip_prefix("LOGIN SUCCESS for user: \"")?),
    };
    let (user, source) = rest.rsplit_once("\" from IP: ")?;
    Some(told(&message(line, "groupoffice", stamp, text), kind, user, source))
}

/// HCL Domino's console: `[pid:…] 22-06-2014 09:56:12   smtp: ann [1.2.3.4] authentication failure
/// using internet password`, with the day in front or behind.
fn domino<'l>(line: &Line<'l>, stamps: &mut Stamps) -> Option<Event<'l>> {
    let mut rest = line.text;
    if let Some(inside) = rest.strip_prefix('[') {
        rest = inside.split_once("] ")?.1;
    }
    let (stamp, text) = match stamps.iso(rest) {
        Some(read) => read,
        None => {
            let (day, after) = rest.split_once(' ')?;
            let mut parts = day.splitn(3, ['-', '/', '.']);
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            let (clock, after) = after.split_at_checked(8)?;
            let (stamp, _) = stamps.iso(&format!("{year}-{month}-{day}T{clock}"))?;
            (stamp, after)
        }
    };
    let text = text.trim_start();
    let server = text.get(..5).filter(|name| name.eq_ignore_ascii_case("smtp:"));
    let message = message(line, "domino", stamp, text);
    if server.is_some() {
        let words =
            text.get(5..)?.trim().strip_suffix("authentication failure using internet password")?;
        let (user, source) = words.trim().rsplit_once(' ')?;
        let source = address(source);
        return is_address(source).then(|| told(&message, EventKind::AuthFailure, user, source));
    }
    let words = text.strip_prefix("SMTP Server")?;
    if let Some(rest) = after(words, "Authentication failed for user ") {
        let (user, source) = rest.rsplit_once(" ; connecting host ")?;
        return Some(told(&message, EventKind::AuthFailure, user, source.trim()));
    }
    let rest = after(words, "Connection from ")?;
    let (source, why) = bracketed(rest)?;
    why.contains("rejected for policy reasons")
        .then(|| told(&message, EventKind::MailAbuse, "", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(EventKind, String, String)> {
        let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
        let line = Line { text, place: stanch_words::Place::default() };
        let event = read(&line, &mut stamps)?;
        assert!(event.time.is_some(), "{text}");
        Some((event.kind, event.source_ip.into_owned(), event.user.into_owned()))
    }

    #[test]
    fn failed_logins_in_files_of_their_own() {
        for (text, user) in [
            ("[22-Jan-2013 22:28:21 +0200]: FAILED login for ann from 192.0.2.1", "ann"),
            ("2020-04-09T14:15:09.344Z: Failed Login: username=ann b ip=192.0.2.1", "ann b"),
            (
                "Wed Apr 14 11:26:08 2021 - AUTHERR - [192.0.2.1] Authentication error: /monitorix/",
                "",
            ),
            (
                "2014:07:02-00:17:45: '192.0.2.1' 2 failed login attempts. Account 'ann' via 'admin'",
                "ann",
            ),
            ("2019-11-26 01:04:49.008 +08:00 [WRN] Failed login attempt. 192.0.2.1", ""),
            ("[2014-01-06 10:59:38]LOGIN FAILED for user: \"ann\" from IP: 192.0.2.1", "ann"),
            (
                "03-07-2005 23:07:20   SMTP Server: Authentication failed for user ann ; connecting host 192.0.2.1",
                "ann",
            ),
            (
                "[28325:00010-3735542592] 22-06-2014 09:56:12   smtp: ann [192.0.2.1] authentication failure using internet password",
                "ann",
            ),
            (
                "2018-09-19 17:25:50   SMTP Server [0D14:0027-1334] Authentication failed for user ann ; connecting host [192.0.2.1]",
                "ann",
            ),
        ] {
            let expected = Some((EventKind::AuthFailure, "192.0.2.1".into(), user.into()));
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_went_well_is_no_failure() {
        for (text, kind) in [
            (
                "2014:07:02-13:28:39: '192.0.2.1' successful login to 'ann' after 1 attempts",
                Some(EventKind::AuthSuccess),
            ),
            (
                "[2014-01-06 10:59:49]LOGIN SUCCESS for user: \"ann\" from IP: 127.0.0.1",
                Some(EventKind::AuthSuccess),
            ),
            (
                "Wed Apr 14 08:11:01 2021 - OK - [127.0.0.1] \"GET /m/m.cgi - Mozilla/5.0 (X11)\"",
                Some(EventKind::WebRequest),
            ),
            ("2016-11-07 22:21:23   smtp: A A A 192.0.2.5", None),
            ("2026-11-23 12:00:00 anything else", None),
        ] {
            assert_eq!(of(text).map(|(kind, ..)| kind), kind, "{text}");
        }
    }

    #[test]
    fn torn_lines_break_nothing() {
        for text in [
            "[22-Jan-2013 22:28:21 +0200]: FAILED login for a from 192.0.2.1 in session x",
            "2014:07:02-00:17:45: '3.2.1.4' 2 failed login attempts. Account 'test'",
            "[28325:00010-3735542592] 22-06-2014 09:56:12   smtp: a [1.2.3.4] authentication failure using internet password",
            "Wed Apr 14 08:54:22 2021 - NOTEXIST - [127.0.0.1] File does not exist: /manager/html",
        ] {
            for end in 0..text.len() {
                let _any = of(text.get(..end).unwrap());
            }
        }
    }
}
