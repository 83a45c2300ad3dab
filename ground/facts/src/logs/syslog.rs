//! Syslog files: auth.log, secure, messages, syslog, kern.log, daemon.log, …
//!
//! Source: RFC 3164 (`Nov  2 08:12:44 host program[pid]: text`), RFC 5424
//! (`1 2026-11-02T08:12:44Z host program pid msgid [data] text`), rsyslog's
//! `RSYSLOG_FileFormat` (RFC 3339 times) and `RSYSLOG_ForwardFormat`, with or without `<PRI>`.
//!
//! The header is a claim: whoever may write to `/dev/log` chooses program and pid.

use std::borrow::Cow;

use stanch_words::{Event, EventKind, Gap};

use super::messages::{Message, Speakers};
use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut};

pub(super) static FORMAT: Format = Format {
    name: "syslog",
    recognise,
    form: Form::Lines(|context| Box::new(Syslog::new(context))),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    let mut with_pid = 0_u32;
    let share = sample.share(|line| {
        std::str::from_utf8(line).is_ok_and(|line| {
            let Some(message) = header(line, &mut stamps) else { return false };
            with_pid = with_pid.saturating_add(u32::from(message.pid.is_some()));
            names(message.tag)
        })
    });
    // `program[7]:` before the whole line of another log: a daemon that logs through syslog.
    let all = u32::try_from(sample.lines().count()).unwrap_or(u32::MAX);
    share.saturating_add(u32::from(all > 0 && share == 100 && with_pid == all))
}

/// Whether a tag names a program, rather than being a level of a program's own log.
fn names(tag: &str) -> bool {
    const LEVELS: [&str; 8] = ["ERR", "ERROR", "WRN", "WARN", "WARNING", "INF", "INFO", "DEBUG"];
    !tag.is_empty() && !LEVELS.iter().any(|level| tag.eq_ignore_ascii_case(level))
}

struct Syslog {
    stamps: Stamps,
    speakers: Speakers,
    /// The last line: `last message repeated 3 times` says it again.
    last: String,
}

impl Syslog {
    fn new(context: &Context) -> Self {
        Self { stamps: Stamps::new(context), speakers: Speakers::default(), last: String::new() }
    }

    /// Shows the last line again, as often as the classic syslogd says.
    fn repeat(&mut self, again: &Message<'_>, each: &mut Each<'_>) -> Option<Understood> {
        let times = again.text.trim_matches(['-', ' ']).strip_prefix("last message repeated ")?;
        let count = times.strip_suffix(" times").or_else(|| times.strip_suffix(" time"))?;
        let count = count.parse().ok()?;
        let last = std::mem::take(&mut self.last);
        let understood = header(&last, &mut self.stamps).map(|mut message| {
            (message.time, message.place, message.count) = (again.time, again.place, count);
            self.speakers.show(&message, each)
        });
        self.last = last;
        understood
    }
}

impl Reader for Syslog {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let Some(mut message) = header(line.text, &mut self.stamps) else { return Understood::No };
        message.place = line.place;
        // Asked by its first byte: this is every line.
        if matches!(message.text.as_bytes().first(), Some(b'l' | b'-'))
            && let Some(understood) = self.repeat(&message, each)
        {
            return understood;
        }
        self.last.clear();
        self.last.push_str(line.text);
        self.speakers.show(&message, each)
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.speakers.end(each);
    }

    fn gaps(&mut self) -> Vec<Gap> {
        self.speakers.gaps()
    }
}

/// Reads a line's header.
pub fn header<'l>(line: &'l str, stamps: &mut Stamps) -> Option<Message<'l>> {
    let line = priority(line);
    // `1 2026-…`: RFC 5424's version.
    if let Some(rest) = line.strip_prefix("1 ")
        && let Some((stamp, rest)) = stamps.iso(rest)
    {
        return structured(rest, stamp);
    }
    let (stamp, rest) = stamp(line, stamps)?;
    if is_web_error(line, rest) {
        return None;
    }
    // `<4.3> host …`, `<auth.info> host …`: BSD's syslogd when it is asked to be verbose.
    let rest = cut::blanks(rest);
    let rest = match rest.as_bytes().first()? {
        b'<' => cut::blanks(rest.split_once("> ")?.1),
        _ => rest,
    };
    let (host, after) = rest.split_at_checked(cut::near(rest.as_bytes(), b' ')?)?;
    let after = after.get(1..)?;
    let mut message =
        Message { time: Some(stamp.time), clock: stamp.clock, host, ..Message::default() };
    // No host: `Nov  2 08:12:44 sshd[1]: text`, as BSD's and some containers' loggers write.
    let hostless = match host.as_bytes() {
        [_, .., b':'] => !host.contains("::"),
        [b'[', .., b']'] => true,
        _ => false,
    };
    if hostless {
        message.host = "";
    }
    tag(if hostless { rest } else { after }, &mut message);
    Some(message)
}

