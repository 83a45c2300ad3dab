//! Microsoft SQL Server's error log.
//!
//! Source: SQL Server documentation "MSSQLSERVER_18456": `YYYY-MM-DD HH:MM:SS.cc source      text`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "mssql",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str, &'l str)> {
    // Hundredths, and a column of twelve.
    if text.as_bytes().get(19) != Some(&b'.') || text.as_bytes().get(22) != Some(&b' ') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let (source, said) = rest.split_at_checked(12)?;
    let name = source.trim_end();
    let known = matches!(name, "Logon" | "Server" | "Backup" | "Clustering")
        || name
            .strip_prefix("spid")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    known.then_some((stamp, name, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, source, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "mssql", said);
    let mut event = message.event(EventKind::LogMessage);
    if source == "Logon"
        && let Some(rest) = said.strip_prefix("Login failed for user '")
        && let Some((before, client)) = rest.rsplit_once(" [CLIENT: ")
    {
        let (user, reason) = before.rsplit_once("'. Reason: ").unwrap_or((before, ""));
        event.kind = match reason.contains("Could not find a login") {
            true => EventKind::AuthInvalidUser,
            false => EventKind::AuthFailure,
        };
        event.user = Cow::Borrowed(user.trim_end_matches(['\'', '.']));
        event.source_ip = Cow::Borrowed(cut::address(client));
        event.with("reason", reason).with("service", "mssql");
    } else if said.contains("xp_cmdshell' changed from 0 to 1") {
        event.kind = EventKind::ConfigChange;
        event.with("danger", "program");
    }
    each(&event);
    Understood::Yes
}
