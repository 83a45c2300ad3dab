//! Who is at the other end, found in a text that the other end may have written half of.

use std::borrow::Cow;

use memchr::memmem;
use stanch_words::{Event, Text};

use crate::logs::cut;

/// A user, an address and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peer<'l> {
    pub(super) user: &'l str,
    pub(super) address: &'l str,
    pub(super) port: Option<u16>,
    /// What the format puts behind a colon: the key.
    pub(super) information: &'l str,
    /// What follows the port.
    pub(super) after: &'l str,
    /// The text, if it can be read in more than one way.
    doubtful: Option<&'l str>,
}

impl<'l> Peer<'l> {
    /// Writes user, address and port into an event.
    pub(super) fn put(&self, event: &mut Event<'l>) {
        event.user = Cow::Borrowed(self.user);
        event.source_ip = address(self.address);
        event.source_port = self.port;
    }

    /// Returns the other reading of a text that has two.
    pub(super) fn doubt(&self) -> Option<Peer<'l>> {
        let text = self.doubtful?;
        Some(read_at(text, last_from(text)?))
    }
}

const FROM: &[u8] = b" from ";

/// Returns where the last ` from ` stands: sought by a letter that neither an address nor a port
/// has, which is faster than to prepare a search for each line.
fn last_from(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let starts = memchr::memrchr_iter(b'f', bytes).filter_map(|at| at.checked_sub(1));
    starts.into_iter().find(|&at| bytes.get(at..).is_some_and(|rest| rest.starts_with(FROM)))
}

/// Reads `USER from ADDRESS port PORT`. A user name may hold all of this itself, so the last
/// ` from ` counts.
pub(super) fn last(text: &str) -> Peer<'_> {
    match last_from(text) {
        Some(last) => read_at(text, last),
        None => Peer { user: text.trim(), ..Peer::default() },
    }
}

/// Reads `USER from ADDRESS port PORT ssh2: INFORMATION`: the last ` from ` counts, unless an
/// earlier one is followed by information, in which anything may stand too.
pub(super) fn informed(text: &str) -> Peer<'_> {
    let Some(last) = last_from(text) else { return self::last(text) };
    let found = read_at(text, last);
    // Two may share a blank.
    let before = text.as_bytes().get(..last.saturating_add(FROM.len() - 1)).unwrap_or_default();
    let Some(first) = memchr::memchr(b'f', before).and_then(|_| memmem::find(before, FROM)) else {
        return found;
    };
    let mut at = first;
    while at < last {
        let candidate = read_at(text, at);
        if candidate.port.is_some() && !candidate.information.is_empty() {
            return Peer { doubtful: Some(text), ..candidate };
        }
        let step = at.saturating_add(1);
        let Some(next) = memmem::find(text.as_bytes().get(step..).unwrap_or_default(), FROM) else {
            break;
        };
        at = step.saturating_add(next);
    }
    found
}

fn read_at(text: &str, at: usize) -> Peer<'_> {
    let (user, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let rest = rest.get(FROM.len()..).unwrap_or_default();
    let mut found = self::at(rest);
    found.user = cut::trimmed(user);
    let after = cut::blanks(found.after);
    let after = after.strip_prefix("ssh2").or_else(|| after.strip_prefix("ssh1")).unwrap_or(after);
    found.information = after.strip_prefix(": ").unwrap_or_default();
    found
}

/// Reads `ADDRESS`, `ADDRESS port PORT`, with whatever behind it.
pub(super) fn at(text: &str) -> Peer<'_> {
    let text = cut::blanks(text);
    let end = cut::near(text.as_bytes(), b' ').unwrap_or(text.len());
    let (address, after) = text.split_at_checked(end).unwrap_or((text, ""));
    // `1.2.3.4: 11: Bye Bye`.
    if let Some(address) = address.strip_suffix(':') {
        let after = text.get(address.len()..).unwrap_or_default();
        return Peer { address, after, ..Peer::default() };
    }
    // `1.2.3.4, pid = 7`.
    let address = if address.ends_with(',') { address.trim_end_matches(',') } else { address };
    let Some(rest) = after.strip_prefix(" port ") else {
        return Peer { address, after, ..Peer::default() };
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    Peer { address, port: port.parse().ok(), after, ..Peer::default() }
}

/// Reads `USER ADDRESS port PORT`, from its end.
pub(super) fn behind_user(text: &str) -> Peer<'_> {
    let at = memchr::memrchr(b'p', text.as_bytes()).and_then(|at| at.checked_sub(1));
    let last = at.and_then(|at| Some((text.get(..at)?, text.get(at..)?.strip_prefix(" port ")?)));
    let (who, port) = match last.or_else(|| text.rsplit_once(" port ")) {
        Some((who, port)) => (who, cut::trimmed(port).parse().ok()),
        None => (text, None),
    };
    let (user, address) = match who.bytes().rposition(|byte| byte == b' ') {
        Some(at) => (who.get(..at).unwrap_or_default(), who.get(at + 1..).unwrap_or_default()),
        None => ("", who),
    };
    Peer { user: cut::trimmed(user), address, port, ..Peer::default() }
}

/// Returns an address as it is best compared: an IPv4 address mapped into IPv6 is that address.
pub(in crate::logs) fn address(text: &str) -> Text<'_> {
    // An address of its usual form, which most are, has none of what is mended below.
    if let [b'0'..=b'9', .., b'0'..=b'9' | b'a'..=b'f'] = text.as_bytes() {
        return Cow::Borrowed(text);
    }
    let text = text.trim().trim_end_matches('.');
    let inner = text.strip_prefix("::ffff:").or_else(|| text.strip_prefix("::FFFF:"));
    match inner {
        Some(inner) if inner.contains('.') => Cow::Borrowed(inner),
        _ if text == "UNKNOWN" || text == "?" => Cow::Borrowed(""),
        _ => Cow::Borrowed(text),
    }
}
