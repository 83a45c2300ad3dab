//! Oracle Communications Messaging Server (iMS): `mail.log_current` with `LOG_FORMAT=4`.
//!
//! Source: Oracle "Messaging Server System Administrator's Guide", Managing Logging: one XML
//! element a line, `<co …/>` for connections, `<en …/>` for messages.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "oracle-messaging",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let rest = text.strip_prefix("<co ").or_else(|| text.strip_prefix("<en "))?;
    let stamp = stamps.iso(cut::between(rest, "ts=\"", "\"")?)?.0;
    Some((stamp, rest))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, rest)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "ims", line.text);
    let said = cut::between(rest, " mi=\"", "\"").unwrap_or_default();
    let kind =
        if ["Bad password", "No such user", "Invalid user"].iter().any(|bad| said.starts_with(bad))
        {
            EventKind::AuthFailure
        } else if said.starts_with("Authentication successful") {
            EventKind::AuthSuccess
        } else {
            EventKind::MailMessage
        };
    let mut event = message.event(kind);
    // `TCP|our address|our port|their address|their port`.
    let mut transport = cut::between(rest, " tr=\"", "\"").unwrap_or_default().split('|');
    event.source_ip = Cow::Borrowed(transport.nth(3).unwrap_or_default());
    event.source_port = transport.next().and_then(|port| port.parse().ok());
    event.user = Cow::Borrowed(cut::between(rest, " us=\"", "\"").unwrap_or_default());
    event.with("reason", said);
    each(&event);
    Understood::Yes
}
