//! Runs of package managers that installed something new, and whether somebody was there.
//!
//! dpkg and rpm work for a front end (apt, dnf) that writes a log of its own with the command. A
//! package that only dpkg knows of came from a file; one that came while nobody was logged in, and
//! through no front end, was put there by a program.

use std::sync::Arc;

use stanch_words::{Event, EventKind, Field, Gap, GapKind, Row, Seen};

use super::kept::{Lines, Times, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::package_runs::{SPEC, col};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::PackageInstall,
        EventKind::PackageUpgrade,
        EventKind::PackageRemove,
        EventKind::SessionOpen,
        EventKind::AuthSuccess,
        EventKind::PrivilegeUse,
        EventKind::Boot,
    ],
    new: || Box::new(PackageRuns::default()),
};

/// How many runs, and how many times of sessions and boots are kept.
const MOST: usize = 5_000;
const MOST_TIMES: usize = 100_000;
/// Packages within this of each other are one run, in seconds.
const ONE_RUN: i64 = 120;
/// How long a login is taken for somebody being there, in seconds.
const THERE: i64 = 43_200;
/// How many packages of a run are named.
const NAMED: usize = 12;

#[derive(Default)]
struct PackageRuns {
    runs: Vec<Run>,
    /// Times at which somebody logged in or used rights.
    people: Times,
    boots: Times,
    /// The earliest time that any package log, and any front end's log, tells.
    first: Option<i64>,
    front_first: Option<i64>,
    left_out: u64,
}

#[derive(Default)]
struct Run {
    manager: Box<str>,
    front: bool,
    time: i64,
    until: i64,
    packages: Vec<Box<str>>,
    count: u64,
    command: Box<str>,
    user: Box<str>,
    lines: Lines,
}

impl Run {
    /// Returns whether this run and another may be one, told twice.
    fn is_beside(&self, other: &Self) -> bool {
        self.time <= other.until.saturating_add(ONE_RUN)
            && other.time <= self.until.saturating_add(ONE_RUN)
    }
}

