//! OpenSSH's server, versions 3 to 10 (`sshd`, since 9.8 also `sshd-session` and `sshd-auth`).
//!
//! Source: OpenSSH `auth.c` (`auth_log`, `allowed_user`), `auth2.c`, `auth-pam.c`, `monitor.c`,
//! `packet.c` (`sshpkt_fatal`, `sshpkt_fmt_connection_id`), `kex.c`, `session.c`, `sshd.c`; TCP
//! wrappers `refuse.c`. A user name is chosen by the peer and may hold anything, ` from 1.2.3.4
//! port 22` too, so an address is taken from where the format ends, never from where it begins.

mod connections;
mod peer;

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;
pub use connections::Connections;
pub(super) use peer::address;

/// A line, and what it means for the connection that it is about.
#[derive(Debug)]
struct Said<'l> {
    event: Event<'l>,
    meaning: Meaning,
    /// Another address that the line can be read to name, if a user name is what it seems not.
    doubt: Option<Box<peer::Peer<'l>>>,
}

/// What a line means for the connection that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Nothing.
    Other,
    /// The connection begins.
    Arrives,
    /// An attempt failed.
    Fails,
    /// An attempt failed unless the same connection succeeds by other means: a PAM module of
    /// several, a key of several. sshd tells a failed password by itself, PAM tells it as well:
    /// this is how one attempt is one event.
    MayFail,
    /// The peer does not behave like a client that wants to log in.
    Abuses,
    /// Too many attempts: a failure unless one was told already.
    Limit,
    /// The connection ends before anybody was let in.
    Ends,
    /// The connection ends; whether somebody was let in is not said.
    Leaves,
    /// Somebody was let in.
    Succeeds,
}

/// Parses what sshd says, each line by itself.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    read(message).map(|said| said.event)
}

fn read<'l>(message: &Message<'l>) -> Option<Said<'l>> {
    let (text, before_login) = bare(message.text);
    // By the first byte, which rules most of them out: this is every line of a log full of sshd.
    // Each returns at once, without `or_else`: what is said is large, and would be moved each time.
    let said = match text.as_bytes().first()? {
        b'A' | b'F' | b'I' | b'P' | b'i' | b'm' => login(message, text),
        b'C' | b'D' | b'R' | b'T' => end(message, text, before_login),
        _ => None,
    };
    if said.is_some() {
        return said;
    }
    let said = refusal(message, text);
    if said.is_some() {
        return said;
    }
    let said = strange_peer(message, text);
    if said.is_some() {
        return said;
    }
    service(message, text)
}

/// Leaves out what stands before (`error: `, Solaris' `[ID 800047 auth.info] `) and behind
/// (` [preauth]`, from the process that has no privileges yet).
fn bare(text: &str) -> (&str, bool) {
    let mut text = cut::trimmed(text);
    if let Some(rest) = text.strip_prefix("[ID ")
        && let Some((_, rest)) = rest.split_once("] ")
    {
        text = rest;
    }
    if matches!(text.as_bytes().first(), Some(b'e' | b'f' | b'i')) {
        for prefix in ["error: ", "fatal: ", "info: "] {
            text = text.strip_prefix(prefix).unwrap_or(text);
        }
    }
    match text.strip_suffix(" [preauth]") {
        Some(rest) => (rest, true),
        None => (text, false),
    }
}

fn said<'l>(event: Event<'l>, meaning: Meaning) -> Said<'l> {
    Said { event, meaning, doubt: None }
}

/// Attempts to log in, and what came of them.
fn login<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    use EventKind::{AuthFailure, AuthSuccess};
    if let Some(rest) = text.strip_prefix("Failed ") {
        return attempt(message, AuthFailure, rest);
    }
    if let Some(rest) = text.strip_prefix("Accepted ") {
        return attempt(message, AuthSuccess, rest);
    }
    if let Some(rest) = invalid(text, ["Invalid user ", "Illegal user ", "invalid user "]) {
        let mut event = message.event(EventKind::AuthInvalidUser);
        // An empty name leaves ` from …`.
        let rest = rest.strip_prefix("from ").map_or(rest, |_| text.get(12..).unwrap_or(rest));
        peer::last(rest).put(&mut event);
        return Some(said(event, Meaning::Fails));
    }
    if let Some(rest) = text.strip_prefix("PAM: ") {
        return through_pam(message, rest);
    }
    if let Some(rest) = text.strip_prefix("maximum authentication attempts exceeded for ") {
        let unknown = invalid(rest, ["invalid user ", "illegal user ", "\0"]);
        let mut event = message.event(failure_of(unknown.is_some()));
        peer::last(unknown.unwrap_or(rest)).put(&mut event);
        event.with("reason", "too many authentication failures");
        return Some(said(event, Meaning::Fails));
    }
    if let Some(user) = text.strip_prefix("input_userauth_request: invalid user ") {
        let mut event = message.event(EventKind::AuthInvalidUser);
        event.user = Cow::Borrowed(user);
        return Some(said(event, Meaning::MayFail));
    }
    if let Some(rest) = text.strip_prefix("Postponed ") {
        let (method, rest) = rest.split_once(" for ")?;
        let mut event = message.event(EventKind::LogMessage);
        event.method = Cow::Borrowed(method);
        peer::last(rest).put(&mut event);
        return Some(said(event, Meaning::Other));
    }
    None
}

