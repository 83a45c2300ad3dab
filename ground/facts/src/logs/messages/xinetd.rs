//! xinetd, and the small daemons that refuse hosts in a sentence (`nrpe`, `tcpd`).
//!
//! Source: xinetd `xinetd/log.c` (`FAIL: telnet address from=192.0.2.7`, `START: … from=…`); NRPE
//! `src/nrpe.c`; tcp_wrappers `refuse.c` (`refused connect from …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what xinetd, nrpe or a wrapped daemon says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some(rest) = text.strip_prefix("Host ") {
        let (address, _) = rest.split_once(" is not allowed to talk to us")?;
        return Some(refused(message, address, ""));
    }
    if let Some((_, who)) = text.split_once("refused connect from ") {
        return Some(refused(
            message,
            cut::bracketed(who).map_or(cut::word(who).0, |found| found.0),
            "",
        ));
    }
    let (what, rest) = text.split_once(": ")?;
    let (before, address) = rest.rsplit_once("from=")?;
    let (service, reason) = cut::word(before);
    match what {
        "FAIL" => {
            let mut event = refused(message, address, service);
            event.with("reason", reason.trim());
            Some(event)
        }
        "START" => {
            let mut event = message.event(EventKind::NetworkListen);
            event.source_ip = Cow::Borrowed(cut::address(address));
            event.with("service", service);
            Some(event)
        }
        _ => None,
    }
}

fn refused<'l>(message: &Message<'l>, address: &'l str, service: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::ServiceAbuse);
    event.source_ip = Cow::Borrowed(cut::address(address));
    event.with("service", if service.is_empty() { message.program } else { service });
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_host_and_a_served_one() {
        for (text, kind) in [
            ("FAIL: telnet address from=::ffff:192.0.2.7", EventKind::ServiceAbuse),
            ("START: telnet pid=7 from=192.0.2.7", EventKind::NetworkListen),
            ("refused connect from h.example [192.0.2.7]", EventKind::ServiceAbuse),
        ] {
            let event = parse(&Message { text, ..Message::default() }).unwrap();
            assert_eq!((event.kind, &*event.source_ip), (kind, "192.0.2.7"), "{text}");
        }
    }
}
