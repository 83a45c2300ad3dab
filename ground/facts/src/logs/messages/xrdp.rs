//! xrdp and its session manager. Their own files and syslog share the text.
//!
//! Source: xrdp `sesman/scp_process.c` (`AUTHFAIL: user=%s ip=%s time=%d`), `sesman/sesman.c`
//! (`++ created session (access granted): username ann, ip …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what xrdp says: `[INFO ] AUTHFAIL: user=ann ip=::ffff:192.0.2.7 time=1649351466`.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (_, said) = message.text.split_once("] ")?;
    if let Some(rest) = said.strip_prefix("AUTHFAIL: user=") {
        // The user's name is the client's to choose; the address comes last.
        let (user, rest) = rest.rsplit_once(" ip=")?;
        let (address, time) = cut::word(rest);
        if !time.starts_with("time=") || !cut::is_address(cut::address(address)) {
            return None;
        }
        let mut event = message.event(EventKind::AuthFailure);
        event.user = Cow::Borrowed(user);
        event.source_ip = Cow::Borrowed(cut::address(address));
        event.with("service", "rdp");
        return Some(event);
    }
    let (_, rest) = said.split_once("created session (access granted): username ")?;
    let (user, rest) = rest.split_once(", ip ")?;
    let mut event = message.event(EventKind::AuthSuccess);
    event.user = Cow::Borrowed(user);
    event.source_ip = Cow::Borrowed(cut::address_port(cut::word(cut::until(rest, " - ")).0).0);
    event.with("service", "rdp");
    Some(event)
}
