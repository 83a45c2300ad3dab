//! Scheduled jobs of cron and anacron.
//!
//! Source: crontab(5) of cronie and of Debian's cron, anacrontab(5), run-parts(8).

use std::path::Path;
use std::sync::Arc;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, GapKind, Row, Seen, Value, table_spec};

use crate::Host;
use crate::config_lines::{first_word, is_hidden, numbered, skip_blanks, split_once};
use crate::reach::Reach;

table_spec! {
    /// Scheduled jobs.
    pub static SPEC, col = "crontab": Files, "Jobs of cron and anacron, from all crontabs and the periodic directories.";
    event Text Plain "The @event, such as @reboot; @hourly and so on for the periodic directories, `@every N days` for anacron.";
    minute Text Plain "Minute.";
    hour Text Plain "Hour.";
    day_of_month Text Plain "Day of the month.";
    month Text Plain "Month.";
    day_of_week Text Plain "Day of the week.";
    command Text Plain "The command as written; the script's path for the periodic directories.";
    path Text Plain "File.";
    user Text Plain "Whose rights it runs with.";
    environment Text Plain "Assignments in force for the job (SHELL, PATH, MAILTO, …), one a line.";
    line Integer Plain "Line in the file, from 1; null for the periodic directories.";
    hidden Integer Plain "1 if a terminal would not show the whole line: control characters, a carriage return, invisible characters, or more than 80 blanks before more text.";
}

/// How the lines of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Five times, a user, a command.
    System,
    /// Five times, a command.
    User,
    /// Days, a delay, a name, a command.
    Anacron,
}

const SPOOLS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron"];
const PERIODS: [&str; 5] = ["hourly", "daily", "weekly", "monthly", "yearly"];

/// Reads every place that cron reads.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    file(&mut reach, Path::new("/etc/crontab"), Form::System, "root", seen);
    file(&mut reach, Path::new("/etc/anacrontab"), Form::Anacron, "root", seen);
    let folder = Path::new("/etc/cron.d");
    for entry in reach.list(folder, seen) {
        if entry.kind != FileKind::Directory {
            file(&mut reach, &folder.join(&entry.name), Form::System, "root", seen);
        }
    }
    for spool in SPOOLS.map(Path::new) {
        for entry in reach.list(spool, seen) {
            // Directories: `crontabs` itself, at's spool beside it.
            if entry.kind == FileKind::Directory {
                continue;
            }
            let user = Value::from(Path::new(&entry.name)).to_string();
            file(&mut reach, &spool.join(&entry.name), Form::User, &user, seen);
        }
    }
    for period in PERIODS {
        periodic(&mut reach, period, seen);
    }
    reach.finish(seen);
}

fn file(reach: &mut Reach<'_>, path: &Path, form: Form, user: &str, seen: &mut Seen) {
    if let Some(bytes) = reach.read(path, limits::CONFIG_FILE, seen) {
        parse(&bytes, path, form, user, seen);
    }
}

/// Adds the scripts that run-parts would run. It passes over what is not executable.
fn periodic(reach: &mut Reach<'_>, period: &str, seen: &mut Seen) {
    let folder = format!("/etc/cron.{period}");
    for entry in reach.list(Path::new(&folder), seen) {
        let path = Path::new(&folder).join(&entry.name);
        let stat = match reach.host.machine().stat(&path) {
            Ok(stat) => stat,
            Err(miss) => {
                reach.note(&miss, seen);
                continue;
            }
        };
        if stat.kind() != FileKind::Regular || stat.mode & 0o111 == 0 {
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::event, format!("@{period}"))
            .put(col::command, &*path)
            .put(col::path, &*path)
            .put(col::user, "root")
            .put(col::hidden, 0);
        seen.push(row);
    }
}

