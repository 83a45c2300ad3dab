//! Rules of log daemons by which messages are thrown away.
//!
//! Source: rsyslog.conf(5) (property filters, `if … then stop`, `~`, selectors), syslog-ng.conf(5)
//! (log paths without a destination), journald.conf(5).

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::config_lines::numbered;

table_spec! {
    /// Rules that throw messages away.
    pub static SPEC, col = "logging_rules": Files, "Rules of rsyslog, syslog-ng and journald by which messages are thrown away instead of written.";
    daemon Text Plain "rsyslog, syslog-ng or journald.";
    what Text Plain "discard (a rule that stops messages), nowhere (written to /dev/null), storage (Storage=none or volatile) or level (only the gravest are stored).";
    rule Text Plain "The rule, on one line, at most 500 characters.";
    filter Text Plain "What it is about, as written: the filter, the selector, or the setting's value.";
    file Text Plain "File.";
    line BigInt Plain "Line on which the rule begins, from 1.";
}

/// How much of a rule is shown.
const LONGEST: usize = 500;

/// Reads the configurations of all three.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let plain = |path: &str| vec![PathBuf::from(path)];
    for path in [plain("/etc/rsyslog.conf"), folder(host, "/etc/rsyslog.d", seen)].concat() {
        each(host, &path, seen, rsyslog);
    }
    let own = plain("/etc/syslog-ng/syslog-ng.conf");
    for path in [own, folder(host, "/etc/syslog-ng/conf.d", seen)].concat() {
        each(host, &path, seen, syslog_ng);
    }
    let mut journal = Vec::new();
    for root in ["/usr/lib/systemd", "/etc/systemd", "/run/systemd"] {
        journal.push(Path::new(root).join("journald.conf"));
        journal.extend(folder(host, &format!("{root}/journald.conf.d"), seen));
    }
    for path in journal {
        each(host, &path, seen, journald);
    }
}

fn each(host: &Host, path: &Path, seen: &mut Seen, parse: fn(&[u8], &str, &mut Seen)) {
    if let Some(bytes) = host.read(SPEC.name, path, limits::CONFIG_FILE, seen) {
        parse(&bytes, &Value::from(path).to_string(), seen);
    }
}

/// Returns the configuration files of a folder, in order.
fn folder(host: &Host, path: &str, seen: &mut Seen) -> Vec<PathBuf> {
    let entries = host.list(SPEC.name, Path::new(path), seen);
    let is_config = |name: &[u8]| name.ends_with(b".conf");
    let files = entries.iter().filter(|entry| entry.kind != FileKind::Directory);
    let named = files.filter(|entry| is_config(entry.name.as_bytes()));
    named.map(|entry| Path::new(path).join(&entry.name)).collect()
}

fn push(
    seen: &mut Seen,
    daemon: &str,
    what: &str,
    rule: &str,
    filter: &str,
    file: &str,
    line: u64,
) {
    let one_line = rule.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let mut row = SPEC.row();
    row.put(col::daemon, daemon)
        .put(col::what, what)
        .put(col::rule, stanch_words::text::shortened(&one_line, LONGEST))
        .put(col::filter, stanch_words::text::shortened(filter.trim(), LONGEST))
        .put(col::file, file)
        .put(col::line, line);
    seen.push(row);
}

/// Parses rsyslog's rules: lines of selectors and property filters, and blocks of `if … then`.
pub fn rsyslog(bytes: &[u8], file: &str, seen: &mut Seen) {
    let mut open: Option<Block> = None;
    for (line, text) in numbered(bytes) {
        let text = stanch_words::text::from_bytes(text);
        let text = uncommented(&text);
        if let Some(mut block) = open.take() {
            block.text.push(' ');
            block.text.push_str(text);
            block.end(text, file, seen, &mut open);
            continue;
        }
        if text.is_empty() {
            continue;
        }
        let property = text.starts_with(':');
        if text.starts_with("if ") || text.starts_with("if(") || (property && text.ends_with('{')) {
            let block = Block { text: text.to_owned(), line };
            block.end(text, file, seen, &mut open);
        } else if let Some((filter, what)) = simple(text) {
            push(seen, "rsyslog", what, text, filter, file, line);
        }
    }
}

