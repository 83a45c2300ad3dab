//! Guards that stopped and did not come back at once.
//!
//! A reboot stops all of them, an upgrade and a restart some: what matters is whether the machine
//! went on living without them.

mod guards;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stanch_words::{Event, EventKind, Field, Gap, GapKind, Row, Seen};

use super::kept::{Times, Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::guard_stops::{SPEC, col};
use guards::{GUARDS, Guard, find};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::ServiceStart,
        EventKind::ServiceStop,
        EventKind::ServiceFail,
        EventKind::PackageInstall,
        EventKind::PackageUpgrade,
        EventKind::PackageRemove,
        EventKind::Boot,
        EventKind::Shutdown,
        EventKind::CronRun,
        EventKind::SessionOpen,
        EventKind::AuthFailure,
        EventKind::AuthSuccess,
        EventKind::ProcessSeen,
    ],
    new: || Box::new(GuardStops::default()),
};

/// How many stops and starts of one guard, and how many times of other kinds are kept.
const MOST: usize = 2_000;
const MOST_TIMES: usize = 20_000;
const MOST_SLOTS: usize = 300_000;
/// The width of a span in which the machine shows life, in seconds.
const SLOT: i64 = 300;
/// Who comes back within this was restarted, in seconds.
const RESTART: i64 = 60;
/// Stops of one guard within this are one, in seconds.
const ONE: i64 = 120;
/// How near packages explain a stop, and how near other stops support it, in seconds.
const NEAR: i64 = 300;
const TOGETHER: i64 = 600;

#[derive(Default)]
struct GuardStops {
    watched: BTreeMap<usize, Watched>,
    marks: Times,
    packages: Times,
    alive: BTreeSet<i64>,
    left_out: u64,
}

/// One guard.
#[derive(Default)]
struct Watched {
    stops: Vec<Stop>,
    starts: Times,
    running: bool,
}

struct Stop {
    what: &'static str,
    time: i64,
    user: Box<str>,
    told: Told,
}

