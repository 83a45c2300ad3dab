//! BIND's name server.
//!
//! Source: BIND 9 `lib/ns/client.c` (`ns_client_name`: `client @0x… 192.0.2.7#53 (name): text`),
//! `lib/ns/query.c` (`query (cache) 'name/A/IN' denied`), `lib/ns/update.c`, `lib/ns/xfrout.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what named says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    // Its own file and some set-ups put category and level before.
    let client = text.split_once("client ").filter(|(before, _)| before.len() < 40)?.1;
    let (first, rest) = cut::word(client);
    let (peer, rest) = if first.starts_with("@0x") { cut::word(rest) } else { (first, rest) };
    let (address, port) = cut::address_port(peer.trim_end_matches(':'));
    if !cut::is_address(address) {
        return None;
    }
    let denied = rest.ends_with(" denied")
        || rest.contains(" denied ")
        || rest.contains("query failed (REFUSED)")
        || rest.contains("bad zone transfer request");
    let asked = rest.split_once("query: ").or_else(|| rest.split_once("response: "));
    let (name, question) = match asked {
        Some((_, question)) => (cut::word(question).0, true),
        None => (cut::between(rest, "'", "/").unwrap_or_default(), false),
    };
    if !denied && !question {
        return None;
    }
    let kind = if denied { EventKind::ServiceAbuse } else { EventKind::NetworkResolve };
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(address);
    event.source_port = port;
    event.with("query", name);
    // `name IN A +E(0)K`, `name IN A NXDOMAIN -E(0)K 0 1 1`.
    if let Some((_, question)) = asked {
        let mut words = question.split(' ').skip(2);
        if let Some(kind) = words.next() {
            event.with("query_type", kind);
        }
        if let Some(result) = words.next().filter(|_| rest.contains("response: ")) {
            event.with("result", result).with("direction", "in");
        }
    }
    if denied {
        event.with("reason", rest.split_once("): ").map_or(rest, |(_, reason)| reason));
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_transfer_and_a_question() {
        for (text, kind, query) in [
            (
                "client @0x7f 192.0.2.7#5353 (x.example): query (cache) 'x.example/A/IN' denied",
                EventKind::ServiceAbuse,
                "x.example",
            ),
            (
                "client 192.0.2.7#5353: zone transfer 'x.example/AXFR/IN' denied",
                EventKind::ServiceAbuse,
                "x.example",
            ),
            (
                "queries: info: client @0x7f 192.0.2.7#5353 (y.example): query: y.example IN A +E(0)K (10.0.0.1)",
                EventKind::NetworkResolve,
                "y.example",
            ),
        ] {
            let event = parse(&Message { text, ..Message::default() }).unwrap();
            assert_eq!((event.kind, event.text("query")), (kind, query), "{text}");
            assert_eq!((&*event.source_ip, event.source_port), ("192.0.2.7", Some(5353)));
        }
    }
}
