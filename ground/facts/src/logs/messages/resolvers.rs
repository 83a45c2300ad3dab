//! Name servers of a machine or a small network: dnsmasq, unbound, systemd-resolved.
//!
//! Source: dnsmasq `src/cache.c` (`log_query`: `query[A] name from address`, `reply name is
//! NXDOMAIN`, with `log-queries=extra` a serial number and the asker before), unbound
//! `util/net_help.c` (`log_query_in`, `log_reply_info`: `address name. type class rcode …`),
//! systemd `src/resolve/resolved-dns-query.c` (`Looking up RR for name class type.`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what a resolver says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    match message.program {
        "dnsmasq" => dnsmasq(message),
        "unbound" => unbound(message),
        _ => resolved(message),
    }
}

fn dnsmasq<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let mut text = message.text.trim_start();
    let mut asker = "";
    let (serial, rest) = cut::word(text);
    if !serial.is_empty() && serial.bytes().all(|b| b.is_ascii_digit()) {
        let (who, rest) = cut::word(rest);
        asker = who.split('/').next().unwrap_or_default();
        text = rest.trim_start();
    }
    if let Some(question) = text.strip_prefix("query[") {
        let (kind, rest) = question.split_once("] ")?;
        let (name, from) = rest.split_once(" from ")?;
        let mut event = message.event(EventKind::NetworkResolve);
        event.source_ip = Cow::Borrowed(from.trim());
        event.with("query", name).with("query_type", kind);
        return Some(event);
    }
    let (name, answer) =
        text.strip_prefix("reply ").or_else(|| text.strip_prefix("cached "))?.split_once(" is ")?;
    // An answer with an address comes in a line for each, and adds nothing to the question.
    if !answer.starts_with("NXDOMAIN") {
        return None;
    }
    let mut event = message.event(EventKind::NetworkResolve);
    event.source_ip = Cow::Borrowed(asker);
    event.with("query", name).with("result", "NXDOMAIN").with("direction", "in");
    Some(event)
}

fn unbound<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.split_once("info: ").map_or(message.text, |(_, rest)| rest);
    let text = ["query: ", "reply: "].iter().find_map(|tag| text.strip_prefix(tag)).unwrap_or(text);
    let mut words = text.split(' ');
    let client = words.next().filter(|word| cut::is_address(word))?;
    let (name, kind) = (words.next()?, words.next()?);
    if words.next() != Some("IN") {
        return None;
    }
    let mut event = message.event(EventKind::NetworkResolve);
    event.source_ip = Cow::Borrowed(client);
    event.with("query", name).with("query_type", kind);
    if let Some(result) = words.next() {
        event.with("result", result).with("direction", "in");
    }
    Some(event)
}

fn resolved<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let rest = message.text.strip_prefix("Looking up RR for ")?.trim_end_matches('.');
    let mut words = rest.split(' ');
    let name = words.next()?;
    let kind = words.nth(1)?;
    let mut event = message.event(EventKind::NetworkResolve);
    event.with("query", name).with("query_type", kind);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_names_that_do_not_exist() {
        for (program, text, expected) in [
            ("dnsmasq", "query[TXT] a.t.example from 10.0.0.5", "10.0.0.5 a.t.example TXT "),
            (
                "dnsmasq",
                "17 10.0.0.5/4000 query[A] b.example from 10.0.0.5",
                "10.0.0.5 b.example A ",
            ),
            (
                "dnsmasq",
                "17 10.0.0.5/4000 reply b.example is NXDOMAIN",
                "10.0.0.5 b.example  NXDOMAIN",
            ),
            ("dnsmasq", "cached c.example is NXDOMAIN-IPv6", " c.example  NXDOMAIN"),
            ("unbound", "[7:0] info: 10.0.0.5 d.example. A IN", "10.0.0.5 d.example. A "),
            (
                "unbound",
                "[7:0] info: reply: 10.0.0.5 d.example. A IN NXDOMAIN 0.01 0 30",
                "10.0.0.5 d.example. A NXDOMAIN",
            ),
            ("systemd-resolved", "Looking up RR for e.example IN AAAA.", " e.example AAAA "),
        ] {
            let event = parse(&Message { program, text, ..Message::default() }).unwrap();
            let [query, kind, result] =
                ["query", "query_type", "result"].map(|name| event.text(name));
            assert_eq!(format!("{} {query} {kind} {result}", event.source_ip), expected, "{text}");
            assert_eq!(event.kind, EventKind::NetworkResolve);
        }
        for (program, text) in [
            ("dnsmasq", "reply b.example is 192.0.2.1"),
            ("dnsmasq", "using nameserver 10.0.0.1#53"),
            ("unbound", "[7:0] info: start of service (unbound 1.17.1)."),
            ("systemd-resolved", "Using degraded feature set UDP instead of TCP"),
        ] {
            assert_eq!(parse(&Message { program, text, ..Message::default() }), None, "{text}");
        }
    }
}
