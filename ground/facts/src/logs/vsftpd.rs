//! vsftpd's own log.
//!
//! Source: vsftpd `logging.c`: `Mon Nov  2 08:12:44 2026 [pid 3] [user] text`.

use super::messages::ftp;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "vsftpd",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, i64, &'l str)> {
    let (stamp, rest) = stamps.ctime(text)?;
    let (pid, said) = rest.strip_prefix(" [pid ")?.split_once("] ")?;
    Some((stamp, pid.parse().ok()?, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, pid, said)) = header(line.text, stamps) else { return Understood::No };
    let mut message = single::message(stamp, line, "vsftpd", said);
    message.pid = Some(pid);
    each(&message.told(ftp::parse(&message)));
    Understood::Yes
}
