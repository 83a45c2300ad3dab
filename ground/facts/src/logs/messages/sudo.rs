//! sudo: rights of another account used, or refused.
//!
//! Source: sudo `lib/eventlog/eventlog.c`: `ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ;
//! COMMAND=/bin/id`, with a reason before `TTY` where it was refused.
//!
//! A directory's name may hold ` ; COMMAND=/bin/true`, so a command is all from the first
//! `COMMAND=` to the end: what was really run is in it in any case.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses a sudo line.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (user, mut rest) = message.text.trim_start().split_once(" : ")?;
    let mut event = message.event(EventKind::PrivilegeUse);
    event.user = Cow::Borrowed(user.trim());
    let mut reason = "";
    loop {
        if let Some(command) = rest.strip_prefix("COMMAND=") {
            super::put_command(&mut event, command);
            if event.target.is_empty() {
                event.target =
                    Cow::Borrowed(cut::between(command, "USER=", " ").unwrap_or_default());
            }
            break;
        }
        let (part, after) = rest.split_once(" ; ").unwrap_or((rest, ""));
        match part.split_once('=') {
            Some(("TTY", tty)) => event.tty = Cow::Borrowed(tty),
            Some(("PWD", cwd)) => {
                event.with("cwd", cwd);
            }
            Some(("USER", target)) => event.target = Cow::Borrowed(target),
            Some(("GROUP", group)) => {
                event.with("group", group);
            }
            Some((name @ ("ENV" | "CHROOT" | "TSID" | "HOST"), value)) => {
                event.with(name, value);
            }
            _ if reason.is_empty() => reason = part,
            _ => {}
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    if event.command.is_empty() && event.target.is_empty() && event.tty.is_empty() {
        return None;
    }
    if !reason.is_empty() {
        event.kind = EventKind::PrivilegeFailure;
        event.with("reason", reason);
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::{all, only};

    #[test]
    fn a_command_is_a_use_of_rights_and_a_process() {
        let events = all(
            "sudo[7]:      ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; ENV=A=b ; COMMAND=/usr/bin/find / -name x ; y",
        );
        let [used, process] = &events[..] else { panic!("{events:?}") };
        assert_eq!(
            (used.kind, &*used.user, &*used.target),
            (EventKind::PrivilegeUse, "ann", "root")
        );
        assert_eq!((&*used.tty, used.text("cwd"), used.text("ENV")), ("pts/0", "/home/ann", "A=b"));
        assert_eq!((process.kind, &*process.user), (EventKind::ProcessStart, "root"));
        assert_eq!(&*process.command, "/usr/bin/find / -name x ; y");
        assert_eq!((&*process.path, process.text("parent_command")), ("/usr/bin/find", "sudo"));
    }

    #[test]
    fn refusals_have_a_reason_and_start_nothing() {
        for (line, reason) in [
            (
                "sudo: ann : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
                "user NOT in sudoers",
            ),
            (
                "sudo: ann : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
                "3 incorrect password attempts",
            ),
        ] {
            let event = only(line);
            assert_eq!((event.kind, &*event.user), (EventKind::PrivilegeFailure, "ann"));
            assert_eq!((event.text("reason"), &*event.command), (reason, "/bin/sh"));
        }
    }

    #[test]
    fn a_directory_named_like_a_command_hides_none() {
        let events = all(
            "sudo: ann : TTY=pts/0 ; PWD=/tmp/a ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/sh",
        );
        assert_eq!(events.len(), 2);
        assert!(events[1].command.ends_with("COMMAND=/bin/sh"), "{:?}", events[1]);
        assert_eq!(&*events[1].user, "root");
    }
}
