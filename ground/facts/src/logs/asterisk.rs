//! Asterisk's own log (`messages`, `full`, `security`).
//!
//! Source: Asterisk `main/logger.c`: `[time] LEVEL[thread][call] file: text`, time `%b %e %T` or
//! as `logger.conf`'s `dateformat` says.

use super::messages::{Message, asterisk};
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "asterisk",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (time, said) = text.strip_prefix('[')?.split_once("] ")?;
    let (stamp, rest) = match time.as_bytes().first()? {
        b'0'..=b'9' => stamps.iso(time)?,
        _ => stamps.bsd(time)?,
    };
    let level = said.split([' ', '[']).next()?;
    let known = ["NOTICE", "WARNING", "ERROR", "SECURITY", "VERBOSE", "DEBUG", "DTMF"];
    (rest.is_empty() && known.contains(&level) && said.contains("]")).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    if let Some((stamp, said)) = header(line.text, stamps) {
        let message = single::message(stamp, line, "asterisk", said);
        each(&message.told(asterisk::parse(&message)));
        return Understood::Yes;
    }
    // Without a time, as a console or a journal's bare text gives it: only what is told apart.
    let bare =
        Message { program: "asterisk", text: line.text, place: line.place, ..Message::default() };
    match asterisk::parse(&bare) {
        Some(event) => {
            each(&event);
            Understood::Yes
        }
        None => Understood::No,
    }
}
