//! su, doas, pkexec and polkit: rights of another account used, or refused.
//!
//! Source: util-linux `login-utils/su-common.c` (`(to root) ann on pts/0`), shadow-utils `su.c`
//! (`Successful su for root by ann`), OpenDoas `doas.c`, polkit `src/programs/pkexec.c` and
//! `polkitbackendinteractiveauthority.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what these programs say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    match message.program {
        "doas" => doas(message, text),
        "pkexec" => pkexec(message, text),
        "polkitd" => polkit(message, text),
        _ => su(message, text),
    }
}

fn su<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    use EventKind::{PrivilegeFailure, PrivilegeUse};
    let (kind, rest) = match text.strip_prefix("FAILED SU ") {
        Some(rest) => (PrivilegeFailure, rest),
        None => (PrivilegeUse, text),
    };
    let mut event = message.event(kind);
    if let Some(rest) = rest.strip_prefix("(to ") {
        let (target, rest) = rest.split_once(") ")?;
        let (user, tty) = rest.rsplit_once(" on ").unwrap_or((rest, ""));
        event.target = Cow::Borrowed(target);
        event.user = Cow::Borrowed(user);
        event.tty = Cow::Borrowed(if tty == "none" { "" } else { tty });
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("BAD SU ") {
        event.kind = PrivilegeFailure;
        let (user, rest) = rest.split_once(" to ")?;
        let (target, tty) = rest.rsplit_once(" on ").unwrap_or((rest, ""));
        (event.user, event.target) = (Cow::Borrowed(user), Cow::Borrowed(target));
        event.tty = Cow::Borrowed(tty);
        return Some(event);
    }
    let (kind, rest) = if let Some(rest) = text.strip_prefix("Successful su for ") {
        (PrivilegeUse, rest)
    } else if let Some(rest) = text.strip_prefix("FAILED su for ") {
        (PrivilegeFailure, rest)
    } else {
        // `+ pts/0 ann:root` comes beside these.
        return None;
    };
    event.kind = kind;
    let (target, user) = rest.rsplit_once(" by ")?;
    (event.user, event.target) = (Cow::Borrowed(user), Cow::Borrowed(target));
    Some(event)
}

/// `ann ran command id -u as root from /home/ann`, `command not permitted for ann: id`, `failed
/// auth for ann`.
fn doas<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if let Some((user, rest)) = text.split_once(" ran command ") {
        let (rest, cwd) = rest.rsplit_once(" from ").unwrap_or((rest, ""));
        let (command, target) = rest.rsplit_once(" as ").unwrap_or((rest, ""));
        let mut event = message.event(EventKind::PrivilegeUse);
        (event.user, event.target) = (Cow::Borrowed(user), Cow::Borrowed(target));
        super::put_command(&mut event, command);
        event.with("cwd", cwd);
        return Some(event);
    }
    let mut event = message.event(EventKind::PrivilegeFailure);
    if let Some(rest) = text.strip_prefix("command not permitted for ") {
        let (user, command) = rest.split_once(": ").unwrap_or((rest, ""));
        event.user = Cow::Borrowed(user);
        super::put_command(&mut event, command);
        event.with("reason", "not permitted");
    } else {
        event.user = Cow::Borrowed(text.strip_prefix("failed auth for ")?);
        event.with("reason", "authentication failed");
    }
    Some(event)
}

/// `ann: Executing command [USER=root] [TTY=unknown] [CWD=/home/ann] [COMMAND=/usr/bin/id]`.
fn pkexec<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (user, rest) = text.split_once(": ")?;
    let (what, fields) = rest.split_once(" [USER=")?;
    let (target, fields) = fields.split_once(']')?;
    let done = what.starts_with("Executing command");
    let kind = if done { EventKind::PrivilegeUse } else { EventKind::PrivilegeFailure };
    let mut event = message.event(kind);
    (event.user, event.target) = (Cow::Borrowed(user), Cow::Borrowed(target));
    event.tty = Cow::Borrowed(cut::between(fields, "[TTY=", "]").unwrap_or_default());
    if let Some(cwd) = cut::between(fields, "[CWD=", "]") {
        event.with("cwd", cwd);
    }
    if let Some(command) = cut::after(fields, "[COMMAND=") {
        super::put_command(&mut event, command.strip_suffix(']').unwrap_or(command));
    }
    if !done {
        event.with("reason", what);
    }
    Some(event)
}

