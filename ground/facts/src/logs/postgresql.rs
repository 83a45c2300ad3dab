//! PostgreSQL's own log: text with any usual `log_line_prefix`, and `csvlog`.
//!
//! Source: PostgreSQL manual "Error Reporting and Logging": `log_line_prefix` (`%m [%p] %q%u@%d `
//! on Debian, `%t [%p]: user=%u,db=%d,client=%h `), a record's further lines begin with a tab;
//! "Using CSV-Format Log Output" (columns).

use std::borrow::Cow;
use std::collections::BTreeMap;

use stanch_words::{Clock, Event, EventKind};

use super::held::Held;
use super::messages::postgres;
use super::stamps::Stamp;
use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "postgresql",
    recognise,
    form: Form::Lines(|context| {
        Box::new(Postgres {
            stamps: Stamps::new(context),
            utc: Stamps::new(&Context { zone: jiff::tz::TimeZone::UTC, ..context.clone() }),
            held: Held::new(context),
            csv: false,
            peers: BTreeMap::new(),
        })
    }),
    stands_alone: false,
};

/// How many server processes are remembered with their clients.
const PEERS: usize = 4096;

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut own = false;
    let share = single::share(sample, |line, stamps| {
        let is = header(line, stamps).is_some() || is_csv(line, stamps);
        own |= is;
        // Statements go on for many lines.
        is || own && line.starts_with('\t')
    });
    if own { share } else { 0 }
}

struct Postgres {
    stamps: Stamps,
    /// For times that say UTC.
    utc: Stamps,
    held: Held,
    /// Whether the held record is of `csvlog`.
    csv: bool,
    /// Clients by the process that serves them.
    peers: BTreeMap<i64, (String, Option<u16>)>,
}

struct Head<'l> {
    stamp: Stamp,
    zone: &'l str,
    prefix: &'l str,
    level: &'l str,
    text: &'l str,
}

/// `2022-04-12 00:16:05.526 UTC [7755] ann@shop LOG:  text`, with `<` before the time or not.
fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Head<'l>> {
    let time = text.strip_prefix("< ").or_else(|| text.strip_prefix(['<', '['])).unwrap_or(text);
    let (stamp, rest) = match time.as_bytes().first()? {
        b'0'..=b'9' => stamps.iso(time).or_else(|| Stamps::epoch(time))?,
        _ => return None,
    };
    let first = rest.split([' ', ',', '>', ']', ':']).next().unwrap_or_default();
    let named = (2..=5).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_uppercase());
    let zone = if named { first } else { "" };
    let (prefix, level, text) = postgres::split(rest)?;
    Some(Head { stamp, zone, prefix: prefix.get(zone.len()..)?, level, text })
}

/// Whether a line begins a record of `csvlog`: `time zone,"user","database",pid,…`.
fn is_csv(text: &str, stamps: &mut Stamps) -> bool {
    let Some((_, rest)) = stamps.iso(text) else { return false };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '+' || c == '-');
    let Some(rest) = rest.strip_prefix(',') else { return false };
    rest.split(',').take(3).count() == 3 && rest.bytes().filter(|&b| b == b',').count() >= 8
}

/// Returns whether all quotes of a `csvlog` record are closed.
fn whole(text: &str) -> bool {
    memchr::memchr_iter(b'"', text.as_bytes()).count().is_multiple_of(2)
}

impl Reader for Postgres {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if self.csv && !self.held.is_empty() && !whole(self.held.text()) {
            self.held.add(line.text);
            return Understood::Silent;
        }
        let begins = header(line.text, &mut self.stamps).is_some();
        let csv = !begins && is_csv(line.text, &mut self.stamps);
        if begins || csv {
            self.flush(each);
            self.csv = csv;
            self.held.begin(line);
            return Understood::Yes;
        }
        let goes_on = line.text.starts_with(['\t', ' ']) || self.held.text().contains('\n');
        if goes_on && self.held.add(line.text) {
            return Understood::Silent;
        }
        // A statement's second line without a tab, as syslog-like collectors leave it.
        if !self.held.is_empty() && self.held.text().contains("statement: ") {
            self.held.add(line.text);
            return Understood::Silent;
        }
        Understood::No
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.flush(each);
    }
}

