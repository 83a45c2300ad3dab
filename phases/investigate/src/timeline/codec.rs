//! A moment as bytes, while it waits for its place: never on a disk, never older than a run.

use std::borrow::Cow;

use stanch_words::{
    Clock, Event, EventKind, Field, FileTimes, Happened, Moment, Place, Text, Trust,
};

/// A moment that was read back.
#[derive(Debug)]
pub(super) enum Back<'b> {
    /// Of a log.
    Event(Box<Event<'b>>),
    /// Of a file.
    Times(FileTimes<'b>),
}

/// Adds a moment; its time stands elsewhere.
pub(super) fn put(out: &mut Vec<u8>, moment: &Moment<'_>) {
    match moment.what {
        Happened::Event(event) => {
            out.push(0);
            put_event(out, event);
        }
        Happened::Times(file) => {
            out.push(1);
            put_times(out, file);
        }
    }
}

/// Reads a moment back. Nothing, if it is none of ours.
pub(super) fn back(bytes: &[u8], time: i64) -> Option<Back<'_>> {
    let mut from = Front(bytes);
    match from.byte()? {
        0 => Some(Back::Event(Box::new(event(&mut from, time)?))),
        1 => Some(Back::Times(times(&mut from)?)),
        _ => None,
    }
}

fn put_event(out: &mut Vec<u8>, event: &Event<'_>) {
    number(out, event.kind.position() as u64);
    out.push(match event.clock {
        Clock::Utc => 0,
        Clock::Local => 1,
        Clock::Unknown => 2,
    });
    out.push(match event.trust {
        Trust::Kernel => 0,
        Trust::Program => 1,
        Trust::Claim => 2,
        Trust::User => 3,
    });
    let port = event.source_port.map(i64::from);
    for value in [event.until, event.pid, event.ppid, event.uid, port] {
        optional(out, value);
    }
    for part in texts(event) {
        bytes(out, part.as_bytes());
    }
    bytes(out, event.place.file.as_bytes());
    number(out, event.place.line);
    number(out, event.place.offset);
    number(out, event.more.len() as u64);
    for (name, field) in &event.more {
        bytes(out, name.as_bytes());
        match field {
            Field::Text(text) => {
                out.push(0);
                bytes(out, text.as_bytes());
            }
            Field::Number(value) => {
                out.push(1);
                signed(out, *value);
            }
            Field::List(list) => {
                out.push(2);
                number(out, list.len() as u64);
                list.iter().for_each(|text| bytes(out, text.as_bytes()));
            }
        }
    }
}

fn texts<'e, 'l>(event: &'e Event<'l>) -> [&'e Text<'l>; 12] {
    [
        &event.host,
        &event.program,
        &event.user,
        &event.target,
        &event.source_ip,
        &event.method,
        &event.command,
        &event.path,
        &event.tty,
        &event.session,
        &event.unit,
        &event.message,
    ]
}

fn event<'b>(from: &mut Front<'b>, time: i64) -> Option<Event<'b>> {
    let kind = usize::try_from(from.number()?).ok()?;
    let mut event = Event::new(*EventKind::ALL.get(kind)?);
    event.time = Some(time.div_euclid(1000));
    event.clock = match from.byte()? {
        0 => Clock::Utc,
        1 => Clock::Local,
        _ => Clock::Unknown,
    };
    event.trust = match from.byte()? {
        0 => Trust::Kernel,
        1 => Trust::Program,
        2 => Trust::Claim,
        _ => Trust::User,
    };
    event.until = from.optional()?;
    event.pid = from.optional()?;
    event.ppid = from.optional()?;
    event.uid = from.optional()?;
    event.source_port = from.optional()?.and_then(|port| u16::try_from(port).ok());
    for part in [
        &mut event.host,
        &mut event.program,
        &mut event.user,
        &mut event.target,
        &mut event.source_ip,
        &mut event.method,
        &mut event.command,
        &mut event.path,
        &mut event.tty,
        &mut event.session,
        &mut event.unit,
        &mut event.message,
    ] {
        *part = Cow::Borrowed(from.text()?);
    }
    let file = from.text()?;
    event.place = Place { file, line: from.number()?, offset: from.number()? };
    for _ in 0..from.number()? {
        let name = from.text()?;
        let field = match from.byte()? {
            0 => Field::Text(Cow::Borrowed(from.text()?)),
            1 => Field::Number(from.signed()?),
            _ => {
                let mut list = Vec::new();
                for _ in 0..from.number()? {
                    list.push(Cow::Borrowed(from.text()?));
                }
                Field::List(list)
            }
        };
        event.more.push((Cow::Borrowed(name), field));
    }
    Some(event)
}

