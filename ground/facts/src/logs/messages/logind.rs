//! systemd-logind, login, and those who answer a terminal: sessions, and the machine's end.
//!
//! Source: systemd `src/login/logind-{session,dbus}.c`; util-linux `login-utils/login.c`;
//! shadow-utils `src/login.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what these programs say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    if message.program == "systemd-logind" || message.program == "elogind" {
        return session(message, text).or_else(|| end(message, text));
    }
    failed(message, text).or_else(|| on_a_terminal(message, text))
}

/// `New session 12 of user ann.`, `New session '12' of user 'ann' with class 'user' and type
/// 'tty'.`, `Removed session 12.`
fn session<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if let Some(rest) = text.strip_prefix("New session ") {
        let (session, rest) = rest.split_once(" of user ")?;
        let user = cut::until(rest, " ").trim_end_matches('.').trim_matches('\'');
        let mut event = message.event(EventKind::SessionOpen);
        event.session = Cow::Borrowed(session.trim_matches('\''));
        event.user = Cow::Borrowed(user);
        if let Some(class) = cut::between(rest, "with class '", "'") {
            event.with("class", class);
        }
        return Some(event);
    }
    let session = text.strip_prefix("Removed session ")?;
    let mut event = message.event(EventKind::SessionClose);
    event.session = Cow::Borrowed(session.trim_end_matches('.').trim_matches('\''));
    Some(event)
}

fn end<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let ends =
        ["System is powering", "System is rebooting", "System is halting", "The system will "];
    let said = ends.into_iter().any(|start| text.starts_with(start));
    said.then(|| {
        let mut event = message.event(EventKind::Shutdown);
        event.with("reason", text);
        event
    })
}

/// `FAILED LOGIN 1 FROM tty1 FOR root, Authentication failure`, `FAILED LOGIN (1) on '/dev/tty1'
/// from 'h' FOR 'root', Authentication failure`, `invalid password for 'root' on 'tty1' from 'h'`.
fn failed<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let mut event = message.event(EventKind::AuthFailure);
    if let Some(rest) = text.strip_prefix("invalid password for ") {
        let mut words = rest.split('\'');
        let (_, user, _, tty) = (words.next()?, words.next()?, words.next(), words.next());
        event.user = Cow::Borrowed(user);
        event.tty = Cow::Borrowed(tty.unwrap_or_default());
        event.source_ip = Cow::Borrowed(cut::between(rest, "from '", "'").unwrap_or_default());
        if user == "UNKNOWN" {
            event.kind = EventKind::AuthInvalidUser;
        }
        return Some(event);
    }
    let rest = text
        .strip_prefix("FAILED LOGIN SESSION ")
        .or_else(|| text.strip_prefix("FAILED LOGIN "))
        .or_else(|| text.strip_prefix("TOO MANY LOGIN TRIES "))?;
    let (head, rest) = rest.rsplit_once(" FOR ")?;
    let (user, reason) = rest.rsplit_once(", ").unwrap_or((rest, ""));
    event.user = Cow::Borrowed(user.trim_matches('\''));
    event.with("reason", reason);
    if reason.contains("User not known") {
        event.kind = EventKind::AuthInvalidUser;
    }
    if let Some((_, place)) = head.rsplit_once("FROM ").or_else(|| head.rsplit_once("from ")) {
        put_place(&mut event, place);
    }
    if let Some(tty) = cut::between(head, "on '", "'") {
        event.tty = Cow::Borrowed(tty);
    }
    Some(event)
}

/// `LOGIN ON tty1 BY ann`, `ROOT LOGIN ON tty1 FROM host`, `ROOT LOGIN  on '/dev/tty1'`.
fn on_a_terminal<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let root = text.strip_prefix("ROOT LOGIN ");
    let rest = root.or_else(|| text.strip_prefix("LOGIN "))?.trim_start();
    let rest = rest.strip_prefix("ON ").or_else(|| rest.strip_prefix("on "))?;
    let (tty, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut event = message.event(EventKind::AuthSuccess);
    event.tty = Cow::Borrowed(tty.trim_matches('\''));
    event.method = Cow::Borrowed("login");
    if root.is_some() {
        event.user = Cow::Borrowed("root");
    } else if let Some(user) = rest.strip_prefix("BY ") {
        event.user = Cow::Borrowed(cut::until(user, " FROM "));
    }
    if let Some((_, from)) = rest.rsplit_once("FROM ").or_else(|| rest.rsplit_once("from ")) {
        event.source_ip = Cow::Borrowed(from.trim_matches('\''));
    }
    Some(event)
}

/// Where a login came from is a terminal or a host.
fn put_place<'l>(event: &mut Event<'l>, place: &'l str) {
    let place = place.trim().trim_matches('\'');
    if place.starts_with("tty") || place.starts_with("pts/") || place.starts_with("/dev/") {
        event.tty = Cow::Borrowed(place);
    } else if place != "(null)" {
        event.source_ip = Cow::Borrowed(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn sessions_of_logind() {
        for line in [
            "systemd-logind[7]: New session 12 of user ann.",
            "systemd-logind[7]: New session '12' of user 'ann' with class 'user' and type 'tty'.",
        ] {
            let event = only(line);
            let told = (event.kind, &*event.session, &*event.user);
            assert_eq!(told, (EventKind::SessionOpen, "12", "ann"), "{line}");
        }
        let event = only("systemd-logind[7]: Removed session 12.");
        assert_eq!((event.kind, &*event.session), (EventKind::SessionClose, "12"));
        assert_eq!(only("systemd-logind[7]: System is rebooting.").kind, EventKind::Shutdown);
    }

    #[test]
    fn logins_on_terminals() {
        use EventKind::{AuthFailure, AuthInvalidUser, AuthSuccess};
        for (line, kind, user, tty, address) in [
            (
                "login[7]: FAILED LOGIN 1 FROM tty1 FOR root, Authentication failure",
                AuthFailure,
                "root",
                "tty1",
                "",
            ),
            (
                "login[7]: FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure",
                AuthFailure,
                "root",
                "/dev/tty1",
                "",
            ),
            (
                "login[7]: FAILED LOGIN (2) on '/dev/pts/3' from '1.2.3.4' FOR 'UNKNOWN', User not known to the underlying authentication module",
                AuthInvalidUser,
                "UNKNOWN",
                "/dev/pts/3",
                "1.2.3.4",
            ),
            ("login[7]: ROOT LOGIN ON tty1", AuthSuccess, "root", "tty1", ""),
            ("login[7]: ROOT LOGIN  on '/dev/tty1'", AuthSuccess, "root", "/dev/tty1", ""),
            ("login[7]: LOGIN ON tty1 BY ann", AuthSuccess, "ann", "tty1", ""),
        ] {
            let event = only(line);
            let told = (event.kind, &*event.user, &*event.tty, &*event.source_ip);
            assert_eq!(told, (kind, user, tty, address), "{line}");
        }
    }
}
