//! What other machines send to this one's log: RouterOS, macOS screen sharing, SoftEther VPN.
//!
//! Source: MikroTik RouterOS manual "Log" (`topics message`); macOS `screensharingd`; SoftEther
//! VPN `src/Cedar/Hub.c` with `hamcore/strtable_en.stb`, LS_AUTH_FAILED.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Returns whether a text without a program's name may be one of these.
pub(super) fn is(text: &str) -> bool {
    text.starts_with("system,")
        || text.starts_with("User authentication failed. The user name that ")
        || text.contains("<SECURITY_LOG>: ")
}

/// Parses their messages.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some(rest) = text.strip_prefix("Authentication: ") {
        return screen_sharing(message, rest);
    }
    if text.starts_with("system,") {
        return router(message, text);
    }
    softether(message, text)
}

/// `login failure for user ann from 192.0.2.7 via ssh`.
fn router<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (kind, rest) = match text.split_once(" login failure for user ") {
        Some((_, rest)) => (EventKind::AuthFailure, rest),
        None => {
            let (_, rest) =
                text.split_once(" user ").filter(|(_, rest)| rest.contains(" logged in from "))?;
            (EventKind::AuthSuccess, rest)
        }
    };
    let (user, rest) = rest.rsplit_once(" from ")?;
    let mut event = message.event(kind);
    event.user = Cow::Borrowed(user.strip_suffix(" logged in").unwrap_or(user));
    event.source_ip = Cow::Borrowed(cut::address(cut::word(rest).0));
    event.with("service", rest.rsplit_once(" via ").map_or("", |(_, service)| service));
    Some(event)
}

/// `FAILED :: User Name: ann :: Viewer Address: 192.0.2.7 :: Type: DH`.
fn screen_sharing<'l>(message: &Message<'l>, rest: &'l str) -> Option<Event<'l>> {
    let (verdict, rest) = rest.split_once(" :: User Name: ")?;
    let kind = match verdict {
        "FAILED" => EventKind::AuthFailure,
        "SUCCEEDED" => EventKind::AuthSuccess,
        _ => return None,
    };
    let (user, rest) = rest.rsplit_once(" :: Viewer Address: ")?;
    let mut event = message.event(kind);
    event.user = Cow::Borrowed(user);
    event.source_ip = Cow::Borrowed(cut::address(cut::until(rest, " :: ")));
    Some(event)
}

/// `Connection "CID-72": User authentication failed. The user name that has been provided was
/// "bob", from 192.0.2.7.`
pub(in super::super) fn softether<'l>(message: &Message<'l>, said: &'l str) -> Option<Event<'l>> {
    let (_, rest) = said.split_once("User authentication failed. ")?;
    let (before, address) = rest.rsplit_once("\", from ")?;
    let mut event = message.event(EventKind::AuthFailure);
    event.user = Cow::Borrowed(cut::after(before, "\"").unwrap_or_default());
    event.source_ip = Cow::Borrowed(cut::address(address.trim_end().trim_end_matches('.')));
    event.with("service", "vpn");
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_named_from_somewhere_is_not_the_address() {
        let text = "system,error,critical login failure for user a from 10.0.0.1 via x from 192.0.2.7 via ssh";
        let event = parse(&Message { text, ..Message::default() }).unwrap();
        assert_eq!((&*event.user, &*event.source_ip), ("a from 10.0.0.1 via x", "192.0.2.7"));
        let text = "system,info,account user admin logged in from 192.0.2.7 via ssh";
        let event = parse(&Message { text, ..Message::default() }).unwrap();
        assert_eq!((event.kind, &*event.user), (EventKind::AuthSuccess, "admin"));
    }
}
