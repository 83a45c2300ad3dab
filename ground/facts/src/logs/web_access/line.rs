//! Lines that are known by their shape.

use memchr::{memchr, memmem, memrchr};

use super::{Access, value};
use crate::logs::Stamps;
use crate::logs::stamps::Stamp;

/// Reads a line of any of the common shapes.
pub(super) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Access<'l>> {
    let quote = memchr(b'"', text.as_bytes())?;
    let (head, rest) = text.split_at(quote);
    // The first words of a line may name the user, who chooses any brackets; no server leaves him
    // a quote. So the time is in the last bracket before the first quote.
    let open = memrchr(b'[', head.as_bytes())?;
    let (before, stamp) = head.split_at(open);
    let (stamp, after) = clf(stamp.get(1..)?, stamps)?;
    let after = after.trim_start().strip_prefix(']')?;
    let mut access = Access { time: Some(stamp.time), clock: stamp.clock, ..Access::default() };
    if let Some(access) = haproxy(before, after, rest, &access) {
        return Some(access);
    }
    who(before, &mut access)?;
    let between = after.trim();
    if !between.is_empty() && !between.contains(' ') && is_host(between) {
        access.virtual_host = between;
    }
    let (request, rest) = request(rest)?;
    access.request(request);
    answer(rest, &mut access)?;
    // Jetty (openHAB) has two blanks, and never tells names.
    access.names_untold = before.ends_with("-  -  ");
    Some(access)
}

/// Reads the time. Jetty's month is in the machine's language (`02/sept./2015`).
fn clf<'t>(text: &'t str, stamps: &mut Stamps) -> Option<(Stamp, &'t str)> {
    if let Some(read) = stamps.clf(text) {
        return Some(read);
    }
    let (day, rest) = text.split_once('/')?;
    let (name, rest) = rest.split_once('/')?;
    let (when, after) = rest.split_at(rest.find(']')?);
    let month = month(name)?;
    let (stamp, _) = stamps.clf(&format!("{day:0>2}/{month}/{when}"))?;
    Some((stamp, after))
}

/// Returns the English abbreviation of a month in French, German, Spanish, Italian or Dutch.
fn month(name: &str) -> Option<&'static str> {
    const STARTS: [(&str, &str); 26] = [
        ("jan", "Jan"),
        ("ene", "Jan"),
        ("gen", "Jan"),
        ("feb", "Feb"),
        ("fev", "Feb"),
        ("fév", "Feb"),
        ("mar", "Mar"),
        ("mär", "Mar"),
        ("mrt", "Mar"),
        ("avr", "Apr"),
        ("apr", "Apr"),
        ("abr", "Apr"),
        ("mai", "May"),
        ("may", "May"),
        ("mei", "May"),
        ("mag", "May"),
        ("juin", "Jun"),
        ("jun", "Jun"),
        ("giu", "Jun"),
        ("juil", "Jul"),
        ("jul", "Jul"),
        ("ao", "Aug"),
        ("aug", "Aug"),
        ("sep", "Sep"),
        ("nov", "Nov"),
        ("d", "Dec"),
    ];
    let name = name.to_lowercase();
    let more = [("ago", "Aug"), ("lug", "Jul"), ("set", "Sep"), ("o", "Oct")];
    let known = STARTS.into_iter().chain(more).find(|(start, _)| name.starts_with(start));
    known.filter(|_| name.len() <= 12).map(|(_, month)| month)
}

/// Reads `[host[:port]] address ident user`, and lighttpd's `address host user`.
fn who<'l>(text: &'l str, access: &mut Access<'l>) -> Option<()> {
    let text = text.trim();
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let first = first.trim_matches('"');
    let rest = rest.trim_start();
    let (second, third) = rest.split_once(' ').unwrap_or((rest, ""));
    if first.is_empty() || first.len() > 255 {
        return None;
    }
    // `1.2.3.4, 10.0.0.1 - - [`: addresses that proxies passed on; the first is the client.
    if let Some(client) = first.strip_suffix(',') {
        access.source = client;
        let mut rest = rest;
        while let Some((word, after)) = rest.split_once(' ')
            && is_address(word.trim_end_matches(','))
        {
            rest = after;
        }
        return identity(rest, access);
    }
    if !is_address(first) && is_address(second) {
        access.virtual_host = value(first);
        access.source = second;
        return identity(third, access);
    }
    // A name that the server resolved. `Sep 15 16:13:46 host nginx[1]: 192.0.2.1 - - [` is syslog.
    let resolved = (first.contains('.') || first == "localhost") && is_host(first) && second == "-";
    (is_address(first) || resolved).then_some(())?;
    access.source = first;
    identity(rest, access)
}

