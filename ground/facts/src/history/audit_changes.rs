//! What blinded auditing, from the audit log itself.
//!
//! Serial numbers are followed within one boot: events can come a little out of order, so a gap is
//! closed again by what comes late. auditd's own DAEMON records have numbers of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Field, Gap, GapKind, Row, Seen};

use super::kept::seconds;
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::accounts::Accounts;
use crate::tables::audit_changes::{SPEC, col};

/// The fold. It takes every kind: each event of the audit log has a serial number.
pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[], new: || Box::new(AuditChanges::default()) };

/// How many changes, and how many gaps, are kept.
const MOST: usize = 2000;
/// How many times of shutdowns, packages, added rules and starts are kept.
const MOST_TIMES: usize = 20_000;
/// How many keys of removed rules are named.
const MOST_KEYS: usize = 10;
/// What is near, in seconds.
const NEAR: i64 = 300;
/// Rules that are removed within this of each other are one change, in seconds.
const TOGETHER: i64 = 10;
/// By how much a serial number must fall to be that of another boot.
const ANOTHER_BOOT: i64 = 10_000;

/// A change of auditing.
#[derive(Debug)]
struct Change {
    what: &'static str,
    time: i64,
    until: i64,
    count: i64,
    keys: Vec<String>,
    auid: Option<i64>,
    pid: Option<i64>,
    path: String,
    command: String,
    file: Arc<str>,
    line: u64,
}

/// The numbers that are missing between two that came.
#[derive(Debug)]
struct Missing {
    last: i64,
    time: i64,
    until: i64,
    file: Arc<str>,
    line: u64,
}

#[derive(Debug, Default)]
struct AuditChanges {
    changes: Vec<Change>,
    /// By the first number that is missing, in the boot that is being read.
    missing: BTreeMap<i64, Missing>,
    newest: Option<(i64, i64)>,
    serials: i64,
    shutdowns: Vec<i64>,
    packages: Vec<i64>,
    added: Vec<i64>,
    resumed: Vec<i64>,
    left_out: u64,
}