/// Reads the time, in brackets or not.
fn stamp<'l>(line: &'l str, stamps: &mut Stamps) -> Option<(super::stamps::Stamp, &'l str)> {
    let first = line.as_bytes().first()?;
    if first.is_ascii_digit() {
        // With other marks between year and month it is the log of a daemon of its own (stunnel).
        let is_own = line.as_bytes().get(4) == Some(&b'-');
        return is_own.then(|| stamps.iso(line)).flatten();
    }
    if *first == b'[' {
        let (stamp, rest) = stamps.bsd(line.get(1..)?)?;
        return Some((stamp, rest.strip_prefix(']')?));
    }
    stamps.bsd(line)
}

/// The error logs of nginx (`2026/11/02 08:12:44 [error] …`) and lighttpd (`2026-11-02 08:12:44:
/// (mod_auth.c.525) …`) begin with a time, too, but have no host.
fn is_web_error(line: &str, rest: &str) -> bool {
    let begins_with_a_year = line.as_bytes().first().is_some_and(u8::is_ascii_digit);
    begins_with_a_year
        && (line.as_bytes().get(4) == Some(&b'/') && rest.starts_with('[')
            || rest.starts_with(": ") && rest.contains(".c.")
            || rest.starts_with('(') && rest.contains(".c."))
}

/// Leaves out `<13>`.
fn priority(line: &str) -> &str {
    if line.as_bytes().first() != Some(&b'<') {
        return line;
    }
    let rest = line.get(1..).unwrap_or_default();
    match rest.split_once('>') {
        Some((digits, rest))
            if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            rest
        }
        _ => line,
    }
}

/// Reads `program[pid]: text`; without it, all is text.
fn tag<'l>(rest: &'l str, message: &mut Message<'l>) {
    let rest = cut::blanks(rest);
    message.text = rest;
    // The marks of the first word, in one walk: this is every line.
    let (mut word, mut colon, mut bracket) = (rest.len(), None, None);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b' ' => {
                word = at;
                break;
            }
            b':' if colon.is_none() => colon = Some(at),
            b'[' if bracket.is_none() => bracket = Some(at),
            _ => {}
        }
    }
    // Some daemons leave the colon out: `[sshd] text`, `program[7] text`, `program(pam_x) text`.
    let last = word.checked_sub(1).and_then(|last| rest.as_bytes().get(last));
    let end = if matches!(last, Some(b']' | b')')) {
        word
    } else if let Some(colon) = colon.or_else(|| memchr::memchr(b':', rest.as_bytes())) {
        colon
    } else {
        return;
    };
    let (tag, text) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let text =
        if text.as_bytes().first() == Some(&b':') { text.get(1..).unwrap_or("") } else { text };
    let (program, pid) = match (bracket.filter(|&at| at < end), tag.strip_prefix('[')) {
        (_, Some(tag)) => tag.split_once(']').unwrap_or((tag, "")),
        (Some(at), None) => (tag.get(..at).unwrap_or(tag), tag.get(at + 1..).unwrap_or_default()),
        (None, None) => cut::around(tag, "[").unwrap_or((tag, "")),
    };
    // `sshd: text`, `postfix/smtpd[1]: text`, `(systemd)[1]`, `pam_unix(sshd:auth)[3]`; but a
    // sentence with a colon in it has blanks before it.
    let program = if program.ends_with(' ') { program.trim_end() } else { program };
    if program.is_empty() || program.len() > 64 || program.bytes().any(|byte| byte == b' ') {
        return;
    }
    message.tag = program;
    message.program = program_of(program);
    let pid = if pid.starts_with('[') { pid.trim_start_matches('[') } else { pid };
    message.pid = pid.strip_suffix(']').and_then(cut::digits);
    message.text =
        if text.as_bytes().first() == Some(&b' ') { text.get(1..).unwrap_or("") } else { text };
}

