//! dpkg's log.
//!
//! Source: dpkg(1), LOGFILE: states on the way (`status …`) say nothing new; `install`,
//! `upgrade`, `remove` and `purge` do.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::package_lines::{self, Dpkg};
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "dpkg",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| package_lines::dpkg(line, stamps).is_some())
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    match package_lines::dpkg(line.text, stamps) {
        Some(Dpkg::Change(change)) => match change.event(line, "dpkg") {
            Some(event) => {
                each(&event);
                Understood::Yes
            }
            None => Understood::Silent,
        },
        Some(Dpkg::Conffile(stamp, file, "install")) => {
            let mut event =
                single::message(stamp, line, "dpkg", line.text).event(EventKind::ConfigChange);
            event.path = Cow::Borrowed(file);
            each(&event);
            Understood::Yes
        }
        Some(Dpkg::State | Dpkg::Conffile(..)) => Understood::Silent,
        None => Understood::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn changes_are_events_and_states_are_silent() {
        let log = "2026-02-03 04:05:06 startup archives unpack\n\
            2026-02-03 04:05:06 install nc:amd64 <none> 1.0\n\
            2026-02-03 04:05:06 status half-installed nc:amd64 1.0\n\
            2026-02-03 04:05:07 upgrade bash:amd64 5.1 5.2\n\
            2026-02-03 04:05:08 purge auditd:amd64 3.0 <none>\n\
            2026-02-03 04:05:08 explode nc:amd64 1.0\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let more =
                ["package", "version", "old_version"].map(|name| event.text(name).to_owned());
            found.push(format!("{} {}", event.kind.name(), more.join(" ")));
        };
        let mut stream = Stream::new(Context::new("dpkg.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(
            found[..3],
            [
                "package.install nc 1.0 ",
                "package.upgrade bash 5.2 5.1",
                "package.remove auditd  3.0"
            ]
        );
        assert_eq!((counts.lines, counts.silent), (6, 2));
    }
}