/// A rule that goes on over lines.
struct Block {
    text: String,
    line: u64,
}

impl Block {
    /// Tells the rule if it is whole, else keeps it open.
    fn end(self, last: &str, file: &str, seen: &mut Seen, open: &mut Option<Self>) {
        let count = |c: char| self.text.matches(c).count();
        let whole = if self.text.contains('{') {
            count('{') <= count('}')
        } else {
            // `if … then` may stand alone on its line, its action on the next.
            !last.is_empty() && !last.ends_with("then") && self.text.contains(" then ")
                || self.text.starts_with(':')
        };
        if !whole && self.text.len() < LONGEST.saturating_mul(20) {
            *open = Some(self);
            return;
        }
        let (filter, action) = if let Some((filter, action)) = self.text.split_once(" then") {
            (filter.trim_start_matches("if").trim(), action)
        } else if let Some((filter, action)) = self.text.split_once('{') {
            (filter, action)
        } else {
            return;
        };
        let action = action.trim().trim_start_matches('{').trim_end_matches('}').trim();
        if let Some(what) = thrown_away(action) {
            push(seen, "rsyslog", what, &self.text, filter, file, self.line);
        }
    }
}

/// Returns in which way an action throws messages away, if it does nothing else with them.
fn thrown_away(action: &str) -> Option<&'static str> {
    match action {
        "stop" | "~" | "stop;" => Some("discard"),
        "/dev/null" | "-/dev/null" => Some("nowhere"),
        _ => None,
    }
}

/// `:programname, isequal, "sshd" stop`, `auth,authpriv.* ~`, `*.* /dev/null`.
fn simple(text: &str) -> Option<(&str, &'static str)> {
    // `& stop` follows a rule that has written them already.
    if text.starts_with('&') || text.starts_with('$') {
        return None;
    }
    let (filter, action) = match text.rsplit_once([' ', '\t']) {
        Some((filter, action)) => (filter.trim_end(), action),
        None => ("", text),
    };
    let known = filter.is_empty() || filter.starts_with(':') || filter.contains('.');
    thrown_away(action).filter(|_| known).map(|what| (filter, what))
}

fn uncommented(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with('#') { "" } else { text.split(" #").next().unwrap_or(text).trim() }
}

/// Parses syslog-ng's log paths: those without a destination throw away what reaches them.
pub fn syslog_ng(bytes: &[u8], file: &str, seen: &mut Seen) {
    let mut filters: Vec<(String, String)> = Vec::new();
    let (mut statement, mut first) = (String::new(), 0);
    for (line, text) in numbered(bytes) {
        let text = stanch_words::text::from_bytes(text);
        let text = uncommented(&text);
        if text.is_empty() || text.starts_with('@') {
            continue;
        }
        if statement.is_empty() {
            first = line;
        }
        statement.push_str(text);
        statement.push(' ');
        let whole = statement.matches('{').count() <= statement.matches('}').count();
        if !(whole && text.ends_with(';')) && statement.len() < LONGEST.saturating_mul(40) {
            continue;
        }
        let said = std::mem::take(&mut statement);
        if let Some(rest) = said.strip_prefix("filter ") {
            if let Some((name, body)) = rest.split_once('{') {
                let body = body.trim().trim_end_matches([';', '}', ' ']);
                filters.push((name.trim().to_owned(), body.to_owned()));
            }
        } else if said.starts_with("log ") || said.starts_with("log{") {
            path(&said, &filters, file, first, seen);
        }
    }
}

