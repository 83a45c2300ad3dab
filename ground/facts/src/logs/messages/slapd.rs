//! OpenLDAP's slapd: a connection's lines share `conn=`, and only the first names the address.
//!
//! Source: OpenLDAP `servers/slapd/connection.c` (`conn=… fd=… ACCEPT from IP=…`),
//! `servers/slapd/result.c` (`RESULT tag=97 err=49`), `include/ldap.h` (49: invalid credentials).

use std::borrow::Cow;
use std::collections::BTreeMap;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::{Each, Message, syslog};

/// How many connections are remembered.
const CONNECTIONS: usize = 4096;

/// Addresses by the number of their connection.
#[derive(Debug, Default)]
pub(super) struct Connections {
    peers: BTreeMap<String, (String, Option<u16>)>,
}

impl Connections {
    /// Shows a message with the address that its connection came from.
    pub(super) fn take(&mut self, message: &Message<'_>, each: &mut Each<'_>) {
        let Some(mut event) = parse(message) else {
            // `conn=7 fd=21 closed`: the number is used again.
            if let Some(number) = cut::between(message.text, "conn=", " ")
                && message.text.contains(" closed")
            {
                self.peers.remove(number);
            }
            return each(&syslog::plain(message));
        };
        if event.kind == EventKind::NetworkListen {
            if self.peers.len() < CONNECTIONS {
                let peer = (event.source_ip.to_string(), event.source_port);
                self.peers.insert(event.session.to_string(), peer);
            }
        } else if let Some((address, port)) = self.peers.get(&*event.session) {
            (event.source_ip, event.source_port) = (Cow::Borrowed(address.as_str()), *port);
        }
        each(&event);
    }
}

/// Parses what slapd says. The connection's number is the event's session.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let rest = message.text.strip_prefix("conn=")?;
    let (connection, rest) = cut::word(rest);
    let mut event = if let Some((_, peer)) = rest.split_once("ACCEPT from IP=") {
        let mut event = message.event(EventKind::NetworkListen);
        let (address, port) = cut::address_port(cut::word(peer).0);
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        event
    } else if rest.contains("RESULT tag=97 err=49") {
        message.event(EventKind::AuthFailure)
    } else if let Some((_, bind)) =
        rest.split_once("BIND dn=\"").filter(|_| rest.contains(" mech="))
    {
        let mut event = message.event(EventKind::AuthSuccess);
        event.user = Cow::Borrowed(cut::until(bind, "\""));
        event.method = Cow::Borrowed(cut::value(rest, "mech", &[' ']).unwrap_or_default());
        event
    } else {
        return None;
    };
    event.session = Cow::Borrowed(connection);
    event.with("service", "ldap");
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_bind_shares_the_number_of_its_connection() {
        let read = |text| parse(&Message { text, ..Message::default() });
        let accepted = read("conn=7 fd=1 ACCEPT from IP=192.0.2.7:45 (IP=0.0.0.0:636)").unwrap();
        let refused = read("conn=7 op=1 RESULT tag=97 err=49 text=").unwrap();
        assert_eq!((&*accepted.source_ip, refused.kind), ("192.0.2.7", EventKind::AuthFailure));
        assert_eq!((accepted.session, refused.session), ("7".into(), "7".into()));
        assert_eq!(read("conn=7 op=2 UNBIND"), None);
    }
}