impl Postgres {
    fn flush(&mut self, each: &mut Each<'_>) {
        let (stamps, utc, peers, csv) =
            (&mut self.stamps, &mut self.utc, &mut self.peers, self.csv);
        self.held.take(|line| {
            if csv {
                record(line, stamps, utc, each);
                return;
            }
            let Some(head) = header(line.text, stamps) else { return };
            let stamp = zoned(head.stamp, head.zone, utc, line.text);
            let mut message = single::message(stamp, line, "postgres", head.text);
            message.pid = pid(head.prefix);
            let mut event = postgres::said(&message, head.level, head.text);
            postgres::prefixed(&mut event, head.prefix);
            remember(&mut event, peers, each);
        });
    }
}

/// Gives an event the address that its process serves, and shows it.
fn remember(
    event: &mut Event<'_>,
    peers: &mut BTreeMap<i64, (String, Option<u16>)>,
    each: &mut Each<'_>,
) {
    let Some(pid) = event.pid else {
        each(event);
        return;
    };
    if event.kind == EventKind::NetworkListen && peers.len() < PEERS {
        peers.insert(pid, (event.source_ip.to_string(), event.source_port));
    }
    if event.source_ip.is_empty()
        && let Some((address, port)) = peers.get(&pid)
    {
        (event.source_ip, event.source_port) = (Cow::Owned(address.clone()), *port);
    }
    each(event);
    if event.kind == EventKind::SessionClose {
        peers.remove(&pid);
    }
}

/// Returns the stamp again if its zone is UTC by name.
fn zoned(stamp: Stamp, zone: &str, utc: &mut Stamps, text: &str) -> Stamp {
    if !matches!(zone, "UTC" | "GMT") || stamp.clock == Clock::Utc {
        return stamp;
    }
    let time = text.trim_start_matches(['<', '[', ' ']);
    utc.iso(time).map_or(stamp, |(stamp, _)| Stamp { clock: Clock::Utc, ..stamp })
}

/// The process of `[7755]`, `[7755]:`, `[7755-1]`.
fn pid(prefix: &str) -> Option<i64> {
    let inside = cut::between(prefix, "[", "]")?;
    cut::until(inside, "-").parse().ok()
}

/// Reads a record of `csvlog`: time, user, database, process, client, session, line, command,
/// session's start, virtual transaction, transaction, level, state, message, detail, hint, …,
/// query (20th).
fn record(line: &Line<'_>, stamps: &mut Stamps, utc: &mut Stamps, each: &mut Each<'_>) {
    let fields = split(line.text);
    let field = |at: usize| fields.get(at).map_or("", |field| &**field);
    let Some((stamp, zone)) = stamps.iso(field(0)) else { return };
    let stamp = zoned(stamp, zone, utc, field(0));
    let (level, text) = (field(11), field(13));
    let mut message = single::message(stamp, line, "postgres", text);
    message.pid = field(3).parse().ok();
    let mut event = postgres::said(&message, level, text);
    let (address, port) = cut::address_port(field(4));
    if event.source_ip.is_empty() {
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
    }
    if event.user.is_empty() {
        event.user = Cow::Borrowed(field(1));
    }
    event.with("database", field(2));
    each(&event);
    // A statement that failed stands in a column of its own.
    let query = field(19);
    if !query.is_empty() && matches!(level, "ERROR" | "FATAL") {
        let mut event = postgres::said(&message, "STATEMENT", query);
        event.user = Cow::Borrowed(field(1));
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        each(&event);
    }
}