fn path(said: &str, filters: &[(String, String)], file: &str, line: u64, seen: &mut Seen) {
    let what = match () {
        () if !said.contains("destination") => "discard",
        () if said.contains("/dev/null") => "nowhere",
        () => return,
    };
    // A path that only joins others, or that ends nothing, throws nothing away.
    if !said.contains("final") || said.contains("junction") || said.contains("channel") {
        return;
    }
    let named = filters.iter().filter(|(name, _)| said.contains(&format!("filter({name})")));
    let filter: Vec<&str> = named.map(|(_, body)| body.as_str()).collect();
    push(seen, "syslog-ng", what, said, &filter.join("; "), file, line);
}

/// Parses journald's settings.
pub fn journald(bytes: &[u8], file: &str, seen: &mut Seen) {
    for (line, text) in numbered(bytes) {
        let text = stanch_words::text::from_bytes(text);
        let Some((name, value)) = text.trim().split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let what = match (name, value) {
            ("Storage", "none" | "volatile") => "storage",
            ("MaxLevelStore", "emerg" | "alert" | "crit" | "err" | "0" | "1" | "2" | "3") => {
                "level"
            }
            _ => continue,
        };
        push(seen, "journald", what, &text, value, file, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parse: fn(&[u8], &str, &mut Seen), text: &str) -> Vec<[String; 3]> {
        let mut seen = Seen::default();
        parse(text.as_bytes(), "/etc/x.conf", &mut seen);
        let columns = [col::what, col::filter, col::line];
        seen.rows.iter().map(|row| columns.map(|c| row.get(c).to_string())).collect()
    }

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn rules_that_blind_rsyslog() {
        let text = ":programname, isequal, \"sshd\" stop\n\
            auth,authpriv.*   ~\n\
            if $programname == 'sudo' then stop\n\
            if $programname == 'sshd' and $msg contains '203.0.113.9' then {\n  stop\n}\n\
            *.* /dev/null\n\
            if $msg contains \"x\" then\n  ~\n";
        assert_eq!(
            shown(rsyslog, text),
            [
                row(["discard", ":programname, isequal, \"sshd\"", "1"]),
                row(["discard", "auth,authpriv.*", "2"]),
                row(["discard", "$programname == 'sudo'", "3"]),
                row(["discard", "$programname == 'sshd' and $msg contains '203.0.113.9'", "4"]),
                row(["nowhere", "*.*", "7"]),
                row(["discard", "$msg contains \"x\"", "8"]),
            ]
        );
    }

    #[test]
    fn rules_that_write_before_they_stop_blind_nothing() {
        let text = "module(load=\"imuxsock\")\n$FileOwner root\nauth,authpriv.* /var/log/auth.log\n\
            *.*;auth,authpriv.none -/var/log/syslog\n:syslogtag, isequal, \"[CLOUDINIT]\" /var/log/cloud-init.log\n& stop\n\
            :programname, startswith, \"haproxy\" {\n  /var/log/haproxy.log\n  stop\n}\n\
            if $programname == 'x' then /var/log/x.log\n# :msg, contains, \"a\" stop\n*.emerg :omusrmsg:*\n";
        assert_eq!(shown(rsyslog, text), Vec::<[String; 3]>::new());
    }

    #[test]
    fn a_path_of_syslog_ng_that_leads_nowhere() {
        let text = "@version: 3.38\nfilter f_ssh { program(\"sshd\"); };\nfilter f_all { level(info..emerg); };\n\
            log { source(s_src); filter(f_ssh); flags(final); };\nlog { source(s_src); filter(f_all);\n destination(d_sys); };\n";
        assert_eq!(shown(syslog_ng, text), [row(["discard", "program(\"sshd\")", "4"])]);
    }

    #[test]
    fn a_journal_that_keeps_nothing() {
        let text = "[Journal]\n#Storage=none\nStorage=none\nMaxLevelStore=debug\n";
        assert_eq!(shown(journald, text), [row(["storage", "none", "3"])]);
    }

    #[test]
    fn what_never_ends_is_given_up() {
        for parse in [rsyslog, syslog_ng, journald] {
            let mut seen = Seen::default();
            parse("if { \u{fffd}\n".repeat(5_000).as_bytes(), "/x", &mut seen);
            assert_eq!(seen.gaps, []);
        }
    }
}
