//! stunnel's own log.
//!
//! Source: stunnel `src/log.c` (`YYYY.MM.DD HH:MM:SS LOG3[thread]: text`), `src/client.c`
//! (`SSL_accept from …`, `Service [x] accepted connection from …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "stunnel",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    if text.as_bytes().get(4) != Some(&b'.') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let (head, said) = rest.split_once("]: ")?;
    head.strip_prefix("LOG")?.get(1..)?.starts_with('[').then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "stunnel", said);
    let mut event = message.event(EventKind::LogMessage);
    if let Some((_, rest)) = said.split_once("SSL_accept from ") {
        event.kind = EventKind::AuthFailure;
        peer(&mut event, rest);
        event.with("reason", rest.rsplit_once(':').map_or("", |(_, reason)| reason));
    } else if let Some((_, rest)) = said.split_once(" accepted connection from ") {
        event.kind = EventKind::NetworkListen;
        peer(&mut event, rest);
    }
    each(&event);
    Understood::Yes
}

fn peer<'l>(event: &mut Event<'l>, text: &'l str) {
    let (address, port) = cut::address_port(cut::word(text).0);
    (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
}
