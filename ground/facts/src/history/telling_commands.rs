//! Commands whose own text tells what they are for, and bursts of commands that tell it together.
//!
//! Every record of a program that ran comes here: audit, accounting, sudo and cron lines, the
//! journal's senders, shell histories, and the processes that run now. A command is looked at once
//! for each account and witness; only those that tell something are kept.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen, Value};

use super::{Fold, FoldKind, Source, kept};
use crate::Host;
use crate::command_text::{self, Purpose};
use crate::logs::stamps::SECOND;
use crate::tables::{command_bursts, telling_commands};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[EventKind::ProcessStart, EventKind::ProcessSeen],
    new: || Box::new(TellingCommands::default()),
};

/// How many telling commands are kept, how many accounts are watched for bursts, and how many
/// commands are remembered as seen already.
const MOST: usize = 5_000;
const ACCOUNTS: usize = 2_000;
const REMEMBERED: usize = 200_000;
/// The longest command that is kept.
const LONGEST: usize = 1_000;
/// A burst of recon: so many different questions within so many seconds (CrowdSec and Elastic use
/// windows of one minute).
const RECON: (usize, i64) = (5, 60 * SECOND);
/// A burst of killing: CrowdSec's `auditd-postexploit-pkill` has five; catalogue P14 gives ten
/// seconds.
const KILLING: (usize, i64) = (5, 10 * SECOND);