impl Fold for AuditChanges {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        use EventKind as K;
        let Some(time) = seconds(event) else { return };
        match event.kind {
            K::Boot | K::Shutdown => keep(&mut self.shutdowns, time),
            K::PackageInstall | K::PackageUpgrade | K::PackageRemove => {
                keep(&mut self.packages, time);
            }
            _ => {}
        }
        if source.witness != Witness::Audit {
            return;
        }
        if event.kind == K::AuditConfig {
            self.change(event, time);
        }
        self.serial(event, time);
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        self.close();
        let mut seen = Seen::default();
        let accounts = Accounts::of(host, SPEC.name, &mut seen);
        for change in &self.changes {
            seen.push(self.row(change, &accounts));
        }
        if self.left_out > 0 {
            let detail = format!("{} more changes of auditing were left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

impl AuditChanges {
    fn change(&mut self, event: &Event<'_>, time: i64) {
        let what = match event.text("type") {
            "DAEMON_START" | "DAEMON_RESUME" => {
                keep(&mut self.resumed, time);
                return;
            }
            "DAEMON_END" => "stopped",
            "DAEMON_ABORT" => "aborted",
            kind if kind.starts_with("DAEMON_") => return,
            _ => match (event.text("audit_enabled"), event.text("op")) {
                ("0", _) => "disabled",
                ("1" | "2", _) => {
                    keep(&mut self.resumed, time);
                    return;
                }
                (_, "remove_rule" | "remove rule") => "rules-removed",
                (_, "add_rule" | "add rule") => {
                    keep(&mut self.added, time);
                    return;
                }
                _ if !matches!(event.text("audit_rate_limit"), "" | "0") => "throttled",
                _ => return,
            },
        };
        if event.text("result") == "failure" {
            return;
        }
        let auid = event.number("auid");
        let key = match event.field("key") {
            Some(Field::Text(key)) => Some(key.to_string()),
            Some(Field::List(keys)) => Some(keys.join("+")),
            _ => None,
        };
        // `auditctl -D` removes each rule by itself.
        if what == "rules-removed"
            && let Some(last) = self.changes.last_mut()
            && last.what == what
            && last.auid == auid
            && time.saturating_sub(last.until) <= TOGETHER
        {
            last.count = last.count.saturating_add(1);
            last.until = last.until.max(time);
            if last.keys.len() < MOST_KEYS {
                last.keys.extend(key.filter(|key| !last.keys.contains(key)));
            }
            return;
        }
        let change = Change {
            what,
            time,
            until: time,
            count: 1,
            keys: key.into_iter().collect(),
            auid,
            pid: event.pid,
            path: event.path.to_string(),
            command: event.command.chars().take(1000).collect(),
            file: event.place.file.into(),
            line: event.place.line,
        };
        self.push(change);
    }

    fn push(&mut self, change: Change) {
        if self.changes.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
        } else {
            self.changes.push(change);
        }
    }

    fn serial(&mut self, event: &Event<'_>, time: i64) {
        let is_daemon = event.text("type").starts_with("DAEMON_");
        let Some(serial) = event.number("serial").filter(|_| !is_daemon) else { return };
        self.serials = self.serials.saturating_add(1);
        let Some((newest, newest_time)) = self.newest else {
            self.newest = Some((serial, time));
            return;
        };
        let is_restart = event.kind == EventKind::Boot && serial < newest
            || newest.saturating_sub(serial) > ANOTHER_BOOT;
        if is_restart {
            self.close();
            self.newest = Some((serial, time));
        } else if serial > newest {
            let first = newest.saturating_add(1);
            if first < serial && self.missing.len() >= MOST {
                self.left_out = self.left_out.saturating_add(1);
            } else if first < serial {
                let missing = Missing {
                    last: serial.saturating_sub(1),
                    time: newest_time,
                    until: time,
                    file: event.place.file.into(),
                    line: event.place.line,
                };
                self.missing.insert(first, missing);
            }
            self.newest = Some((serial, time));
        } else {
            self.found(serial);
        }
    }

    /// Takes a number that came late out of the gap that it was missing in.
    fn found(&mut self, serial: i64) {
        let Some((&first, gap)) = self.missing.range_mut(..=serial).next_back() else { return };
        if serial > gap.last {
            return;
        }
        let rest = Missing {
            last: gap.last,
            time: gap.time,
            until: gap.until,
            file: Arc::clone(&gap.file),
            line: gap.line,
        };
        gap.last = serial.saturating_sub(1);
        let is_empty = gap.last < first;
        if is_empty {
            self.missing.remove(&first);
        }
        if serial < rest.last {
            self.missing.insert(serial.saturating_add(1), rest);
        }
    }

    /// Makes changes of the gaps of a boot that is over.
    fn close(&mut self) {
        for (first, gap) in std::mem::take(&mut self.missing) {
            let change = Change {
                what: "serials-missing",
                time: gap.time,
                until: gap.until,
                count: gap.last.saturating_sub(first).saturating_add(1),
                keys: Vec::new(),
                auid: None,
                pid: None,
                path: String::new(),
                command: String::new(),
                file: gap.file,
                line: gap.line,
            };
            self.push(change);
        }
    }

    fn row(&self, change: &Change, accounts: &Accounts) -> Row {
        let near = |times: &[i64]| {
            times.iter().any(|time| {
                *time >= change.time.saturating_sub(NEAR)
                    && *time <= change.until.saturating_add(NEAR)
            })
        };
        let after = |times: &[i64], most: i64| {
            let after = times.iter().map(|time| time.saturating_sub(change.time));
            after.filter(|seconds| (0..=most).contains(seconds)).count()
        };
        let resumed = self.resumed.iter().filter(|time| **time > change.time).min();
        let account = change.auid.and_then(|auid| u32::try_from(auid).ok());
        let account = account.and_then(|auid| accounts.by_uid(auid));
        let mut row = SPEC.row();
        row.put(col::what, change.what)
            .put(col::time, change.time)
            .put(col::until, change.until)
            .put(col::count, change.count)
            .put(col::keys, change.keys.join(","))
            .put(col::auid, change.auid)
            .put(col::username, account.map(|account| Arc::clone(&account.name)))
            .put(col::pid, change.pid)
            .put(col::path, change.path.as_str())
            .put(col::command, change.command.as_str())
            .put(col::rules_added, after(&self.added, 60))
            .put(col::resumed_after, resumed.map(|time| time.saturating_sub(change.time)))
            .put(col::near_shutdown, near(&self.shutdowns))
            .put(col::near_package, near(&self.packages))
            .put(col::serials, self.serials)
            .put(col::file, Arc::clone(&change.file))
            .put(col::line, change.line);
        row
    }
}

fn keep(times: &mut Vec<i64>, time: i64) {
    if times.len() < MOST_TIMES && times.last() != Some(&time) {
        times.push(time);
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::history::History;

    fn told(log: &str) -> Vec<String> {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/var/log/audit/audit.log", log);
        let mut seen = Seen::default();
        History::of(&Host::new(Arc::new(machine))).give(SPEC.name, &mut seen);
        let line = |row: &Row| {
            let columns = [
                col::what,
                col::count,
                col::keys,
                col::username,
                col::rules_added,
                col::resumed_after,
                col::near_shutdown,
                col::line,
            ];
            columns.map(|column| row.get(column).to_string()).join(" ")
        };
        seen.rows.iter().map(line).collect()
    }

    fn record(kind: &str, seconds: i64, serial: i64, body: &str) -> String {
        format!("type={kind} msg=audit({seconds}.000:{serial}): {body}\n")
    }

    #[test]
    fn auditing_that_is_switched_off_and_on() {
        let log = [
            record("CONFIG_CHANGE", 1000, 1, "audit_enabled=0 old=1 auid=1000 ses=1 res=1"),
            record("CONFIG_CHANGE", 1500, 2, "audit_enabled=1 old=0 auid=1000 ses=1 res=1"),
            record("CONFIG_CHANGE", 2000, 3, "audit_enabled=0 old=1 auid=1000 ses=1 res=0"),
        ];
        assert_eq!(told(&log.concat()), ["disabled 1  ann 0 500 0 1"]);
    }

    #[test]
    fn rules_that_go_together_and_those_that_are_loaded_again() {
        let remove = |seconds, serial, key| {
            let body = format!("auid=1000 ses=1 op=remove_rule key=\"{key}\" list=4 res=1");
            record("CONFIG_CHANGE", seconds, serial, &body)
        };
        let log = [
            remove(1000, 1, "exec"),
            remove(1000, 2, "net"),
            remove(1001, 3, "exec"),
            remove(5000, 4, "exec"),
            record(
                "CONFIG_CHANGE",
                5001,
                5,
                "auid=1000 ses=1 op=add_rule key=\"exec\" list=4 res=1",
            ),
        ];
        assert_eq!(
            told(&log.concat()),
            ["rules-removed 3 exec,net ann 0  0 1", "rules-removed 1 exec ann 1  0 4"]
        );
    }

    #[test]
    fn the_daemon_that_stops_with_the_machine_or_without() {
        let log = [
            record(
                "DAEMON_END",
                1000,
                7799,
                "auditd normal halt, sending auid=1000 pid=9 subj=? res=success",
            ),
            record("DAEMON_START", 9000, 7800, "auditd start, ver=2.4.1 format=raw res=success"),
            record(
                "SYSTEM_SHUTDOWN",
                19_990,
                50,
                "pid=1 uid=0 auid=4294967295 ses=4294967295 msg=' res=success'",
            ),
            record(
                "DAEMON_END",
                20_000,
                7801,
                "auditd normal halt, sending auid=? pid=? subj=? res=success",
            ),
        ];
        assert_eq!(told(&log.concat()), ["stopped 1  ann 0 8000 0 1", "stopped 1   0  1 4"]);
    }

    #[test]
    fn numbers_that_never_came() {
        let user = |seconds, serial| record("USER_ERR", seconds, serial, "pid=1 res=failed");
        let log: String =
            [(10, 100), (11, 103), (12, 102), (13, 104), (14, 110), (15, 111), (900, 3)]
                .into_iter()
                .map(|(seconds, serial)| user(seconds, serial))
                .collect();
        // A small fall is something late; a boot begins anew.
        let boot = record("SYSTEM_BOOT", 901, 4, "pid=1 msg=' res=success'");
        let after = user(902, 5);
        assert_eq!(
            told(&format!("{log}{boot}{after}")),
            ["serials-missing 1   0  0 2", "serials-missing 5   0  0 5"]
        );
    }
}
