//! Squid's access log.
//!
//! Source: Squid `logformat squid %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "squid",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, _stamps| fields(line).is_some())
}

/// Client, `TCP_MISS/200`, bytes, method, URL, user.
fn fields(text: &str) -> Option<(Stamp, [&str; 6])> {
    let (stamp, rest) = Stamps::epoch(text)?;
    let mut words = rest.split_ascii_whitespace();
    let _milliseconds: i64 = words.next()?.parse().ok()?;
    let mut next = || words.next();
    let fields = [next()?, next()?, next()?, next()?, next()?, next()?];
    let (result, status) = fields[1].split_once('/')?;
    let right = result.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && status.bytes().all(|byte| byte.is_ascii_digit());
    right.then_some((stamp, fields))
}

fn read(line: &Line<'_>, _stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, [client, result, bytes, method, url, user])) = fields(line.text) else {
        return Understood::No;
    };
    let (verdict, status) = result.split_once('/').unwrap_or_default();
    // Somebody who may not use the proxy, or speaks to it as if it were open to all.
    let refused = verdict.contains("DENIED") || verdict == "NONE" && url.starts_with("error:");
    let kind = if refused { EventKind::ServiceAbuse } else { EventKind::WebRequest };
    let message = single::message(stamp, line, "squid", line.text);
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(client);
    event.method = Cow::Borrowed(method);
    event.user = Cow::Borrowed(if user == "-" { "" } else { user });
    event.with("url", url).with("result", verdict);
    event.with("status", status.parse::<i64>().unwrap_or_default());
    event.with("bytes", bytes.parse::<i64>().unwrap_or_default());
    each(&event);
    Understood::Yes
}