fn invalid<'l>(text: &'l str, prefixes: [&str; 3]) -> Option<&'l str> {
    prefixes.into_iter().find_map(|prefix| text.strip_prefix(prefix))
}

fn failure_of(invalid_user: bool) -> EventKind {
    if invalid_user { EventKind::AuthInvalidUser } else { EventKind::AuthFailure }
}

/// `password for invalid user admin from 1.2.3.4 port 22 ssh2: ED25519 SHA256:…`.
fn attempt<'l>(message: &Message<'l>, kind: EventKind, rest: &'l str) -> Option<Said<'l>> {
    let (method, rest) = cut::around(rest, " for ")?;
    let unknown = invalid(rest, ["invalid user ", "illegal user ", "<invalid username>"]);
    let failed = kind == EventKind::AuthFailure;
    let kind = if failed { failure_of(unknown.is_some()) } else { kind };
    let mut event = message.event(kind);
    event.method = Cow::Borrowed(method);
    let found = peer::informed(unknown.unwrap_or(rest));
    found.put(&mut event);
    if let Some((key_type, fingerprint)) = found.information.split_once(' ') {
        event.with("key_type", key_type);
        let (fingerprint, after) = fingerprint.split_once([' ', ',']).unwrap_or((fingerprint, ""));
        event.with("fingerprint", fingerprint);
        if let Some(certificate) = after.strip_prefix("ID ") {
            event.with("certificate", certificate);
        }
    }
    let meaning = match (failed, unknown) {
        (false, _) => Meaning::Succeeds,
        // A client offers one key after another; `none` asks which methods there are.
        (true, None) if matches!(method, "publickey" | "none") => Meaning::MayFail,
        (true, _) => Meaning::Fails,
    };
    Some(Said { event, meaning, doubt: found.doubt().map(Box::new) })
}

/// `Authentication failure for root from 1.2.3.4`, `User not known to the underlying
/// authentication module for illegal user x from y`, `User account has expired for ann from z`.
fn through_pam<'l>(message: &Message<'l>, rest: &'l str) -> Option<Said<'l>> {
    let (reason, who) = rest.split_once(" for ")?;
    if !who.contains(" from ") {
        return None;
    }
    let unknown = invalid(who, ["illegal user ", "invalid user ", "\0"]);
    let mut event = message.event(failure_of(unknown.is_some()));
    event.method = Cow::Borrowed("pam");
    peer::last(unknown.unwrap_or(who)).put(&mut event);
    event.with("reason", reason);
    Some(said(event, Meaning::Fails))
}

/// Ends of connections.
fn end<'l>(message: &Message<'l>, text: &'l str, before_login: bool) -> Option<Said<'l>> {
    let meaning = if before_login { Meaning::Ends } else { Meaning::Leaves };
    if let Some(rest) = text.strip_prefix("Received disconnect from ") {
        return Some(goodbye(message, rest, meaning));
    }
    let closings = ["Connection closed by ", "Connection reset by ", "Disconnected from "];
    if let Some(rest) = invalid(text, closings) {
        if rest == "remote host" {
            return None;
        }
        return Some(closed(message, rest, meaning));
    }
    if text.starts_with("Disconnecting") {
        return thrown_out(message, text);
    }
    if let Some(rest) = text.strip_prefix("Timeout before authentication for ") {
        let rest = rest.strip_prefix("connection from ").unwrap_or(rest);
        return Some(abuse(message, peer::at(rest), "no authentication in time"));
    }
    None
}

/// `1.2.3.4 port 22:11: Bye Bye`, `1.2.3.4: 3: com.jcraft.jsch.JSchException: Auth fail`.
fn goodbye<'l>(message: &Message<'l>, rest: &'l str, meaning: Meaning) -> Said<'l> {
    let found = peer::at(rest);
    let (code, reason) =
        found.after.trim_start_matches([':', ' ']).split_once(':').unwrap_or(("", ""));
    let reason = reason.trim();
    // 14: the client has no method left that this server takes; 3 with this text is a library's
    // way to say the same.
    let failed = code == "14" || (code == "3" && reason.ends_with("Auth fail"));
    let kind = match meaning {
        _ if failed => EventKind::AuthFailure,
        Meaning::Ends => EventKind::ServiceAbuse,
        _ => EventKind::AuthAborted,
    };
    let mut event = message.event(kind);
    found.put(&mut event);
    event.with("reason", reason);
    said(event, if failed { Meaning::Fails } else { meaning })
}

