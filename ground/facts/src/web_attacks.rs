//! What a web request wants to do by its own text: one pure function, fast enough for every line
//! of an access log.
//!
//! Source: OWASP's lists of injections, the CVE entries named at the patterns, and what scanners
//! are seen to ask for. A request is decoded as often as servers and applications might do it
//! (percent, double percent, `%u`, overlong UTF-8, the escapes of the log itself), with a cap.
//!
//! That somebody tries is weather; that it worked is told by the answer, and judged elsewhere.

mod decode;
mod patterns;

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use patterns::{HEADERS, Pattern, TARGETS, When};

/// How many bytes of one text are looked at.
pub const LOOKED_AT: usize = 8 << 10;

/// What a request wants. The more it could do, the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attack {
    /// A lookup that makes a logging library load code (CVE-2021-44228).
    Log4Shell,
    /// A function definition in a header for a shell (CVE-2014-6271).
    Shellshock,
    /// A command of the system.
    Command,
    /// Code of the application's language.
    Code,
    /// A way out of the web root.
    Traversal,
    /// A file of the system.
    FileRead,
    /// A script fetched from elsewhere.
    RemoteInclude,
    /// SQL.
    Sql,
    /// A path known for one vulnerability.
    KnownExploit,
    /// A web shell by a well-known name.
    WebShell,
    /// A file that holds secrets: `.env`, `.git`, backups, dumps.
    Secret,
    /// Script for another visitor's browser.
    CrossSite,
    /// A program that is not here.
    Probe,
    /// Use as a relay to other hosts.
    Proxy,
    /// A tool that names itself.
    Scanner,
    /// No HTTP: binary rubbish, TLS on a plain port, other protocols.
    Malformed,
}

impl Attack {
    /// All classes.
    pub const ALL: [Self; 16] = [
        Self::Log4Shell,
        Self::Shellshock,
        Self::Command,
        Self::Code,
        Self::Traversal,
        Self::FileRead,
        Self::RemoteInclude,
        Self::Sql,
        Self::KnownExploit,
        Self::WebShell,
        Self::Secret,
        Self::CrossSite,
        Self::Probe,
        Self::Proxy,
        Self::Scanner,
        Self::Malformed,
    ];

    /// Returns the name, as in an event's field `attack`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log4Shell => "log4shell",
            Self::Shellshock => "shellshock",
            Self::Command => "command",
            Self::Code => "code",
            Self::Traversal => "traversal",
            Self::FileRead => "file-read",
            Self::RemoteInclude => "remote-include",
            Self::Sql => "sql",
            Self::KnownExploit => "known-exploit",
            Self::WebShell => "web-shell",
            Self::Secret => "secret",
            Self::CrossSite => "cross-site",
            Self::Probe => "probe",
            Self::Proxy => "proxy",
            Self::Scanner => "scanner",
            Self::Malformed => "malformed",
        }
    }

    /// Returns the class of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Returns whether it would do harm to the server if it worked, beyond being looked at.
    pub fn is_exploit(self) -> bool {
        self <= Self::WebShell
    }

    /// Returns whether it would run something of the attacker's choice.
    pub fn runs_code(self) -> bool {
        matches!(
            self,
            Self::Log4Shell
                | Self::Shellshock
                | Self::Command
                | Self::Code
                | Self::RemoteInclude
                | Self::WebShell
        )
    }
}

/// What a request says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'r> {
    /// The method; empty if the request has no shape.
    pub method: &'r str,
    /// The target as logged, with its query; of a shapeless request, all of it.
    pub target: &'r str,
    /// The referring page.
    pub referrer: &'r str,
    /// The client's name for itself.
    pub user_agent: &'r str,
    /// The status of the answer, where it is known.
    pub status: Option<u16>,
}

/// Returns what a request wants, if it is nothing good: of several things, the worst.
pub fn classify(request: &Request<'_>) -> Option<Attack> {
    let shape = shapeless(request);
    let target = target(request.target, request.status);
    let headers = header(request.user_agent).into_iter().chain(header(request.referrer)).min();
    [shape, target, headers].into_iter().flatten().min()
}

/// Returns what the path of a file that was not found tells (`/var/www/html/phpmyadmin`).
pub fn classify_missing(path: &str) -> Option<Attack> {
    target(path, None)
}

/// A request that is no HTTP, or wants another host.
fn shapeless(request: &Request<'_>) -> Option<Attack> {
    let refused = request.status.is_none_or(|status| status >= 400);
    if request.method.is_empty() {
        // Browsers open connections in advance and never use them: that gives `-` and 408.
        let silent = matches!(request.target, "" | "-");
        let bad = request.status == Some(400);
        return (bad || !silent && refused || is_binary(request.target))
            .then_some(Attack::Malformed);
    }
    if request.method == "CONNECT" {
        return (request.status != Some(200)).then_some(Attack::Proxy);
    }
    let absolute = request.target.starts_with("http://") || request.target.starts_with("https://");
    (absolute && refused).then_some(Attack::Proxy)
}

