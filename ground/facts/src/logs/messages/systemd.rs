//! systemd as the first process and as a user's manager, and older inits: units that started,
//! stopped and failed.
//!
//! Source: systemd `src/core/{unit,job,service,manager}.c`; since 249 a unit's name stands before
//! its description (`Started ssh.service - OpenBSD Secure Shell server.`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what systemd says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    job(message, text).or_else(|| unit(message, text)).or_else(|| manager(message, text))
}

/// `Started ssh.service - OpenBSD Secure Shell server.`, `Stopped OpenBSD Secure Shell server.`
fn job<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    use EventKind::{ServiceFail, ServiceStart, ServiceStop};
    let verbs = [
        ("Started ", ServiceStart),
        ("Stopped ", ServiceStop),
        ("Failed to start ", ServiceFail),
        ("Failed to stop ", ServiceFail),
    ];
    let (kind, what) =
        verbs.into_iter().find_map(|(verb, kind)| Some((kind, text.strip_prefix(verb)?)))?;
    let what = what.trim_end_matches('.');
    // Scopes of sessions are told by logind; targets, timers and slices are no services.
    let (name, description) = what.split_once(" - ").unwrap_or(("", what));
    if description.starts_with("Session ") || is_no_service(name) || what.starts_with("target ") {
        return None;
    }
    let mut event = message.event(kind);
    event.unit = Cow::Borrowed(name);
    event.with("service", if name.is_empty() { description } else { name });
    Some(event)
}

fn is_no_service(name: &str) -> bool {
    const OTHERS: [&str; 7] =
        [".target", ".slice", ".timer", ".scope", ".socket", ".mount", ".path"];
    OTHERS.into_iter().any(|end| name.ends_with(end))
}

/// `ssh.service: Failed with result 'exit-code'.`, `ssh.service: Deactivated successfully.`,
/// `x.service: Main process exited, code=killed, status=9/KILL`.
fn unit<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (name, rest) = text.split_once(": ")?;
    if !name.ends_with(".service") {
        return None;
    }
    let (kind, reason) = if let Some(rest) = rest.strip_prefix("Failed with result '") {
        (EventKind::ServiceFail, cut::until(rest, "'"))
    } else if let Some(rest) = rest.strip_prefix("Main process exited, ") {
        (EventKind::ServiceFail, rest)
    } else if rest.starts_with("Deactivated successfully") {
        (EventKind::ServiceStop, "")
    } else if rest.starts_with("Start request repeated too quickly") {
        (EventKind::ServiceFail, "start request repeated too quickly")
    } else {
        return None;
    };
    let mut event = message.event(kind);
    event.unit = Cow::Borrowed(name);
    event.with("service", name);
    if !reason.is_empty() {
        event.with("reason", reason);
    }
    Some(event)
}

/// What it says of the machine.
fn manager<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let first = message.pid.is_none_or(|pid| pid == 1);
    let kind = if text.starts_with("systemd ") && text.contains(" running in system mode") {
        EventKind::Boot
    } else if first && (text == "Shutting down." || text.starts_with("Reached target Reboot")) {
        EventKind::Shutdown
    } else if text.starts_with("Time has been changed") {
        EventKind::ClockChange
    } else if text == "Reloading." || text.starts_with("Reloading requested from ") {
        EventKind::ConfigChange
    } else if first && text.starts_with("Switching to runlevel: ") {
        if text.ends_with(['0', '6']) { EventKind::Shutdown } else { EventKind::ConfigChange }
    } else {
        return None;
    };
    let mut event = message.event(kind);
    event.with("reason", text);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn units_of_older_and_newer_systemd() {
        use EventKind::{LogMessage, ServiceFail, ServiceStart, ServiceStop};
        for (line, kind, service) in [
            ("Started ssh.service - OpenBSD Secure Shell server.", ServiceStart, "ssh.service"),
            ("Stopped System Logging Service.", ServiceStop, "System Logging Service"),
            ("Failed to start auditd.service - Audit.", ServiceFail, "auditd.service"),
            ("fail2ban.service: Deactivated successfully.", ServiceStop, "fail2ban.service"),
            (
                "x.service: Main process exited, code=killed, status=9/KILL",
                ServiceFail,
                "x.service",
            ),
            ("Started session-3.scope - Session 3 of User ann.", LogMessage, ""),
            ("Started apt-daily.timer - Daily apt.", LogMessage, ""),
            ("Starting ssh.service - OpenBSD Secure Shell server...", LogMessage, ""),
        ] {
            let event = only(&format!("systemd[1]: {line}"));
            assert_eq!((event.kind, event.text("service")), (kind, service), "{line}");
        }
    }

    #[test]
    fn the_machine_itself() {
        use EventKind::{Boot, ClockChange, ConfigChange, Shutdown};
        for (line, kind) in [
            ("systemd 252.1 running in system mode (+PAM)", Boot),
            ("Shutting down.", Shutdown),
            ("Time has been changed", ClockChange),
            ("Reloading.", ConfigChange),
        ] {
            assert_eq!(only(&format!("systemd[1]: {line}")).kind, kind, "{line}");
        }
    }
}