/// `authenticating user root 1.2.3.4 port 22`, `1.2.3.4 port 22`, `1.2.3.4`.
fn closed<'l>(message: &Message<'l>, rest: &'l str, meaning: Meaning) -> Said<'l> {
    let (kind, found) = if let Some(rest) = rest.strip_prefix("authenticating user ") {
        (EventKind::AuthFailure, peer::behind_user(rest))
    } else if let Some(rest) = rest.strip_prefix("invalid user ") {
        (EventKind::AuthInvalidUser, peer::behind_user(rest))
    } else if let Some((_, rest)) = cut::around(rest, "user ") {
        (EventKind::SessionClose, peer::behind_user(rest))
    } else if meaning == Meaning::Ends {
        (EventKind::ServiceAbuse, peer::at(rest))
    } else {
        (EventKind::AuthAborted, peer::at(rest))
    };
    let mut event = message.event(kind);
    found.put(&mut event);
    let meaning = match kind {
        EventKind::SessionClose => Meaning::Other,
        // Only somebody who was not let in is called so.
        EventKind::AuthFailure | EventKind::AuthInvalidUser => Meaning::Ends,
        _ => meaning,
    };
    if kind == EventKind::ServiceAbuse {
        event.with("reason", "closed before authentication");
    }
    said(event, meaning)
}

/// `Disconnecting: Too many authentication failures for root`, `Disconnecting invalid user x
/// 1.2.3.4 port 22: Change of username or service not allowed: (x,…) -> (y,…)`.
fn thrown_out<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    let limit = ": Too many authentication failures";
    let change = ": Change of username or service not allowed";
    let (who, reason, after) = [limit, change].into_iter().find_map(|reason| {
        let (who, after) = text.rsplit_once(reason)?;
        Some((who.strip_prefix("Disconnecting")?, reason, after))
    })?;
    let who = who.trim_start();
    let user = invalid(who, ["authenticating user ", "invalid user ", "user "]);
    let mut event = message.event(failure_of(who.starts_with("invalid user ")));
    match user {
        Some(user) => peer::behind_user(user).put(&mut event),
        None if who.is_empty() => {}
        None => peer::at(who).put(&mut event),
    }
    if let Some(user) = after.strip_prefix(" for ") {
        let unknown = user.strip_prefix("invalid user ");
        event.kind = failure_of(unknown.is_some());
        event.user = Cow::Borrowed(unknown.unwrap_or(user));
    }
    let too_many = reason == limit;
    event.with("reason", reason.trim_start_matches([':', ' ']));
    Some(said(event, if too_many { Meaning::Limit } else { Meaning::Fails }))
}

/// Accounts and peers that may not come in.
fn refusal<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    if let Some((who, reason)) =
        text.strip_prefix("User ").and_then(|rest| rest.rsplit_once(" not allowed because "))
    {
        let mut event = message.event(EventKind::AuthInvalidUser);
        let known = who.contains(" from ");
        if known {
            peer::last(who).put(&mut event);
        } else {
            event.user = Cow::Borrowed(who);
        }
        event.with("reason", reason);
        return Some(said(event, if known { Meaning::Fails } else { Meaning::MayFail }));
    }
    if let Some(rest) = text.strip_prefix("ROOT LOGIN REFUSED FROM ") {
        let mut event = message.event(EventKind::AuthFailure);
        peer::at(rest).put(&mut event);
        event.user = Cow::Borrowed("root");
        event.with("reason", "root may not log in");
        return Some(said(event, Meaning::Fails));
    }
    if let Some(rest) = text.strip_prefix("refused connect from ") {
        // `name@address (address)`: only the last is the peer's own.
        let address = match rest.rsplit_once('(') {
            Some((_, address)) => address.trim_end_matches(')'),
            None => rest.rsplit('@').next().unwrap_or(rest),
        };
        return Some(abuse(message, peer::at(address), "refused by the list of hosts"));
    }
    None
}

