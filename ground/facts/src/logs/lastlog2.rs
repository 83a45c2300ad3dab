//! lastlog2: the newest login of each account, in a database. Its format is told in
//! [`crate::login_databases`].

use std::path::Path;

use stanch_machine::{Machine, Miss};
use stanch_words::{Clock, Event, EventKind, Gap, Place, Trust};

use super::{Context, Counts, Each, Form, Format, cut, database};
use crate::login_databases;
use crate::sqlite_file::cell_string;

pub(super) static FORMAT: Format = Format {
    name: "lastlog2",
    recognise: |sample| u32::from(login_databases::is_database_of(sample.bytes, "Lastlog2")) * 100,
    form: Form::Whole(read),
    stands_alone: false,
};

fn read(
    machine: &dyn Machine,
    path: &Path,
    context: &Context,
    each: &mut Each<'_>,
) -> Result<(Counts, Vec<Gap>), Miss> {
    database::whole(machine, path, context, &mut |bytes, counts| {
        login_databases::lastlog2(bytes, &mut |newest| {
            counts.lines = counts.lines.saturating_add(1);
            counts.events = counts.events.saturating_add(1);
            let mut event = Event::new(EventKind::SessionSeen);
            event.place = Place { file: &context.file, line: counts.lines, offset: 0 };
            event.trust = Trust::Program;
            event.clock = Clock::Utc;
            event.time = newest.time().and_then(|time| time.checked_mul(1_000_000));
            event.user = cell_string(newest.user());
            event.tty = cell_string(newest.tty());
            let host = cell_string(newest.host());
            if cut::is_address(&host) {
                event.source_ip = host.clone();
            }
            event.with("hostname", host).with("service", cell_string(newest.service()));
            each(&event);
        })
    })
}
