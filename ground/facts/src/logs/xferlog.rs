//! xferlog: the files that WU-FTPD, ProFTPD, vsftpd and Pure-FTPd sent and took.
//!
//! Source: xferlog(5): `time seconds host size file type flag direction mode user service auth
//! authuser status`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "xferlog",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| fields(line, stamps).is_some())
}

struct Transfer<'l> {
    stamp: Stamp,
    host: &'l str,
    bytes: i64,
    file: &'l str,
    direction: &'l str,
    user: &'l str,
    status: &'l str,
}

/// A file's name may hold blanks: it is what is left when both ends are taken off.
fn fields<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Transfer<'l>> {
    let (stamp, rest) = stamps.ctime(text)?;
    let (seconds, rest) = cut::word(rest);
    let _seconds: i64 = seconds.parse().ok()?;
    let (host, rest) = cut::word(rest);
    let (bytes, rest) = cut::word(rest);
    let mut words = rest.trim_end().rsplitn(10, ' ');
    let mut next = || words.next();
    let (status, _authuser, _auth, _service, user, _mode, direction, _flag, kind, file) =
        (next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?);
    let right = matches!(status, "c" | "i")
        && matches!(direction, "i" | "o" | "d")
        && matches!(kind, "a" | "b");
    let bytes = bytes.parse().ok()?;
    right.then_some(Transfer { stamp, host, bytes, file, direction, user, status })
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some(found) = fields(line.text, stamps) else { return Understood::No };
    let message = single::message(found.stamp, line, "ftp", line.text);
    let kind = match found.direction {
        "d" => EventKind::FileDelete,
        _ => EventKind::FileTransfer,
    };
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(cut::address(found.host));
    event.path = Cow::Borrowed(found.file);
    event.user = Cow::Borrowed(found.user);
    event.with("bytes", found.bytes).with("service", "ftp");
    let direction = match found.direction {
        "i" => "in",
        "o" => "out",
        _ => "deleted",
    };
    event.with("direction", direction);
    event.with("result", if found.status == "c" { "success" } else { "failure" });
    each(&event);
    Understood::Yes
}
