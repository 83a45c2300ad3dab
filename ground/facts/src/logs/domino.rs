//! HCL (Lotus) Domino's console log.
//!
//! Source: Domino documentation "console.log": `[process:thread-…] DD-MM-YYYY HH:MM:SS   task:
//! text`; the order of the day is the server's locale.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "domino",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let text = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?.1,
        None => text,
    };
    let (stamp, rest) = stamps.day_first(text).or_else(|| stamps.iso(text))?;
    // Two more blanks, then the task.
    let said = rest.strip_prefix("  ")?;
    let task = said.split([':', '[']).next()?.trim();
    let is_task = !task.is_empty() && task.len() < 32 && !task.starts_with(' ');
    let known = task.ends_with("Server") || task.ends_with("Router") || task.len() < 9;
    (is_task && known && said.contains([':', '['])).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "domino", said);
    let mut event = message.event(EventKind::LogMessage);
    let lower = said.to_ascii_lowercase();
    if let Some((before, after)) = said.split_once(" ; connecting host ")
        && lower.contains("authentication failed for user")
    {
        event.kind = EventKind::AuthFailure;
        event.source_ip = Cow::Borrowed(cut::address(after));
        event.user = Cow::Borrowed(cut::after(before, "for user ").unwrap_or_default());
    } else if let Some((before, _)) =
        said.rsplit_once(" authentication failure using internet password")
        && let Some((who, address)) = before.rsplit_once(' ')
        && cut::is_address(cut::address(address))
    {
        event.kind = EventKind::AuthFailure;
        event.source_ip = Cow::Borrowed(cut::address(address));
        event.user = Cow::Borrowed(cut::after(who, ": ").unwrap_or_default());
    } else if said.contains(" rejected for policy reasons")
        && let Some((address, _)) =
            cut::bracketed(cut::after(said, "Connection from ").unwrap_or_default())
    {
        event.kind = EventKind::MailAbuse;
        event.source_ip = Cow::Borrowed(address);
        event.with("reason", "rejected for policy reasons");
    }
    each(&event);
    Understood::Yes
}