impl Fold for PackageRuns {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        use EventKind as K;
        let Some(time) = seconds(event) else { return };
        match event.kind {
            K::Boot => self.boots.keep(time, MOST_TIMES),
            K::SessionOpen | K::AuthSuccess | K::PrivilegeUse => {
                // Cron opens sessions too, and nobody sits there.
                let cron = ["cron", "CRON", "crond", "atd", "systemd"];
                if source.witness != Witness::LoginRecords && cron.contains(&event.program.as_ref())
                {
                    return;
                }
                self.people.keep(time, MOST_TIMES);
            }
            kind => {
                self.first = Some(self.first.map_or(time, |first| first.min(time)));
                if event.program != "dpkg" {
                    self.front_first = Some(self.front_first.map_or(time, |first| first.min(time)));
                }
                if kind == K::PackageInstall {
                    self.install(event, time);
                }
            }
        }
    }

    fn end(mut self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.people.sort();
        self.boots.sort();
        let (fronts, others): (Vec<Run>, Vec<Run>) =
            std::mem::take(&mut self.runs).into_iter().partition(|run| run.front);
        for run in &others {
            let front = fronts.iter().find(|front| front.is_beside(run));
            seen.push(self.row(run, front));
        }
        for front in &fronts {
            if !others.iter().any(|run| front.is_beside(run)) {
                seen.push(self.row(front, Some(front)));
            }
        }
        if self.left_out > 0 {
            let detail = format!("more than {MOST} runs; {} packages left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

impl PackageRuns {
    fn install(&mut self, event: &Event<'_>, time: i64) {
        let until = event.until.map_or(time, |until| until.div_euclid(1_000_000)).max(time);
        let Some(run) = self.run(event, time, until) else {
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        run.until = run.until.max(until);
        let mut add = |name: &str| {
            run.count = run.count.saturating_add(1);
            if run.packages.len() < NAMED {
                run.packages.push(shortened(name, 100).into());
            }
        };
        match event.field("package") {
            Some(Field::Text(name)) => add(name),
            Some(Field::List(names)) => {
                names.iter().for_each(|name| add(name.split(':').next().unwrap_or_default()));
            }
            _ => {}
        }
        run.lines.take(event, || Arc::from(event.place.file));
    }

    /// Returns the run that a package belongs to, a new one if there is none; none if too many are
    /// kept.
    fn run(&mut self, event: &Event<'_>, time: i64, until: i64) -> Option<&mut Run> {
        let is_same = |run: &Run| {
            *run.manager == *event.program
                && time >= run.time.saturating_sub(ONE_RUN)
                && time <= run.until.saturating_add(ONE_RUN)
                && (event.command.is_empty() || *run.command == *shortened(&event.command, 500))
        };
        let from = self.runs.len().saturating_sub(4);
        let found = self.runs.iter().skip(from).position(is_same);
        let at = match found {
            Some(at) => from.saturating_add(at),
            None if self.runs.len() >= MOST => return None,
            None => {
                self.runs.push(Run {
                    manager: shortened(&event.program, 64).into(),
                    front: event.program != "dpkg",
                    time,
                    until,
                    command: shortened(&event.command, 500).into(),
                    user: shortened(&event.user, 128).into(),
                    ..Run::default()
                });
                self.runs.len().saturating_sub(1)
            }
        };
        self.runs.get_mut(at)
    }

    fn row(&self, run: &Run, front: Option<&Run>) -> Row {
        let known = self.front_first.is_some_and(|first| first <= run.time);
        let told = front.map(|_| 1).or(known.then_some(0));
        let command = front.map_or(&*run.command, |front| &front.command);
        let people = self.people.first().is_some_and(|first| first <= run.time);
        let there = self.people.is_any_within(run.time.saturating_sub(THERE), run.until);
        let boot = self.boots.until(run.time).map(|boot| run.time.saturating_sub(boot));
        let packages: Vec<&str> = run.packages.iter().map(|name| &**name).collect();
        let mut row = SPEC.row();
        row.put(col::time, run.time)
            .put(col::until, run.until)
            .put(col::manager, &*run.manager)
            .put(col::packages, packages.join(" "))
            .put(col::count, run.count)
            .put(col::command, command)
            .put(col::user, front.map_or(&*run.user, |front| &front.user))
            .put(col::told_by_apt, told)
            .put(col::local_file, local_file(command).unwrap_or_default())
            .put(col::session, people.then_some(i64::from(there)))
            .put(col::since_first, self.first.map(|first| run.time.saturating_sub(first)))
            .put(col::boot_before, boot)
            .put(col::lines, as_json(run.lines.kept()));
        if let Some(told) = run.lines.kept().first() {
            row.put(col::file, &*told.source)
                .put(col::line, told.line)
                .put(col::excerpt, &*told.excerpt);
        }
        row
    }
}

/// Returns the package file or address that a command names.
fn local_file(command: &str) -> Option<&str> {
    let is = |word: &&str| {
        let end = [".deb", ".rpm", ".apk", ".zst", ".run"].iter().any(|end| word.ends_with(end));
        end && !word.starts_with('-')
    };
    command.split_ascii_whitespace().find(is)
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::tables;

    fn rows(machine: Pretend) -> Vec<[String; 6]> {
        let machine = machine.file("/etc/passwd", "root:x:0:0::/root:/bin/bash\n");
        let columns = [
            col::packages,
            col::manager,
            col::told_by_apt,
            col::session,
            col::local_file,
            col::user,
        ];
        tables::shown("package_runs", machine, columns)
    }

    const DPKG: &str = "2026-02-01 04:05:06 install base:amd64 <none> 1\n\
        2026-02-03 04:05:07 install htop:amd64 <none> 3.2\n\
        2026-02-03 04:05:09 install libnl:amd64 <none> 3.7\n\
        2026-02-03 12:00:00 upgrade bash:amd64 5.1 5.2\n\
        2026-02-04 03:00:00 install tool:amd64 <none> 1\n";
    const APT: &str = "Start-Date: 2026-02-01  04:05:05\nCommandline: apt install base\nInstall: base:amd64 (1)\nEnd-Date: 2026-02-01  04:05:08\n\n\
        Start-Date: 2026-02-03  04:05:05\nCommandline: apt install /home/ann/htop.deb\nRequested-By: ann (1000)\nInstall: htop:amd64 (3.2), libnl:amd64 (3.7, automatic)\nEnd-Date: 2026-02-03  04:05:12\n";
    const AUTH: &str = "2026-01-30T00:00:00+00:00 h sshd[7]: Accepted publickey for ann from 10.0.0.1 port 5 ssh2\n\
        2026-02-03T04:00:00+00:00 h sshd[7]: Accepted publickey for ann from 10.0.0.1 port 5 ssh2\n\
        2026-02-04T02:59:59+00:00 h CRON[9]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n";

    #[test]
    fn a_run_with_its_command_and_one_of_nobody() {
        let machine = Pretend::new()
            .file("/var/log/dpkg.log", DPKG)
            .file("/var/log/apt/history.log", APT)
            .file("/var/log/auth.log", AUTH);
        let row = |cells: [&str; 6]| cells.map(str::to_owned);
        assert_eq!(
            rows(machine),
            [
                row(["base", "dpkg", "1", "0", "", ""]),
                row(["htop libnl", "dpkg", "1", "1", "/home/ann/htop.deb", "ann"]),
                row(["tool", "dpkg", "0", "0", "", ""]),
            ]
        );
    }

    #[test]
    fn without_logs_of_logins_nothing_is_said_of_sessions() {
        let rows = rows(Pretend::new().file("/var/log/dpkg.log", DPKG));
        assert_eq!(rows[2][2..4], ["", ""]);
    }
}
