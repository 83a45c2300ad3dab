//! MySQL's and MariaDB's error log and general query log.
//!
//! Source: MySQL manual "The Error Log" and "The General Query Log": `time thread [Level] [code]
//! [subsystem] text`; `time<TAB>id Command<TAB>argument`, without the time where it is the last
//! line's (until 5.6), a statement's further lines as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use stanch_words::{Event, EventKind};

use super::held::Held;
use super::messages::mysql;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "mysql",
    recognise,
    form: Form::Lines(|context| {
        Box::new(Mysql {
            stamps: Stamps::new(context),
            last: None,
            held: Held::new(context),
            clients: BTreeMap::new(),
        })
    }),
    stands_alone: false,
};

/// How many connections are remembered by their number.
const CLIENTS: usize = 4096;

const COMMANDS: &[&str] = &[
    "Connect",
    "Query",
    "Quit",
    "Init DB",
    "Prepare",
    "Execute",
    "Close stmt",
    "Reset stmt",
    "Field List",
    "Change user",
    "Statistics",
    "Ping",
    "Processlist",
    "Refresh",
    "Shutdown",
    "Binlog Dump",
    "Fetch",
    "Set option",
    "Kill",
    "Create DB",
    "Drop DB",
    "Register Slave",
    "Sleep",
    "Daemon",
    "Debug",
    "Long Data",
    "Reset Connection",
    "Delayed insert",
    "Connect Out",
    "Time",
];

fn recognise(sample: &Sample<'_>) -> u32 {
    // Continued statements may be most of a general log.
    let mut sure = false;
    let share = single::share(sample, |line, stamps| {
        let own = shape(line, stamps, None).is_some() || is_header(line);
        sure |= own;
        own
    });
    if sure { share.max(u32::from(is_mysqls(sample)) * 60) } else { 0 }
}

/// The head of a general log.
fn is_mysqls(sample: &Sample<'_>) -> bool {
    sample.lines().take(3).any(|line| std::str::from_utf8(line).is_ok_and(is_header))
}

fn is_header(line: &str) -> bool {
    line.starts_with("Tcp port: ")
        || line.starts_with("Time ") && line.contains(" Command ") && line.contains(" Argument")
        || line.contains(", Version: ") && line.ends_with("started with:")
}

struct Mysql {
    stamps: Stamps,
    last: Option<Stamp>,
    /// A statement that may go on.
    held: Held,
    /// Connections of the general log: user and address.
    clients: BTreeMap<u64, (String, String)>,
}

/// One line's parts.
enum Shape<'l> {
    /// Of the error log: the text after the level.
    Error(Stamp, &'l str),
    /// Of the general log: the connection, what it did, and with what.
    Command(Option<Stamp>, u64, &'l str, &'l str),
}

fn shape<'l>(text: &'l str, stamps: &mut Stamps, last: Option<Stamp>) -> Option<Shape<'l>> {
    if let Some(rest) = text.strip_prefix("\t\t") {
        return command(last, rest);
    }
    let first = text.as_bytes().first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let (stamp, rest) =
        stamps.iso(text).or_else(|| stamps.short_hour(text)).or_else(|| stamps.compact(text))?;
    let rest = rest.trim_start();
    if let Some(said) = error(rest) {
        return Some(Shape::Error(stamp, said));
    }
    command(Some(stamp), rest)
}

/// `4644 [Warning] [MY-010926] [Server] text`, `[Note] text`.
fn error(rest: &str) -> Option<&str> {
    let rest = match rest.as_bytes().first()? {
        b'0'..=b'9' => cut::word(rest).1,
        _ => rest,
    };
    let (level, mut said) = rest.strip_prefix('[')?.split_once(']')?;
    if !matches!(level, "Note" | "Warning" | "ERROR" | "Error" | "System" | "Entry") {
        return None;
    }
    said = said.trim_start();
    for _ in 0..2 {
        let inside = said.strip_prefix('[').and_then(|rest| rest.split_once("] "));
        if let Some((code, rest)) = inside
            && (code.starts_with("MY-") || code.bytes().all(|byte| byte.is_ascii_alphabetic()))
        {
            said = rest;
        }
    }
    Some(said)
}

/// `8 Query<TAB>SELECT 1`.
fn command(stamp: Option<Stamp>, rest: &str) -> Option<Shape<'_>> {
    let rest = rest.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = rest.split_at_checked(digits)?;
    let (name, argument) = rest.strip_prefix(' ')?.split_once('\t').unwrap_or((rest.trim(), ""));
    let name = name.trim();
    COMMANDS.contains(&name).then_some(())?;
    Some(Shape::Command(stamp, id.parse().ok()?, name, argument))
}

