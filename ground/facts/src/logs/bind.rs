//! BIND's own log files: `02-Nov-2026 08:12:44.123 security: info: client …`.
//!
//! Source: BIND 9 ARM, "logging" (`print-time`, `print-category`, `print-severity`).

use super::messages::named;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "named",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (stamp, said) = stamps.day_first(text)?;
    let levels = ["info", "notice", "warning", "error", "critical", "debug"];
    let leads = |part: &str| levels.iter().any(|level| part.trim_start().starts_with(level));
    // `client …` where neither category nor level is printed.
    let mut parts = said.split(": ");
    let known = said.starts_with("client ")
        || parts.next().is_some_and(leads)
        || parts.next().is_some_and(leads);
    (text.as_bytes().get(2) == Some(&b'-') && known).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "named", said);
    each(&message.told(named::parse(&message)));
    Understood::Yes
}
