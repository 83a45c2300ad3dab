//! PAM modules, which speak through whatever program loaded them.
//!
//! Source: Linux-PAM `modules/pam_unix/support.c` (`authentication failure; logname= uid=0 …`),
//! `pam_unix_sess.c` (`session opened for user root(uid=0) by (uid=0)`), `pam_unix_passwd.c`,
//! `pam_faillock`, `pam_tally2`, `pam_access`, `pam_listfile`, `pam_wheel`; SSSD `pam_sss.c`; the
//! forms of old Red Hat (`sshd(pam_unix)[7]: authentication failure; …`) and of Solaris and BSD
//! (`(pam_unix) authentication failure; …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses `pam_unix(sshd:auth): …` and its relatives.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (service, text) = split(message)?;
    // Events are large: this one stays where it was made.
    let mut found = told(message, text);
    if let Some(event) = &mut found
        && !service.is_empty()
    {
        event.with("service", service);
    }
    found
}

fn told<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if text.starts_with("session ") {
        return session(message, text);
    }
    if text.starts_with("authentication failure; ") {
        return failure(message, text);
    }
    failure(message, text).or_else(|| account(message, text)).or_else(|| refusal(message, text))
}

/// Returns the service and what the module says: the service is `sshd` in `pam_unix(sshd:auth)`.
fn split<'l>(message: &Message<'l>) -> Option<(&'l str, &'l str)> {
    let text = cut::blanks(message.text);
    // By the first byte: this is every line of a log full of sshd.
    match text.as_bytes().first() {
        Some(b'(') => {
            let (module, rest) = text.get(1..)?.split_once(')')?;
            return module.starts_with("pam_").then(|| ("", rest.trim_start_matches([':', ' '])));
        }
        Some(b'P') if text.starts_with("PAM ") => return Some(("", text)),
        Some(b'p') if text.starts_with("pam_") => {
            if let Some((head, rest)) = cut::around(text, ": ") {
                let (_, inside) = cut::around(head, "(").unwrap_or_default();
                return Some((cut::around(inside, ":").map_or("", |(service, _)| service), rest));
            }
        }
        _ => {}
    }
    // The module stands in the tag: `sshd(pam_unix)[7]: …`, `pam_unix(sshd:auth)[7]: …`.
    let bracket = cut::near(message.tag.as_bytes(), b'(')?;
    let (before, inside) = (message.tag.get(..bracket)?, message.tag.get(bracket + 1..)?);
    if inside.starts_with("pam_") {
        return Some((before, text));
    }
    let service = inside.split_once(':').map_or("", |(service, _)| service);
    before.starts_with("pam_").then_some((service, text))
}

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root`, and
/// what counts the same.
fn failure<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if let Some(fields) = text.strip_prefix("authentication failure; ") {
        return Some(attempt(message, fields));
    }
    if let Some(rest) = text.strip_prefix("PAM ") {
        // `PAM 2 more authentication failures; logname= …`.
        let (count, rest) = rest.split_once(" more authentication failure")?;
        let (_, fields) = rest.split_once("; ")?;
        let mut event = attempt(message, fields);
        event.with("count", count.parse::<i64>().ok()?);
        return Some(event);
    }
    if text.starts_with("check pass; user unknown") {
        let mut event = message.event(EventKind::AuthInvalidUser);
        event.with("reason", "user unknown");
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("authentication fails for '") {
        let mut event = message.event(EventKind::AuthFailure);
        event.user = Cow::Borrowed(rest.split_once('\'')?.0);
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("user ")
        && let Some((who, tally)) = rest.rsplit_once(" tally ")
    {
        // `user ann (1000) tally 6, deny 5`.
        let mut event = message.event(EventKind::AuthFailure);
        let (user, uid) = who.rsplit_once(" (").unwrap_or((who, ""));
        event.user = Cow::Borrowed(user);
        event.uid = uid.trim_end_matches(')').parse().ok();
        event.with("tally", tally.split(',').next().unwrap_or_default());
        return Some(event);
    }
    let user = text.strip_prefix("Invalid verification code for ")?;
    let mut event = message.event(EventKind::AuthFailure);
    event.user = Cow::Borrowed(user);
    Some(event)
}

/// Reads the fields, in their order. The remote user and the user are chosen by the peer, so
/// each field ends where the next of the format begins, and not at what looks like one.
fn attempt<'l>(message: &Message<'l>, fields: &'l str) -> Event<'l> {
    let mut event = message.event(EventKind::AuthFailure);
    let (mut head, rest) = cut::around(fields, " ruser=").unwrap_or((fields, ""));
    while !head.is_empty() {
        let (field, others) = cut::first_word(head);
        head = others;
        if let Some(uid) = field.strip_prefix("uid=") {
            event.uid = cut::digits(uid);
        } else if let Some(tty) = field.strip_prefix("tty=") {
            event.tty = Cow::Borrowed(tty);
        } else if let Some(name) = field.strip_prefix("logname=").filter(|name| !name.is_empty()) {
            event.with("logname", name);
        }
    }
    let (remote_user, rest) = match rest.strip_prefix("rhost=") {
        Some(rest) => ("", rest),
        None => match rest.strip_prefix(" rhost=") {
            Some(rest) => ("", rest),
            None => {
                let (before, _) = rest.split_once(" user=").unwrap_or((rest, ""));
                let at = before.rfind(" rhost=").unwrap_or(before.len());
                let (remote_user, _) = rest.split_at_checked(at).unwrap_or((rest, ""));
                (remote_user, rest.get(at.saturating_add(7)..).unwrap_or_default())
            }
        },
    };
    let rest = rest.strip_suffix(" [preauth]").unwrap_or(rest);
    let (address, user) = cut::around(rest, " user=").unwrap_or((rest, ""));
    let address = cut::trimmed(address);
    // A peer without reverse name may follow in brackets or a second word.
    event.source_ip = super::sshd_address(Cow::Borrowed(cut::first_word(address).0));
    if !remote_user.is_empty() {
        event.with("remote_user", remote_user);
    }
    let user = cut::trimmed(user);
    event.user = Cow::Borrowed(if user.is_empty() { remote_user } else { user });
    event
}

/// `session opened for user root(uid=0) by ann(uid=1000)`, `… root by (uid=0)`, `… root`.
fn session<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = text.strip_prefix("session ")?;
    let (kind, rest) = match rest.strip_prefix("opened for user ") {
        Some(rest) => (EventKind::SessionOpen, rest),
        None => (EventKind::SessionClose, rest.strip_prefix("closed for user ")?),
    };
    let mut event = message.event(kind);
    let (who, by) = cut::around(rest, " by ").unwrap_or((rest, ""));
    let (user, uid) = numbered(who);
    event.user = Cow::Borrowed(user);
    event.uid = uid;
    let (opener, opener_uid) = numbered(by);
    if !opener.is_empty() {
        event.with("by", opener);
    }
    if let Some(uid) = opener_uid {
        event.with("by_uid", uid);
    }
    Some(event)
}

fn numbered(text: &str) -> (&str, Option<i64>) {
    match cut::around(text, "(uid=") {
        Some((name, uid)) => {
            let uid = uid.strip_suffix(')').map_or(uid, |uid| uid.trim_end_matches(')'));
            (cut::trimmed(name), cut::digits(uid))
        }
        None => (cut::trimmed(text), None),
    }
}

/// Changed, locked and expired accounts.
fn account<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let changed = ["password changed for ", "Password changed for user "];
    if let Some(user) = changed.into_iter().find_map(|start| text.strip_prefix(start)) {
        let mut event = message.event(EventKind::AccountChange);
        event.target = Cow::Borrowed(user);
        event.with("reason", "password changed");
        return Some(event);
    }
    let locked = "Consecutive login failures for user ";
    if let Some((user, _)) = text.strip_prefix(locked).and_then(|rest| rest.split_once(" account "))
    {
        let mut event = message.event(EventKind::AccountChange);
        event.target = Cow::Borrowed(user);
        event.with("reason", "locked after failures");
        return Some(event);
    }
    let rest = text
        .strip_prefix("account ")
        .or_else(|| text.strip_prefix("expired password for user "))?;
    let user = rest.split(" has expired").next()?.split(" (").next()?;
    if user.len() == rest.len() {
        return None;
    }
    let mut event = message.event(EventKind::AuthInvalidUser);
    event.user = Cow::Borrowed(user);
    event.with("reason", "expired");
    Some(event)
}

/// Accounts that a module does not let in.
fn refusal<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if let Some(rest) = text.strip_prefix("access denied for user `") {
        let (user, rest) = rest.rsplit_once("' from `")?;
        let mut event = message.event(EventKind::AuthInvalidUser);
        event.user = Cow::Borrowed(user);
        event.source_ip = super::sshd_address(Cow::Borrowed(rest.trim_end_matches('\'')));
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("Refused user ") {
        let mut event = message.event(EventKind::AuthInvalidUser);
        event.user = Cow::Borrowed(rest.rsplit_once(" for service ")?.0);
        return Some(event);
    }
    let rest = text.strip_prefix("Access denied to '")?;
    let (user, rest) = rest.split_once("' for '")?;
    let mut event = message.event(EventKind::PrivilegeFailure);
    event.user = Cow::Borrowed(user);
    event.target = Cow::Borrowed(rest.trim_end_matches('\''));
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn a_failure_in_each_of_its_forms() {
        for line in [
            "sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
            "sshd[7]: (pam_unix) authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
            "sshd(pam_unix)[7]: authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4 user=root",
            "x: pam_sss(x:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=::ffff:1.2.3.4 user=root",
        ] {
            let event = only(line);
            assert_eq!(event.kind, EventKind::AuthFailure, "{line}");
            assert_eq!((&*event.user, &*event.source_ip, &*event.tty), ("root", "1.2.3.4", "ssh"));
        }
    }

    #[test]
    fn names_that_look_like_fields_move_no_address() {
        let head = "x: pam_unix(x:auth): authentication failure; logname= uid=0 euid=0 tty=ssh";
        for (rest, user, address) in [
            ("ruser=a rhost=9.9.9.9 rhost=1.2.3.4", "a rhost=9.9.9.9", "1.2.3.4"),
            ("ruser= rhost=1.2.3.4  user=a rhost=9.9.9.9", "a rhost=9.9.9.9", "1.2.3.4"),
            ("ruser= rhost=1.2.3.4  user=a user=b", "a user=b", "1.2.3.4"),
            ("ruser=ann rhost=  user=ann", "ann", ""),
        ] {
            let event = only(&format!("{head} {rest}"));
            assert_eq!((&*event.user, &*event.source_ip), (user, address), "{rest}");
        }
    }

    #[test]
    fn sessions_with_and_without_numbers() {
        let event = only(
            "su: pam_unix(su-l:session): session opened for user root(uid=0) by ann(uid=1000)",
        );
        assert_eq!(
            (event.kind, &*event.user, event.uid),
            (EventKind::SessionOpen, "root", Some(0))
        );
        assert_eq!((event.text("by"), event.number("by_uid")), ("ann", Some(1000)));
        assert_eq!(event.text("service"), "su-l");
        let event = only("su(pam_unix)[3]: session closed for user news");
        assert_eq!((event.kind, &*event.user), (EventKind::SessionClose, "news"));
    }

    #[test]
    fn what_other_modules_say() {
        use EventKind::{AccountChange, AuthFailure, AuthInvalidUser, PrivilegeFailure};
        for (line, kind, user, target) in [
            (
                "sudo: pam_tally2(sudo:auth): user bad (4001) tally 6, deny 5",
                AuthFailure,
                "bad",
                "",
            ),
            (
                "passwd[1]: pam_unix(passwd:chauthtok): password changed for ann",
                AccountChange,
                "",
                "ann",
            ),
            (
                "x: pam_faillock(x:auth): Consecutive login failures for user ann account temporarily locked",
                AccountChange,
                "",
                "ann",
            ),
            ("x: pam_unix(x:auth): check pass; user unknown", AuthInvalidUser, "", ""),
            (
                "x: pam_unix(x:account): account ann has expired (account expired)",
                AuthInvalidUser,
                "ann",
                "",
            ),
            (
                "x: pam_access(x:account): access denied for user `ann' from `1.2.3.4'",
                AuthInvalidUser,
                "ann",
                "",
            ),
            (
                "su: pam_wheel(su:auth): Access denied to 'ann' for 'root'",
                PrivilegeFailure,
                "ann",
                "root",
            ),
            (
                "x: PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=ann",
                AuthFailure,
                "ann",
                "",
            ),
        ] {
            let event = only(line);
            assert_eq!((event.kind, &*event.user, &*event.target), (kind, user, target), "{line}");
        }
    }
}
