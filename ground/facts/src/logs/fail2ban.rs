//! fail2ban's log: an address that it banned was seen by a witness.
//!
//! Source: fail2ban `fail2ban/server/actions.py` (`[jail] Ban address`), `filter.py` (`[jail] Found
//! address - time`), `fail2ban.conf` `logtarget`, `logging.Formatter` `%(asctime)s %(name)-24s[pid]:
//! %(levelname)-7s text`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::messages::fail2ban;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "fail2ban",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, Option<i64>, &'l str)> {
    if text.as_bytes().get(10) != Some(&b' ') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let rest = rest.strip_prefix("fail2ban.")?;
    let (head, said) = rest.split_once(": ")?;
    let pid = head.split_once('[').and_then(|(_, pid)| pid.strip_suffix(']')?.parse().ok());
    Some((stamp, pid, said.trim_start()))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, pid, said)) = header(line.text, stamps) else { return Understood::No };
    let mut message = single::message(stamp, line, "fail2ban", said);
    message.pid = pid;
    match fail2ban::parse(&message) {
        Some(event) => each(&event),
        None => {
            let mut event = message.event(EventKind::LogMessage);
            event.message = Cow::Borrowed(said);
            each(&event);
        }
    }
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn bans_are_witnesses_and_finds_are_told() {
        let log = "2026-01-02 03:04:05,123 fail2ban.filter         [77]: INFO    [sshd] Found 192.0.2.7 - 2026-01-02 03:04:05\n\
            2026-01-02 03:04:06,123 fail2ban.actions        [77]: NOTICE  [sshd] Ban 192.0.2.7\n\
            2026-01-02 03:04:07,123 fail2ban.actions        [77]: NOTICE  [sshd] Unban 192.0.2.7\n\
            2026-01-02 03:04:08,123 fail2ban.actions: WARNING [ssh] Ban 192.0.2.8\n\
            2026-01-02 03:04:09,123 fail2ban.server         [77]: INFO    Exiting Fail2ban\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (from, action) = (&event.source_ip, event.text("action"));
            found.push(format!("{} {from} {action} {}", event.kind.name(), event.text("service")));
        };
        let mut stream = Stream::new(Context::new("fail2ban.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "log.message 192.0.2.7 found sshd",
                "ids.witness 192.0.2.7 ban sshd",
                "log.message 192.0.2.7 unban sshd",
                "ids.witness 192.0.2.8 ban ssh",
                "service.stop   fail2ban",
            ]
        );
    }
}