/// Returns the last part of a tag without a PAM module: `smtpd` of `postfix/smtpd`, `sshd` of
/// `sshd(pam_unix)`, but all of `(systemd)`.
fn program_of(tag: &str) -> &str {
    let tag = match cut::near(tag.as_bytes(), b'(') {
        Some(at) if at > 0 => tag.get(..at).unwrap_or(tag),
        _ => tag,
    };
    let Some(slash) = tag.bytes().rposition(|byte| byte == b'/') else { return tag };
    tag.get(slash.saturating_add(1)..).filter(|name| !name.is_empty()).unwrap_or(tag)
}

/// Reads what follows the time in RFC 5424: `host program pid msgid data text`.
fn structured<'l>(rest: &'l str, stamp: super::stamps::Stamp) -> Option<Message<'l>> {
    let mut words = rest.splitn(5, ' ');
    let mut word = || words.next().map(|word| if word == "-" { "" } else { word });
    let (host, tag, pid, _message_id) = (word()?, word()?, word()?, word()?);
    let after = words.next()?;
    let text = match after.strip_prefix('-') {
        Some(text) => text,
        None => after_data(after)?,
    };
    Some(Message {
        time: Some(stamp.time),
        clock: stamp.clock,
        host,
        tag,
        program: program_of(tag),
        pid: pid.parse().ok(),
        text: text.trim_start().trim_start_matches('\u{feff}'),
        ..Message::default()
    })
}

/// Skips `[id name="value"]…`, in which `\]` and `\"` are escaped.
fn after_data(text: &str) -> Option<&str> {
    let mut quoted = false;
    let mut escaped = false;
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if inside => quoted = !quoted,
            b'[' if !inside => inside = true,
            b']' if !quoted => inside = false,
            b' ' if !inside => return text.get(at..),
            _ if !inside => return None,
            _ => {}
        }
    }
    (!inside).then_some("")
}

/// `message repeated 3 times: [ text]`, as rsyslog folds equal lines: the text and the count.
pub(super) fn unfold(text: &str) -> Option<(&str, i64)> {
    let rest = text.strip_prefix("message repeated ")?;
    let (count, rest) = rest.split_once(" times: [")?;
    Some((rest.strip_suffix(']')?.trim_start(), count.parse().ok()?))
}

/// Returns an event for a message that is understood only so far.
pub(super) fn plain<'l>(message: &Message<'l>) -> Event<'l> {
    let mut event = message.event(EventKind::LogMessage);
    event.message = Cow::Borrowed(message.text);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, String, Option<i64>, String) {
        let mut stamps = Stamps::new(&Context::new("", 1_795_435_200_000_000));
        let message = header(line, &mut stamps).unwrap();
        (message.host.into(), message.program.into(), message.pid, message.text.into())
    }

    #[test]
    fn headers_of_every_kind() {
        let expected = ("web01".into(), "sshd".into(), Some(7), "text: with colons".into());
        for line in [
            "Nov  2 08:12:44 web01 sshd[7]: text: with colons",
            "<38>Nov  2 08:12:44 web01 sshd[7]: text: with colons",
            "2026-11-02T08:12:44.123456+00:00 web01 sshd[7]: text: with colons",
            "1 2026-11-02T08:12:44Z web01 sshd 7 - - text: with colons",
            "<38>1 2026-11-02T08:12:44Z web01 /usr/sbin/sshd 7 ID [a b=\"]\\\"\"][c] text: with colons",
            "Nov 02 08:12:44 web01 /usr/sbin/sshd[7]: text: with colons",
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_header_without_host_or_program() {
        assert_eq!(read("Nov  2 08:12:44 sshd[7]: x").1, "sshd");
        assert_eq!(read("Nov  2 08:12:44 web01 last words: none").3, "last words: none");
    }

    #[test]
    fn error_lines_of_web_servers_are_left_to_their_reader() {
        let mut stamps = Stamps::new(&Context::new("", 1_795_435_200_000_000));
        for line in [
            "2026/11/02 08:12:44 [error] 1#1: *7 x, client: 192.0.2.1",
            "2026-11-02 08:12:44: (mod_auth.c.525) x",
            "2026-11-02 08:12:44: mod_auth.c.525) x",
        ] {
            assert!(header(line, &mut stamps).is_none(), "{line}");
        }
    }

    #[test]
    fn folded_lines_are_counted() {
        let folded = unfold("message repeated 2 times: [ Failed password for root]");
        assert_eq!(folded, Some(("Failed password for root", 2)));
    }
}
