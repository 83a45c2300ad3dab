//! Histories of database clients and interpreters: mysql, psql, sqlite, redis-cli, python.
//!
//! Source: GNU readline (`write_history`: lines), editline (`_HiStOrY_V2_`, blanks as `\040`),
//! psql(1) `HISTFILE`, mysql(1) `.mysql_history`, redis-cli `linenoise`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind, Trust};

use super::shell_history::BY_NAME;
use super::{Each, Form, Format, Line, Reader, Sample, Understood, cut, statement};

pub(super) static FORMAT: Format = Format {
    name: "client-history",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        Box::new(History {
            program: program(context.file_name()).unwrap_or("sql"),
            owner: cut::home_owner(&context.file).to_owned(),
        })
    }),
    stands_alone: false,
};

/// Histories by name, with the client that wrote them.
const NAMES: &[(&str, &str)] = &[
    (".mysql_history", "mysql"),
    (".mariadb_history", "mysql"),
    (".psql_history", "psql"),
    (".sqlite_history", "sqlite3"),
    (".rediscli_history", "redis-cli"),
    (".python_history", "python"),
    (".dbshell", "mongo"),
    ("mongosh_repl_history", "mongosh"),
    (".node_repl_history", "node"),
    (".irb_history", "irb"),
    (".php_history", "php"),
];

fn program(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(other, _)| *other == name).map(|(_, program)| *program)
}

fn recognise(sample: &Sample<'_>) -> u32 {
    match program(sample.name) {
        Some(_) => BY_NAME,
        None => u32::from(sample.bytes.starts_with(b"_HiStOrY_V2_\n")) * BY_NAME,
    }
}

struct History {
    program: &'static str,
    owner: String,
}

impl Reader for History {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if line.text == "_HiStOrY_V2_" {
            return Understood::Silent;
        }
        let said = unescaped(line.text);
        let kind = match self.program {
            "python" | "node" | "irb" | "php" => EventKind::LogMessage,
            _ => EventKind::DataQuery,
        };
        let mut event = Event::new(kind);
        event.trust = Trust::User;
        event.place = line.place;
        event.program = Cow::Borrowed(self.program);
        event.user = Cow::Borrowed(&self.owner);
        event.message = Cow::Borrowed(&said);
        event.command = Cow::Borrowed(&said);
        // A shell out of the client: `\! id`, `system id`, `.shell id`.
        let shell = ["\\! ", "system ", "\\system ", ".shell ", ".system "];
        if let Some(command) = shell.iter().find_map(|start| said.strip_prefix(start))
            && kind == EventKind::DataQuery
        {
            event.kind = EventKind::ProcessStart;
            event.command = Cow::Borrowed(command.trim_end_matches(';'));
            event.with("parent_command", self.program);
        } else if kind == EventKind::DataQuery {
            statement::judge(&mut event, &said);
        }
        each(&event);
        Understood::Yes
    }
}

/// Undoes editline's `\040`.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..] = rest {
            plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = behind;
        } else {
            plain.push(first);
            rest = after;
        }
    }
    Cow::Owned(stanch_words::text::from_bytes(&plain))
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    fn read(file: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let (kind, danger) = (event.kind.name(), event.text("danger"));
            found.push(format!(
                "{kind} {} {} {danger} {}",
                event.program, event.user, event.command
            ));
        };
        let mut stream = Stream::new(Context::new(file, 0), None);
        stream.feed(text.as_bytes(), &mut each);
        stream.end(&mut each);
        found
    }

    #[test]
    fn statements_shells_and_escaped_blanks() {
        assert_eq!(
            read(
                "/root/.mysql_history",
                "_HiStOrY_V2_\nselect\\0401\\040into\\040outfile\\040'/x';\nsystem id;\n"
            ),
            [
                "data.query mysql root file-write select 1 into outfile '/x';",
                "process.start mysql root  id",
            ]
        );
        assert_eq!(
            read("/home/ann/.rediscli_history", "config set dir /root/.ssh\n"),
            ["data.query redis-cli ann file-write config set dir /root/.ssh"]
        );
        assert_eq!(
            read("/home/ann/.python_history", "system = 1\n"),
            ["log.message python ann  system = 1"]
        );
    }

    #[test]
    fn escapes_cut_short_are_left_as_they_are() {
        for text in ["\\", "\\0", "\\04", "\\777", "\\377"] {
            assert!(!unescaped(text).is_empty());
        }
    }
}