/// `Operator of unix-session:2 successfully authenticated as unix-user:root to gain TEMPORARY
/// authorization for action org.x for unix-process:7:8 [pkexec id] (owned by unix-user:ann)`.
fn polkit<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = text.strip_prefix("Operator of ")?;
    let done = rest.contains(" successfully authenticated as ");
    if !done && !rest.contains(" FAILED to authenticate ") {
        return None;
    }
    let kind = if done { EventKind::PrivilegeUse } else { EventKind::PrivilegeFailure };
    let mut event = message.event(kind);
    let named = cut::between(rest, "authenticated as unix-user:", " ").unwrap_or_default();
    event.target = Cow::Borrowed(named);
    event.user = Cow::Borrowed(cut::between(rest, "(owned by unix-user:", ")").unwrap_or_default());
    event.with("action", cut::between(rest, " for action ", " ").unwrap_or_default());
    if let Some((_, asker)) = rest.split_once(" [") {
        event.with("asked_by", cut::until(asker, "] (owned by"));
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::{all, only};

    #[test]
    fn su_of_every_kind() {
        use EventKind::{PrivilegeFailure, PrivilegeUse};
        for (line, kind, tty) in [
            ("su[7]: (to root) ann on pts/0", PrivilegeUse, "pts/0"),
            ("su: FAILED SU (to root) ann on pts/0", PrivilegeFailure, "pts/0"),
            ("su[7]: Successful su for root by ann", PrivilegeUse, ""),
            ("su[7]: FAILED su for root by ann", PrivilegeFailure, ""),
            ("su: BAD SU ann to root on /dev/pts/0", PrivilegeFailure, "/dev/pts/0"),
        ] {
            let event = only(line);
            let told = (event.kind, &*event.user, &*event.target, &*event.tty);
            assert_eq!(told, (kind, "ann", "root", tty), "{line}");
        }
        assert_eq!(only("su[7]: + /dev/pts/0 ann:root").kind, EventKind::LogMessage);
    }

    #[test]
    fn what_runs_with_other_rights_is_a_process_too() {
        for line in [
            "doas: ann ran command /usr/bin/id -u as root from /home/ann",
            "pkexec[7]: ann: Executing command [USER=root] [TTY=unknown] [CWD=/home/ann] [COMMAND=/usr/bin/id -u]",
        ] {
            let events = all(line);
            let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, [EventKind::PrivilegeUse, EventKind::ProcessStart], "{line}");
            assert_eq!((&*events[0].user, &*events[0].target), ("ann", "root"));
            let process = &events[1];
            assert_eq!((&*process.user, &*process.path), ("root", "/usr/bin/id"));
            assert_eq!((&*process.command, process.text("cwd")), ("/usr/bin/id -u", "/home/ann"));
        }
    }

    #[test]
    fn refusals() {
        for line in [
            "doas: failed auth for ann",
            "doas: command not permitted for ann: id",
            "pkexec[7]: ann: Error executing command as another user: Not authorized [USER=root] [TTY=/dev/pts/0] [CWD=/] [COMMAND=/bin/sh]",
            "polkitd(authority=local): Operator of unix-session:2 FAILED to authenticate to gain authorization for action org.x for unix-process:7:8 [pkexec id] (owned by unix-user:ann)",
        ] {
            let event = only(line);
            assert_eq!((event.kind, &*event.user), (EventKind::PrivilegeFailure, "ann"), "{line}");
        }
    }
}
