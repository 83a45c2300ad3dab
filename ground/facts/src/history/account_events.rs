//! What was done to accounts and groups, and whether a package was being installed at that time.
//!
//! A package's own script adds the system account it needs; everybody else who adds one is worth
//! a look.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Row, Seen, Value};

use super::kept::{Names, Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::accounts::Accounts;
use crate::tables::account_events::{SPEC, col};

/// The fold.
pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::AccountAdd,
        EventKind::AccountChange,
        EventKind::AccountRemove,
        EventKind::GroupChange,
        EventKind::PrivilegeUse,
        EventKind::PackageInstall,
        EventKind::PackageUpgrade,
        EventKind::PackageRemove,
    ],
    new: || Box::new(AccountEvents::default()),
};

/// How many deeds are kept, the newest; twice as many while reading.
const MOST: usize = 10_000;

/// How many spans of time in which packages changed are kept.
const MOST_SPANS: usize = 50_000;

/// How many commands that change accounts are kept.
const MOST_COMMANDS: usize = 5_000;

/// How near to a package's change a deed belongs to it, in seconds.
const NEAR: i64 = 120;

/// How far apart two witnesses tell of one deed, in seconds.
const APART: i64 = 5;

/// How many deeds are looked back for the same, told by another.
const LOOKED_BACK: usize = 64;

/// One deed.
#[derive(Debug)]
struct Deed {
    time: i64,
    kind: EventKind,
    target: Box<str>,
    group: Box<str>,
    what: Box<str>,
    by: Box<str>,
    shell: Box<str>,
    home: Box<str>,
    uid: Option<i64>,
    gid: Option<i64>,
    failed: bool,
    witnesses: Vec<Witness>,
    told: Told,
}

/// A span of time in which packages changed.
#[derive(Debug)]
struct Span {
    first: i64,
    last: i64,
    package: Box<str>,
}

/// Somebody ran a tool for accounts with rights of another.
#[derive(Debug)]
struct Command {
    time: i64,
    by: Box<str>,
    command: Box<str>,
}

#[derive(Debug)]
struct AccountEvents {
    deeds: Vec<Deed>,
    spans: Vec<Span>,
    commands: Vec<Command>,
    files: Names,
    left_out: usize,
}

impl Default for AccountEvents {
    fn default() -> Self {
        Self {
            deeds: Vec::new(),
            spans: Vec::new(),
            commands: Vec::new(),
            files: Names::new(10_000),
            left_out: 0,
        }
    }
}

impl Fold for AccountEvents {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let Some(time) = seconds(event) else { return };
        match event.kind {
            EventKind::PackageInstall | EventKind::PackageUpgrade | EventKind::PackageRemove => {
                self.package(time, event);
            }
            EventKind::PrivilegeUse => self.command(time, event),
            _ => self.deed(time, event, source),
        }
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.trim();
        if self.left_out > 0 {
            let detail = format!("{} older changes of accounts were left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        self.spans.sort_by_key(|span| span.first);
        let accounts = Accounts::of(host, SPEC.name, &mut seen);
        let mut removed: HashMap<&str, i64> = HashMap::new();
        for deed in self.deeds.iter().filter(|deed| deed.kind == EventKind::AccountRemove) {
            let last = removed.entry(&deed.target).or_insert(deed.time);
            *last = (*last).max(deed.time);
        }
        for deed in &self.deeds {
            let mut row = self.row(deed);
            let gone = removed.get(&*deed.target).copied().filter(|&gone| gone > deed.time);
            row.put(col::removed_time, gone);
            if !deed.target.is_empty() {
                row.put(col::account_exists, accounts.by_name(&deed.target).is_some());
            }
            seen.push(row);
        }
        vec![(SPEC.name, seen)]
    }
}

impl AccountEvents {
    fn package(&mut self, time: i64, event: &Event<'_>) {
        if let Some(span) = self.spans.last_mut()
            && (span.first.saturating_sub(NEAR)..=span.last.saturating_add(NEAR)).contains(&time)
        {
            (span.first, span.last) = (span.first.min(time), span.last.max(time));
            return;
        }
        if self.spans.len() >= MOST_SPANS {
            self.spans.drain(..MOST_SPANS / 2);
        }
        let package = shortened(event.text("package"), 128).into();
        self.spans.push(Span { first: time, last: time, package });
    }