/// What is no client.
fn strange_peer<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    if let Some(rest) = text.strip_prefix("Unable to negotiate with ") {
        let found = peer::at(rest);
        return Some(abuse(message, found, found.after.trim_start_matches([':', ' '])));
    }
    if let Some(rest) = text.strip_prefix("Did not receive identification string from ") {
        return Some(abuse(message, peer::at(rest), "no identification"));
    }
    let from_the_end = [
        "Bad protocol version identification ",
        "Magic value check failed ",
        "Bad remote protocol version ",
    ];
    if let Some(rest) = invalid(text, from_the_end) {
        let found = peer::last(rest);
        let mut event = abuse(message, found, "bad protocol version");
        event.event.user = Cow::Borrowed("");
        return Some(event);
    }
    for place in ["banner exchange: Connection from ", "ssh_dispatch_run_fatal: Connection from "] {
        if let Some(rest) = text.strip_prefix(place) {
            let found = peer::at(rest);
            return Some(abuse(message, found, found.after.trim_start_matches([':', ' '])));
        }
    }
    if let Some(rest) = text.strip_prefix("SSH: Server;") {
        // A patch of some systems: `Ltype: Version;Remote: 1.2.3.4-1780;…`.
        let (_, rest) = rest.split_once("Remote: ")?;
        let (address, port) = rest.split_once(';').map_or(rest, |(it, _)| it).rsplit_once('-')?;
        let mut event = message.event(EventKind::LogMessage);
        event.source_ip = peer::address(address);
        event.source_port = port.parse().ok();
        return Some(said(event, Meaning::Arrives));
    }
    let nameless = [
        "kex_exchange_identification: ",
        "kex_protocol_error: ",
        "Unable to negotiate ",
        "Read from socket failed: ",
        "Write failed: ",
        "no matching ",
        "ssh_dispatch_run_fatal: ",
    ];
    let nameless = nameless.into_iter().any(|start| text.starts_with(start));
    nameless.then(|| abuse(message, peer::Peer::default(), text))
}

fn abuse<'l>(message: &Message<'l>, found: peer::Peer<'l>, reason: &'l str) -> Said<'l> {
    let mut event = message.event(EventKind::ServiceAbuse);
    found.put(&mut event);
    event.with("reason", reason);
    said(event, Meaning::Abuses)
}

/// Connections, sessions, and the daemon itself.
fn service<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    if let Some(rest) = text.strip_prefix("Connection from ") {
        let mut event = message.event(EventKind::NetworkListen);
        let found = peer::at(rest);
        found.put(&mut event);
        if let Some(here) = found.after.strip_prefix(" on ") {
            let here = peer::at(here);
            event.with("destination_ip", peer::address(here.address));
            if let Some(port) = here.port {
                event.with("destination_port", i64::from(port));
            }
        }
        return Some(said(event, Meaning::Arrives));
    }
    if let Some(rest) = text.strip_prefix("Server listening on ") {
        let mut event = message.event(EventKind::ServiceStart);
        let here = peer::at(rest.trim_end_matches('.'));
        event.with("destination_ip", peer::address(here.address));
        if let Some(port) = here.port {
            event.with("destination_port", i64::from(port));
        }
        return Some(said(event, Meaning::Other));
    }
    if text.starts_with("Received signal ") && text.contains("terminating") {
        return Some(said(message.event(EventKind::ServiceStop), Meaning::Other));
    }
    if let Some(rest) = text.strip_prefix("Starting session: ") {
        let (what, who) = rest.split_once(" for ")?;
        let (what, tty) = what.split_once(" on ").unwrap_or((what, ""));
        let mut event = message.event(EventKind::SessionOpen);
        event.method = Cow::Borrowed(what);
        event.tty = Cow::Borrowed(tty);
        peer::last(who).put(&mut event);
        return Some(said(event, Meaning::Other));
    }
    if let Some(rest) = text.strip_prefix("subsystem request for ") {
        let mut event = message.event(EventKind::SessionOpen);
        let (subsystem, who) = rest.split_once(' ').unwrap_or((rest, ""));
        event.method = Cow::Borrowed(subsystem);
        event.user = Cow::Borrowed(who.rsplit_once("by user ").map_or("", |(_, user)| user));
        return Some(said(event, Meaning::Other));
    }
    names_an_address(message, text)
}

/// `Address 1.2.3.4 maps to x, but this does not map back to the address - POSSIBLE BREAK-IN
/// ATTEMPT!` and `reverse mapping checking getaddrinfo for x [1.2.3.4] failed - …`: a badly kept
/// zone, which is no failure by itself.
fn names_an_address<'l>(message: &Message<'l>, text: &'l str) -> Option<Said<'l>> {
    let address = if let Some(rest) = text.strip_prefix("Address ") {
        rest.split_once(" maps to ")?.0
    } else if let Some(rest) = text.strip_prefix("reverse mapping checking ") {
        rest.rsplit_once('[')?.1.split_once(']')?.0
    } else if let Some(rest) = text.strip_prefix("Nasty PTR record ") {
        rest.rsplit_once(" for ")?.1.split_once(',')?.0
    } else {
        return None;
    };
    let mut event = message.event(EventKind::LogMessage);
    event.source_ip = peer::address(address);
    event.with("reason", "the address and its name do not agree");
    Some(said(event, Meaning::Other))
}

#[cfg(test)]
mod tests;