/// Parses a crontab. A line that is neither a job, an assignment nor a comment becomes a gap.
pub fn parse(bytes: &[u8], path: &Path, form: Form, user: &str, seen: &mut Seen) {
    let path = Value::from(path);
    let user = Value::from(user);
    let mut environment = Environment::default();
    for (number, line) in numbered(bytes) {
        let text = skip_blanks(line);
        // A comment that overwrites itself on a terminal still runs nothing.
        if text.is_empty() || text == b"\r" || text.starts_with(b"#") {
            continue;
        }
        if let Some((name, _)) = assignment(text) {
            environment.add(name, text);
            continue;
        }
        let Some(mut row) = job(text, form) else {
            let detail = format!("line {number}: not a job");
            let gap = stanch_words::Gap::new(SPEC.name, GapKind::Damaged, detail);
            seen.gap(gap.at(path.to_string()));
            continue;
        };
        if form != Form::System {
            row.put(col::user, user.clone());
        }
        row.put(col::path, path.clone())
            .put(col::environment, environment.text())
            .put(col::line, number)
            .put(col::hidden, is_hidden(line));
        seen.push(row);
    }
}

/// The assignments in force. The text is made once and shared until one is added.
#[derive(Default)]
struct Environment {
    lines: Vec<(Vec<u8>, Vec<u8>)>,
    made: Option<Arc<str>>,
}

/// How many assignments are kept: each job carries them.
const ASSIGNMENTS: usize = 64;

impl Environment {
    fn add(&mut self, name: &[u8], line: &[u8]) {
        self.lines.retain(|(other, _)| other != name);
        if self.lines.len() < ASSIGNMENTS {
            let line = line.get(..line.len().min(4096)).unwrap_or_default();
            self.lines.push((name.to_vec(), line.trim_ascii_end().to_vec()));
            self.made = None;
        }
    }

    fn text(&mut self) -> Value {
        let lines = &self.lines;
        let made = self.made.get_or_insert_with(|| {
            let lines: Vec<&[u8]> = lines.iter().map(|(_, line)| &line[..]).collect();
            stanch_words::text::from_bytes(&lines.join(&b'\n')).into()
        });
        Value::Text(Arc::clone(made))
    }
}

/// Returns name and value of `NAME = value`. The name has no blanks and no schedule's signs.
fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_once(line, b'=')?;
    let name = name.trim_ascii_end();
    let name = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(name);
    let plain = !name.is_empty()
        && !name.first().is_some_and(u8::is_ascii_digit)
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    plain.then_some((name, value))
}

fn job(line: &[u8], form: Form) -> Option<Row> {
    let mut row = SPEC.row();
    let mut rest = line;
    let mut word = || {
        let (word, after) = first_word(rest);
        rest = after;
        word
    };
    match form {
        Form::Anacron => {
            let (period, _delay, _name) = (word(), word(), word());
            let event = match period {
                [b'@', ..] => stanch_words::text::from_bytes(period),
                _ => format!("@every {} days", crate::lines::number::<u64>(period)?),
            };
            row.put(col::event, event);
        }
        Form::System | Form::User if line.starts_with(b"@") => {
            row.put(col::event, word());
        }
        Form::System | Form::User => {
            // SUSE's and cronie's leading `-` means "do not log".
            let minute = word();
            let times =
                [minute.strip_prefix(b"-").unwrap_or(minute), word(), word(), word(), word()];
            if !times.iter().all(|time| is_time(time)) {
                return None;
            }
            let columns = [col::minute, col::hour, col::day_of_month, col::month, col::day_of_week];
            for (column, time) in columns.into_iter().zip(times) {
                row.put(column, time);
            }
        }
    }
    if form == Form::System {
        row.put(col::user, word());
    }
    let command = rest.strip_suffix(b"\r").unwrap_or(rest).trim_ascii_end();
    row.put(col::command, command);
    (!command.is_empty()).then_some(row)
}

