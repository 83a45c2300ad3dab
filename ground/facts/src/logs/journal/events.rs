//! Entries as events: messages go through the same parsers as syslog's, and what the kernel vouches
//! for (fields that begin with `_`, systemd.journal-fields(7)) tells which programs ran.

use std::borrow::Cow;
use std::collections::HashSet;

use stanch_words::{Clock, Event, EventKind, Place, Trust, text};

use super::roles::Role;
use super::{Entry, Field};
use crate::logs::messages::{Message, Speakers};
use crate::logs::{Context, Each};

/// How many different processes are told of one file.
const PROCESSES: usize = 200_000;
/// How many of them are known without a search.
const LATELY: usize = 64;
/// How many further fields an event takes along.
const FURTHER: usize = 64;

/// Makes events of entries.
#[derive(Default)]
pub(super) struct Teller {
    /// Boot, pid, program and command line, each by where its data lies.
    seen: HashSet<[u64; 4]>,
    /// Those that were seen lately, by a part of their pid's place: most entries are of the same
    /// few.
    lately: Vec<[u64; 4]>,
    untold: u64,
    speakers: Speakers,
}

/// What an entry says, one field each.
#[derive(Default)]
struct Known<'e> {
    message: &'e [u8],
    message_id: &'e [u8],
    identifier: &'e [u8],
    syslog_pid: Option<i64>,
    host: &'e [u8],
    transport: &'e [u8],
    comm: &'e [u8],
    exe: &'e [u8],
    command: &'e [u8],
    unit: &'e [u8],
    user_unit: &'e [u8],
    about_unit: &'e [u8],
    pid: Option<i64>,
    uid: Option<i64>,
    session: &'e [u8],
    audit_session: &'e [u8],
    audit_type: &'e [u8],
    /// Where boot, pid, program and command line lie.
    process: [u64; 4],
}

impl<'e> Known<'e> {
    /// Sorts the fields; those that only go along are put aside.
    fn of(entry: &Entry<'e>, aside: &mut Vec<Field<'e>>) -> Self {
        let mut known = Self::default();
        for &field in entry.fields() {
            let (value, [boot, pid, exe, command]) = (field.value, &mut known.process);
            match field.role {
                Role::Message => known.message = value,
                Role::Pid => (known.pid, *pid) = (number(value), field.object),
                Role::Uid => known.uid = number(value),
                Role::Comm => known.comm = value,
                Role::Exe => (known.exe, *exe) = (value, field.object),
                Role::Command => (known.command, *command) = (value, field.object),
                Role::Host => known.host = value,
                Role::Unit => known.unit = value,
                Role::UserUnit => known.user_unit = value,
                Role::Session => known.session = value,
                Role::AuditSession => known.audit_session = value,
                Role::Identifier => known.identifier = value,
                Role::SyslogPid => known.syslog_pid = number(value),
                Role::Idle => {}
                role => {
                    match role {
                        Role::Boot => *boot = field.object,
                        Role::Transport => known.transport = value,
                        Role::AuditType => known.audit_type = value,
                        Role::MessageId => known.message_id = value,
                        Role::AboutUnit => known.about_unit = value,
                        _ => {}
                    }
                    aside.push(field);
                }
            }
        }
        known
    }

    /// Returns who vouches for the program's name: the kernel knows the real one.
    fn trust(&self) -> Trust {
        if matches!(self.transport, b"kernel" | b"audit") {
            return Trust::Kernel;
        }
        let base = self.exe.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let named = |real: &[u8]| !real.is_empty() && self.identifier == real;
        // A name of a task has at most 15 bytes (TASK_COMM_LEN); sshd-session logs as `sshd`.
        let short = self.identifier.get(..15).is_some_and(|short| short == self.comm);
        let part = |real: &[u8]| {
            !self.identifier.is_empty()
                && real.strip_prefix(self.identifier).is_some_and(|rest| rest.starts_with(b"-"))
        };
        let ours = self.identifier.is_empty() && self.pid.is_some();
        if ours || named(base) || named(self.comm) || short || part(base) {
            Trust::Kernel
        } else {
            Trust::Claim
        }
    }
}