impl Reader for Mysql {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        match shape(line.text, &mut self.stamps, self.last) {
            Some(Shape::Error(stamp, said)) => {
                self.flush(each);
                let message = single::message(stamp, line, "mysqld", said);
                each(&message.told(mysql::parse(&message)));
                Understood::Yes
            }
            Some(Shape::Command(stamp, ..)) => {
                self.flush(each);
                self.last = stamp.or(self.last);
                self.held.begin(line);
                Understood::Yes
            }
            None if is_header(line.text) => Understood::Silent,
            None if self.held.add(line.text) => Understood::Silent,
            None => Understood::No,
        }
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.flush(each);
    }
}

impl Mysql {
    fn flush(&mut self, each: &mut Each<'_>) {
        let (stamps, clients, last) = (&mut self.stamps, &mut self.clients, self.last);
        self.held.take(|line| {
            let Some(Shape::Command(stamp, id, name, argument)) = shape(line.text, stamps, last)
            else {
                return;
            };
            let stamp = stamp.or(last);
            let mut message = single::message(
                stamp.unwrap_or(Stamp { time: 0, clock: stanch_words::Clock::Unknown }),
                line,
                "mysqld",
                argument,
            );
            if stamp.is_none() {
                message.time = None;
            }
            let mut event = match name {
                "Connect" => connect(&message, argument),
                "Query" | "Prepare" | "Execute" => mysql::query(&message, argument),
                "Quit" => message.event(EventKind::SessionClose),
                _ => {
                    let mut event = message.event(EventKind::LogMessage);
                    event.message = Cow::Borrowed(line.text);
                    event
                }
            };
            if name == "Connect" {
                if event.kind == EventKind::AuthSuccess && clients.len() < CLIENTS {
                    clients.insert(id, (event.user.to_string(), event.source_ip.to_string()));
                }
            } else if let Some((user, address)) = clients.get(&id) {
                event.user = Cow::Borrowed(user);
                event.source_ip = Cow::Borrowed(address);
            }
            each(&event);
            drop(event);
            if name == "Quit" {
                clients.remove(&id);
            }
        });
    }
}

/// `root@192.0.2.7 on db using TCP/IP`, `Access denied for user …`.
fn connect<'l>(message: &super::messages::Message<'l>, argument: &'l str) -> Event<'l> {
    if let Some(event) = mysql::parse(message) {
        return event;
    }
    let mut event = message.event(EventKind::AuthSuccess);
    let who = cut::until(cut::until(argument, " on"), " as ");
    let (user, host) = who.rsplit_once('@').unwrap_or((who, ""));
    event.user = Cow::Borrowed(user);
    event.source_ip = Cow::Borrowed(cut::address(host));
    event.with("service", "mysql");
    event
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            found.push(format!(
                "{} {} {} {} {}",
                event.place.line,
                event.kind.name(),
                event.user,
                event.source_ip,
                event.text("danger")
            ));
        };
        let mut stream = Stream::new(Context::new("mysql.log", i64::MAX / 4), Some(&FORMAT));
        stream.feed(text.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(counts.not_understood, 0, "{counts:?}");
        found
    }

    #[test]
    fn statements_are_told_with_their_client() {
        let log = "/usr/sbin/mysqld, Version: 8.0.36. started with:\nTcp port: 3306  Unix socket: /x\nTime                 Id Command    Argument\n\
            2026-01-02T03:04:05.123456Z\t    8 Connect\troot@192.0.2.7 on db using TCP/IP\n\
            2026-01-02T03:04:06.123456Z\t    8 Query\tSELECT '<?php'\ninto outfile '/x'\n\
            2026-01-02T03:04:07.123456Z\t    8 Quit\t\n\
            2026-01-02T03:04:08.123456Z\t    9 Connect\tAccess denied for user 'a'@'192.0.2.8' (using password: YES)\n";
        assert_eq!(
            read(log),
            [
                "4 auth.success root 192.0.2.7 ",
                "5 data.query root 192.0.2.7 file-write",
                "7 session.close root 192.0.2.7 ",
                "8 auth.failure a 192.0.2.8 ",
            ]
        );
    }

    #[test]
    fn an_old_general_log_repeats_no_time() {
        let log = "260102  3:04:05\t   12 Connect\tann@localhost on \n\t\t   12 Query\tdrop database shop\n";
        assert_eq!(
            read(log),
            ["1 auth.success ann localhost ", "2 data.query ann localhost erase"]
        );
    }
}
