//! What was served.

use std::collections::BTreeMap;

use stanch_words::Seen;

use super::{Marks, Request, Telling, kept, lost};
use crate::history::kept::{Lines, as_json};
use crate::tables::web_paths::{SPEC, col};

/// How many paths are kept: first any, then only those of scripts, so that a flood of others
/// hides none.
const ANY: usize = 30_000;
const SCRIPTS: usize = 60_000;
/// How many addresses of one path are told apart.
const SOURCES: usize = 16;
/// How many sizes of answers are watched for pages that many paths share.
const SIZES: usize = 5_000;
/// From how many paths on an answer's size is the site's page for anything.
const ALIKE: usize = 3;

#[derive(Default)]
pub(super) struct Paths {
    all: BTreeMap<String, Path>,
    sizes: BTreeMap<i64, Marks>,
    telling: Telling,
    lost: u64,
    first: Option<i64>,
    last: i64,
}

#[derive(Debug, Default)]
struct Path {
    requests: i64,
    posts: i64,
    referred: i64,
    exploits: i64,
    sources: Marks,
    queries: Marks,
    first: i64,
    last: i64,
    sample_source: String,
    virtual_host: String,
    /// Of requests to a script with POST or with a command.
    lines: Lines,
    /// Of answers with 200 to requests that are no attacks.
    sizes: Sizes,
}

/// Mean and spread of sizes, in one pass (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Sizes {
    fn add(&mut self, size: i64) {
        let size = size as f64;
        self.count += 1.0;
        let off = size - self.mean;
        self.mean += off / self.count;
        self.squares += off * (size - self.mean);
    }

    fn spread(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { (self.squares / (self.count - 1.0)).sqrt() }
    }
}

/// How an answer compares with what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As large as the path's answers always are.
    Usual,
    /// As large as what many other paths give.
    Generic,
    /// Unlike anything this site gives.
    Unusual,
    /// There is nothing to compare with.
    Unknown,
}

impl Answer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Generic => "generic",
            Self::Unusual => "unusual",
            Self::Unknown => "unknown",
        }
    }
}

impl Paths {
    pub(super) fn event(&mut self, request: &Request<'_>) {
        self.first = Some(self.first.map_or(request.time, |first| first.min(request.time)));
        self.last = self.last.max(request.time);
        if !(200..400).contains(&request.status) || request.path.is_empty() {
            return;
        }
        if let (200, Some(size)) = (request.status, request.bytes) {
            let full = self.sizes.len() >= SIZES;
            match self.sizes.get_mut(&size) {
                Some(marks) => marks.add(request.path, ALIKE + 1),
                None if full => {}
                None => self.sizes.entry(size).or_default().add(request.path, ALIKE + 1),
            }
        }
        let path = match self.all.get_mut(request.path) {
            Some(path) => path,
            None => {
                let most = if is_script(request.path) { SCRIPTS } else { ANY };
                if self.all.len() >= most || request.path.len() > 400 {
                    self.lost = self.lost.saturating_add(1);
                    return;
                }
                let path = Path {
                    first: request.time,
                    sample_source: kept(request.source, 64),
                    virtual_host: kept(request.event.text("virtual_host"), 160),
                    ..Path::default()
                };
                self.all.entry(request.path.to_owned()).or_insert(path)
            }
        };
        let is_post = request.event.method == "POST";
        let runs_code = request.attack.is_some_and(|attack| attack.runs_code());
        path.requests += 1;
        path.posts += i64::from(is_post);
        path.referred += i64::from(!request.event.text("referrer").is_empty());
        path.exploits += i64::from(runs_code);
        if (is_post || runs_code) && is_script(request.path) {
            self.telling.keep(&mut path.lines, request.event);
        }
        path.sources.add(request.source, SOURCES);
        if request.url.len() > request.path.len() {
            path.queries.add(request.url, SOURCES);
        }
        path.first = path.first.min(request.time);
        path.last = path.last.max(request.time);
        if let (200, Some(size), None) = (request.status, request.bytes, request.attack) {
            path.sizes.add(size);
        }
    }

    /// Compares an answer with what is usual.
    pub(super) fn compare(&self, path: &str, bytes: Option<i64>) -> Answer {
        let Some(bytes) = bytes else { return Answer::Unknown };
        let size = bytes as f64;
        let near = |sizes: &Sizes, share: f64| {
            let room = (3.0 * sizes.spread()).max(share * sizes.mean).max(64.0);
            (size - sizes.mean).abs() <= room
        };
        if let Some(known) = self.all.get(path).filter(|known| known.sizes.count >= 5.0) {
            return if near(&known.sizes, 0.2) { Answer::Usual } else { Answer::Unusual };
        }
        if self.sizes.get(&bytes).is_some_and(|marks| marks.0.len() >= ALIKE) {
            return Answer::Generic;
        }
        match self.all.get("/").filter(|home| home.sizes.count >= 1.0) {
            Some(home) if near(&home.sizes, 0.1) => Answer::Generic,
            Some(_) if bytes > 0 => Answer::Unusual,
            Some(_) | None => Answer::Unknown,
        }
    }

    pub(super) fn rows(self) -> Seen {
        let mut seen = Seen::default();
        lost(SPEC.name, "paths", self.lost, &mut seen);
        let first = self.first.unwrap_or(0);
        let span = self.last.saturating_sub(first);
        for (path, known) in self.all {
            let mut row = SPEC.row();
            let share = |part: i64| part.saturating_mul(100).checked_div(known.requests);
            row.put(col::is_script, is_script(&path))
                .put(col::is_data_place, is_data_place(&path))
                .put(col::path, path)
                .put(col::virtual_host, known.virtual_host)
                .put(col::requests, known.requests)
                .put(col::posts, known.posts)
                .put(col::post_percent, share(known.posts))
                .put(col::referred_percent, share(known.referred))
                .put(col::exploits, known.exploits)
                .put(col::addresses, known.sources.count())
                .put(col::queries, known.queries.count())
                .put(col::sample_address, known.sample_source)
                .put(col::first_time, known.first)
                .put(col::last_time, known.last)
                .put(col::seen_after, known.first.saturating_sub(first))
                .put(col::log_span, span)
                .put(col::lines, as_json(known.lines.kept()));
            seen.push(row);
        }
        seen
    }
}

/// Returns whether a path names a program that the server runs.
pub(super) fn is_script(path: &str) -> bool {
    const ENDS: [&str; 16] = [
        "php", "php3", "php4", "php5", "php7", "phtml", "phar", "pht", "jsp", "jspx", "asp",
        "aspx", "ashx", "cgi", "pl", "cfm",
    ];
    // `/x.php/anything` runs x.php, too.
    path.split('/').any(|part| {
        let end = part.rsplit_once('.').map(|(_, end)| end);
        end.is_some_and(|end| ENDS.iter().any(|other| other.eq_ignore_ascii_case(end)))
    })
}

/// Returns whether a path lies where sites keep what is uploaded or only delivered.
fn is_data_place(path: &str) -> bool {
    const PLACES: [&str; 13] = [
        "/uploads/",
        "/upload/",
        "/images/",
        "/img/",
        "/tmp/",
        "/temp/",
        "/avatars/",
        "/userfiles/",
        "/attachments/",
        "/css/",
        "/js/",
        "/fonts/",
        "/.well-known/",
    ];
    PLACES.iter().any(|place| path.contains(place))
}