fn number(value: &[u8]) -> Option<i64> {
    // Digits that cannot overflow: nearly every value.
    if (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit) {
        return Some(value.iter().fold(0, |number, digit| number * 10 + i64::from(digit & 0x0f)));
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_escape) => Cow::Owned(text::from_bytes(bytes)),
    }
}

impl Teller {
    /// Shows the events of an entry.
    pub(super) fn tell(&mut self, entry: &Entry<'_>, context: &Context, each: &mut Each<'_>) {
        let mut aside = Vec::with_capacity(16);
        let known = Known::of(entry, &mut aside);
        let place = Place { file: &context.file, line: entry.number, offset: entry.offset };
        let time = i64::try_from(entry.realtime).ok();
        self.process(&known, &aside, place, time, each);
        let (body, host) = (lossless(known.message), lossless(known.host));
        let name = if known.identifier.is_empty() { known.comm } else { known.identifier };
        let name = if name.is_empty() { known.transport } else { name };
        let tag = lossless(name);
        let message = Message {
            time,
            clock: Clock::Utc,
            host: &host,
            tag: &tag,
            program: tag.rsplit('/').next().filter(|part| !part.is_empty()).unwrap_or(&tag),
            pid: known.pid.or(known.syslog_pid),
            text: body.trim_end_matches('\n'),
            trust: known.trust(),
            place,
            ..Message::default()
        };
        if known.transport == b"audit" {
            return each(&along(audit(&message, &known, &aside), entry, &known, &aside));
        }
        self.speakers.show(&message, &mut |event| {
            // What was kept from an earlier line is shown as it was.
            if event.place.line == entry.number {
                each(&along(event.clone(), entry, &known, &aside));
            } else {
                each(event);
            }
        });
    }

    /// Shows what was kept back, and returns how many entries' processes were not told.
    pub(super) fn end(mut self, each: &mut Each<'_>) -> u64 {
        self.speakers.end(each);
        self.untold
    }

    fn is_of_late(&mut self, key: [u64; 4]) -> bool {
        if self.lately.is_empty() {
            self.lately = vec![[0; 4]; LATELY];
        }
        let [_, pid, ..] = key;
        let slot = usize::try_from(pid >> 3).unwrap_or(0) % LATELY;
        let Some(place) = self.lately.get_mut(slot) else { return false };
        std::mem::replace(place, key) == key
    }

    /// Tells of a process, once for each that differs.
    fn process(
        &mut self,
        known: &Known<'_>,
        aside: &[Field<'_>],
        place: Place<'_>,
        time: Option<i64>,
        each: &mut Each<'_>,
    ) {
        let key = known.process;
        let is_named = !known.exe.is_empty() || !known.command.is_empty();
        // Kernel threads have no program; an audit record's names are of a process that ended.
        if known.pid.is_none() || !is_named || self.is_of_late(key) {
            return;
        }
        if self.seen.contains(&key) {
            return;
        }
        if self.seen.len() >= PROCESSES {
            self.untold = self.untold.saturating_add(1);
            return;
        }
        self.seen.insert(key);
        let mut event = Event::new(EventKind::ProcessSeen);
        (event.time, event.clock, event.trust) = (time, Clock::Utc, Trust::Kernel);
        event.place = place;
        event.host = lossless(known.host);
        event.program = lossless(known.comm);
        fill(&mut event, known);
        for field in aside {
            let value = || number(field.value);
            match field.role {
                Role::AuditLoginUid => value().map(|auid| event.with("auid", auid)),
                Role::Gid => value().map(|gid| event.with("gid", gid)),
                Role::Boot => Some(event.with("_BOOT_ID", lossless(field.value))),
                _ => None,
            };
        }
        each(&event);
    }
}

/// Adds what the entry says beside its message.
fn along<'e>(
    mut event: Event<'e>,
    entry: &Entry<'_>,
    known: &Known<'e>,
    aside: &[Field<'e>],
) -> Event<'e> {
    if event.kind == EventKind::LogMessage {
        event.kind = by_identity(known).unwrap_or(event.kind);
    }
    fill(&mut event, known);
    event.more.reserve(aside.len().min(FURTHER).saturating_add(1));
    event.with("seqnum", i64::try_from(entry.seqnum).unwrap_or(i64::MAX));
    for field in aside.iter().take(FURTHER) {
        let numbered = match field.role {
            Role::AuditLoginUid => Some("auid"),
            Role::Gid => Some("gid"),
            _ => None,
        };
        if let Some((name, number)) = numbered.and_then(|name| Some((name, number(field.value)?))) {
            event.with(name, number);
            continue;
        }
        let name = match field.role {
            Role::Container => Cow::Borrowed("container"),
            role => role.name().map_or_else(|| lossless(field.name), Cow::Borrowed),
        };
        event.with(name, lossless(field.value));
    }
    event
}

