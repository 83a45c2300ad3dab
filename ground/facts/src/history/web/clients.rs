//! Who asked.

use std::collections::BTreeMap;

use stanch_words::Seen;

use super::{Marks, Request, Telling, kept, lost};
use crate::history::kept::{Lines, as_json};
use crate::tables::web_clients::{SPEC, col};
use crate::web_attacks::Attack;

/// How many addresses are kept: first any, then only those that attack or fail to log in.
const ANY: usize = 40_000;
const NOTABLE: usize = 80_000;
/// How many names and missing paths of one address are told apart.
const APART: usize = 64;

#[derive(Default)]
pub(super) struct Clients {
    all: BTreeMap<String, Client>,
    telling: Telling,
    lost: u64,
}

#[derive(Debug, Default)]
struct Client {
    requests: i64,
    not_found: i64,
    refused: i64,
    missing: Marks,
    attacks: i64,
    exploits: i64,
    classes: u32,
    /// By what tells them: access log, error log. One failure may stand in both.
    failures: [i64; 2],
    users: Marks,
    /// The first login that worked after failures: time, user, how many failures before.
    success: Option<(i64, String, i64)>,
    first: i64,
    last: i64,
    first_failure: i64,
    last_failure: i64,
    user_agent: String,
    virtual_host: String,
    /// Of attacks and failed logins.
    lines: Lines,
}

impl Client {
    fn failed(&self) -> i64 {
        self.failures.into_iter().max().unwrap_or(0)
    }
}

impl Clients {
    pub(super) fn event(&mut self, request: &Request<'_>) {
        let refused_login = is_login(request) && matches!(request.status, 401 | 403);
        let failed = request.is_failure || refused_login;
        let notable = failed || request.attack.is_some();
        let client = match self.all.get_mut(request.source) {
            Some(client) => client,
            None => {
                let most = if notable { NOTABLE } else { ANY };
                if self.all.len() >= most {
                    self.lost = self.lost.saturating_add(1);
                    return;
                }
                let client = Client {
                    first: request.time,
                    user_agent: kept(request.event.text("user_agent"), 160),
                    virtual_host: kept(request.event.text("virtual_host"), 160),
                    ..Client::default()
                };
                self.all.entry(kept(request.source, 64)).or_insert(client)
            }
        };
        if notable {
            self.telling.keep(&mut client.lines, request.event);
        }
        client.requests += i64::from(request.status != 0);
        client.first = client.first.min(request.time);
        client.last = client.last.max(request.time);
        if matches!(request.status, 404 | 410) {
            client.not_found += 1;
            client.missing.add(request.path, APART);
        }
        client.refused += i64::from(matches!(request.status, 401 | 403));
        if let Some(attack) = request.attack {
            client.attacks += 1;
            client.exploits += i64::from(attack.is_exploit());
            let at = Attack::ALL.iter().position(|&other| other == attack).unwrap_or(0);
            client.classes |= 1 << at;
        }
        if failed {
            client.fail(request);
        } else {
            client.succeed(request);
        }
    }

    pub(super) fn rows(self) -> Seen {
        let mut seen = Seen::default();
        lost(SPEC.name, "addresses", self.lost, &mut seen);
        for (address, client) in self.all {
            let classes = Attack::ALL.iter().enumerate();
            let classes = classes.filter(|(at, _)| client.classes & (1 << at) != 0);
            let classes: Vec<_> = classes.map(|(_, attack)| attack.name()).collect();
            let mut row = SPEC.row();
            let failures = client.failed();
            let failing = failures > 0;
            row.put(col::address, address)
                .put(col::requests, client.requests)
                .put(col::not_found, client.not_found)
                .put(col::missing_paths, client.missing.count())
                .put(col::refused, client.refused)
                .put(col::attacks, client.attacks)
                .put(col::exploits, client.exploits)
                .put(col::classes, classes.join(", "))
                .put(col::failures, failures)
                .put(col::users, client.users.count())
                .put(col::first_failure, failing.then_some(client.first_failure))
                .put(col::last_failure, failing.then_some(client.last_failure))
                .put(col::success_time, client.success.as_ref().map(|success| success.0))
                .put(col::failures_before, client.success.as_ref().map(|success| success.2))
                .put(col::success_user, client.success.map(|success| success.1))
                .put(col::first_time, client.first)
                .put(col::last_time, client.last)
                .put(col::user_agent, client.user_agent)
                .put(col::virtual_host, client.virtual_host)
                .put(col::lines, as_json(client.lines.kept()));
            seen.push(row);
        }
        seen
    }
}

impl Client {
    fn fail(&mut self, request: &Request<'_>) {
        let teller = usize::from(request.status == 0);
        if let Some(count) = self.failures.get_mut(teller) {
            *count += request.event.number("count").unwrap_or(1).clamp(1, 1_000_000);
        }
        if self.failed() == 1 {
            self.first_failure = request.time;
        }
        self.last_failure = self.last_failure.max(request.time);
        if !request.event.user.is_empty() {
            self.users.add(&request.event.user, APART);
        }
    }

    /// A login that works is seen where WordPress redirects, and where a name that was asked for
    /// by HTTP is taken.
    fn succeed(&mut self, request: &Request<'_>) {
        let failures = self.failed();
        if failures == 0 || self.success.is_some() || request.attack.is_some() {
            return;
        }
        let post = request.event.method == "POST";
        let redirected = post
            && matches!(request.status, 302 | 303)
            && request.path.ends_with("/wp-login.php")
            && !request.url.contains("action=");
        let taken = !request.event.user.is_empty() && (200..400).contains(&request.status);
        if redirected || taken {
            self.success = Some((request.time, kept(&request.event.user, 100), failures));
        }
    }
}

/// Whether a request hands over a name and a password, by its path.
fn is_login(request: &Request<'_>) -> bool {
    const PARTS: [&str; 6] = ["login", "signin", "sign_in", "logon", "session", "/auth"];
    request.event.method == "POST" && PARTS.iter().any(|part| request.path.contains(part))
}
