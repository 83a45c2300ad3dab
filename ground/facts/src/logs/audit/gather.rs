//! The records of one audit event, gathered: every field once, under its own name.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Field as Value, Place, Trust};

use super::address::{self, Address};
use super::fields::{Field, Fields, from_bytes};
use super::{kinds, syscalls};

/// What the header of an event's records says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'l> {
    pub(super) node: &'l str,
    /// In microseconds since 1970 UTC.
    pub(super) time: i64,
    pub(super) serial: u64,
    pub(super) trust: Trust,
    pub(super) place: Place<'l>,
}

/// One record of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'l> {
    pub(super) kind: &'l str,
    pub(super) body: &'l str,
}

/// One argument of a program: its number, and its bytes.
type Argument<'l> = (usize, Cow<'l, [u8]>);

/// How many arguments of a program become fields of their own (`a0`, `a1`, …).
const ARGUMENTS: usize = 64;
/// The names of those.
const ARGUMENT_NAMES: [&str; ARGUMENTS] = [
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13", "a14",
    "a15", "a16", "a17", "a18", "a19", "a20", "a21", "a22", "a23", "a24", "a25", "a26", "a27",
    "a28", "a29", "a30", "a31", "a32", "a33", "a34", "a35", "a36", "a37", "a38", "a39", "a40",
    "a41", "a42", "a43", "a44", "a45", "a46", "a47", "a48", "a49", "a50", "a51", "a52", "a53",
    "a54", "a55", "a56", "a57", "a58", "a59", "a60", "a61", "a62", "a63",
];
/// The longest command line that is made; the kernel allows two megabytes.
const COMMAND: usize = 64 << 10;
/// How audit writes "not set" for a user id and a session.
const UNSET: i64 = 0xffff_ffff;

/// An event in the making.
pub(super) struct Gathered<'l> {
    pub(super) event: Event<'l>,
    /// The name of the system call, or its number.
    pub(super) syscall: Cow<'l, str>,
    /// The registers at its entry, as hexadecimal numbers.
    pub(super) registers: [&'l str; 4],
    /// `Some(true)` for `success=yes`, `res=success` and the like.
    pub(super) success: Option<bool>,
    pub(super) exit: Option<i64>,
    /// What a record calls `path`.
    pub(super) path: Cow<'l, str>,
    pub(super) cwd: Cow<'l, str>,
    pub(super) comm: Cow<'l, str>,
    pub(super) exe: Cow<'l, str>,
    /// The paths of the event's files, and what became of each (`nametype`).
    pub(super) names: Vec<Cow<'l, str>>,
    pub(super) name_types: Vec<Cow<'l, str>>,
    pub(super) address: Option<Address>,
    pub(super) acct: Cow<'l, str>,
    pub(super) op: &'l str,
    /// The account names of an enriched record: of the user, the login, the subject.
    pub(super) uid_name: &'l str,
    pub(super) auid_name: &'l str,
    pub(super) id_name: &'l str,
    pub(super) proctitle: String,
    keys: Vec<Cow<'l, str>>,
    arguments: Vec<Argument<'l>>,
    columns: Vec<(&'l str, Vec<Cow<'l, str>>)>,
    files: usize,
}