    fn command(&mut self, time: i64, event: &Event<'_>) {
        if !is_about_accounts(&event.command) {
            return;
        }
        if self.commands.len() >= MOST_COMMANDS {
            self.commands.drain(..MOST_COMMANDS / 2);
        }
        self.commands.push(Command {
            time,
            by: shortened(&event.user, 128).into(),
            command: shortened(&event.command, 300).into(),
        });
    }

    fn deed(&mut self, time: i64, event: &Event<'_>, source: &Source) {
        let what = match (event.kind, event.text("reason")) {
            (EventKind::AccountAdd, "") => "added",
            (EventKind::AccountRemove, "") => "removed",
            (_, "") => event.text("op"),
            (_, reason) => reason,
        };
        let group = shortened(event.text("group"), 128);
        let target = shortened(&event.target, 128);
        let same = self.deeds.iter_mut().rev().take(LOOKED_BACK).find(|deed| {
            deed.time.abs_diff(time) <= APART.unsigned_abs()
                && deed.kind == event.kind
                && (*deed.target == *target || deed.target.is_empty() || target.is_empty())
                && *deed.group == *group
                && !deed.witnesses.contains(&source.witness)
        });
        if let Some(deed) = same {
            deed.witnesses.push(source.witness);
            return;
        }
        let source_of = |files: &mut Names| -> Arc<str> {
            let number = files.number(event.place.file);
            number.map_or_else(|| event.place.file.into(), |number| files.name(number))
        };
        self.deeds.push(Deed {
            time,
            kind: event.kind,
            target: target.into(),
            group: group.into(),
            what: shortened(what, 128).into(),
            by: shortened(&event.user, 128).into(),
            shell: shortened(event.text("shell"), 128).into(),
            home: shortened(event.text("home"), 256).into(),
            uid: event.number("target_uid"),
            gid: event.number("gid"),
            failed: event.text("result") == "failure",
            witnesses: vec![source.witness],
            told: Told::of(event, source_of(&mut self.files)),
        });
        if self.deeds.len() >= MOST.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.deeds.sort_by_key(|deed| deed.time);
        let spare = self.deeds.len().saturating_sub(MOST);
        self.deeds.drain(..spare);
        self.left_out = self.left_out.saturating_add(spare);
    }

    fn row(&self, deed: &Deed) -> Row {
        let text = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
        let witnesses: Vec<&str> = deed.witnesses.iter().map(|witness| witness.name()).collect();
        let span = self.span(deed.time);
        let command = self.commands.iter().find(|command| {
            let apart = deed.time.saturating_sub(command.time);
            (-2..=30).contains(&apart)
        });
        let by = match (&*deed.by, command) {
            ("", Some(command)) => &*command.by,
            (by, _) => by,
        };
        let mut row = SPEC.row();
        row.put(col::time, deed.time)
            .put(col::kind, deed.kind.name())
            .put(col::username, text(&deed.target))
            .put(col::groupname, text(&deed.group))
            .put(col::what, text(&deed.what))
            .put(col::failed, deed.failed)
            .put(col::uid, deed.uid)
            .put(col::gid, deed.gid)
            .put(col::shell, text(&deed.shell))
            .put(col::home, text(&deed.home))
            .put(col::by, text(by))
            .put(col::command, command.map_or(Value::Null, |command| text(&command.command)))
            .put(col::in_package, span.is_some())
            .put(col::package, span.map_or(Value::Null, |span| text(&span.package)))
            .put(col::packages_known, !self.spans.is_empty())
            .put(col::witness, witnesses.join(","))
            .put(col::file, Arc::clone(&deed.told.source))
            .put(col::line, deed.told.line)
            .put(col::excerpt, deed.told.excerpt.to_string())
            .put(col::lines, as_json([&deed.told]));
        row
    }

    /// Returns the span of package changes that a time lies in or near.
    fn span(&self, time: i64) -> Option<&Span> {
        let end = self.spans.partition_point(|span| span.first <= time.saturating_add(NEAR));
        // Spans of several logs overlap: a few before it are enough to look at.
        let before = self.spans.iter().take(end).rev().take(16);
        before.into_iter().find(|span| span.last >= time.saturating_sub(NEAR))
    }
}

fn is_about_accounts(command: &str) -> bool {
    const TOOLS: [&str; 11] = [
        "useradd", "usermod", "adduser", "userdel", "deluser", "groupadd", "addgroup", "gpasswd",
        "groupmod", "chpasswd", "passwd",
    ];
    TOOLS.iter().any(|tool| command.contains(tool))
}
