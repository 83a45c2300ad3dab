//! lighttpd's error log.

use stanch_words::EventKind;

use super::{Complaint, php};
use crate::logs::Stamps;
use crate::logs::cut::{address, after, between};

/// Reads `2018-01-16 14:10:32: (mod_auth.c.525) text`.
pub(super) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Complaint<'l>> {
    let (stamp, rest) = stamps.iso(text)?;
    let mut complaint = body(rest.strip_prefix(':').unwrap_or(rest).trim_start())?;
    (complaint.time, complaint.clock) = (Some(stamp.time), stamp.clock);
    Some(complaint)
}

/// Reads `(file.c.line) text`; some versions lost the opening bracket.
pub(in crate::logs) fn body(text: &str) -> Option<Complaint<'_>> {
    let (place, words) = text.split_once(") ")?;
    let place = place.strip_prefix('(').unwrap_or(place);
    if !place.contains(".c.") || place.contains(' ') {
        return None;
    }
    let mut complaint = Complaint::new("lighttpd", words);
    let failed = words.starts_with("password doesn't match")
        || words.starts_with("digest: auth failed")
        || words.starts_with("get_password failed");
    if failed {
        complaint.is(EventKind::AuthFailure);
        let source = words.rsplit_once("IP: ").map(|(_, source)| source);
        complaint.source = source.map(address).unwrap_or_default();
        let user = after(words, "username: ").or_else(|| after(words, "auth failed for "));
        if let Some(user) = user {
            let ends = [", IP:", " IP:", " : wrong password"];
            let end = ends.iter().filter_map(|end| user.find(end)).min().unwrap_or(user.len());
            complaint.user = user.get(..end).unwrap_or(user).trim();
        }
        complaint.url = between(words, "match for ", " username").unwrap_or_default();
    } else if let Some(rest) = after(words, "FastCGI-stderr: ") {
        php::suhosin(rest, &mut complaint);
    }
    Some(complaint)
}
