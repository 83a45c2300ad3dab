//! Exim's main and reject logs.
//!
//! Source: Exim specification "Log files": `YYYY-MM-DD HH:MM:SS [pid] id <= …`, `H=name (helo)
//! [address]`; `src/smtp_in.c`, `src/receive.c`, `src/auths/*.c` (`authenticator failed for`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::messages::exim;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "exim",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| {
        header(line, stamps).is_some_and(|(_, said)| is_exims(said))
    })
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    if text.as_bytes().get(10) != Some(&b' ') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let rest = match rest.strip_prefix('[').and_then(|inside| inside.split_once("] ")) {
        Some((pid, said)) if pid.bytes().all(|byte| byte.is_ascii_digit()) => said,
        _ => rest,
    };
    Some((stamp, rest))
}

/// `1oK3xJ-0002Aa-7f`, or since 4.97 `1oK3xJ-000000012Aa-7fGh`.
fn is_id(word: &str) -> bool {
    let mut parts = word.split('-');
    let lengths = [parts.next(), parts.next(), parts.next()].map(|part| part.map_or(0, str::len));
    matches!(lengths, [6, 6, 2] | [6, 11, 4])
        && parts.next().is_none()
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_exims(said: &str) -> bool {
    is_id(cut::word(said).0)
        || [
            "H=",
            "SMTP ",
            "exim ",
            "no host name found",
            "no IP address found",
            "TLS error on",
            "Start queue run",
            "End queue run",
            "unexpected disconnection",
            "rejected ",
        ]
        .iter()
        .any(|words| said.starts_with(words))
        || said.contains(" authenticator failed for ")
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    if !is_exims(said) {
        return Understood::No;
    }
    let message = single::message(stamp, line, "exim", said);
    match exim::parse(&message) {
        Some(event) => each(&event),
        None => each(&plain(&message, said)),
    }
    Understood::Yes
}

fn plain<'l>(message: &super::messages::Message<'l>, said: &'l str) -> Event<'l> {
    let (id, rest) = cut::word(said);
    let is_mail = is_id(id);
    let mut event =
        message.event(if is_mail { EventKind::MailMessage } else { EventKind::LogMessage });
    if is_mail {
        event.with("queue_id", id);
        let (_, who) = cut::word(rest);
        let field = if rest.starts_with("<=") { "mail_from" } else { "mail_to" };
        event.with(field, cut::word(who).0);
        if let Some((address, _)) = rest.split_once("H=").and_then(|(_, host)| cut::bracketed(host))
        {
            event.source_ip = Cow::Borrowed(address);
        }
        event.user = Cow::Borrowed(cut::value(rest, "U", &[' ']).unwrap_or_default());
    }
    event
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn guessed_passwords_a_login_and_mail_of_the_web_user() {
        let log = "2026-01-02 03:04:05 login authenticator failed for (x) [192.0.2.7]: 535 Incorrect authentication data (set_id=ann)\n\
            2026-01-02 03:04:06 H=(x) [192.0.2.7] F=<a@b> rejected RCPT <c@d>: relay not permitted\n\
            2026-01-02 03:04:07 1oK3xJ-0002Aa-7f <= ann@example.org H=(x) [192.0.2.7] P=esmtpsa A=plain:ann S=712\n\
            2026-01-02 03:04:08 1oK3xJ-0002Aa-7g <= www-data@web U=www-data P=local S=712\n\
            2026-01-02 03:04:09 1oK3xJ-0002Aa-7g Completed\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            found.push(format!("{} {} {}", event.kind.name(), event.source_ip, event.user));
        };
        let mut stream = Stream::new(Context::new("mainlog", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "auth.failure 192.0.2.7 ann",
                "mail.abuse 192.0.2.7 ",
                "auth.success 192.0.2.7 ann",
                "mail.message  www-data",
                "mail.message  ",
            ]
        );
    }
}
