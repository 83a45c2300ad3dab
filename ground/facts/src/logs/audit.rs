//! The kernel's audit log (`/var/log/audit/audit.log`): what the kernel saw, and what login
//! programs told it.
//!
//! Source: linux-audit/audit-documentation (`specs/messages`), auditd.conf(5) (`log_format =
//! ENRICHED` adds names after a byte 0x1d, `name_format` adds `node=`), the kernel's
//! `include/uapi/linux/audit.h`; as the layouts of RHEL 6 to Ubuntu 24.04 show them. One event has
//! one or more records, each a line:
//!
//! ```text
//! type=SYSCALL msg=audit(1492752522.985:8972): arch=c000003e syscall=59 success=yes exit=0 …
//! type=EXECVE msg=audit(1492752522.985:8972): argc=2 a0="uname" a1="-a"
//! ```
//!
//! Without auditd the kernel writes the same to its own log (`audit: type=1300 audit(…): …`), and
//! auditd's dispatcher can send it to syslog (`audispd: type=… msg=audit(…): …`); those lines are
//! put together in the same way.

mod address;
mod fields;
mod gather;
mod kinds;
mod syscalls;
mod types;
mod window;

use stanch_words::{Gap, Place, Trust};

use super::messages::Message;
use super::{Each, Form, Format, Line, Reader, Sample, Understood};
use gather::Head;
pub use window::Window;

pub(super) static FORMAT: Format = Format {
    name: "audit",
    recognise,
    form: Form::Lines(|_context| Box::new(Audit { window: Window::default() })),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    sample.share(|line| std::str::from_utf8(line).is_ok_and(|line| record(line).is_some()))
}

struct Audit {
    window: Window,
}

impl Reader for Audit {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let Some(mut record) = record(line.text) else { return Understood::No };
        record.place = line.place;
        record.trust =
            if kinds::is_user_space(record.kind) { Trust::Program } else { Trust::Kernel };
        let is_end = record.kind == "EOE";
        self.window.record(&record, each);
        if is_end { Understood::Silent } else { Understood::Yes }
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.window.end(each);
    }

    fn gaps(&mut self) -> Vec<Gap> {
        self.window.gaps()
    }
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'l> {
    /// The host, if the record names it.
    pub node: &'l str,
    /// Its type, as a name.
    pub kind: &'l str,
    /// When, in microseconds since 1970 UTC.
    pub time: i64,
    /// The serial number: with the time and the node it names the event.
    pub serial: u64,
    /// Who vouches for it.
    pub trust: Trust,
    /// The fields.
    pub body: &'l str,
    /// Where it stands.
    pub place: Place<'l>,
}

impl<'l> Record<'l> {
    fn head(&self) -> Head<'l> {
        Head {
            node: self.node,
            time: self.time,
            serial: self.serial,
            trust: self.trust,
            place: self.place,
        }
    }
}

/// Reads a record's header: `node=H type=T msg=audit(S.MS:N): …`, and without `msg=` as the kernel
/// writes it, with or without its own prefixes.
pub fn record(line: &str) -> Option<Record<'_>> {
    let mut rest = line.trim_start();
    // `[   12.345678] audit: type=1400 …` and `audit: audit_lost=…`, which is none.
    if rest.starts_with('[') {
        rest = rest.split_once(']')?.1.trim_start();
    }
    rest = rest.strip_prefix("audit: ").unwrap_or(rest);
    let mut node = "";
    if let Some(after) = rest.strip_prefix("node=") {
        (node, rest) = after.split_once(' ')?;
    }
    let (kind, rest) = rest.strip_prefix("type=")?.split_once(' ')?;
    let rest = rest.strip_prefix("msg=").unwrap_or(rest).strip_prefix("audit(")?;
    let (stamp, body) = rest.split_once(')')?;
    let (time, serial) = stamp.split_once(':')?;
    let (seconds, fraction) = time.split_once('.')?;
    let micros = match fraction.len() {
        1..=3 => fraction.parse::<i64>().ok()?.checked_mul(1000)?,
        _ => return None,
    };
    Some(Record {
        node,
        kind: kind_name(kind)?,
        time: seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?,
        serial: serial.parse().ok()?,
        trust: Trust::Claim,
        body: body.strip_prefix(':').unwrap_or(body).trim_start_matches(' '),
        place: Place::default(),
    })
}

/// Returns a type's name: of `1300` and `UNKNOWN[1300]` the name that we know for the number.
fn kind_name(kind: &str) -> Option<&str> {
    let number = kind.strip_prefix("UNKNOWN[").and_then(|number| number.strip_suffix(']'));
    match number.unwrap_or(kind).parse().ok().map(types::name) {
        Some(Some(name)) => Some(name),
        Some(None) => Some(kind),
        None if kind.is_empty() => None,
        None => Some(kind),
    }
}

/// Returns the record that a message of syslog or of the journal holds, if it holds one. Its time
/// is audit's own, and its trust that of the message.
pub fn of_message<'l>(message: &Message<'l>) -> Option<Record<'l>> {
    if !matches!(
        message.program,
        "kernel" | "audit" | "auditd" | "audispd" | "audisp-syslog" | "audit-forward" | ""
    ) {
        return None;
    }
    // `audit: type=…`: without the kernel's own tag, the prefix is taken for the program.
    let mut record = record(message.text)?;
    record.place = message.place;
    record.trust = message.trust;
    if record.node.is_empty() {
        record.node = message.host;
    }
    Some(record)
}

#[cfg(test)]
mod tests;
