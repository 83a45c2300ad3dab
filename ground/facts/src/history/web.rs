//! What web logs tell, folded into three bounded tables: who asked (`web_clients`), what was
//! attacked and how it was answered (`web_attacks`), what was served (`web_paths`).
//!
//! An attack that is answered with success says little: a search page answers everything, a
//! single-page application gives its one page for every path. So each answer is compared with what
//! the same path usually gives and with the pages that many paths give alike; and each attack is
//! put beside what the web server's account did right after it.

mod attacks;
mod clients;
mod paths;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use super::kept::Lines;
use super::{Fold, FoldKind, Source};
use crate::Host;
use crate::web_attacks::Attack;

use attacks::Attacks;
use clients::Clients;
use paths::Paths;

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::WebRequest,
        EventKind::WebAbuse,
        EventKind::AuthFailure,
        EventKind::AuthInvalidUser,
        EventKind::ProcessStart,
        EventKind::FileWrite,
    ],
    new: || Box::new(Web::default()),
};

/// Accounts that web servers and what they run work as.
const ACCOUNTS: [&str; 10] = [
    "www-data", "apache", "nginx", "http", "httpd", "wwwrun", "lighttpd", "tomcat", "caddy", "www",
];
/// Their numbers on Debian and Red Hat, where a source names no account.
const NUMBERS: [i64; 2] = [33, 48];

/// Services whose failed logins come over HTTP.
const SERVICES: [&str; 12] = [
    "http",
    "wordpress",
    "roundcube",
    "phpMyAdmin",
    "horde",
    "webmin",
    "Froxlor",
    "froxlor",
    "gitlab",
    "groupoffice",
    "bitwarden",
    "directadmin",
];

#[derive(Default)]
struct Web {
    clients: Clients,
    paths: Paths,
    attacks: Attacks,
}

/// A web event as the folds need it.
#[derive(Clone, Copy, Debug)]
struct Request<'e> {
    event: &'e Event<'e>,
    /// In seconds.
    time: i64,
    source: &'e str,
    url: &'e str,
    /// The target without its query.
    path: &'e str,
    status: i64,
    bytes: Option<i64>,
    attack: Option<Attack>,
    is_failure: bool,
}

impl Fold for Web {
    fn event(&mut self, event: &Event<'_>, _source: &Source) {
        match event.kind {
            EventKind::ProcessStart | EventKind::FileWrite => {
                if is_web_account(event) {
                    self.attacks.deed(event);
                }
                return;
            }
            _ => {}
        }
        let is_failure = matches!(event.kind, EventKind::AuthFailure | EventKind::AuthInvalidUser);
        if is_failure && !SERVICES.contains(&event.text("service")) {
            return;
        }
        let Some(time) = event.time else { return };
        let url = event.text("url");
        let seen = Request {
            event,
            time: time.div_euclid(1_000_000),
            source: &event.source_ip,
            url,
            path: url.split('?').next().unwrap_or_default(),
            status: event.number("status").unwrap_or(0),
            bytes: event.number("bytes"),
            attack: Attack::from_name(event.text("attack")),
            is_failure,
        };
        if !seen.source.is_empty() {
            self.clients.event(&seen);
        }
        if seen.status != 0 {
            self.paths.event(&seen);
            self.attacks.event(&seen);
        }
    }

    fn end(self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let attacks = self.attacks.rows(&self.paths);
        vec![
            (crate::tables::web_attacks::SPEC.name, attacks),
            (crate::tables::web_clients::SPEC.name, self.clients.rows()),
            (crate::tables::web_paths::SPEC.name, self.paths.rows()),
        ]
    }
}

fn is_web_account(event: &Event<'_>) -> bool {
    let by_cron = matches!(&*event.program, "CRON" | "cron" | "crond" | "anacron")
        || event.text("parent_command").contains("cron");
    let named = ACCOUNTS.contains(&&*event.user) || ACCOUNTS.contains(&&*event.target);
    let numbered = event.user.is_empty() && event.uid.is_some_and(|uid| NUMBERS.contains(&uid));
    !by_cron && (named || numbered)
}

/// Returns at most `most` bytes of a text, to keep.
fn kept(text: &str, most: usize) -> String {
    crate::logs::cut::clip(text, most).to_owned()
}

/// Returns a number that stands for a text in small sets; two texts that share it count as one.
fn mark(text: &str) -> u32 {
    // FNV-1a.
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A set of marks that stops growing.
#[derive(Clone, Debug, Default)]
struct Marks(Vec<u32>);

impl Marks {
    fn add(&mut self, text: &str, most: usize) {
        if self.0.len() < most {
            let mark = mark(text);
            if !self.0.contains(&mark) {
                self.0.push(mark);
            }
        }
    }

    fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

/// Of how many paths or addresses lines are kept.
const TOLD: usize = 2_000;

/// Lines that findings can rest on, of the first paths or addresses that ask for them.
#[derive(Debug, Default)]
struct Telling(usize);

impl Telling {
    fn keep(&mut self, lines: &mut Lines, event: &Event<'_>) {
        if lines.kept().is_empty() {
            if self.0 >= TOLD {
                return;
            }
            self.0 += 1;
        }
        lines.take(event, || event.place.file.into());
    }
}

/// Says how much a table left out.
fn lost(table: &'static str, what: &str, count: u64, seen: &mut Seen) {
    if count > 0 {
        let detail = format!("{count} requests of further {what} were left out: too many");
        seen.gap(Gap::new(table, GapKind::Truncated, detail));
    }
}

#[cfg(test)]
mod tests;