/// Makes the event of a set of records. There is at least one.
pub(super) fn event<'l>(head: &Head<'l>, parts: &[Part<'l>]) -> Event<'l> {
    let mut event = Event::new(EventKind::AuditRecord);
    event.more.reserve(48);
    event.time = Some(head.time);
    event.clock = Clock::Utc;
    event.trust = head.trust;
    event.host = Cow::Borrowed(head.node);
    event.place = head.place;
    let mut types: Vec<Cow<'l, str>> = Vec::with_capacity(parts.len());
    for part in parts {
        if !types.iter().any(|other| other == part.kind) {
            types.push(Cow::Borrowed(part.kind));
        }
    }
    event.with("type", one_or_list(types));
    event.with("serial", i64::try_from(head.serial).unwrap_or(i64::MAX));
    let mut all = Gathered::new(event);
    // The call first: where another record says the same, it is right.
    for part in parts.iter().filter(|part| part.kind == "SYSCALL") {
        all.fields(part, true);
    }
    for part in parts {
        match part.kind {
            "SYSCALL" => {}
            "EXECVE" => all.arguments(part.body),
            "PATH" => all.file(part.body),
            _ => all.fields(part, false),
        }
    }
    all.finish();
    kinds::tell(&mut all, parts);
    all.event
}

/// Returns a field of one text, or of several.
fn one_or_list(mut texts: Vec<Cow<'_, str>>) -> Value<'_> {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => Value::Text(only),
        (Some(last), false) => {
            texts.push(last);
            Value::List(texts)
        }
        (None, _) => Value::List(texts),
    }
}

impl<'l> Gathered<'l> {
    fn new(event: Event<'l>) -> Self {
        Self {
            event,
            syscall: Cow::Borrowed(""),
            registers: [""; 4],
            success: None,
            exit: None,
            path: Cow::Borrowed(""),
            cwd: Cow::Borrowed(""),
            comm: Cow::Borrowed(""),
            exe: Cow::Borrowed(""),
            names: Vec::new(),
            name_types: Vec::new(),
            address: None,
            acct: Cow::Borrowed(""),
            op: "",
            uid_name: "",
            auid_name: "",
            id_name: "",
            proctitle: String::new(),
            keys: Vec::new(),
            arguments: Vec::new(),
            columns: Vec::new(),
            files: 0,
        }
    }

    fn fields(&mut self, part: &Part<'l>, first: bool) {
        let body = match part.kind {
            "AVC" | "USER_AVC" => self.decision(part.body),
            _ => part.body,
        };
        let mut architecture = "";
        for field in Fields::new(body) {
            match field.name {
                "arch" => {
                    let code = u32::from_str_radix(field.raw, 16).ok();
                    architecture = code.and_then(syscalls::architecture).unwrap_or(field.raw);
                    self.more("arch", architecture, first);
                }
                "syscall" => self.syscall(architecture, field.raw, first),
                _ => self.field(&field, first),
            }
        }
    }

    fn syscall(&mut self, architecture: &str, number: &'l str, first: bool) {
        let known = number.parse().ok().and_then(|number| syscalls::name(architecture, number));
        self.syscall = Cow::Borrowed(known.unwrap_or(number));
        let name = known.unwrap_or(number);
        // Enriched records, and the rules written for them, have the name in capitals.
        self.more("syscall", name, first);
        self.more("SYSCALL", name, first);
        if known.is_some() {
            self.more("syscall_number", number, first);
        }
    }

    /// Reads `avc:  denied  { read write } for` and returns the rest.
    fn decision(&mut self, body: &'l str) -> &'l str {
        let Some((before, after)) = body.split_once('{') else { return body };
        let Some((permissions, rest)) = after.split_once('}') else { return body };
        // A program's own decision stands in its message, whose fields are read all the same.
        let decision = before.split_whitespace().next_back().unwrap_or_default();
        if matches!(decision, "denied" | "granted") {
            self.more("seresult", decision, false);
            self.more("seperms", permissions.trim(), false);
            return if before.contains('=') { body } else { rest };
        }
        body
    }

    fn more(&mut self, name: &'l str, value: impl Into<Value<'l>>, first: bool) {
        if first || self.event.field(name).is_none() {
            self.event.with(name, value);
        }
    }

    fn field(&mut self, field: &Field<'l>, first: bool) {
        if field.is_empty() {
            return;
        }
        match field.name {
            "pid" => keep(&mut self.event.pid, field.number()),
            "ppid" => keep(&mut self.event.ppid, field.number()),
            "uid" => keep(&mut self.event.uid, field.number().filter(|&uid| uid != UNSET)),
            "success" | "res" | "result" => self.outcome(field),
            "exit" => self.exit(field, first),
            "auid" | "ses" if !field.word.is_empty() && matches!(field.word, "old" | "new") => {
                self.renamed(field);
            }
            "auid" => match field.number().filter(|&auid| auid != UNSET && auid >= 0) {
                Some(auid) => self.more("auid", auid, first),
                None => self.more("auid", "unset", first),
            },
            "ses" => match field.raw {
                "4294967295" | "-1" => {}
                session => self.event.session = Cow::Borrowed(session),
            },
            "tty" if field.raw == "(none)" => {}
            "tty" => self.event.tty = Cow::Borrowed(field.raw),
            "terminal" => {
                self.event.tty = field.text();
                self.more("terminal", field.raw, first);
            }
            "a0" | "a1" | "a2" | "a3" if first => self.register(field),
            "key" => self.key(field),
            "unit" => self.event.unit = field.text(),
            "path" => self.path = field.text(),
            "saddr" => self.saddr(field),
            "proctitle" => self.title(field),
            "euid" | "gid" => match field.number() {
                Some(number) => self.more(field.name, number, first),
                None => self.more(field.name, field.raw, first),
            },
            // What an enriched record adds, and what we add by ourselves.
            "ARCH" | "SYSCALL" | "SADDR" => {}
            _ => self.other(field, first),
        }
    }

    fn other(&mut self, field: &Field<'l>, first: bool) {
        match field.name {
            "UID" => self.uid_name = field.raw,
            "AUID" => self.auid_name = field.raw,
            "ID" => self.id_name = field.raw,
            "op" => self.op = field.raw,
            _ => {}
        }
        let text = if field.is_encodable() { field.text() } else { Cow::Borrowed(field.raw) };
        match field.name {
            "comm" if self.comm.is_empty() => self.comm = text.clone(),
            "exe" if self.exe.is_empty() => self.exe = text.clone(),
            "cwd" if self.cwd.is_empty() => self.cwd = text.clone(),
            "acct" if self.acct.is_empty() => self.acct = text.clone(),
            _ => {}
        }
        self.more(field.name, text, first);
    }

    fn outcome(&mut self, field: &Field<'l>) {
        let success = match field.raw {
            "yes" | "success" | "1" => true,
            "no" | "failed" | "0" => false,
            _ => return,
        };
        if field.name == "success" {
            self.event.with("success", field.raw);
        }
        if self.success.is_none() {
            self.success = Some(success);
            self.event.with("result", if success { "success" } else { "failure" });
        }
    }

    fn exit(&mut self, field: &Field<'l>, first: bool) {
        let Some(exit) = field.number() else { return self.more("exit", field.raw, first) };
        keep(&mut self.exit, Some(exit));
        self.more("exit", exit, first);
        let error = exit.checked_neg().and_then(|number| usize::try_from(number).ok());
        if let Some(name) = error.and_then(syscalls::error) {
            self.more("error", name, first);
        }
    }

    /// `old auid=… new auid=…` of old releases.
    fn renamed(&mut self, field: &Field<'l>) {
        let name = match (field.word, field.name) {
            ("old", "auid") => "old_auid",
            ("old", _) => "old_ses",
            (_, "auid") => "new_auid",
            _ => "new_ses",
        };
        self.more(name, field.raw, false);
        match (name, field.number().filter(|&number| number != UNSET)) {
            ("new_auid", Some(auid)) => self.more("auid", auid, false),
            ("new_ses", Some(_set)) => self.event.session = Cow::Borrowed(field.raw),
            _ => {}
        }
    }

    fn register(&mut self, field: &Field<'l>) {
        let at = ARGUMENT_NAMES.iter().position(|name| *name == field.name);
        if let Some(place) = at.and_then(|at| self.registers.get_mut(at)) {
            *place = field.raw;
        }
    }

    /// Several keys of one rule stand between bytes of one.
    fn key(&mut self, field: &Field<'l>) {
        let add = |keys: &mut Vec<Cow<'l, str>>, key: Cow<'l, str>| {
            if !key.is_empty() && !keys.contains(&key) {
                keys.push(key);
            }
        };
        match field.text() {
            Cow::Borrowed(text) => {
                for key in text.split('\u{1}') {
                    add(&mut self.keys, Cow::Borrowed(key.strip_prefix("key=").unwrap_or(key)));
                }
            }
            Cow::Owned(text) => {
                for key in text.split('\u{1}') {
                    let key = key.strip_prefix("key=").unwrap_or(key);
                    add(&mut self.keys, Cow::Owned(key.to_owned()));
                }
            }
        }
    }

    fn saddr(&mut self, field: &Field<'l>) {
        self.more("saddr", field.raw, false);
        let Some(address) = address::parse(&field.bytes()) else { return };
        match &address {
            Address::Internet { family, .. } => self.more("family", *family, false),
            Address::Unix(_) => self.more("family", "unix", false),
            Address::Other(name) => self.more("family", name.clone(), false),
        }
        self.address.get_or_insert(address);
    }

    /// The arguments stand between zero bytes.
    fn title(&mut self, field: &Field<'l>) {
        let mut bytes = field.bytes().into_owned();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        for byte in &mut bytes {
            if *byte == 0 {
                *byte = b' ';
            }
        }
        self.proctitle = from_bytes(bytes);
        let title = self.proctitle.clone();
        self.more("proctitle", title, false);
    }

    /// Reads `argc=3 a0="sh" a1="-c" a2=6C73`, and `a1_len=9000 a1[0]=… a1[1]=…` of arguments that
    /// were too long for a record.
    fn arguments(&mut self, body: &'l str) {
        for field in Fields::new(body) {
            if field.name == "argc" {
                match field.number() {
                    Some(count) => self.more("argc", count, false),
                    None => self.more("argc", field.raw, false),
                }
                continue;
            }
            let Some(rest) = field.name.strip_prefix('a') else { continue };
            let (number, is_piece) = match rest.split_once('[') {
                Some((number, _piece)) => (number, true),
                None => (rest, false),
            };
            // `a1_len` is none.
            let Ok(number) = number.parse::<usize>() else { continue };
            match self.arguments.last_mut() {
                Some((last, bytes)) if is_piece && *last == number => {
                    if bytes.len() < COMMAND {
                        bytes.to_mut().extend_from_slice(&field.bytes());
                    }
                }
                _ => self.arguments.push((number, field.bytes())),
            }
        }
    }

    /// Reads a PATH: each field becomes a column, so that those of one file stand at one place.
    fn file(&mut self, body: &'l str) {
        let mut at = 0_usize;
        for field in Fields::new(body) {
            let text = match field.name {
                _ if field.is_empty() => Cow::Borrowed(""),
                "name" => field.text(),
                _ => Cow::Borrowed(field.raw),
            };
            match field.name {
                "name" => self.names.push(text.clone()),
                "nametype" | "objtype" => self.name_types.push(text.clone()),
                _ => {}
            }
            // Records of one event have the same fields in the same order.
            let found = match self.columns.get(at) {
                Some((name, _)) if *name == field.name => Some(at),
                _ => self.columns.iter().position(|(name, _)| *name == field.name),
            };
            at = match found {
                Some(found) => found,
                None => {
                    let missing = vec![Cow::Borrowed(""); self.files];
                    self.columns.push((field.name, missing));
                    self.columns.len().saturating_sub(1)
                }
            };
            if let Some((_, column)) = self.columns.get_mut(at)
                && column.len() == self.files
            {
                column.push(text);
            }
            at = at.saturating_add(1);
        }
        self.files = self.files.saturating_add(1);
        for (_, column) in &mut self.columns {
            column.resize(self.files, Cow::Borrowed(""));
        }
        for column in [&mut self.names, &mut self.name_types] {
            column.resize(self.files, Cow::Borrowed(""));
        }
    }

    fn finish(&mut self) {
        if self.arguments.is_empty() {
            for (name, register) in ARGUMENT_NAMES.iter().zip(self.registers) {
                if !register.is_empty() {
                    self.event.with(*name, register);
                }
            }
        } else {
            self.command();
        }
        for (name, column) in std::mem::take(&mut self.columns) {
            if name == "item" {
                continue;
            }
            // What a decision says of its object goes by another name then.
            for (other, _) in &mut self.event.more {
                if other == name {
                    *other = Cow::Owned(format!("avc_{name}"));
                }
            }
            self.event.with(name, one_or_list(column));
        }
        if !self.keys.is_empty() {
            let keys = std::mem::take(&mut self.keys);
            self.event.with("key", one_or_list(keys));
        }
    }

    /// Makes the command line of the arguments.
    fn command(&mut self) {
        let mut arguments = std::mem::take(&mut self.arguments);
        if !arguments.is_sorted_by_key(|(number, _)| *number) {
            arguments.sort_by_key(|(number, _)| *number);
        }
        let length: usize = arguments.iter().map(|(_, bytes)| bytes.len().saturating_add(1)).sum();
        let mut command = String::with_capacity(length.min(COMMAND));
        for (number, bytes) in arguments {
            let text = match bytes {
                Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(_escape) => Cow::Owned(from_bytes(bytes.to_vec())),
                },
                Cow::Owned(bytes) => Cow::Owned(from_bytes(bytes)),
            };
            if command.len() < COMMAND {
                if !command.is_empty() || number > 0 {
                    command.push(' ');
                }
                command.push_str(super::super::cut::clip(&text, COMMAND));
            }
            if let Some(name) = ARGUMENT_NAMES.get(number) {
                self.event.with(*name, text);
            }
        }
        self.event.command = Cow::Owned(command);
    }
}

fn keep(place: &mut Option<i64>, value: Option<i64>) {
    if place.is_none() {
        *place = value;
    }
}
