//! SoftEther VPN's security log.
//!
//! Source: SoftEther VPN `src/Mayaqua/Logging.c`: `YYYY-MM-DD HH:MM:SS.mmm text`, the text from
//! `hamcore/strtable_en.stb` (`Connection "…": …`, `Session "…": …`).

use super::messages::appliances;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "softether",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (stamp, said) = stamps.iso(text)?;
    let known = ["Connection \"", "Session \"", "SecureNAT: ", "The connection \""];
    (text.as_bytes().get(10) == Some(&b' ') && known.iter().any(|words| said.starts_with(words)))
        .then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "vpnserver", said);
    each(&message.told(appliances::softether(&message, said)));
    Understood::Yes
}
