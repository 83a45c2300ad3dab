//! A sign: a page whose query runs over tables, and the findings it makes.

use stanch_words::{Both, Evidence, Finding, Level, Subject, Value, text};

use crate::query::Checked;
use crate::{Page, Query, QueryError};

/// The longest value that is put into a sentence; hostile values can be a megabyte.
const LONGEST: usize = 160;

/// The longest log line that is shown as evidence, and how many of them.
const LONGEST_LINE: usize = 400;
const MOST_LINES: usize = 20;

/// A line of a log, as tables over the history give it in their column `lines`.
#[derive(serde::Deserialize)]
struct LogLine {
    source: String,
    line: Option<u64>,
    offset: Option<u64>,
    excerpt: String,
}

/// A page ready to judge.
#[derive(Clone, Debug)]
pub struct Sign {
    /// The page.
    pub page: Page,
}

/// One row that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    columns: Vec<String>,
    row: Vec<Value>,
}

impl Match {
    fn get(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.row.get(at).filter(|value| !value.is_null())
    }

    fn text(&self, column: Option<&String>) -> Option<String> {
        let value = self.get(column?)?.to_string();
        (!value.is_empty()).then_some(value)
    }

    /// Returns when it happened last, in seconds since 1970 UTC, if the query says so in
    /// `last_time` or `first_time`. What is a state and no deed has no such time.
    pub fn time(&self) -> Option<i64> {
        let time = |column: &str| self.get(column).and_then(Value::as_integer);
        time("last_time").or_else(|| time("first_time"))
    }

    /// Returns the exact lines that the query gives in `lines`, as a JSON array.
    fn lines(&self) -> Vec<Evidence> {
        let text = self.get("lines").and_then(Value::as_text).unwrap_or_default();
        let lines: Vec<LogLine> = serde_json::from_str(text).unwrap_or_default();
        let evidence = lines.into_iter().take(MOST_LINES).map(|line| Evidence {
            source: text::escaped(&line.source),
            excerpt: text::shortened(&text::escaped(&line.excerpt), LONGEST_LINE),
            offset: line.offset,
            line: line.line,
            ..Evidence::default()
        });
        evidence.collect()
    }

    fn integer(&self, column: Option<&String>) -> Option<i64> {
        self.get(column?)?.as_integer()
    }

