//! What was attacked, and how it was answered.

use std::collections::BTreeMap;

use stanch_words::{Event, Seen};

use super::paths::Paths;
use super::{Request, kept, lost};
use crate::tables::web_attacks::{SPEC, col};
use crate::web_attacks::Attack;

/// How many attacks are kept: by class, address, path and status. Those that were refused share
/// one row without a path, so that a scanner's thousand paths are few rows.
const KEPT: usize = 20_000;
/// How many times of one attack, and how many deeds of the web server's account, are kept.
const TIMES: usize = 16;
const DEEDS: usize = 20_000;
/// How many seconds after an attack a deed is put beside it.
const SOON: i64 = 60;

#[derive(Default)]
pub(super) struct Attacks {
    all: BTreeMap<(Attack, String, String, i64), Tries>,
    /// By time in seconds.
    deeds: BTreeMap<(i64, usize), Deed>,
    lost: u64,
    lost_deeds: u64,
}

#[derive(Debug, Default)]
struct Tries {
    count: i64,
    first: i64,
    last: i64,
    times: Vec<i64>,
    bytes: Option<i64>,
    method: String,
    url: String,
    user_agent: String,
    virtual_host: String,
    file: String,
    line: u64,
}

/// What the web server's account did.
#[derive(Debug)]
struct Deed {
    command: String,
    path: String,
}

impl Attacks {
    /// Notes a program that was started, or a file that was written.
    pub(super) fn deed(&mut self, event: &Event<'_>) {
        let Some(time) = event.time else { return };
        if self.deeds.len() >= DEEDS {
            self.lost_deeds = self.lost_deeds.saturating_add(1);
            return;
        }
        let deed = Deed { command: kept(&event.command, 300), path: kept(&event.path, 300) };
        self.deeds.insert((time.div_euclid(1_000_000), self.deeds.len()), deed);
    }

    pub(super) fn event(&mut self, request: &Request<'_>) {
        let Some(attack) =
            request.attack.filter(|attack| attack.is_exploit() || *attack == Attack::Secret)
        else {
            return;
        };
        let answered = (200..400).contains(&request.status) || request.status >= 500;
        let path = if answered { kept(request.path, 300) } else { String::new() };
        let key = (attack, kept(request.source, 64), path, request.status);
        let full = self.all.len() >= KEPT;
        let tries = match self.all.get_mut(&key) {
            Some(tries) => tries,
            None if full => {
                self.lost = self.lost.saturating_add(1);
                return;
            }
            None => {
                let event = request.event;
                let tries = Tries {
                    first: request.time,
                    method: kept(&event.method, 30),
                    url: kept(request.url, 600),
                    user_agent: kept(event.text("user_agent"), 200),
                    virtual_host: kept(event.text("virtual_host"), 160),
                    file: event.place.file.to_owned(),
                    line: event.place.line,
                    ..Tries::default()
                };
                self.all.entry(key).or_insert(tries)
            }
        };
        tries.count += 1;
        tries.first = tries.first.min(request.time);
        tries.last = tries.last.max(request.time);
        if answered && tries.times.len() < TIMES {
            tries.times.push(request.time);
        }
        tries.bytes = tries.bytes.max(request.bytes);
    }

    pub(super) fn rows(self, paths: &Paths) -> Seen {
        let mut seen = Seen::default();
        lost(SPEC.name, "attacks", self.lost, &mut seen);
        lost(SPEC.name, "deeds of the web server's account", self.lost_deeds, &mut seen);
        for ((attack, address, path, status), tries) in &self.all {
            let answer = (*status == 200).then(|| paths.compare(path, tries.bytes));
            let deed = tries.times.iter().chain([&tries.last]).find_map(|&time| {
                let after = (time.saturating_sub(1), 0)..(time.saturating_add(SOON), 0);
                self.deeds.range(after).next()
            });
            let mut row = SPEC.row();
            row.put(col::class, attack.name())
                .put(col::runs_code, attack.runs_code())
                .put(col::address, address.as_str())
                .put(col::path, path.as_str())
                .put(col::status, *status)
                .put(col::requests, tries.count)
                .put(col::bytes, tries.bytes)
                .put(col::answer, answer.map(super::paths::Answer::name))
                .put(col::method, tries.method.as_str())
                .put(col::url, tries.url.as_str())
                .put(col::user_agent, tries.user_agent.as_str())
                .put(col::virtual_host, tries.virtual_host.as_str())
                .put(col::first_time, tries.first)
                .put(col::last_time, tries.last)
                .put(col::deed_time, deed.map(|((time, _), _)| *time))
                .put(col::deed_command, deed.map(|(_, deed)| deed.command.as_str()))
                .put(col::deed_path, deed.map(|(_, deed)| deed.path.as_str()))
                .put(col::file, tries.file.as_str())
                .put(col::line, tries.line);
            seen.push(row);
        }
        seen
    }
}
