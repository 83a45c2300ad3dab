//! The rows of `logins`: what several witnesses tell of one login becomes one row, and what came
//! before is put beside it.

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Row, Seen};

use super::join::Joined;
use super::slots;
use super::success::{Login, MOST_LOGINS, Session, Successes, known_as};
use super::{Logins, Witness};
use crate::Host;
use crate::accounts::Accounts;
use crate::history::kept::{Told, as_json};
use crate::tables::{logins, service_accounts};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// How far apart two witnesses may tell of one login, in seconds.
const APART: i64 = 10;

/// How many logins are looked back for another telling of the same.
const LOOKED_BACK: usize = 64;

/// One login with all who tell of it.
struct One<'l> {
    main: &'l Login,
    witnesses: Vec<Witness>,
    is_recorded: bool,
}

impl One<'_> {
    fn is_same(&self, other: &Login) -> bool {
        let (one, two) = (self.main, other);
        let near = two.time.saturating_sub(one.time) <= APART;
        let agree = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        if one.user != two.user || !near {
            return false;
        }
        if one.is_authentication && two.is_authentication {
            // The same process says it, or the same connection is meant.
            let is_new_voice = !self.witnesses.contains(&two.witness)
                || (one.witness == two.witness && one.told.source != two.told.source);
            let same_port = one.port.zip(two.port).is_none_or(|(a, b)| a == b);
            return is_new_voice && same_port && agree(&one.source, &two.source);
        }
        !self.is_recorded || two.is_authentication || one.pid == two.pid
    }
}

/// Makes the rows.
pub(super) fn rows(fold: &Logins, joined: &Joined<'_>, host: &Host) -> Seen {
    let mut seen = Seen::default();
    let successes = &fold.successes;
    let mut all: Vec<&Login> = successes.logins.iter().collect();
    all.sort_by_key(|login| (login.time, !login.is_authentication));
    let ones = put_together(&all);
    if successes.left_out > 0 {
        let detail =
            format!("the newest {MOST_LOGINS} logins and the first of each kind were kept");
        seen.gap(Gap::new(logins::SPEC.name, GapKind::Truncated, detail));
    }
    let mut sessions: Vec<Session> = successes.sessions.iter().copied().collect();
    sessions.sort_unstable_by_key(|session| session.time);
    let known = Known { fold, joined, sessions, accounts: Who::of(host, &mut seen) };
    let mut before: HashMap<&str, i64> = HashMap::new();
    let mut from: HashMap<(&str, &str), i64> = HashMap::new();
    for one in &ones {
        *from.entry((&one.main.user, &one.main.source)).or_default() += 1;
    }
    for one in &ones {
        let count = before.entry(&one.main.user).or_default();
        let mut row = known.row(one);
        row.put(logins::col::logins_before, *count).put(
            logins::col::source_logins,
            from.get(&(&*one.main.user, &*one.main.source)).copied(),
        );
        *count += 1;
        seen.push(row);
    }
    seen
}

fn put_together<'l>(all: &[&'l Login]) -> Vec<One<'l>> {
    let mut ones: Vec<One<'l>> = Vec::with_capacity(all.len());
    for &login in all {
        let near = ones.iter_mut().rev().take(LOOKED_BACK);
        let mut near = near.take_while(|one| login.time.saturating_sub(one.main.time) <= APART);
        match near.find(|one| one.is_same(login)) {
            Some(one) => {
                if !one.witnesses.contains(&login.witness) {
                    one.witnesses.push(login.witness);
                }
                one.is_recorded |= !login.is_authentication;
                if login.is_authentication && !one.main.is_authentication {
                    one.main = login;
                }
            }
            None => ones.push(One {
                main: login,
                witnesses: vec![login.witness],
                is_recorded: !login.is_authentication,
            }),
        }
    }
    ones
}

/// The accounts as they are now.
struct Who {
    accounts: std::sync::Arc<Accounts>,
    uid_min: u32,
}

impl Who {
    fn of(host: &Host, seen: &mut Seen) -> Self {
        let accounts = Accounts::of(host, logins::SPEC.name, seen);
        let definitions = Path::new("/etc/login.defs");
        let definitions = host.read(logins::SPEC.name, definitions, limits::CONFIG_FILE, seen);
        let uid_min = service_accounts::uid_min(&definitions.unwrap_or_default());
        Self { accounts, uid_min }
    }
}

