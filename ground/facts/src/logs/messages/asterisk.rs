//! Asterisk: refused registrations, calls and managers. Its own file and syslog share the text.
//!
//! Source: Asterisk `channels/chan_sip.c`, `channels/chan_iax2.c`, `main/manager.c`,
//! `res/res_pjsip/pjsip_distributor.c`, `res/res_pjsip_session.c`, `res/res_security_log.c`
//! (security events).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what Asterisk says: `NOTICE[1638][C-0001] chan_sip.c:12 function: text`.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let mut text = message.text.trim_start();
    // A second stamp, where Asterisk writes one into the journal too.
    if text.starts_with('[')
        && let Some((_, rest)) = text.split_once("] ")
    {
        text = rest;
    }
    let levels = ["NOTICE", "SECURITY", "WARNING", "ERROR", "VERBOSE"];
    if !levels.iter().any(|level| text.starts_with(level)) {
        return None;
    }
    if let Some((_, event)) = text.split_once("SecurityEvent=\"") {
        return security(message, event);
    }
    refused(message, text)
}

/// `Registration from '"100" <sip:100@…>' failed for '192.0.2.7:5060' - Wrong password`: the
/// caller writes the first part, so the last mark of each kind counts.
fn refused<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let mut event = message.event(EventKind::AuthFailure);
    let (peer, user) = if let Some((before, after)) = text.rsplit_once("' failed for '") {
        let user = cut::between(before, "sip:", "@").or_else(|| cut::between(before, "'", "@"));
        (cut::until(after, "'"), user.unwrap_or_default())
    } else if let Some((_, after)) = text.split_once(": Host ") {
        let (peer, rest) = cut::word(after);
        if !rest.starts_with("failed ") {
            return None;
        }
        (peer, cut::between(rest, "'", "'").unwrap_or_default())
    } else if let Some((before, after)) = text.rsplit_once("' (from ") {
        (cut::until(after, ")"), before.rsplit('\'').next().unwrap_or_default())
    } else if text.contains(" rejected because extension not found in context ") {
        event.kind = EventKind::ServiceAbuse;
        let (before, _) = text.rsplit_once(") to extension ")?;
        let (_, peer) = before.rsplit_once('(')?;
        (transport(peer), "")
    } else if let Some((_, after)) = text.split_once("hacking attempt detected '") {
        event.kind = EventKind::ServiceAbuse;
        (cut::until(after, "'"), "")
    } else if let Some((_, after)) = text.rsplit_once("Rejecting unknown SIP connection from ") {
        event.kind = EventKind::ServiceAbuse;
        (cut::until(after, "\""), "")
    } else if let Some((_, after)) = text.split_once("manager.c") {
        let (_, after) = after.split_once(": ")?;
        let (peer, rest) = cut::word(after);
        event.kind = match rest {
            _ if rest.starts_with("tried to authenticate with nonexistent user ") => {
                EventKind::AuthInvalidUser
            }
            _ if rest.starts_with("failed to authenticate as ") => EventKind::AuthFailure,
            _ => return None,
        };
        (peer, cut::between(rest, "'", "'").unwrap_or_default())
    } else {
        return None;
    };
    let (address, port) = cut::address_port(peer);
    if !cut::is_address(address) {
        return None;
    }
    (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
    event.user = Cow::Borrowed(user);
    event.with("service", "sip");
    Some(event)
}

/// Leaves out `UDP:` and its like before an address.
fn transport(peer: &str) -> &str {
    ["UDP:", "TCP:", "TLS:", "WS:", "WSS:"]
        .iter()
        .find_map(|name| peer.strip_prefix(name))
        .unwrap_or(peer)
}

/// `InvalidPassword",…,AccountID="ann",…,RemoteAddress="IPV4/UDP/192.0.2.7/5060",…`.
fn security<'l>(message: &Message<'l>, event_text: &'l str) -> Option<Event<'l>> {
    let (name, rest) = event_text.split_once('"')?;
    let kind = match name {
        "InvalidAccountID" => EventKind::AuthInvalidUser,
        "InvalidPassword" | "ChallengeResponseFailed" => EventKind::AuthFailure,
        "FailedACL" | "AuthMethodNotAllowed" | "UnexpectedAddress" | "InvalidTransport" => {
            EventKind::ServiceAbuse
        }
        "SuccessfulAuth" => EventKind::AuthSuccess,
        _ => return None,
    };
    // The session's name is the caller's: of two addresses the last is Asterisk's own.
    let (_, remote) = rest.rsplit_once(",RemoteAddress=\"")?;
    let mut parts = cut::until(remote, "\"").split('/');
    let (address, port) = (parts.nth(2)?, parts.next());
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(cut::address(address));
    event.source_port = port.and_then(|port| port.parse().ok());
    event.user = Cow::Borrowed(cut::between(rest, "AccountID=\"", "\"").unwrap_or_default());
    event.with("service", cut::between(rest, "Service=\"", "\"").unwrap_or_default());
    event.with("reason", name);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_names_a_false_address_is_still_found() {
        let text = "NOTICE[1] chan_sip.c: Registration from '<sip:x' failed for '10.0.0.1' - x' failed for '192.0.2.7:50' - Wrong password";
        let event = parse(&Message { text, ..Message::default() }).unwrap();
        assert_eq!((&*event.source_ip, event.source_port), ("192.0.2.7", Some(50)));
    }

    #[test]
    fn what_is_no_level_is_not_asterisks() {
        assert_eq!(
            parse(&Message { text: "a: Host 1.2.3.4 failed to x", ..Message::default() }),
            None
        );
    }
}
