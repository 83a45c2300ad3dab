//! Logs of Half-Life servers (Counter-Strike and its relatives).
//!
//! Source: Valve "HL Log Standard": `L MM/DD/YYYY - HH:MM:SS: text`; refused remote consoles are
//! `Bad Rcon: "…" from "address:port"`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "counter-strike",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let rest = text.strip_prefix("L ")?;
    let (day, rest) = rest.split_once(" - ")?;
    let (month, rest_of_day) = day.split_once('/')?;
    let (day, year) = rest_of_day.split_once('/')?;
    let (time, said) = rest.split_once(": ")?;
    // Few such logs exist: the day is put in order as text.
    let ordered = format!("{year}-{month}-{day} {time}");
    let (stamp, rest) = stamps.iso(&ordered)?;
    rest.is_empty().then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "hlds", said);
    let mut event = message.event(EventKind::LogMessage);
    if said.starts_with("Bad Rcon: ")
        && let Some((before, peer)) = said.rsplit_once("\" from \"")
    {
        event.kind = EventKind::AuthFailure;
        let (address, port) = cut::address_port(peer);
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        event.command = Cow::Borrowed(cut::after(before, "\"").unwrap_or_default());
        event.with("service", "rcon");
    }
    each(&event);
    Understood::Yes
}
