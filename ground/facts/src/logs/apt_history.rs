//! apt's history: one stanza a run, with the command and who asked for it.
//!
//! Source: apt `apt-pkg/deb/dpkgpm.cc` (`pkgDPkgPM::OpenLog`, `WriteHistoryTag`):
//! `Start-Date: 2026-02-03  04:05:06`, `Commandline:`, `Requested-By: ann (1000)`, `Install: name:arch
//! (version, automatic), …`, `Upgrade: name:arch (old, new), …`, `Error:`, `End-Date:`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind, Field};

use super::held::Held;
use super::{Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "apt-history",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        Box::new(History { stamps: Stamps::new(context), held: Held::new(context) })
    }),
    stands_alone: false,
};

/// How many packages of a run are named.
const NAMED: usize = 2000;

const TAGS: [&str; 11] = [
    "Start-Date",
    "Commandline",
    "Requested-By",
    "Install",
    "Upgrade",
    "Reinstall",
    "Downgrade",
    "Remove",
    "Purge",
    "Error",
    "End-Date",
];

fn recognise(sample: &Sample<'_>) -> u32 {
    let begins = |line: &[u8]| line.starts_with(b"Start-Date: ");
    if !sample.lines().take(12).any(begins) {
        return 0;
    }
    single::share(sample, |line, _| tag(line).is_some())
}

fn tag(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(": ")?;
    (TAGS.contains(&name) || name == "Comment").then_some((name, value.trim()))
}

struct History {
    stamps: Stamps,
    held: Held,
}

impl Reader for History {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        match tag(line.text) {
            Some(("Start-Date", _)) => {
                self.flush(each);
                self.held.begin(line);
                Understood::Yes
            }
            Some(_) if self.held.add(line.text) => Understood::Silent,
            _ => Understood::No,
        }
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.flush(each);
    }
}

impl History {
    /// Shows a run: one event for each kind of change in it.
    fn flush(&mut self, each: &mut Each<'_>) {
        let stamps = &mut self.stamps;
        self.held.take(|record| {
            let find = |name: &str| {
                record
                    .text
                    .lines()
                    .filter_map(tag)
                    .find(|(other, _)| *other == name)
                    .map(|(_, value)| value)
            };
            let stamp = |value: &str, stamps: &mut Stamps| {
                // Two blanks between day and hour.
                let (day, hour) = value.split_once("  ")?;
                stamps.iso(&format!("{day} {hour}")).map(|(stamp, _)| stamp)
            };
            let start = find("Start-Date").and_then(|value| stamp(value, stamps));
            let end = find("End-Date").and_then(|value| stamp(value, stamps));
            let mut shown = false;
            for (name, value) in record.text.lines().filter_map(tag) {
                let Some(kind) = kind(name) else { continue };
                let mut event = run(kind, record, start);
                event.until = end.map(|end| end.time);
                event.command = Cow::Borrowed(find("Commandline").unwrap_or_default());
                requested(&mut event, find("Requested-By").unwrap_or_default());
                event.with("action", name.to_ascii_lowercase());
                packages(&mut event, value);
                if let Some(error) = find("Error") {
                    event.with("reason", error).with("result", "failure");
                }
                each(&event);
                shown = true;
            }
            if !shown {
                // A run that changed nothing, or was cut off.
                let mut event = run(EventKind::LogMessage, record, start);
                event.command = Cow::Borrowed(find("Commandline").unwrap_or_default());
                each(&event);
            }
        });
    }
}

fn kind(name: &str) -> Option<EventKind> {
    match name {
        "Install" => Some(EventKind::PackageInstall),
        "Upgrade" | "Reinstall" | "Downgrade" => Some(EventKind::PackageUpgrade),
        "Remove" | "Purge" => Some(EventKind::PackageRemove),
        _ => None,
    }
}

fn run<'l>(kind: EventKind, line: &Line<'l>, stamp: Option<super::stamps::Stamp>) -> Event<'l> {
    let unknown = super::stamps::Stamp { time: 0, clock: stanch_words::Clock::Unknown };
    let mut message = single::message(stamp.unwrap_or(unknown), line, "apt", "");
    if stamp.is_none() {
        message.time = None;
    }
    message.event(kind)
}

/// `ann (1000)`.
fn requested<'l>(event: &mut Event<'l>, who: &'l str) {
    let (user, uid) = who.split_once(" (").unwrap_or((who, ""));
    event.user = Cow::Borrowed(user);
    event.uid = uid.trim_end_matches(')').parse().ok();
}

/// `name:arch (version, automatic), name:arch (old, new)`.
fn packages<'l>(event: &mut Event<'l>, value: &'l str) {
    let parts = || value.split("), ");
    let names: Vec<Cow<'l, str>> =
        parts().take(NAMED).map(|part| Cow::Borrowed(cut::until(part, " ("))).collect();
    event.with("count", i64::try_from(parts().count()).unwrap_or(i64::MAX));
    if let [only] = names.as_slice() {
        let name = match only {
            Cow::Borrowed(name) => cut::until(name, ":"),
            Cow::Owned(_) => "",
        };
        let versions = cut::after(value, " (").unwrap_or_default().trim_end_matches(')');
        event.with("package", name).with("version", cut::until(versions, ", "));
    } else {
        event.more.push((Cow::Borrowed("package"), Field::List(names)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            found.push(format!(
                "{} {} {} {:?} {} {}",
                event.place.line,
                event.kind.name(),
                event.user,
                event.number("count"),
                event.text("package"),
                event.command
            ));
        };
        let mut stream = Stream::new(Context::new("history.log", i64::MAX / 4), None);
        stream.feed(text, &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(counts.not_understood, 0);
        found
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads its own data")]
    fn plasos_history_gives_ten_events() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/plaso/apt_history.log");
        let found = read(&std::fs::read(path).unwrap());
        assert_eq!(found.len(), 10);
        assert_eq!(
            found[7],
            "40 package.remove jxs Some(1) python-pytest apt-get purge python-pytest"
        );
    }

    #[test]
    fn a_run_that_was_cut_off_and_one_that_did_two_things() {
        let log = "Start-Date: 2026-02-03  04:05:06\nCommandline: apt install ./x.deb\n\n\
            Start-Date: 2026-02-03  04:06:06\nCommandline: apt full-upgrade\nInstall: a:amd64 (1, automatic), b:amd64 (2)\nRemove: c:amd64 (3)\nEnd-Date: 2026-02-03  04:07:06\n";
        assert_eq!(
            read(log.as_bytes()),
            [
                "1 log.message  None  apt install ./x.deb",
                "4 package.install  Some(2)  apt full-upgrade",
                "4 package.remove  Some(1) c apt full-upgrade",
            ]
        );
    }
}