/// Returns whether text begins with bytes that no request line has.
fn is_binary(text: &str) -> bool {
    let head = text.as_bytes();
    let head = head.get(..32).unwrap_or(head);
    head.windows(2).any(|pair| pair == b"\\x")
        || head.iter().any(|&byte| byte < b' ' || byte == 0x7f)
}

struct Automaton {
    search: AhoCorasick,
    patterns: &'static [Pattern],
}

fn automaton(
    cell: &'static OnceLock<Option<Automaton>>,
    patterns: &'static [Pattern],
) -> Option<&'static Automaton> {
    let made = cell.get_or_init(|| {
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns.iter().map(|pattern| pattern.text));
        search.ok().map(|search| Automaton { search, patterns })
    });
    made.as_ref()
}

/// Returns what a request's target tells.
fn target(raw: &str, status: Option<u16>) -> Option<Attack> {
    static MADE: OnceLock<Option<Automaton>> = OnceLock::new();
    let raw = raw.as_bytes();
    let raw = raw.get(..LOOKED_AT).unwrap_or(raw);
    let text = decode::target(raw);
    let query = memchr::memchr(b'?', &text).unwrap_or(text.len());
    let mut worst = dots(raw, &text, query);
    if let Some(class) = parameters(&text, query) {
        worst = Some(worst.map_or(class, |worst| worst.min(class)));
    }
    let Some(made) = automaton(&MADE, TARGETS) else { return worst };
    for found in made.search.find_overlapping_iter(&text[..]) {
        let Some(pattern) = made.patterns.get(found.pattern().as_usize()) else { continue };
        if worst.is_some_and(|worst| worst <= pattern.class) {
            continue;
        }
        let holds = match pattern.when {
            When::Always => true,
            When::Path => found.end() <= query,
            When::Query => found.start() > query && !is_odata(&text, query),
            When::Missing => found.end() <= query && matches!(status, None | Some(400 | 404 | 410)),
            When::Gone => found.end() <= query && matches!(status, None | Some(404 | 410)),
        };
        if holds {
            worst = Some(pattern.class);
        }
    }
    worst
}

/// Returns what a header tells.
fn header(raw: &str) -> Option<Attack> {
    static MADE: OnceLock<Option<Automaton>> = OnceLock::new();
    if raw.len() < 4 {
        return None;
    }
    let raw = raw.as_bytes();
    let raw = raw.get(..LOOKED_AT).unwrap_or(raw);
    let made = automaton(&MADE, HEADERS)?;
    let found = made.search.find_overlapping_iter(raw);
    found.filter_map(|found| made.patterns.get(found.pattern().as_usize())).map(|p| p.class).min()
}

/// `..` on the way out of the web root. Browsers resolve it themselves before they ask, and never
/// encode a dot; scripts pass a `../` or two in parameters.
fn dots(raw: &[u8], text: &[u8], query: usize) -> Option<Attack> {
    let (path, parameters) = text.split_at(query.min(text.len()));
    let (path, parameters) = (steps(path), steps(parameters));
    let hidden = path + parameters > 0 && decode::hides_dots(raw);
    (hidden || path >= 2 || parameters >= 3).then_some(Attack::Traversal)
}

/// Counts `../` and its relatives.
fn steps(text: &[u8]) -> usize {
    if memchr::memmem::find(text, b"..").is_none() {
        return 0;
    }
    let is_step =
        |window: &[u8]| matches!(window, [b'.', b'.', b'/' | b'\\', ..] | [b'.', b'.', b';', b'/']);
    let last = text.ends_with(b"..") && matches!(text.iter().rev().nth(2), Some(b'/' | b'\\'));
    let padded = text.windows(4).filter(|window| is_step(window)).count();
    let tail = text.get(text.len().saturating_sub(3)..).is_some_and(is_step);
    padded + usize::from(tail) + usize::from(last)
}

/// Parameters that hand over a command (`?cmd=id`) or a script to include
/// (`?page=http://host/shell.txt?`).
fn parameters(text: &[u8], query: usize) -> Option<Attack> {
    let mut worst: Option<Attack> = None;
    let parameters = text.get(query.saturating_add(1)..)?;
    for parameter in parameters.split(|&byte| byte == b'&').take(PARAMETERS) {
        let Some(equals) = memchr::memchr(b'=', parameter) else { continue };
        let (name, value) = parameter.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let class = if patterns::takes_commands(name) && patterns::is_command(value) {
            Attack::Command
        } else if patterns::is_script_elsewhere(value) {
            Attack::RemoteInclude
        } else {
            continue;
        };
        worst = Some(worst.map_or(class, |worst| worst.min(class)));
    }
    worst
}

/// How many parameters of a query are looked at.
const PARAMETERS: usize = 200;

/// OData's queries hold functions of its own that look like SQL's.
fn is_odata(text: &[u8], query: usize) -> bool {
    let query = text.get(query..).unwrap_or_default();
    memchr::memmem::find(query, b"$filter=").is_some()
}

#[cfg(test)]
mod tests;