/// What is known when a row is made.
struct Known<'k> {
    fold: &'k Logins,
    joined: &'k Joined<'k>,
    sessions: Vec<Session>,
    accounts: Who,
}

impl Known<'_> {
    fn row(&self, one: &One<'_>) -> Row {
        use logins::col;
        let login = one.main;
        let mut row = logins::SPEC.row();
        let witnesses: Vec<&str> = one.witnesses.iter().map(|witness| witness.name()).collect();
        row.put(col::time, login.time)
            .put(col::username, login.user.clone())
            .put(col::source, login.source.clone())
            .put(col::method, login.method.clone())
            .put(col::service, login.service.clone())
            .put(col::fingerprint, login.fingerprint.clone())
            .put(col::key_type, login.key_type.clone())
            .put(col::pid, login.pid)
            .put(col::tty, login.tty.clone())
            .put(col::witness, witnesses.join(","))
            .put(col::authenticated, self.authenticated(login))
            .put(col::recorded, one.is_recorded)
            .put(col::session, self.session(login))
            .put(col::file, login.told.source.clone())
            .put(col::line, login.told.line)
            .put(col::excerpt, login.told.excerpt.to_string());
        if let Some(account) = self.accounts.accounts.by_name(&login.user) {
            row.put(col::uid, account.uid)
                .put(col::shell, account.shell.clone())
                .put(col::system_account, account.uid != 0 && account.uid < self.accounts.uid_min);
        }
        self.failures(login, &mut row);
        self.habits(login, &mut row);
        row
    }

    /// Says whether an authentication was logged, if a log that would have it covers that time.
    fn authenticated(&self, login: &Login) -> Option<bool> {
        if login.is_authentication {
            return Some(true);
        }
        let covers = |(witness, first): (&Witness, &i64)| {
            let last = self.fold.spans.get(witness).map_or(i64::MIN, |span| span.last);
            *first < login.time && last > login.time.saturating_add(60)
        };
        self.fold.successes.first.iter().any(covers).then_some(false)
    }

    fn session(&self, login: &Login) -> bool {
        let Some(user) = self.fold.successes.names.find(&login.user) else { return false };
        let from = login.time.saturating_sub(APART);
        let begin = self.sessions.partition_point(|session| session.time < from);
        let near = self.sessions.iter().skip(begin);
        near.take_while(|session| session.time <= login.time.saturating_add(APART))
            .any(|session| session.user == user)
    }

    fn failures(&self, login: &Login, row: &mut Row) {
        use logins::col;
        let (time, source) = (login.time, &*login.source);
        let of_source = |span: i64| {
            self.joined.most_of_source(source, |seer| {
                slots::within(&seer.slots, time.saturating_sub(span), time)
            })
        };
        let tried = self.fold.names.find(&login.user);
        let of_user = |span: i64| {
            tried.map_or(0, |user| {
                self.joined.most_of_user(user, |target| {
                    slots::within(&target.slots, time.saturating_sub(span), time)
                })
            })
        };
        let pair = self.joined.most_of_source(source, |seer| {
            let tallies = seer.guesses.tallies.iter();
            let pairs =
                tallies.flat_map(|tally| &tally.pairs).filter(|(user, _)| Some(*user) == tried);
            let day = |slots: &slots::Slots| {
                slots::within(&slots.sorted(), time.saturating_sub(DAY), time)
            };
            pairs.map(|(_, slots)| day(slots)).sum()
        });
        let users = self.joined.most_of_source(source, |seer| {
            u64::try_from(seer.guesses.users().0.len()).unwrap_or(0)
        });
        let seers = self.joined.sources.get(source).into_iter().flatten();
        let last = seers.filter_map(|seer| slots::last_before(&seer.slots, time)).max();
        row.put(col::failures_hour, of_source(HOUR))
            .put(col::failures_day, of_source(DAY))
            .put(col::failures_before, of_source(i64::MAX))
            .put(col::failures_pair, pair)
            .put(col::user_failures_hour, of_user(HOUR))
            .put(col::user_failures_day, of_user(DAY))
            .put(col::users_tried, users)
            .put(col::last_failure, last);
        let kept = self.fold.sources.get(source).map(|guesser| guesser.lines.kept());
        let before = |told: &&Told| told.time.is_some_and(|at| at <= time);
        let failures = kept.into_iter().flatten().filter(before).take(9);
        row.put(col::lines, as_json(failures.chain([&login.told])));
    }

    fn habits(&self, login: &Login, row: &mut Row) {
        use logins::col;
        let successes = &self.fold.successes;
        let user = successes.names.find(&login.user);
        let first_with = |kind: &str, with: &str| {
            let with = successes.names.find(&known_as(kind, with))?;
            successes.known.get(&(user?, with)).copied()
        };
        let is_first = |first: i64| login.time <= first.saturating_add(APART);
        row.put(col::new_source, first_with("a", &login.source).is_none_or(is_first));
        if !login.fingerprint.is_empty() {
            row.put(col::new_key, first_with("k", &login.fingerprint).is_none_or(is_first));
        }
        let habits = habits_of(successes, user);
        let first = habits.iter().filter_map(|habit| habit.first).min();
        row.put(col::new_user, first.is_none_or(is_first));
        let begun = self.fold.spans.values().map(|span| span.first).min();
        row.put(col::history_before, begun.map(|begun| login.time.saturating_sub(begun)));
        // The witness that tells most of this account.
        let hours = habits
            .iter()
            .map(|habit| habit.hours)
            .max_by_key(|hours| hours.iter().map(|&count| u64::from(count)).sum::<u64>());
        row.put(col::hour_density, hours.and_then(|hours| hour_density(&hours, login.time)));
    }
}

