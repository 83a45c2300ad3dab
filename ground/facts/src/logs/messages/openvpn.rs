//! OpenVPN's server.
//!
//! Source: OpenVPN `src/openvpn/ssl.c`, `ssl_verify.c`, `sig.c`, `multi.c`
//! (`192.0.2.7:1194 TLS Error: …`, `ann/192.0.2.7:1194 …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what OpenVPN says; its own log file is the text behind the time.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    let (peer, said) = cut::word(text);
    let (user, address) = peer.split_once('/').unwrap_or(("", peer));
    let (address, port) = cut::address_port(address);
    if cut::is_address(address) {
        let mut event = message.event(kind(said)?);
        event.source_ip = Cow::Borrowed(address);
        event.source_port = port;
        event.user = Cow::Borrowed(user);
        if let Some(name) = cut::between(said, "authentication succeeded for username '", "'") {
            event.user = Cow::Borrowed(name);
        }
        return Some(event);
    }
    let (what, peer) = text.rsplit_once("[AF_INET]").or_else(|| text.rsplit_once("[AF_INET6]"))?;
    let kind = if what.starts_with("TLS Error") {
        EventKind::AuthFailure
    } else if what.starts_with("TCP connection established with") {
        EventKind::NetworkListen
    } else {
        return None;
    };
    let mut event = message.event(kind);
    let (address, port) = cut::address_port(cut::word(peer).0);
    (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
    Some(event)
}

fn kind(said: &str) -> Option<EventKind> {
    let failures = ["VERIFY ERROR", "TLS Auth Error", "TLS Error"];
    if failures.iter().any(|words| said.starts_with(words)) {
        return Some(EventKind::AuthFailure);
    }
    // Twice the same end: what came is no OpenVPN at all.
    if said.starts_with("SIGUSR1[soft,connection-reset]") {
        return Some(EventKind::ServiceAbuse);
    }
    if said.starts_with("Connection reset") || said.starts_with("WARNING: Bad encapsulated packet")
    {
        return Some(EventKind::AuthAborted);
    }
    if said.contains("authentication succeeded for username") {
        return Some(EventKind::AuthSuccess);
    }
    said.contains("Peer Connection Initiated").then_some(EventKind::SessionOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_and_a_scan() {
        for (text, kind, user) in [
            (
                "192.0.2.7:1194 TLS: Username/Password authentication succeeded for username 'ann' ",
                EventKind::AuthSuccess,
                "ann",
            ),
            ("ann/192.0.2.7:1194 Connection reset, restarting [0]", EventKind::AuthAborted, "ann"),
            (
                "TLS Error: incoming packet authentication failed from [AF_INET]192.0.2.7:1194",
                EventKind::AuthFailure,
                "",
            ),
        ] {
            let event = parse(&Message { text, ..Message::default() }).unwrap();
            assert_eq!((event.kind, &*event.user), (kind, user), "{text}");
            assert_eq!((&*event.source_ip, event.source_port), ("192.0.2.7", Some(1194)));
        }
        assert_eq!(
            parse(&Message { text: "Initialization Sequence Completed", ..Message::default() }),
            None
        );
    }
}