/// Reads `ident user`; a user's name may hold blanks. lighttpd has the host for the ident.
fn identity<'l>(text: &'l str, access: &mut Access<'l>) -> Option<()> {
    let text = text.trim();
    let (ident, user) = text.split_once(' ').unwrap_or((text, ""));
    if access.virtual_host.is_empty() && ident.contains('.') && !user.is_empty() && is_host(ident) {
        access.virtual_host = ident;
    }
    // `- - -`: a field more.
    let user = user.trim();
    access.user = match user.strip_suffix(" -") {
        Some(user) => value(user.trim()),
        None => value(user),
    };
    Some(())
}

/// Returns whether a word may be an IPv4 or IPv6 address.
fn is_address(word: &str) -> bool {
    let word = word.trim_start_matches('[').trim_end_matches(']');
    let bytes = word.as_bytes();
    let is_v4 = || {
        bytes.iter().filter(|&&byte| byte == b'.').count() == 3
            && bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
    };
    let is_v6 = || {
        bytes.iter().filter(|&&byte| byte == b':').count() >= 2
            && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    };
    (bytes.len() <= 45) && (is_v4() || is_v6())
}

/// Returns whether a word may be a host's name, with or without a port.
fn is_host(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'))
        && word.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads the quoted request: to the first quote behind which the status stands, because a server
/// that escapes none lets quotes of the client through.
fn request(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let bytes = text.as_bytes();
    let mut from = 0;
    let mut first = None;
    while let Some(at) = memchr(b'"', bytes.get(from..)?) {
        let at = from.saturating_add(at);
        from = at.saturating_add(1);
        let escaped = is_escaped(bytes, at);
        let after = bytes.get(from..).unwrap_or_default();
        let is_end = matches!(
            after,
            [b' ', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9']
                | [b' ', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ', ..]
                | [b' ', b'"', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'"', ..]
                | [b' ', b'-', b' ', ..]
        );
        if is_end && !escaped {
            return Some((text.get(..at)?, text.get(from..)?));
        }
        if !escaped {
            first.get_or_insert(at);
        }
    }
    let at = first?;
    Some((text.get(..at)?, text.get(at.saturating_add(1)..)?))
}

/// Reads ` 200 1513 "referrer" "user agent" …`.
fn answer<'l>(text: &'l str, access: &mut Access<'l>) -> Option<()> {
    let (status, rest) = word(text);
    access.status = match status.trim_matches('"') {
        "-" => None,
        digits if digits.len() == 3 => Some(digits.parse().ok()?),
        _ => return None,
    };
    let (bytes, rest) = word(rest);
    access.bytes = bytes.trim_matches('"').parse().ok();
    let Some(at) = memchr(b'"', rest.as_bytes()) else { return Some(()) };
    let (referrer, rest) = quoted(rest.get(at..)?)?;
    access.referrer = value(referrer);
    let Some(at) = memchr(b'"', rest.as_bytes()) else { return Some(()) };
    // A torn last field is taken as it is, and told.
    let rest = rest.get(at..)?;
    let user_agent = match quoted(rest) {
        Some((user_agent, _)) => user_agent,
        None => {
            access.torn = true;
            rest.get(1..)?
        }
    };
    access.user_agent = value(user_agent);
    Some(())
}

/// Returns whether a byte has an odd number of backslashes before it.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// Splits off a word.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(' ').unwrap_or((text, ""))
}

/// Splits off a quoted text, in which `\"` is no end.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let bytes = inside.as_bytes();
    let mut from = 0;
    while let Some(at) = memchr(b'"', bytes.get(from..)?) {
        let at = from.saturating_add(at);
        from = at.saturating_add(1);
        if !is_escaped(bytes, at) {
            return Some((inside.get(..at)?, inside.get(from..)?));
        }
    }
    None
}

/// Reads HAProxy's `address:port [time] entry backend/server 0/0/0/1/1 403 5168 - - ---- … "request"`.
fn haproxy<'l>(
    before: &'l str,
    after: &'l str,
    rest: &'l str,
    known: &Access<'l>,
) -> Option<Access<'l>> {
    let (address, port) = before.trim_end().rsplit_once(':')?;
    if address.contains(' ') || port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut words = after.split_ascii_whitespace();
    let (entry, server, timers) = (words.next()?, words.next()?, words.next()?);
    if !server.contains('/') || timers.bytes().filter(|&byte| byte == b'/').count() < 3 {
        return None;
    }
    let mut access = known.clone();
    access.source = address;
    access.source_port = port.parse().ok();
    access.virtual_host = entry;
    access.status = words.next()?.parse().ok();
    access.bytes = words.next()?.parse().ok();
    let request = rest.strip_prefix('"')?;
    let end = memrchr(b'"', request.as_bytes()).unwrap_or(request.len());
    access.request(request.get(..end)?);
    // Nobody behind it was asked: HAProxy itself refused the name.
    if access.status == Some(401) && memmem::find(server.as_bytes(), b"<NOSRV>").is_some() {
        access.names_untold = true;
    }
    Some(access)
}
