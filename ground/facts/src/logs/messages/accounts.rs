//! Accounts and groups that were added, changed and removed.
//!
//! Source: shadow-utils `src/{useradd,usermod,userdel,groupadd,groupmod,groupdel,gpasswd,passwd,
//! chage,chfn,chsh}.c`; SUSE's old `pwdutils` (`new account added - account=…`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what the tools for accounts say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    added(message, text).or_else(|| quoted(message, text)).or_else(|| plain(message, text))
}

/// `new user: name=ann, UID=1001, GID=1001, home=/home/ann, shell=/bin/bash, from=/dev/pts/0`,
/// `new group: name=ann, GID=1001`, `group added to /etc/group: name=ann, GID=1001`.
fn added<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (kind, fields) = if let Some(rest) = text.strip_prefix("new user: ") {
        (EventKind::AccountAdd, rest)
    } else if let Some(rest) = text.strip_prefix("new account added - ") {
        (EventKind::AccountAdd, rest)
    } else if let Some(rest) = text.strip_prefix("new group: ") {
        (EventKind::GroupChange, rest)
    } else if let Some(rest) = text.strip_prefix("group added to /etc/group: ") {
        (EventKind::GroupChange, rest)
    } else {
        return None;
    };
    let mut event = message.event(kind);
    for field in fields.split(", ") {
        let Some((name, value)) = field.split_once('=') else { continue };
        match name {
            "name" | "account" if kind == EventKind::GroupChange => {
                event.with("group", value);
            }
            "name" | "account" => event.target = Cow::Borrowed(value),
            "UID" | "uid" => put_number(&mut event, "target_uid", value),
            "GID" | "gid" => put_number(&mut event, "gid", value),
            "home" | "shell" => {
                event.with(name, value);
            }
            "from" => event.tty = Cow::Borrowed(value),
            _ => {}
        }
    }
    event.with("reason", "added");
    Some(event)
}

fn put_number<'l>(event: &mut Event<'l>, name: &'static str, value: &str) {
    if let Ok(number) = value.trim().parse::<i64>() {
        event.with(name, number);
    }
}

/// Sentences with names in quotes: `add 'ann' to group 'sudo'`, `change user 'ann' shell from
/// '/bin/sh' to '/bin/bash'`, `delete user 'ann'`, `password for 'ann' changed by 'root'`.
fn quoted<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let mut parts = text.split('\'');
    let (head, first) = (parts.next()?, parts.next()?);
    let (between, second) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (after, third) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let group = |reason: &'static str, group: &'l str, member: &'l str| {
        let mut event = message.event(EventKind::GroupChange);
        event.target = Cow::Borrowed(member);
        event.with("group", group).with("reason", reason);
        event
    };
    let account = |kind, reason: &'l str| {
        let mut event = message.event(kind);
        event.target = Cow::Borrowed(first);
        event.with("reason", reason);
        event
    };
    use EventKind::{AccountAdd, AccountChange, AccountRemove};
    Some(match (head, between) {
        ("add ", " to group ") => group("member added", second, first),
        ("delete ", " from group ") => group("member removed", second, first),
        ("removed group " | "group ", " owned by " | " removed" | " removed from /etc/group") => {
            group("removed", first, "")
        }
        ("delete user ", _) => account(AccountRemove, "removed"),
        ("failed adding user ", _) => {
            let mut event = account(AccountAdd, "failed");
            event.with("result", "failure");
            event
        }
        ("change user name ", " to ") => {
            let mut event = account(AccountChange, "name changed");
            event.with("new_name", second);
            event
        }
        ("change user " | "changed user ", _) => changed(account, between, after, second, third),
        ("lock user ", _) => account(AccountChange, "password locked"),
        ("unlock user ", _) => account(AccountChange, "password unlocked"),
        ("password for ", " changed by ") => {
            let mut event = account(AccountChange, "password changed");
            event.user = Cow::Borrowed(second);
            event
        }
        _ => return None,
    })
}

/// `' shell from '/bin/sh' to '/bin/bash'`, `' password`, `' UID from '1' to '0'`, and chsh's
/// `' shell to '/bin/zsh'`.
fn changed<'l>(
    account: impl Fn(EventKind, &'l str) -> Event<'l>,
    between: &'l str,
    after: &'l str,
    second: &'l str,
    third: &'l str,
) -> Event<'l> {
    let what = between.trim().trim_end_matches(" from").trim_end_matches(" to");
    let mut event = account(EventKind::AccountChange, what);
    let new = if after == " to " { third } else { second };
    match what {
        "shell" => {
            event.with("shell", new);
        }
        "home" | "home directory" => {
            event.with("home", new);
        }
        "UID" => put_number(&mut event, "target_uid", new),
        "GID" => put_number(&mut event, "gid", new),
        _ => {}
    }
    event
}

