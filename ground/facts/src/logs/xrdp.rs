//! xrdp's own logs (`xrdp.log`, `xrdp-sesman.log`).
//!
//! Source: xrdp `common/log.c` (`[YYYYMMDD-HH:MM:SS] [LEVEL] text`), `sesman/scp_process.c`
//! (`AUTHFAIL: user=%s ip=%s time=%d`).

use super::messages::xrdp;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "xrdp",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (time, said) = text.strip_prefix('[')?.split_once("] ")?;
    let (stamp, rest) = stamps.compact(time)?;
    (said.starts_with('[') && rest.is_empty()).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "xrdp-sesman", said);
    each(&message.told(xrdp::parse(&message)));
    Understood::Yes
}