    /// Fills `{column}` and `{column:failure|failures}` places: the latter with the number and the
    /// word for it. Values are escaped and shortened, so that nothing found on the
    /// machine can drive a terminal or forge a line.
    fn fill(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((head, tail)) = rest.split_once('{') {
            out.push_str(head);
            let Some((place, after)) = tail.split_once('}') else {
                rest = tail;
                break;
            };
            let value = self.get(column_of(place)).map(Value::to_string).unwrap_or_default();
            out.push_str(&text::shortened(&text::escaped(&value), LONGEST));
            if let Some((_, words)) = place.split_once(':') {
                let (one, many) = words.split_once('|').unwrap_or((words, words));
                out.push(' ');
                out.push_str(if value == "1" { one } else { many });
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// Fills a command that a person may copy into a root shell. A value that a shell could take
    /// for more than a plain word (`$(…)`, quotes, blanks, a leading dash) is never put into one:
    /// then there is no such command.
    fn command(&self, template: &str) -> Option<String> {
        let places = template.split('{').skip(1).filter_map(|part| part.split_once('}'));
        let plain =
            |name: &str| is_plain(&self.get(name).map(Value::to_string).unwrap_or_default());
        places.into_iter().all(|(name, _)| plain(name)).then(|| self.fill(template))
    }
}

/// Returns the column of a place in a template.
fn column_of(place: &str) -> &str {
    place.split_once(':').map_or(place, |(column, _)| column)
}

/// Returns whether a text means only itself to a shell, to SQL in quotes, and to a program's
/// reading of its options.
fn is_plain(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._:@%+=,-".contains(c);
    text.chars().all(harmless) && !text.starts_with('-') && text.len() <= LONGEST
}

impl Sign {
    /// Returns the sign of a page.
    pub fn new(page: Page) -> Self {
        Self { page }
    }

    /// Checks the query and every column that the page names against the tables.
    ///
    /// # Errors
    /// All complaints, in words.
    pub fn check(&self, query: &Query) -> Result<Checked, Vec<String>> {
        let front = &self.page.front;
        let checked = query.check(&front.sql).map_err(|error| vec![format!("sql: {error}")])?;
        let subject = &front.subject;
        let named = [
            &subject.pid,
            &subject.start,
            &subject.path,
            &subject.name,
            &subject.address,
            &subject.port,
            &front.evidence.line,
        ];
        let mut wanted: Vec<&str> = named.into_iter().flatten().map(String::as_str).collect();
        let templates =
            [&front.seen.en, &front.seen.zh, &front.evidence.source, &front.evidence.excerpt];
        for template in templates.into_iter().chain(&front.next) {
            let places = template.split('{').skip(1).filter_map(|part| part.split_once('}'));
            wanted.extend(places.map(|(place, _)| column_of(place)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let gives = |name: &str| checked.columns.iter().any(|column| column == name);
        let missing = wanted.into_iter().filter(|name| !gives(name));
        let mut missing: Vec<String> =
            missing.map(|name| format!("the query gives no column `{name}`")).collect();
        if gives("first_seen") && !gives("first_time") && !gives("last_time") {
            let why = "the query gives `first_seen`, but no `first_time` or `last_time`: \
                       `--since` cannot leave out what is older";
            missing.push(why.to_owned());
        }
        if missing.is_empty() { Ok(checked) } else { Err(missing) }
    }

    /// Runs the query and returns what matched.
    ///
    /// # Errors
    /// [`QueryError`] if the query does not run.
    pub fn judge(&self, query: &Query) -> Result<Vec<Match>, QueryError> {
        let mut rows = Vec::new();
        let columns = query.each(&self.page.front.sql, |row| rows.push(row))?;
        Ok(rows.into_iter().map(|row| Match { columns: columns.clone(), row }).collect())
    }

    /// Makes the finding of a match; its id is given later, in the order of the page.
    pub fn finding(&self, found: &Match) -> Finding {
        let front = &self.page.front;
        let template = &front.subject;
        let subject = Subject {
            pid: found.integer(template.pid.as_ref()),
            start: found.integer(template.start.as_ref()),
            path: found.text(template.path.as_ref()),
            name: found.text(template.name.as_ref()),
            address: found.text(template.address.as_ref()),
            port: found.integer(template.port.as_ref()),
            ..Subject::new(front.subject_kind())
        };
        let level = found.get("level").and_then(Value::as_text).and_then(Level::from_name);
        let confidence = match found.get("confidence") {
            Some(Value::Real(given)) => given.clamp(0.0, 1.0),
            _ => front.confidence,
        };
        let line = found.integer(front.evidence.line.as_ref());
        let first = Evidence {
            source: found.fill(&front.evidence.source),
            excerpt: found.fill(&front.evidence.excerpt),
            line: line.and_then(|n| u64::try_from(n).ok()),
            ..Evidence::default()
        };
        let mut evidence = found.lines();
        evidence.retain(|other| other.source != first.source || other.line != first.line);
        evidence.insert(0, first);
        Finding {
            id: String::new(),
            sign: front.id.clone(),
            category: front.category().to_owned(),
            level: level.unwrap_or_else(|| front.level()),
            confidence,
            class: front.class(),
            title: front.title.clone().into(),
            seen: Both::new(found.fill(&front.seen.en), found.fill(&front.seen.zh)),
            why: self.page.why.clone(),
            innocent_when: self.page.innocent_when.clone(),
            todo: self.page.todo.clone(),
            next: front.next.iter().filter_map(|command| found.command(command)).collect(),
            subject,
            attack: front.attack.clone(),
            first_seen: found.text(Some(&"first_seen".to_owned())),
            evidence,
        }
    }
}

/// Returns a short word for a subject: `process 4242`, `file /etc/x`, `account eve`. Cases and
/// stories name subjects this way.
pub fn label(subject: &Subject) -> String {
    let name = match (&subject.path, &subject.name, &subject.address) {
        _ if subject.pid.is_some() => subject.pid.unwrap_or(0).to_string(),
        (_, Some(name), _) => name.clone(),
        (Some(path), _, _) => path.clone(),
        (_, _, Some(address)) => match subject.port {
            Some(port) => format!("{address}:{port}"),
            None => address.clone(),
        },
        _ => subject.port.map(|port| port.to_string()).unwrap_or_default(),
    };
    format!("{} {name}", subject.kind.name()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_lines_are_evidence_and_cannot_drive_a_terminal() {
        let json =
            r#"[{"source":"/var/log/auth.log","line":3,"offset":90,"excerpt":"a\u001b[2Jb"}]"#;
        let columns = vec!["lines".to_owned(), "last_time".to_owned()];
        let found = Match { columns: columns.clone(), row: vec![json.into(), 42.into()] };
        let [line] = &found.lines()[..] else { panic!("one line") };
        assert_eq!(
            (line.line, line.offset, line.excerpt.as_str()),
            (Some(3), Some(90), "a\\u{1b}[2Jb")
        );
        assert_eq!(found.time(), Some(42));
        let broken = Match { columns, row: vec!["[{".into(), Value::Null] };
        assert_eq!((broken.lines(), broken.time()), (Vec::new(), None));
    }

    #[test]
    fn a_number_stands_with_its_word() {
        let found =
            |count: i64| Match { columns: vec!["count".to_owned()], row: vec![count.into()] };
        let template = "{count:line|lines} in {count}";
        assert_eq!(found(1).fill(template), "1 line in 1");
        assert_eq!(found(2).fill(template), "2 lines in 2");
        assert_eq!(found(0).fill(template), "0 lines in 0");
    }

    #[test]
    fn a_hostile_name_never_stands_in_a_command() {
        let found = |path: &str| Match {
            columns: vec!["path".to_owned(), "pid".to_owned()],
            row: vec![path.into(), 42.into()],
        };
        let template = "stanch query \"SELECT * FROM file WHERE path = '{path}'\"";
        let plain = found("/usr/lib/x86_64-linux-gnu/libc.so.6");
        assert_eq!(
            plain.command(template).as_deref(),
            Some(
                "stanch query \"SELECT * FROM file WHERE path = \
                 '/usr/lib/x86_64-linux-gnu/libc.so.6'\""
            )
        );
        let long = format!("/{}", "a".repeat(LONGEST));
        for hostile in
            ["/tmp/$(reboot)", "/tmp/`id`", "/a;b", "/a b", "/a'b", "/a\\x", "-rf", "/a\nb", &long]
        {
            assert_eq!(found(hostile).command(template), None, "{hostile}");
            assert_eq!(
                found(hostile).command("kill -STOP {pid}").as_deref(),
                Some("kill -STOP 42")
            );
        }
    }
}