fn is_time(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric() || b"*/,-~?#".contains(b))
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn jobs(bytes: &[u8], form: Form) -> (Vec<String>, Seen) {
        let mut seen = Seen::default();
        parse(bytes, Path::new("/etc/crontab"), form, "ann", &mut seen);
        let cells =
            [col::event, col::minute, col::day_of_week, col::user, col::command, col::hidden];
        let line = |row: &Row| cells.map(|c| row.get(c).to_string()).join("|");
        (seen.rows.iter().map(line).collect(), seen)
    }

    #[test]
    fn system_and_user_crontabs() {
        let (found, seen) = jobs(
            b"SHELL=/bin/sh\n# m h\n17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly\n\
              @reboot root /usr/bin/x a=b\n-*/5 0-3 1,2 jan mon-fri  www-data curl http://x | sh\n",
            Form::System,
        );
        assert_eq!(
            found,
            [
                "|17|*|root|cd / && run-parts /etc/cron.hourly|0",
                "@reboot|||root|/usr/bin/x a=b|0",
                "|*/5|mon-fri|www-data|curl http://x | sh|0",
            ]
        );
        assert_eq!(seen.rows[0].get(col::environment).as_text(), Some("SHELL=/bin/sh"));
        assert_eq!(seen.rows[0].get(col::line).as_integer(), Some(3));
        assert_eq!(seen.gaps, []);
        let (found, seen) = jobs(b"* * * * * /bin/true\n", Form::User);
        assert_eq!((found, seen.gaps.len()), (vec!["|*|*|ann|/bin/true|0".to_owned()], 0));
    }

    #[test]
    fn a_job_hidden_behind_a_carriage_return_or_blanks_is_seen_and_marked() {
        let blanks = " ".repeat(200);
        let tab = format!("* * * * * /tmp/.x\rno crontab for ann\n0 0 * * * true;{blanks}/tmp/y\n");
        let (found, seen) = jobs(tab.as_bytes(), Form::User);
        assert_eq!(found[0], "|*|*|ann|/tmp/.x\rno crontab for ann|1");
        assert!(found[1].ends_with("/tmp/y|1"), "{}", found[1]);
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn anacron_and_lines_that_are_no_jobs() {
        let (found, seen) = jobs(
            b"RANDOM_DELAY=45\n1 5 cron.daily nice run-parts /etc/cron.daily\n@monthly 45 m /bin/m\n",
            Form::Anacron,
        );
        assert_eq!(
            found,
            ["@every 1 days|||ann|nice run-parts /etc/cron.daily|0", "@monthly|||ann|/bin/m|0"]
        );
        assert_eq!(seen.gaps, []);
        let (found, seen) = jobs(b"hello there\n* * * *\n\xff\xfe\n* * * * * root\n", Form::System);
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(seen.gaps.len(), 4);
        assert_eq!(seen.gaps[0].detail, "line 1: not a job");
    }

    #[test]
    fn every_place_is_read_and_a_denied_one_is_a_gap() {
        let machine = Pretend::new()
            .file("/etc/crontab", "1 * * * * root a\n")
            .file("/etc/cron.d/x", "2 * * * * root b\n")
            .file("/etc/cron.d/.placeholder", "# none\n")
            .file("/var/spool/cron/crontabs/ann", "3 * * * * c\n")
            .file("/var/spool/cron/crontabs/ben", "4 * * * * d\n")
            .denied("/var/spool/cron/crontabs/ben")
            .file("/var/spool/cron/root", "5 * * * * e\n")
            .file("/etc/cron.daily/run", "#!/bin/sh\n")
            .with("/etc/cron.daily/run", |stat| stat.mode |= 0o111)
            .file("/etc/cron.daily/not", "");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &Row| [col::user, col::command].map(|c| row.get(c).to_string()).join(" ");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(found, ["root a", "root b", "ann c", "root e", "root /etc/cron.daily/run"]);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].path.as_deref(), Some("/var/spool/cron/crontabs/ben"));
    }
}