/// Splits a line of CSV; quotes are doubled within quotes.
fn split(text: &str) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(from) = rest.take().filter(|_| fields.len() < 40) {
        let Some(quoted) = from.strip_prefix('"') else {
            let (field, after) = from.split_once(',').map_or((from, None), |(a, b)| (a, Some(b)));
            fields.push(Cow::Borrowed(field));
            rest = after;
            continue;
        };
        let bytes = quoted.as_bytes();
        let mut at = 0;
        let mut doubled = false;
        while let Some(found) = bytes.get(at..).and_then(|from| memchr::memchr(b'"', from)) {
            at = at.saturating_add(found);
            if bytes.get(at.saturating_add(1)) != Some(&b'"') {
                break;
            }
            doubled = true;
            at = at.saturating_add(2);
        }
        let field = quoted.get(..at).unwrap_or(quoted);
        fields.push(if doubled { Cow::Owned(field.replace("\"\"", "\"")) } else { field.into() });
        rest = quoted.get(at.saturating_add(1)..).and_then(|after| after.strip_prefix(','));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            found.push(format!(
                "{} {} {} {} {} {}",
                event.place.line,
                event.kind.name(),
                event.user,
                event.source_ip,
                event.text("database"),
                event.text("danger")
            ));
        };
        let mut stream = Stream::new(Context::new("postgresql.log", i64::MAX / 4), None);
        stream.feed(text, &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(counts.not_understood, 0, "{counts:?}");
        found
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads its own data")]
    fn plasos_log_gives_twenty_events() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/plaso/postgresql.log");
        let found = read(&std::fs::read(path).unwrap());
        assert_eq!(found.len(), 20);
        assert_eq!(found[15], "16 auth.failure postgres  postgres ");
    }

    #[test]
    fn a_program_started_by_copy_over_several_lines_is_told_with_its_client() {
        let log = "2026-01-02 03:04:05.678 UTC [77] LOG:  connection received: host=192.0.2.7 port=5555\n\
            2026-01-02 03:04:05.679 UTC [77] ann@shop LOG:  connection authorized: user=ann database=shop\n\
            2026-01-02 03:04:06.678 UTC [77] ann@shop LOG:  statement: COPY t\n\tFROM PROGRAM 'id';\n\
            2026-01-02 03:04:07.678 UTC [77] ann@shop ERROR:  syntax error\n\
            2026-01-02 03:04:07.678 UTC [77] ann@shop STATEMENT:  select pg_read_file('/etc/passwd')\n\
            2026-01-02 03:04:08.678 UTC [78] FATAL:  no pg_hba.conf entry for host \"192.0.2.8\", user \"bob\", database \"shop\", no encryption\n";
        assert_eq!(
            read(log.as_bytes()),
            [
                "1 network.listen  192.0.2.7  ",
                "2 auth.success ann 192.0.2.7 shop ",
                "3 data.query ann 192.0.2.7 shop program",
                "5 log.message ann 192.0.2.7 shop ",
                "6 data.query ann 192.0.2.7 shop file-read",
                "7 auth.failure bob 192.0.2.8  ",
            ]
        );
    }

    #[test]
    fn csv_records_of_many_lines() {
        let log = "2026-01-02 03:04:05.678 UTC,\"ann\",\"shop\",77,\"192.0.2.7:5555\",65.7,1,\"SELECT\",2026-01-02 03:04:00 UTC,3/4,0,LOG,00000,\"statement: create function f() returns void\nas '/tmp/x.so' language c\",,,,,,,,,\"psql\",\"client backend\",,0\n\
            2026-01-02 03:04:06.678 UTC,\"bob\",\"shop\",78,\"192.0.2.8:5555\",65.8,1,\"authentication\",2026-01-02 03:04:00 UTC,3/4,0,FATAL,28P01,\"password authentication failed for user \"\"bob\"\"\",,,,,,,,,\"\",\"client backend\",,0\n";
        assert_eq!(
            read(log.as_bytes()),
            ["1 data.query ann 192.0.2.7 shop library", "3 auth.failure bob 192.0.2.8 shop "]
        );
    }

    #[test]
    fn torn_and_hostile_lines_do_not_end_the_reader() {
        for text in ["a\n\"\"\",\n", "2026-01-02 03:04:05 UTC,\"", ":  :  LOG:  \n\t\n", "\t\n\n"] {
            let mut stream = Stream::new(Context::new("p", 0), Some(&FORMAT));
            stream.feed(text.as_bytes(), &mut |_| {});
            let (counts, _) = stream.end(&mut |_| {});
            assert!(counts.lines > 0);
        }
    }
}
