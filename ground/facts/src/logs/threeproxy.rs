//! 3proxy's log.
//!
//! Source: 3proxy `doc` and `cfg/3proxy.cfg.sample` (`logformat "%d-%m-%Y %H:%M:%S %z %N.%p %E %U
//! %C:%c %R:%r %O %I %h %T"`); errors 1 to 9 and above 4 of them are refusals.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "3proxy",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| fields(line, stamps).is_some())
}

/// The words behind the time: service, error, user, client, target, and the rest.
fn fields<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(super::stamps::Stamp, [&'l str; 6])> {
    let (stamp, rest) = stamps.day_first(text)?;
    let mut words = rest.splitn(6, ' ');
    let mut next = || words.next();
    let fields = [next()?, next()?, next()?, next()?, next()?, next().unwrap_or_default()];
    let [service, error, _, client, ..] = fields;
    let (name, port) = service.rsplit_once('.')?;
    let right = !name.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && error.len() >= 3
        && error.bytes().all(|byte| byte.is_ascii_digit())
        && client.contains(':');
    right.then_some((stamp, fields))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, [service, error, user, client, target, rest])) = fields(line.text, stamps)
    else {
        return Understood::No;
    };
    let message = single::message(stamp, line, "3proxy", line.text);
    // 4 to 8 are refused users; 508 and its like say that the service was the administrator's.
    let code = error.parse::<u32>().unwrap_or_default();
    let kind = match code % 100 {
        1..=9 => EventKind::ServiceAbuse,
        _ => EventKind::NetworkConnect,
    };
    let mut event = message.event(kind);
    let (address, port) = cut::address_port(client);
    (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
    event.user = Cow::Borrowed(if user == "-" { "" } else { user });
    let (target, port) = cut::address_port(target);
    event.with("destination_ip", target);
    event.with("destination_port", i64::from(port.unwrap_or_default()));
    event.with("service", service).with("status", i64::from(code));
    // Four numbers, then the request.
    let request = rest.splitn(5, ' ').nth(4).unwrap_or_default().trim();
    if let Some((method, url)) = request.split_once(' ') {
        event.method = Cow::Borrowed(method);
        event.with("url", cut::word(url).0);
    }
    each(&event);
    Understood::Yes
}
