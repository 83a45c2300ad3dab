//! sudo: rights of another account used, or refused.
//!
//! Source: sudo `lib/eventlog/eventlog.c`: `ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ;
//! COMMAND=/bin/id`, with a reason before `TTY` where it was refused.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;

/// Parses a sudo line.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (user, rest) = message.text.trim_start().split_once(" : ")?;
    let mut event = message.event(EventKind::PrivilegeUse);
    event.user = Cow::Borrowed(user.trim());
    let mut rest = rest;
    let mut reason = "";
    loop {
        let rest_is_command = rest.strip_prefix("COMMAND=");
        if let Some(command) = rest_is_command {
            event.command = Cow::Borrowed(command);
            let program = command.split(' ').next().unwrap_or_default();
            event.path = Cow::Borrowed(program);
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
    if event.target.is_empty() && reason.is_empty() {
        return None;
    }
    if !reason.is_empty() {
        event.kind = EventKind::PrivilegeFailure;
        event.with("reason", reason);
    }
    Some(event)
}