fn put_times(out: &mut Vec<u8>, file: &FileTimes<'_>) {
    bytes(out, &file.path);
    match &file.target {
        None => out.push(0),
        Some(target) => {
            out.push(1);
            bytes(out, target);
        }
    }
    for value in [file.inode, file.mode.into(), file.uid.into(), file.gid.into(), file.size] {
        number(out, value);
    }
    for value in [file.modified, file.accessed, file.changed] {
        signed(out, value);
    }
    optional(out, file.born);
}

fn times<'b>(from: &mut Front<'b>) -> Option<FileTimes<'b>> {
    let path = Cow::Borrowed(from.bytes()?);
    let target = match from.byte()? {
        0 => None,
        _ => Some(Cow::Borrowed(from.bytes()?)),
    };
    let (inode, mode, uid, gid) = (from.number()?, from.small()?, from.small()?, from.small()?);
    Some(FileTimes {
        path,
        target,
        inode,
        mode,
        uid,
        gid,
        size: from.number()?,
        modified: from.signed()?,
        accessed: from.signed()?,
        changed: from.signed()?,
        born: from.optional()?,
    })
}

/// Adds a number, seven bits a byte, the lowest first.
pub(super) fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

fn signed(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn optional(out: &mut Vec<u8>, value: Option<i64>) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            signed(out, value);
        }
    }
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front<'b>(pub(super) &'b [u8]);

impl<'b> Front<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i64::from_le_bytes(*first))
    }

    fn optional(&mut self) -> Option<Option<i64>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(self.signed()?)),
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Event<'static> {
        let mut event = Event::new(EventKind::PrivilegeUse);
        event.time = Some(-7);
        event.until = Some(i64::MAX);
        event.clock = Clock::Local;
        event.trust = Trust::User;
        for (at, part) in [
            &mut event.host,
            &mut event.program,
            &mut event.user,
            &mut event.target,
            &mut event.source_ip,
            &mut event.method,
            &mut event.command,
            &mut event.path,
            &mut event.tty,
            &mut event.session,
            &mut event.unit,
            &mut event.message,
        ]
        .into_iter()
        .enumerate()
        {
            *part = format!("止{at}").into();
        }
        event.pid = Some(1);
        event.ppid = Some(-1);
        event.uid = Some(0);
        event.source_port = Some(65_535);
        event.with("a", "text").with("b", -5).with("c", Field::List(vec!["".into(), "x".into()]));
        event.place = Place { file: "/var/log/auth.log", line: 300, offset: u64::MAX };
        event
    }

    #[test]
    fn a_moment_comes_back_as_it_was() {
        for event in [full(), Event { time: Some(-7), ..Event::new(EventKind::Boot) }] {
            let mut out = Vec::new();
            put(&mut out, &Moment { time: -7000, what: Happened::Event(&event) });
            let Some(Back::Event(again)) = back(&out, -7000) else { panic!("no event") };
            assert_eq!(*again, event);
        }
        let file = FileTimes {
            path: b"/a\xff\n"[..].into(),
            target: Some(b""[..].into()),
            inode: u64::MAX,
            mode: 0o120_777,
            uid: u32::MAX,
            modified: i64::MIN,
            born: Some(1),
            ..FileTimes::default()
        };
        let mut out = Vec::new();
        put(&mut out, &Moment { time: 1, what: Happened::Times(&file) });
        let Some(Back::Times(again)) = back(&out, 1) else { panic!("no file") };
        assert_eq!(again, file);
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        let mut out = Vec::new();
        put(&mut out, &Moment { time: 0, what: Happened::Event(&full()) });
        for cut in 0..out.len() {
            assert!(back(&out[..cut], 0).is_none(), "{cut}");
            for byte in 0..=255 {
                let mut other = out.clone();
                other[cut] = byte;
                let _whatever_it_is = back(&other, 0);
            }
        }
    }
}