/// Fills in what the kernel vouches for, where the message says nothing else.
fn fill<'e>(event: &mut Event<'e>, known: &Known<'e>) {
    event.uid = event.uid.or(known.uid);
    // A program that sudo or cron says it starts is another than sudo or cron.
    let is_own = event.command.is_empty() && event.path.is_empty();
    if is_own {
        event.pid = event.pid.or(known.pid);
        event.path = lossless(known.exe);
        event.command = lossless(known.command);
    }
    let session = if known.session.is_empty() { known.audit_session } else { known.session };
    // What systemd itself says is about another unit than its own.
    let unit = match known.about_unit {
        b"" if known.user_unit.is_empty() => known.unit,
        b"" => known.user_unit,
        about if known.pid == Some(1) || known.comm == b"systemd" => about,
        _ => known.unit,
    };
    for (place, value) in [(&mut event.unit, unit), (&mut event.session, session)] {
        if place.is_empty() && !value.is_empty() {
            *place = lossless(value);
        }
    }
}

/// Returns the kind that a message's identity tells, if systemd itself sent it. The numbers are in
/// `sd-messages.h`, the words for them in `journalctl --catalog`.
fn by_identity(known: &Known<'_>) -> Option<EventKind> {
    if !known.comm.starts_with(b"systemd") && known.transport != b"driver" {
        return None;
    }
    Some(match known.message_id {
        b"39f53479d3a045ac8e11786248231fbf" => EventKind::ServiceStart,
        b"9d1aaa27d60140bd96365438aad20286" => EventKind::ServiceStop,
        b"be02cf6855d2428ba40df7e9d022f03d"
        | b"d9b373ed55a64feb8242e02dbe79a49c"
        | b"98e322203f7a4ed290d09fe03c09fe15" => EventKind::ServiceFail,
        b"8d45620c1a4348dbb17410da57c60c66" => EventKind::SessionOpen,
        b"3354939424b4456d9802ca8333ed424a" => EventKind::SessionClose,
        b"c7a787079b354eaaa9e77b371893cd27" => EventKind::ClockChange,
        b"98268866d1d54a499c4e98921d93bc40" => EventKind::Shutdown,
        b"b07a249cd024414a82dd00cd181378ff" => EventKind::Boot,
        b"a596d6fe7bfa4994828e72309e95d61e" | b"e9bf28e6e834481bb6f48f548ad13606" => {
            EventKind::LogLost
        }
        _ => return None,
    })
}

/// Makes an event of a record that the kernel's audit gave to journald.
fn audit<'m>(message: &Message<'m>, known: &Known<'_>, aside: &[Field<'_>]) -> Event<'m> {
    let mut event = message.event(EventKind::AuditRecord);
    for field in aside.iter().filter(|field| field.name == b"_AUDIT_ID") {
        if let Some(serial) = number(field.value) {
            event.with("serial", serial);
        }
    }
    match known.audit_type {
        b"CONFIG_CHANGE" => event.kind = EventKind::AuditConfig,
        b"EXECVE" => {
            event.kind = EventKind::ProcessStart;
            let mut arguments: Vec<(u32, String)> = aside.iter().filter_map(argument).collect();
            arguments.sort_unstable();
            let words: Vec<&str> = arguments.iter().map(|(_, word)| word.as_str()).collect();
            event.command = Cow::Owned(words.join(" "));
        }
        _ => {}
    }
    event
}

