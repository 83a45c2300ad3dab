//! Redis' own log.
//!
//! Source: Redis `src/server.c`, `serverLogRaw`: `pid:role DD Mon YYYY HH:MM:SS.mmm level text`,
//! level one of `. - * #`; until 2.8 `[pid] DD Mon HH:MM:SS.mmm level text`.

use super::messages::redis;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "redis",
    recognise,
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    // At its start the server draws a picture of many lines.
    let mut own = 0_u32;
    let mut share = single::share(sample, |line, stamps| {
        let is = header(line, stamps).is_some();
        own = own.saturating_add(u32::from(is));
        is
    });
    if own > 1 {
        share = share.max(60);
    }
    share
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, Option<i64>, &'l str)> {
    let (head, rest) = text.split_once(' ')?;
    let pid = match head.strip_prefix('[') {
        Some(head) => head.strip_suffix(']')?,
        None => {
            let (pid, role) = head.split_once(':')?;
            matches!(role, "M" | "S" | "C" | "X" | "signal-handler").then_some(pid)?
        }
    };
    let pid = pid.parse().ok()?;
    let (stamp, rest) = stamps.day_first(rest)?;
    let (level, said) = rest.split_once(' ').unwrap_or((rest, ""));
    matches!(level, "." | "-" | "*" | "#").then_some((stamp, Some(pid), said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, pid, said)) = header(line.text, stamps) else {
        // The picture, within the server's own file only.
        let picture = line.text.starts_with([' ', '(', '`', '|', '.', '_', '\'', '-']);
        return if picture && line.text.len() < 160 && line.text.contains(['_', '`', '|', '-']) {
            Understood::Silent
        } else {
            Understood::No
        };
    };
    let mut message = single::message(stamp, line, "redis", said);
    message.pid = pid;
    each(&message.told(redis::parse(&message)));
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn a_rogue_master_a_module_and_a_web_request() {
        let log = "7:M 02 Nov 2026 08:12:44.123 * Ready to accept connections\n\
            7:S 02 Nov 2026 08:12:45.123 * REPLICAOF 203.0.113.9:21000 enabled (user request from 'id=3 addr=192.0.2.7:5555 laddr=10.0.0.1:6379 cmd=slaveof')\n\
            7:S 02 Nov 2026 08:12:46.123 * Module 'system' loaded from /tmp/exp.so\n\
            7:M 02 Nov 2026 08:12:47.123 # Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection from 192.0.2.7:666 aborted.\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            found.push(format!(
                "{} {} {} {}",
                event.kind.name(),
                event.source_ip,
                event.text("danger"),
                event.path
            ));
        };
        let mut stream = Stream::new(Context::new("x", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "service.start   ",
                "data.query 192.0.2.7 replication ",
                "data.query  library /tmp/exp.so",
                "service.abuse 192.0.2.7  ",
            ]
        );
    }
}