/// Sentences without quotes: `user ann added by root to group sudo`, `group changed in
/// /etc/group (group ann/1001, new name: bob)`, `changed password expiry for ann`.
fn plain<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    for (verb, way, reason) in [
        (" added by ", " to group ", "member added"),
        (" removed by ", " from group ", "member removed"),
    ] {
        if let Some((member, rest)) = text.strip_prefix("user ").and_then(|it| it.split_once(verb))
            && let Some((by, group)) = rest.split_once(way)
        {
            let mut event = message.event(EventKind::GroupChange);
            (event.target, event.user) = (Cow::Borrowed(member), Cow::Borrowed(by));
            event.with("group", group).with("reason", reason);
            return Some(event);
        }
    }
    if let Some(rest) = text.strip_prefix("members of group ") {
        let (group, rest) = rest.split_once(" set by ")?;
        let (by, members) = rest.split_once(" to ").unwrap_or((rest, ""));
        let mut event = message.event(EventKind::GroupChange);
        event.user = Cow::Borrowed(by);
        event.with("group", group).with("members", members).with("reason", "members set");
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("group changed in /etc/group (group ") {
        let mut event = message.event(EventKind::GroupChange);
        event.with("group", cut::until(cut::until(rest, "/"), ","));
        event.with("reason", cut::after(rest, ", ").unwrap_or("changed").trim_end_matches(')'));
        return Some(event);
    }
    let user = text
        .strip_prefix("changed password expiry for ")
        .or_else(|| text.strip_prefix("changed password for "))?;
    let mut event = message.event(EventKind::AccountChange);
    event.target = Cow::Borrowed(user.trim_matches('\''));
    event.with("reason", "password or its expiry changed");
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn an_account_with_all_its_numbers() {
        let event = only(
            "useradd[7]: new user: name=butter, UID=0, GID=27, home=/home/b, shell=/bin/bash, from=/dev/pts/1",
        );
        assert_eq!((event.kind, &*event.target), (EventKind::AccountAdd, "butter"));
        assert_eq!((event.number("target_uid"), event.number("gid")), (Some(0), Some(27)));
        assert_eq!((event.text("home"), event.text("shell")), ("/home/b", "/bin/bash"));
    }

    #[test]
    fn what_happens_to_accounts_and_groups() {
        use EventKind::{AccountChange, AccountRemove, GroupChange};
        for (line, kind, target, group, reason) in [
            ("usermod[7]: add 'ann' to group 'sudo'", GroupChange, "ann", "sudo", "member added"),
            (
                "usermod[7]: delete 'ann' from group 'sudo'",
                GroupChange,
                "ann",
                "sudo",
                "member removed",
            ),
            (
                "gpasswd[7]: user ann added by root to group wheel",
                GroupChange,
                "ann",
                "wheel",
                "member added",
            ),
            ("groupadd[7]: new group: name=x, GID=99", GroupChange, "", "x", "added"),
            (
                "groupadd[7]: group added to /etc/group: name=x, GID=99",
                GroupChange,
                "",
                "x",
                "added",
            ),
            ("userdel[7]: delete user 'ann'", AccountRemove, "ann", "", "removed"),
            ("userdel[7]: removed group 'ann' owned by 'ann'", GroupChange, "", "ann", "removed"),
            ("usermod[7]: change user 'ann' password", AccountChange, "ann", "", "password"),
            ("usermod[7]: lock user 'ann' password", AccountChange, "ann", "", "password locked"),
            (
                "passwd[7]: password for 'ann' changed by 'root'",
                AccountChange,
                "ann",
                "",
                "password changed",
            ),
            (
                "chage[7]: changed password expiry for ann",
                AccountChange,
                "ann",
                "",
                "password or its expiry changed",
            ),
            (
                "groupmod[7]: group changed in /etc/group (group x/99, new name: y)",
                GroupChange,
                "",
                "x",
                "new name: y",
            ),
        ] {
            let event = only(line);
            assert_eq!((event.kind, &*event.target), (kind, target), "{line}");
            assert_eq!((event.text("group"), event.text("reason")), (group, reason), "{line}");
        }
    }

    #[test]
    fn a_service_account_gets_a_shell_and_a_user_the_number_of_root() {
        let event = only(
            "usermod[7]: change user 'www-data' shell from '/usr/sbin/nologin' to '/bin/bash'",
        );
        assert_eq!((&*event.target, event.text("shell")), ("www-data", "/bin/bash"));
        let event = only("usermod[7]: change user 'ann' UID from '1000' to '0'");
        assert_eq!((&*event.target, event.number("target_uid")), ("ann", Some(0)));
        let event = only("chsh[7]: changed user 'ann' shell to '/bin/zsh'");
        assert_eq!((&*event.target, event.text("shell")), ("ann", "/bin/zsh"));
    }
}