/// Returns the number and the text of an argument: quoted, or hexadecimal if it has blanks.
fn argument(field: &Field<'_>) -> Option<(u32, String)> {
    let number = field.name.strip_prefix(b"_AUDIT_FIELD_A")?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let value = field.value;
    if let Some(inner) = value.strip_prefix(b"\"") {
        return Some((number, text::from_bytes(inner.strip_suffix(b"\"").unwrap_or(inner))));
    }
    Some((number, text::from_bytes(&text::unhex(value).unwrap_or_else(|| value.to_vec()))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stanch_machine::Pretend;
    use stanch_words::Gap;

    use super::super::events;
    use super::super::header::incompatible::{COMPACT, KEYED_HASH, ZSTD};
    use super::super::write::Writer;
    use super::*;
    use crate::logs::Counts;

    const START: u64 = 1_700_000_000_000_000;

    fn tell(writer: Writer) -> (Vec<String>, Counts, Vec<Gap>) {
        let machine = Pretend::new().file("/j", writer.finish());
        let mut found = Vec::new();
        let context = Context::new("/j", 0);
        let (counts, gaps) = events(&machine, Path::new("/j"), &context, &mut |event| {
            let (line, kind, trust) = (event.place.line, event.kind.name(), event.trust.name());
            let Event { program, path, command, unit, message, .. } = event;
            found
                .push(format!("{line} {kind} {trust} {program} {path}|{command} {unit} {message}"));
        })
        .unwrap();
        (found, counts, gaps)
    }

    #[test]
    fn entries_become_events_and_their_senders_processes() {
        let mut writer = Writer::new(ZSTD | KEYED_HASH | COMPACT);
        let sshd: [&[u8]; 5] =
            [b"_BOOT_ID=b0", b"_PID=9", b"_UID=0", b"_COMM=sshd", b"_EXE=/usr/sbin/sshd"];
        let with = |fields: &[&'static [u8]]| [&sshd[..], fields].concat();
        let accepted = b"MESSAGE=Accepted publickey for root from 192.0.2.7 port 40022 ssh2";
        writer.entry(START, &with(&[accepted, b"SYSLOG_IDENTIFIER=sshd", b"_TRANSPORT=syslog"]));
        writer.entry(
            START,
            &with(&[b"MESSAGE=x\xff", b"SYSLOG_IDENTIFIER=sshd", b"_AUDIT_LOGINUID=7"]),
        );
        let forged: [&[u8]; 6] = [
            accepted,
            b"SYSLOG_IDENTIFIER=sshd",
            b"_PID=66",
            b"_COMM=logger",
            b"_EXE=/usr/bin/logger",
            b"_CMDLINE=logger -t sshd",
        ];
        writer.entry(START, &forged);
        let started: [&[u8]; 5] = [
            b"MESSAGE=Started Backup.",
            b"MESSAGE_ID=39f53479d3a045ac8e11786248231fbf",
            b"_PID=1",
            b"_COMM=systemd",
            b"UNIT=backup.service",
        ];
        writer.entry(START, &started);
        let (found, counts, gaps) = tell(writer);
        let login = "Accepted publickey for root from 192.0.2.7 port 40022 ssh2";
        assert_eq!(
            found,
            [
                "1 process.seen kernel sshd /usr/sbin/sshd|  ".to_owned(),
                format!("1 auth.success kernel sshd /usr/sbin/sshd|  {login}"),
                "2 log.message kernel sshd /usr/sbin/sshd|  x\\xff".to_owned(),
                "3 process.seen kernel logger /usr/bin/logger|logger -t sshd  ".to_owned(),
                format!("3 auth.success claim sshd /usr/bin/logger|logger -t sshd  {login}"),
                "4 service.start kernel systemd | backup.service Started Backup.".to_owned(),
            ]
        );
        assert_eq!((counts.lines, counts.events, counts.not_understood, gaps), (4, 6, 0, vec![]));
    }

    #[test]
    fn what_the_kernels_audit_gave_to_journald_keeps_its_fields() {
        let mut writer = Writer::new(KEYED_HASH);
        let execve: [&[u8]; 5] = [
            b"_TRANSPORT=audit",
            b"_AUDIT_TYPE_NAME=EXECVE",
            b"_AUDIT_ID=77",
            b"_AUDIT_FIELD_A1=2D6C20",
            b"_AUDIT_FIELD_A0=\"ls\"",
        ];
        writer.entry(START, &execve);
        let (found, _, _) = tell(writer);
        assert_eq!(found, ["1 process.start kernel audit |ls -l   "]);
    }
}