#[derive(Default)]
struct TellingCommands {
    /// Commands that were looked at, by hash, and whether one was kept.
    seen: HashMap<u64, bool>,
    kept: BTreeMap<Key, Kept>,
    left_out: u64,
    accounts: HashMap<(&'static str, String), Account>,
}

/// Witness, account, purpose, command.
type Key = (&'static str, String, Purpose, String);

/// A telling command.
struct Kept {
    by: &'static str,
    decoded: Option<String>,
    row: Told,
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

/// What is kept of the event that tells it.
#[derive(Clone)]
struct Told {
    uid: Option<i64>,
    pid: Option<i64>,
    path: String,
    parent: String,
    unit: String,
    program: String,
    trust: &'static str,
    file: String,
    line: u64,
    offset: u64,
}

/// What an account did lately.
#[derive(Default)]
struct Account {
    recon: Burst,
    killing: Burst,
    /// Files that were fetched, and those of them that were made executable, by their last part.
    fetched: VecDeque<(String, bool)>,
}

/// The last few telling words of an account, and the best burst so far.
#[derive(Default)]
struct Burst {
    recent: VecDeque<(i64, String, kept::Told)>,
    best: Option<Best>,
}

struct Best {
    distinct: usize,
    first: i64,
    last: i64,
    lines: Vec<kept::Told>,
}

impl Burst {
    fn add(&mut self, time: i64, word: &str, line: kept::Told, (most, window): (usize, i64)) {
        self.recent.retain(|(other, ..)| time.abs_diff(*other) <= window.unsigned_abs());
        self.recent.push_back((time, word.to_owned(), line));
        if self.recent.len() > 64 {
            self.recent.pop_front();
        }
        let words: HashSet<&str> = self.recent.iter().map(|(_, word, _)| word.as_str()).collect();
        let distinct = words.len();
        if distinct < most || self.best.as_ref().is_some_and(|best| best.distinct >= distinct) {
            return;
        }
        let first = self.recent.iter().map(|(time, ..)| *time).min().unwrap_or(time);
        let last = self.recent.iter().map(|(time, ..)| *time).max().unwrap_or(time);
        let lines = self.recent.iter().take(10).map(|(.., line)| line.clone()).collect();
        self.best = Some(Best { distinct, first, last, lines });
    }
}

impl Fold for TellingCommands {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let command = if event.command.is_empty() { &event.path } else { &event.command };
        if command.is_empty() {
            return;
        }
        let witness = source.witness.name();
        let user = self.user(event, source);
        self.burst(event, witness, &user, command);
        for part in commands(command) {
            self.chain(event, witness, &user, part);
        }
        let mut hasher = DefaultHasher::new();
        (witness, &user, command).hash(&mut hasher);
        let hash = hasher.finish();
        // Looked at before and nothing kept of it: nothing new to tell.
        if self.seen.get(&hash) == Some(&false) {
            return;
        }
        let mut kept = false;
        for told in command_text::told(command) {
            kept |= self.keep(event, witness, &user, command, told.purpose, told.by, told.decoded);
        }
        if self.seen.len() < REMEMBERED {
            self.seen.insert(hash, kept);
        }
    }

    fn end(self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let mut commands = Seen::default();
        for ((witness, user, purpose, command), kept) in &self.kept {
            commands.push(command_row(witness, user, *purpose, command, kept));
        }
        if self.left_out > 0 {
            let detail = format!("only {MOST} telling commands are kept; {} more", self.left_out);
            commands.gap(Gap::new(telling_commands::SPEC.name, GapKind::Truncated, detail));
        }
        let mut bursts = Seen::default();
        let accounts: BTreeMap<_, _> = self.accounts.into_iter().collect();
        for ((witness, user), account) in accounts {
            for (what, burst) in [("recon", account.recon), ("killing", account.killing)] {
                if let Some(best) = burst.best {
                    bursts.push(burst_row(witness, &user, what, &best));
                }
            }
        }
        vec![(telling_commands::SPEC.name, commands), (command_bursts::SPEC.name, bursts)]
    }
}

impl TellingCommands {
    fn user(&self, event: &Event<'_>, source: &Source) -> String {
        match (&source.owner, event.user.as_ref(), event.uid) {
            (_, user, _) if !user.is_empty() => user.to_owned(),
            (Some(owner), ..) => owner.to_string(),
            (None, _, Some(uid)) => uid.to_string(),
            (None, _, None) => String::new(),
        }
    }

    fn account(&mut self, witness: &'static str, user: &str) -> Option<&mut Account> {
        let key = (witness, user.to_owned());
        if !self.accounts.contains_key(&key) && self.accounts.len() >= ACCOUNTS {
            return None;
        }
        Some(self.accounts.entry(key).or_default())
    }

    /// Watches for many telling commands within a short time.
    fn burst(&mut self, event: &Event<'_>, witness: &'static str, user: &str, command: &str) {
        // Typed at a shell: what scripts and services ask all day says nothing.
        let Some(time) = event.time.filter(|_| event.kind == EventKind::ProcessStart) else {
            return;
        };
        for part in commands(command) {
            let (recon, killed) = (command_text::recon(part), command_text::killed(part));
            if recon.is_none() && killed.is_none() {
                continue;
            }
            let line = line_of(event, part);
            let Some(account) = self.account(witness, user) else { return };
            if let Some(word) = recon {
                account.recon.add(time, word, line.clone(), RECON);
            }
            if let Some(victim) = killed {
                account.killing.add(time, victim, line, KILLING);
            }
        }
    }

    /// Follows a file that is fetched, made executable and run by three commands.
    fn chain(&mut self, event: &Event<'_>, witness: &'static str, user: &str, part: &str) {
        let words: Vec<&str> = part.split_ascii_whitespace().take(40).collect();
        let Some(name) = words.first().map(|word| last_part(word)) else { return };
        let Some(account) = self.account(witness, user) else { return };
        match name {
            "curl" | "wget" => {
                let Some(file) = fetched(&words) else { return };
                account.fetched.retain(|(other, _)| *other != file);
                account.fetched.push_back((file, false));
                if account.fetched.len() > 64 {
                    account.fetched.pop_front();
                }
            }
            "chmod" => {
                let executable = |mode: &str| mode.contains('x') || mode.starts_with(['7', '5']);
                if !words.get(1).is_some_and(|mode| executable(mode)) {
                    return;
                }
                for word in words.iter().skip(2) {
                    let named = last_part(word);
                    let fetched = account.fetched.iter_mut().filter(|(file, _)| file == named);
                    fetched.for_each(|(_, executable)| *executable = true);
                }
            }
            _ => {
                let run = match name {
                    "sh" | "bash" | "nohup" | "setsid" => {
                        words.get(1).map_or("", |word| last_part(word))
                    }
                    name => name,
                };
                let of_it = |(file, executable): &(String, bool)| file == run && *executable;
                if account.fetched.iter().any(of_it) {
                    account.fetched.retain(|(file, _)| file != run);
                    let by = "fetched, made executable, run";
                    self.keep(event, witness, user, part, Purpose::FetchAndRun, by, None);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row's parts, from two places")]
    fn keep(
        &mut self,
        event: &Event<'_>,
        witness: &'static str,
        user: &str,
        command: &str,
        purpose: Purpose,
        by: &'static str,
        decoded: Option<String>,
    ) -> bool {
        let key = (witness, user.to_owned(), purpose, short(command));
        if !self.kept.contains_key(&key) && self.kept.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        let kept = self.kept.entry(key).or_insert_with(|| Kept {
            by,
            decoded: decoded.map(|text| short(&text)),
            row: Told::of(event),
            count: 0,
            first: event.time,
            last: event.time,
        });
        kept.count = kept.count.saturating_add(1);
        kept.first = kept.first.min(event.time).or(event.time);
        kept.last = kept.last.max(event.time);
        true
    }
}

impl Told {
    fn of(event: &Event<'_>) -> Self {
        Self {
            uid: event.uid,
            pid: event.pid,
            path: short(&event.path),
            parent: short(event.text("parent_command")),
            unit: short(&event.unit),
            program: short(&event.program),
            trust: event.trust.name(),
            file: event.place.file.to_owned(),
            line: event.place.line,
            offset: event.place.offset,
        }
    }
}

/// Returns the commands of a line: what stands between `;`, `&&` and `||`.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    line.split([';', '&', '|']).map(str::trim).filter(|part| !part.is_empty()).take(40)
}

fn last_part(word: &str) -> &str {
    Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or(word)
}

/// Returns the name of the file that a curl or wget command writes, if it writes one.
fn fetched(words: &[&str]) -> Option<String> {
    let mut given = None;
    for pair in words.windows(2) {
        if let [option @ ("-o" | "-O" | "--output" | "--output-document"), value] = pair
            && !(*option == "-O" && value.contains("://"))
        {
            given = Some(last_part(value).to_owned());
        }
    }
    let url = words.iter().find(|word| word.contains("://"));
    let named =
        url.map(|url| last_part(url.split(['?', '#']).next().unwrap_or_default()).to_owned());
    given.or(named).filter(|name| !name.is_empty() && name != "-")
}

fn short(text: &str) -> String {
    stanch_words::text::shortened(text, LONGEST)
}

/// Keeps the line of an event, with one of its commands as the excerpt.
fn line_of(event: &Event<'_>, command: &str) -> kept::Told {
    let excerpt = stanch_words::text::shortened(command, 200).into();
    kept::Told { excerpt, ..kept::Told::of(event, event.place.file.into()) }
}

fn seconds(micros: Option<i64>) -> Value {
    micros.map(|micros| micros.div_euclid(SECOND)).into()
}

fn command_row(
    witness: &str,
    user: &str,
    purpose: Purpose,
    command: &str,
    kept: &Kept,
) -> stanch_words::Row {
    use telling_commands::col;
    let told = &kept.row;
    let mut row = telling_commands::SPEC.row();
    row.put(col::purpose, purpose.name())
        .put(col::by, kept.by)
        .put(col::user, user)
        .put(col::uid, told.uid)
        .put(col::command, command)
        .put(col::decoded, kept.decoded.clone())
        .put(col::pid, told.pid)
        .put(col::path, told.path.as_str())
        .put(col::parent_command, told.parent.as_str())
        .put(col::unit, told.unit.as_str())
        .put(col::program, told.program.as_str())
        .put(col::witness, witness)
        .put(col::trust, told.trust)
        .put(col::count, kept.count)
        .put(col::first_time, seconds(kept.first))
        .put(col::last_time, seconds(kept.last))
        .put(col::file, told.file.as_str())
        .put(col::line, told.line)
        .put(col::offset, told.offset);
    row
}

fn burst_row(witness: &str, user: &str, what: &str, best: &Best) -> stanch_words::Row {
    use command_bursts::col;
    let excerpts: Vec<&str> = best.lines.iter().map(|line| &*line.excerpt).collect();
    let first = best.lines.first();
    let mut row = command_bursts::SPEC.row();
    row.put(col::what, what)
        .put(col::user, user)
        .put(col::witness, witness)
        .put(col::distinct_commands, best.distinct)
        .put(col::seconds, best.last.saturating_sub(best.first).div_euclid(SECOND))
        .put(col::first_time, seconds(Some(best.first)))
        .put(col::last_time, seconds(Some(best.last)))
        .put(col::commands, excerpts.join("; "))
        .put(col::file, first.map(|line| std::sync::Arc::clone(&line.source)))
        .put(col::line, first.map(|line| line.line))
        .put(col::lines, kept::as_json(&best.lines));
    row
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;
    use stanch_words::Ask;

    use super::*;
    use crate::tables;

    fn rows(history: &str, table: &str) -> Vec<Vec<String>> {
        let machine = Pretend::new()
            .file("/etc/passwd", "eve:x:1000:1000::/home/eve:/bin/bash\n")
            .file("/home/eve/.bash_history", history);
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        let table = tables::find(table).unwrap();
        (table.read)(&host, &Ask::all(), &mut seen);
        seen.rows.iter().map(|row| row.0.iter().map(Value::to_string).collect()).collect()
    }

    #[test]
    fn three_commands_that_fetch_and_run_are_one_deed() {
        let history = "wget http://198.51.100.7/m\nls\nchmod +x m\n./m -q\n";
        let rows = rows(history, "telling_commands");
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(row[..3], ["fetch-and-run", "fetched, made executable, run", "eve"]);
        assert!(row.contains(&"/home/eve/.bash_history".to_owned()), "{row:?}");
        let innocent = "wget https://a.example/m\nchmod +x n\n./m\ncurl -O https://a.example/k\n";
        assert_eq!(self::rows(innocent, "telling_commands"), Vec::<Vec<String>>::new());
    }

    #[test]
    fn many_questions_in_a_minute_are_a_burst_and_over_a_day_they_are_none() {
        let typed = |step: i64| -> String {
            ["id", "uname -a", "whoami", "w", "cat /etc/passwd", "ip a"]
                .iter()
                .zip(0..)
                .map(|(command, at)| format!("#{}\n{command}\n", 1_700_000_000 + at * step))
                .collect()
        };
        let burst = rows(&typed(5), "command_bursts");
        assert_eq!(burst.len(), 1, "{burst:?}");
        assert_eq!(burst[0][3], "6");
        assert_eq!(rows(&typed(500), "command_bursts"), Vec::<Vec<String>>::new());
    }
}
