//! cron, crontab, anacron and at: jobs that ran, tables that were changed.
//!
//! Source: Vixie cron and cronie `misc.c` (`log_it`: `(user) CMD (command)`), Debian's `crontab.c`,
//! anacron `runjob.c`, at `atd.c`, BusyBox `crond.c`, dcron.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what these programs say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    table(message, text).or_else(|| job(message, text)).or_else(|| started(message, text))
}

/// `(root) CMD (command)`, `(ann) REPLACE (bob)`, `(*system*) RELOAD (/etc/crontab)`.
fn table<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (user, rest) = text.strip_prefix('(')?.split_once(") ")?;
    let (what, object) = rest.split_once(" (").unwrap_or((rest, ""));
    let object = object.strip_suffix(')').unwrap_or(object).trim();
    let mut event = match what {
        "CMD" => {
            let mut event = message.event(EventKind::CronRun);
            super::put_command(&mut event, object);
            event
        }
        // END EDIT follows each edit, changed or not: a change is told by REPLACE.
        "REPLACE" | "DELETE" => {
            let mut event = message.event(EventKind::CronChange);
            event.target = Cow::Borrowed(object);
            event.with("reason", what);
            event
        }
        "RELOAD" => {
            let mut event = message.event(EventKind::CronChange);
            event.path = Cow::Borrowed(object);
            event.with("reason", what);
            event
        }
        "AUTH" => {
            let mut event = message.event(EventKind::PrivilegeFailure);
            event.with("reason", object);
            event
        }
        "STARTUP" => message.event(EventKind::ServiceStart),
        "SHUTDOWN" => message.event(EventKind::ServiceStop),
        _ => return None,
    };
    if !matches!(what, "STARTUP" | "SHUTDOWN") {
        event.user = Cow::Borrowed(user);
    }
    Some(event)
}

/// Jobs of anacron, at, BusyBox and dcron.
fn job<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let mut event = message.event(EventKind::CronRun);
    if let Some(rest) = text.strip_prefix("Job `") {
        let (job, rest) = rest.rsplit_once('\'')?;
        if !rest.starts_with(" started") {
            return None;
        }
        event.with("job", job);
        event.user = Cow::Borrowed("root");
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("Starting job ") {
        // `3 (a0000301c2a4e0) for user 'ann' (1000)`.
        event.with("job", cut::until(rest, " "));
        event.user = Cow::Borrowed(cut::between(rest, "for user '", "'")?);
        event.uid =
            rest.rsplit_once('(').and_then(|(_, uid)| uid.trim_end_matches(')').parse().ok());
        return Some(event);
    }
    if let Some(rest) = text.strip_prefix("USER ") {
        let (user, rest) = rest.split_once(" pid ")?;
        let (pid, command) = rest.split_once(" cmd ")?;
        event.pid = pid.trim().parse().ok();
        event.user = Cow::Borrowed(user);
        super::put_command(&mut event, command);
        return Some(event);
    }
    // `run-parts(/etc/cron.hourly)[7]: starting 0anacron`.
    let job = text.strip_prefix("starting ").filter(|_| message.tag.starts_with("run-parts"))?;
    let folder = message.tag.split_once('(').map_or("", |(_, folder)| folder.trim_end_matches(')'));
    event.user = Cow::Borrowed("root");
    event.with("job", job);
    event.with("folder", folder);
    Some(event)
}

fn started<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let kind = if text.starts_with("Anacron ") && text.contains(" started on ") {
        EventKind::ServiceStart
    } else if text.starts_with("Normal exit (") {
        EventKind::ServiceStop
    } else {
        return None;
    };
    Some(message.event(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::{all, only};

    #[test]
    fn a_job_is_a_run_and_a_process() {
        for program in ["CRON[7]", "crond[7]", "/USR/SBIN/CRON[7]", "CROND[7]", "cron[7]"] {
            let events = all(&format!("{program}: (www-data) CMD (   /tmp/.x/y -a (b) | sh)"));
            let [run, process] = &events[..] else { panic!("{program}: {events:?}") };
            assert_eq!((run.kind, &*run.user), (EventKind::CronRun, "www-data"));
            assert_eq!((process.kind, &*process.user), (EventKind::ProcessStart, "www-data"));
            assert_eq!((&*process.command, &*process.path), ("/tmp/.x/y -a (b) | sh", "/tmp/.x/y"));
            assert_eq!((process.pid, process.ppid), (None, Some(7)));
        }
    }

    #[test]
    fn changed_tables() {
        let event = only("crontab[7]: (root) REPLACE (www-data)");
        assert_eq!(
            (event.kind, &*event.user, &*event.target),
            (EventKind::CronChange, "root", "www-data")
        );
        let event = only("cron[7]: (*system*) RELOAD (/etc/crontab)");
        assert_eq!((event.kind, &*event.path), (EventKind::CronChange, "/etc/crontab"));
        assert_eq!(only("crontab[7]: (root) LIST (root)").kind, EventKind::LogMessage);
        assert_eq!(only("crontab[7]: (root) BEGIN EDIT (root)").kind, EventKind::LogMessage);
    }

    #[test]
    fn jobs_of_the_other_daemons() {
        for (line, user) in [
            ("anacron[7]: Job `cron.daily' started", "root"),
            ("atd[7]: Starting job 3 (a0000301c2a4e0) for user 'ann' (1000)", "ann"),
            ("run-parts(/etc/cron.hourly)[7]: starting 0anacron", "root"),
        ] {
            let event = only(line);
            assert_eq!((event.kind, &*event.user), (EventKind::CronRun, user), "{line}");
        }
        let events = all("crond[7]: USER root pid 8 cmd run-parts /etc/periodic/15min");
        assert_eq!(
            (events[0].pid, &*events[1].command),
            (Some(8), "run-parts /etc/periodic/15min")
        );
    }
}