impl Fold for GuardStops {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        use EventKind as K;
        if event.kind == K::ProcessSeen {
            self.seen(event, source);
            return;
        }
        let Some(time) = seconds(event) else { return };
        if self.alive.len() < MOST_SLOTS {
            self.alive.insert(time.div_euclid(SLOT));
        }
        match event.kind {
            K::Boot | K::Shutdown => self.marks.keep(time, MOST_TIMES),
            K::ServiceStart => {
                if let Some(at) = spoken_of(event) {
                    self.watched.entry(at).or_default().starts.keep(time, MOST_TIMES);
                }
            }
            K::ServiceStop => self.stop(event, time, "stopped"),
            K::ServiceFail => {
                let killed = event.text("reason").contains("code=killed");
                self.stop(event, time, if killed { "killed" } else { "failed" });
            }
            K::PackageInstall | K::PackageUpgrade | K::PackageRemove => self.package(event, time),
            _ => {}
        }
    }

    fn end(mut self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.marks.sort();
        self.packages.sort();
        let mut rows: Vec<(usize, Stop, Fate)> = Vec::new();
        let mut watched = std::mem::take(&mut self.watched);
        for (&at, guard) in &mut watched {
            guard.starts.sort();
            guard.stops.sort_by_key(|stop| stop.time);
            let mut last = None::<i64>;
            for stop in std::mem::take(&mut guard.stops) {
                let resumed = guard.starts.after(stop.time.saturating_sub(1));
                let resumed = resumed.map(|start| start.saturating_sub(stop.time).max(0));
                let again = last.is_some_and(|last| stop.time.saturating_sub(last) <= ONE);
                last = Some(stop.time);
                if again || resumed.is_some_and(|wait| wait <= RESTART) {
                    continue;
                }
                let fate = self.fate(&stop, resumed, guard.running);
                rows.push((at, stop, fate));
            }
        }
        for (at, stop, fate) in &rows {
            let together = together(&rows, stop);
            if let Some(guard) = GUARDS.get(*at) {
                seen.push(row(guard, stop, fate, together));
            }
        }
        if self.left_out > 0 {
            let detail = format!("{} more stops of guards were left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

/// What became of a guard that stopped.
struct Fate {
    resumed: Option<i64>,
    running: bool,
    near_shutdown: bool,
    near_package: bool,
    alive_after: usize,
}

impl GuardStops {
    /// Notes a guard that runs now. Its name is anybody's: its place must be the system's.
    fn seen(&mut self, event: &Event<'_>, source: &Source) {
        let place = event.path.strip_prefix("/usr/").or_else(|| event.path.strip_prefix("/opt/"));
        if source.witness != Witness::Live || place.is_none() {
            return;
        }
        if let Some(at) = event.path.rsplit('/').next().and_then(find) {
            self.watched.entry(at).or_default().running = true;
        }
    }

    fn stop(&mut self, event: &Event<'_>, time: i64, what: &'static str) {
        if let Some(at) = spoken_of(event) {
            self.push(at, event, time, what);
        }
    }

    fn push(&mut self, at: usize, event: &Event<'_>, time: i64, what: &'static str) {
        let guard = self.watched.entry(at).or_default();
        if guard.stops.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let told = Told::of(event, Arc::from(event.place.file));
        guard.stops.push(Stop { what, time, user: shortened(&event.user, 128).into(), told });
    }

    fn package(&mut self, event: &Event<'_>, time: i64) {
        self.packages.keep(time, MOST_TIMES);
        let take = |name: &str| GUARDS.iter().position(|guard| guard.packages.contains(&name));
        let mut named: Vec<usize> = Vec::new();
        match event.field("package") {
            Some(Field::Text(name)) => named.extend(take(name)),
            Some(Field::List(names)) => named.extend(
                names.iter().filter_map(|name| take(name.split(':').next().unwrap_or_default())),
            ),
            _ => {}
        }
        for at in named {
            if event.kind == EventKind::PackageRemove {
                self.push(at, event, time, "removed");
            } else {
                self.watched.entry(at).or_default().starts.keep(time, MOST_TIMES);
            }
        }
    }

    fn fate(&self, stop: &Stop, resumed: Option<i64>, running: bool) -> Fate {
        let time = stop.time;
        let marked = self.marks.is_any_within(time.saturating_sub(120), time.saturating_add(600));
        let next = self.marks.after(time).unwrap_or(i64::MAX);
        let resumed_at = resumed.map_or(i64::MAX, |wait| time.saturating_add(wait));
        let (from, to) =
            (time.div_euclid(SLOT).saturating_add(1), next.min(resumed_at).div_euclid(SLOT));
        let alive_after = if from < to { self.alive.range(from..to).count() } else { 0 };
        Fate {
            resumed,
            running,
            near_shutdown: marked || (next < i64::MAX && alive_after == 0),
            near_package: self
                .packages
                .is_any_within(time.saturating_sub(NEAR), time.saturating_add(NEAR)),
            alive_after,
        }
    }
}

/// Returns the guard whose start or stop an event tells.
fn spoken_of(event: &Event<'_>) -> Option<usize> {
    let service = event.text("service");
    if !service.is_empty() {
        return find(service);
    }
    // Otherwise the daemon speaks of itself.
    find(&event.program)
}

/// Counts the different guards that stopped near one and stayed away while the machine lived.
fn together(rows: &[(usize, Stop, Fate)], stop: &Stop) -> usize {
    let near = rows.iter().filter(|(_, other, fate)| {
        let away = fate.resumed.is_none_or(|wait| wait > TOGETHER);
        other.time.abs_diff(stop.time) <= TOGETHER.unsigned_abs()
            && away
            && !fate.near_shutdown
            && fate.alive_after > 0
    });
    near.map(|(at, ..)| *at).collect::<BTreeSet<_>>().len()
}

fn row(guard: &Guard, stop: &Stop, fate: &Fate, together: usize) -> Row {
    let mut row = SPEC.row();
    row.put(col::guard, guard.name)
        .put(col::class, guard.class)
        .put(col::what, stop.what)
        .put(col::time, stop.time)
        .put(col::resumed_after, fate.resumed)
        .put(col::running, i64::from(fate.running))
        .put(col::near_shutdown, i64::from(fate.near_shutdown))
        .put(col::near_package, i64::from(fate.near_package))
        .put(col::alive_after, i64::try_from(fate.alive_after).unwrap_or(i64::MAX))
        .put(col::together, i64::try_from(together).unwrap_or(i64::MAX))
        .put(col::user, &*stop.user)
        .put(col::file, &*stop.told.source)
        .put(col::line, stop.told.line)
        .put(col::excerpt, &*stop.told.excerpt)
        .put(col::lines, as_json([&stop.told]));
    row
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use stanch_machine::Pretend;

    use super::*;
    use crate::tables;

    fn rows(syslog: &str, dpkg: &str) -> Vec<[String; 4]> {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/bash\n")
            .file("/var/log/dpkg.log", dpkg)
            .file("/var/log/syslog", syslog);
        let columns = [col::guard, col::what, col::near_shutdown, col::together];
        tables::shown("guard_stops", machine, columns)
    }

    /// Lines of cron each five minutes of the hours from 9 to 12, with others between.
    fn living(others: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for minute in 0..180 {
            let stamp = format!("{:02}:{:02}", 9 + minute / 60, minute % 60);
            if minute % 5 == 0 {
                let _infallible = writeln!(text, "Nov  2 {stamp}:01 h CRON[7]: (root) CMD (true)");
            }
            for (_, line) in others.iter().filter(|(at, _)| *at == stamp) {
                let _infallible = writeln!(text, "Nov  2 {stamp}:30 h {line}");
            }
        }
        text
    }

    #[test]
    fn two_guards_that_were_switched_off() {
        let syslog = living(&[
            ("09:30", "systemd[1]: Stopped fail2ban.service - Fail2Ban Service."),
            ("09:31", "systemd[1]: Stopped Security Auditing Service."),
        ]);
        let row = |guard: &str| [guard, "stopped", "0", "2"].map(str::to_owned);
        assert_eq!(rows(&syslog, ""), [row("auditd"), row("fail2ban")]);
    }

    #[test]
    fn restarts_and_services_of_others_are_nothing() {
        let syslog = living(&[
            ("09:30", "systemd[1]: Stopped fail2ban.service - Fail2Ban Service."),
            ("09:30", "systemd[1]: Started fail2ban.service - Fail2Ban Service."),
            ("09:40", "systemd[1]: Stopped nginx.service - A web server."),
            ("09:40", "systemd[1]: dailyaidecheck.service: Deactivated successfully."),
        ]);
        assert_eq!(rows(&syslog, ""), Vec::<[String; 4]>::new());
    }

    #[test]
    fn a_reboot_stops_everything() {
        let syslog = living(&[
            ("09:30", "systemd[1]: Stopped fail2ban.service - Fail2Ban Service."),
            ("09:32", "kernel: Linux version 6.1.0-1-amd64 (x@y)"),
            ("09:35", "systemd[1]: Started fail2ban.service - Fail2Ban Service."),
        ]);
        let rows = rows(&syslog, "");
        assert_eq!(rows, [["fail2ban", "stopped", "1", "0"].map(str::to_owned)]);
    }

    #[test]
    fn an_agent_that_was_removed_with_its_package() {
        let dpkg = "2025-11-02 10:00:00 remove falcon-sensor:amd64 7.1 <none>\n";
        let rows = rows(&living(&[]), dpkg);
        assert_eq!(rows.iter().map(|row| &*row[1]).collect::<Vec<_>>(), ["removed"]);
        let upgrade = "2025-11-02 10:00:00 remove fail2ban:all 1 <none>\n2025-11-02 10:00:05 install fail2ban:all <none> 2\n";
        assert_eq!(self::rows(&living(&[]), upgrade), Vec::<[String; 4]>::new());
    }
}