fn habits_of(successes: &Successes, user: Option<u32>) -> Vec<&super::success::Habit> {
    let Some(user) = user else { return Vec::new() };
    let witnesses = [Witness::Text, Witness::Journal, Witness::Audit, Witness::LoginRecords];
    witnesses.iter().filter_map(|&witness| successes.habits.get(&(user, witness))).collect()
}

/// Returns how dense the other logins are at this time of day, 1 where they are spread evenly over
/// it: a circular kernel density (von Mises, one hour wide) over the hours of the day, so that 23:30
/// and 00:30 are neighbours.
///
/// Source: Mardia and Jupp, Directional Statistics, 2000, chapter 3 (von Mises), 12 (density).
fn hour_density(hours: &[u32; 24], time: i64) -> Option<f64> {
    /// Concentration of a kernel whose standard deviation is one hour: (24 / 2π)².
    const CONCENTRATION: f64 = 14.59;
    let kernel = |apart: f64| {
        let angle = apart * std::f64::consts::TAU / 24.0;
        (CONCENTRATION * (angle.cos() - 1.0)).exp()
    };
    let of_day = u32::try_from(time.rem_euclid(DAY)).ok()?;
    let own = usize::try_from(time.rem_euclid(DAY) / HOUR).ok()?;
    let now = f64::from(of_day) / 3600.0;
    let (mut others, mut near, mut even) = (0_u32, 0.0, 0.0);
    for ((at, &count), middle) in hours.iter().enumerate().zip((0_u32..).map(f64::from)) {
        let count = count.saturating_sub(u32::from(at == own));
        others = others.saturating_add(count);
        near += f64::from(count) * kernel(middle + 0.5 - now);
        even += kernel(middle) / 24.0;
    }
    (others > 0).then(|| near / (f64::from(others) * even))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_of_a_day_are_a_circle() {
        let mut late = [0_u32; 24];
        late[23] = 40;
        // The login itself, half an hour after midnight, is among the hours of its account.
        late[0] = 1;
        let just_after = hour_density(&late, 1_800).unwrap();
        let at_noon = {
            late[12] = 1;
            late[0] = 0;
            hour_density(&late, 12 * HOUR + 1_800).unwrap()
        };
        assert!(just_after > 4.0, "23:30 and 00:30 are neighbours: {just_after}");
        assert!(at_noon < 0.001, "{at_noon}");
    }

    #[test]
    fn logins_at_all_hours_make_no_hour_odd() {
        let even = [10_u32; 24];
        for hour in 0..24 {
            let density = hour_density(&even, hour * HOUR + 600).unwrap();
            assert!((0.9..1.1).contains(&density), "{hour}: {density}");
        }
        let mut alone = [0_u32; 24];
        alone[3] = 1;
        assert_eq!(hour_density(&alone, 3 * HOUR), None, "without others there is no habit");
    }
}
