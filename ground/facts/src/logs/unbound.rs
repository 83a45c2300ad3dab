//! unbound's own log file: `[1700000000] unbound[123:0] info: 10.0.0.5 name. A IN`.
//!
//! Source: unbound.conf(5) `logfile`, `log-time-ascii`, `util/log.c`.

use super::messages::resolvers;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "unbound",
    recognise: |sample: &Sample<'_>| single::share(sample, |line, _| header(line).is_some()),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn header(text: &str) -> Option<(Stamp, Option<i64>, &str)> {
    let (time, rest) = text.strip_prefix('[')?.split_once("] unbound[")?;
    let (ids, said) = rest.split_once("] ")?;
    let (stamp, _) = Stamps::epoch(time)?;
    let pid = ids.split(':').next().and_then(|pid| pid.parse().ok());
    Some((stamp, pid, said))
}

fn read(line: &Line<'_>, _stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, pid, said)) = header(line.text) else { return Understood::No };
    let mut message = single::message(stamp, line, "unbound", said);
    message.pid = pid;
    each(&message.told(resolvers::parse(&message)));
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use stanch_words::Event;

    use super::super::{Context, Stream};

    #[test]
    fn questions_in_its_own_file() {
        let log = "[1700000000] unbound[9:0] notice: init module 0: validator\n[1700000001.250] unbound[9:0] info: 10.0.0.5 x.example. TXT IN\n[170000000\n";
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            found.push(format!("{} {:?} {}", event.kind.name(), event.time, event.text("query")));
        };
        let mut stream = Stream::new(Context::new("/var/log/unbound.log", 0), None);
        stream.feed(log.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(
            found,
            [
                "log.message Some(1700000000000000) ",
                "network.resolve Some(1700000001250000) x.example.",
            ]
        );
        assert_eq!(counts.not_understood, 1);
    }
}
