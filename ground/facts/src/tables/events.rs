//! Everything that the surviving logs tell, one row an event.
//!
//! Source: [`crate::history`]. No event is kept in memory between queries, so each query reads the
//! logs it needs again; a condition `kind = …`, `file = …`, `user = …`, `source_ip = …` or
//! `program = …` keeps the rest from becoming rows.

use stanch_words::{Ask, Event, EventKind, Field, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::Host;
use crate::history::{Source, sources};
use crate::logs::stamps::SECOND;

table_spec! {
    /// Events.
    pub static SPEC, col = "events": Files, "Everything that the surviving logs, histories and records tell, one row an event.";
    time BigInt Plain "When, in seconds since 1970 UTC; null if the source does not say.";
    micros BigInt Plain "The same in microseconds.";
    until BigInt Plain "The latest time it can have been, where only bounds are known, in seconds.";
    clock Text Plain "The clock of the time: utc, local or unknown.";
    trust Text Plain "Who vouches for it: kernel, program, claim (syslog) or user.";
    kind Text Index "What kind of thing happened, such as auth.failure.";
    host Text Plain "The host, as the source names it.";
    program Text Index "The program that tells it.";
    pid BigInt Plain "The process that it is about.";
    ppid BigInt Plain "That process's parent.";
    user Text Index "The account that acted or tried to.";
    uid BigInt Plain "Its number.";
    target Text Plain "The account that was acted on or turned into.";
    source_ip Text Index "Where it came from.";
    source_port Integer Plain "The port there.";
    method Text Plain "How: password, publickey, …; GET, POST, … for a web request.";
    command Text Plain "The command line.";
    path Text Plain "The file that it is about; for a process, its program.";
    tty Text Plain "The terminal.";
    session Text Plain "The session.";
    unit Text Plain "The systemd unit.";
    message Text Plain "The source's own words.";
    url Text Plain "What a web request asked for.";
    status BigInt Plain "The status of a web request's answer.";
    fields Text Plain "All further fields, as a JSON object.";
    witness Text Plain "The way it tells: text, journal, audit, login-records, accounting, history.";
    file Text Index "The file it stands in.";
    line BigInt Plain "The line or record there, from 1.";
    offset BigInt Plain "The offset of its first byte, after decompression.";
}

/// The most rows one query gets.
const MOST: usize = 200_000;

/// Reads the logs.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let wanted = Wanted::of(ask);
    let mut left_out = 0_u64;
    let mut rows = Vec::new();
    let mut gaps = Vec::new();
    let found = sources::find(host, SPEC.name, seen);
    for source in found.into_iter().filter(|source| wanted.source(source)) {
        let mut each = |event: &Event<'_>, source: &Source| {
            if !wanted.event(event) {
                return;
            }
            if rows.len() < MOST {
                rows.push(row(event, source, ask));
            } else {
                left_out = left_out.saturating_add(1);
            }
        };
        crate::history::read_source(host, source, &|| (), &mut gaps, &mut each);
    }
    seen.rows.append(&mut rows);
    for gap in gaps {
        seen.gap(Gap { what: SPEC.name.to_owned(), ..gap });
    }
    if left_out > 0 {
        let detail = format!("only the first {MOST} events; {left_out} more: ask by kind or file");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
    }
}

/// What the query narrows to.
struct Wanted<'a> {
    kind: Option<Option<EventKind>>,
    program: Option<&'a str>,
    user: Option<&'a str>,
    source_ip: Option<&'a str>,
    file: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(ask: &'a Ask) -> Self {
        let text = |column| ask.equal(column).and_then(Value::as_text);
        Self {
            kind: text(col::kind).map(EventKind::from_name),
            program: text(col::program),
            user: text(col::user),
            source_ip: text(col::source_ip),
            file: text(col::file),
        }
    }

    fn source(&self, source: &Source) -> bool {
        self.file.is_none_or(|file| file == source.path_text())
    }

    fn event(&self, event: &Event<'_>) -> bool {
        let same = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == is);
        self.kind.is_none_or(|kind| kind == Some(event.kind))
            && same(self.program, &event.program)
            && same(self.user, &event.user)
            && same(self.source_ip, &event.source_ip)
    }
}

fn row(event: &Event<'_>, source: &Source, ask: &Ask) -> Row {
    let mut row = SPEC.row();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let seconds = |micros: Option<i64>| micros.map(|micros| micros.div_euclid(SECOND));
    row.put(col::time, seconds(event.time))
        .put(col::micros, event.time)
        .put(col::until, seconds(event.until))
        .put(col::clock, event.clock.name())
        .put(col::trust, event.trust.name())
        .put(col::kind, event.kind.name())
        .put(col::pid, event.pid)
        .put(col::ppid, event.ppid)
        .put(col::uid, event.uid)
        .put(col::source_port, event.source_port)
        .put(col::status, event.number("status"))
        .put(col::witness, source.witness.name())
        .put(col::line, event.place.line)
        .put(col::offset, event.place.offset);
    let texts = [
        (col::host, &*event.host),
        (col::program, &event.program),
        (col::user, &event.user),
        (col::target, &event.target),
        (col::source_ip, &event.source_ip),
        (col::method, &event.method),
        (col::command, &event.command),
        (col::path, &event.path),
        (col::tty, &event.tty),
        (col::session, &event.session),
        (col::unit, &event.unit),
        (col::message, &event.message),
        (col::url, event.text("url")),
        (col::file, event.place.file),
    ];
    for (column, value) in texts.into_iter().filter(|(column, _)| ask.wants(*column)) {
        row.put(column, text(value));
    }
    if ask.wants(col::fields) && !event.more.is_empty() {
        row.put(col::fields, fields(event));
    }
    row
}

/// Returns the further fields as a JSON object; a name that occurs again wins.
fn fields(event: &Event<'_>) -> String {
    let fields = event.more.iter().map(|(name, field)| {
        let value = match field {
            Field::Text(text) => text.as_ref().into(),
            Field::Number(number) => (*number).into(),
            Field::List(list) => list.iter().map(AsRef::<str>::as_ref).collect(),
        };
        (name.to_string(), value)
    });
    let object: serde_json::Map<String, serde_json::Value> = fields.collect();
    serde_json::Value::from(object).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;
    use stanch_words::{ColumnSet, Constraint, Op};

    use super::*;

    #[test]
    fn a_condition_narrows_what_becomes_rows() {
        let machine = Pretend::new().file(
            "/var/log/auth.log",
            "Nov  2 08:00:00 h sshd[1]: Failed password for root from 10.0.0.9 port 5 ssh2\n\
             Nov  2 08:00:09 h sshd[2]: Accepted publickey for ann from 10.0.0.7 port 6 ssh2: ED25519 SHA256:abc\n",
        );
        let host = Host::new(Arc::new(machine));
        let value = Value::from("auth.success");
        let constraints = vec![Constraint { column: col::kind, op: Op::Equal, value }];
        let mut seen = Seen::default();
        read(&host, &Ask { columns: ColumnSet::ALL, constraints }, &mut seen);
        let [row] = &seen.rows[..] else { panic!("{seen:?}") };
        let shown =
            [col::user, col::source_ip, col::line, col::fields].map(|c| row.get(c).to_string());
        assert_eq!(
            shown,
            ["ann", "10.0.0.7", "2", r#"{"fingerprint":"SHA256:abc","key_type":"ED25519"}"#]
        );
    }
}
