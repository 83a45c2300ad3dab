//! wtmpdb: logins and boots with their ends, in a database. Its format is told in
//! [`crate::login_databases`].

use std::borrow::Cow;
use std::path::Path;

use stanch_machine::{Machine, Miss};
use stanch_words::{Clock, Event, EventKind, Gap, Place, Trust};

use super::{Context, Counts, Each, Form, Format, cut, database};
use crate::login_databases::{self, PastLogin};
use crate::sqlite_file::cell_string;

pub(super) static FORMAT: Format = Format {
    name: "wtmpdb",
    recognise: |sample| u32::from(login_databases::is_database_of(sample.bytes, "wtmp")) * 100,
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
        login_databases::wtmpdb(bytes, &mut |login| {
            counts.lines = counts.lines.saturating_add(1);
            show(login, context, &mut |event| {
                counts.events = counts.events.saturating_add(1);
                each(event);
            });
        })
    })
}

fn show(login: &PastLogin<'_>, context: &Context, each: &mut Each<'_>) {
    let line = login.id().and_then(|id| u64::try_from(id).ok()).unwrap_or(0);
    let (begin, end) = match login.kind() {
        2 => (EventKind::Boot, EventKind::Shutdown),
        7 => (EventKind::SessionOpen, EventKind::SessionClose),
        _ => (EventKind::LogMessage, EventKind::LogMessage),
    };
    let mut shown = false;
    for (kind, time) in [(begin, login.begin()), (end, login.end())] {
        if time.is_none() && (shown || kind == end) {
            continue;
        }
        shown = true;
        let mut event = Event::new(kind);
        event.place = Place { file: &context.file, line, offset: 0 };
        event.trust = Trust::Program;
        event.clock = Clock::Utc;
        event.time = time;
        event.tty = cell_string(login.tty());
        let host = cell_string(login.host());
        if login.kind() == 2 {
            event.with("version", host);
        } else {
            event.user = cell_string(login.user());
            if cut::is_address(&host) {
                event.source_ip = host.clone();
            }
            event.with("hostname", host);
        }
        let service = cell_string(login.service());
        if !service.is_empty() {
            event.program = Cow::Owned(service.clone().into_owned());
            event.with("service", service);
        }
        each(&event);
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::super::read as read_any;
    use super::*;
    use crate::sqlite_file::tests::made;

    fn told(name: &str, bytes: Vec<u8>) -> (Option<&'static str>, Vec<String>, Counts, Vec<Gap>) {
        let machine = Pretend::new().file(name, bytes);
        let mut told = Vec::new();
        let mut each = |event: &Event<'_>| {
            told.push(format!(
                "{} {} {} {} {:?} {}",
                event.kind.name(),
                event.user,
                event.tty,
                event.source_ip,
                event.time,
                event.place.line
            ));
        };
        let context = Context::new(name, 0);
        let (format, counts, gaps) =
            read_any(&machine, name.as_ref(), context, None, &|| {}, &mut each).unwrap();
        (format, told, counts, gaps)
    }

    #[test]
    fn logins_and_boots_have_their_ends() {
        let database = made(
            "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, \
             Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT; \
             INSERT INTO wtmp VALUES (1, 1, 'reboot', 1700000000000001, 1700000300000000, '~', \
             '6.1', NULL), (3, 3, 'ann', 1700000100000000, NULL, 'pts/1', '198.51.100.7', 'sshd');",
        );
        let (format, told, counts, gaps) = told("/var/lib/wtmpdb/wtmp.db", database);
        assert_eq!(format, Some("wtmpdb"));
        assert_eq!(
            told,
            [
                "boot  ~  Some(1700000000000001) 1",
                "shutdown  ~  Some(1700000300000000) 1",
                "session.open ann pts/1 198.51.100.7 Some(1700000100000000) 3",
            ]
        );
        assert_eq!((counts.lines, counts.events, gaps), (2, 3, Vec::new()));
    }

    #[test]
    fn the_newest_logins_of_both_kinds_are_seen() {
        let database = made(
            "CREATE TABLE Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, \
             Service TEXT); INSERT INTO Lastlog2 VALUES ('root', 1700000005, 'pts/3', 'h', 'sshd');",
        );
        let (format, lines, counts, _) = told("/var/lib/lastlog/lastlog2.db", database);
        assert_eq!(format, Some("lastlog2"));
        assert_eq!(lines, ["session.seen root pts/3  Some(1700000005000000) 1"]);
        assert_eq!(counts.events, 1);
        let mut file = vec![0; 292 * 1000];
        file.extend(1_700_000_000_u32.to_le_bytes());
        file.extend(b"pts/0");
        file.resize(292 * 1001, 0);
        let (format, lines, counts, gaps) = told("/var/log/lastlog", file);
        assert_eq!(format, Some("lastlog"));
        assert_eq!(lines, ["session.seen  pts/0  Some(1700000000000000) 1001"]);
        assert_eq!((counts.events, gaps), (1, Vec::new()));
    }

    #[test]
    fn a_database_cut_anywhere_is_a_gap() {
        let whole = made(
            "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, \
             Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT); \
             INSERT INTO wtmp VALUES (1, 3, 'a', 1, 2, 't', 'h', 's');",
        );
        for cut in (4096..whole.len()).step_by(331) {
            let (format, _, counts, gaps) = told("/wtmp.db", whole[..cut].to_vec());
            assert_eq!(format, Some("wtmpdb"), "{cut}");
            assert_eq!((counts.not_understood, gaps.len()), (1, 1), "{cut}");
        }
    }
}
