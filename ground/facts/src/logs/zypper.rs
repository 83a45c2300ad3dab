//! zypper's history: `time|action|name|version|arch|user@host|repository|checksum|`.
//!
//! Source: libzypp `zypp/HistoryLog.h` ("HistoryActionID") and `HistoryLog.cc`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::package_lines::Change;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "zypper",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut own = false;
    let share = single::share(sample, |line, stamps| {
        let is = header(line, stamps).is_some();
        own |= is;
        // Scripts' output stands between, as comments.
        is || line.starts_with('#')
    });
    if own { share } else { 0 }
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str, &'l str)> {
    let (time, rest) = text.split_once('|')?;
    let (stamp, left) = stamps.iso(time)?;
    let (action, rest) = rest.split_once('|')?;
    (left.is_empty() && action.len() < 12).then_some((stamp, action.trim(), rest))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    if line.text.starts_with('#') && line.place.file.contains("zypp") {
        return Understood::Silent;
    }
    let Some((stamp, action, rest)) = header(line.text, stamps) else { return Understood::No };
    let mut fields = rest.split('|');
    let mut next = || fields.next().unwrap_or_default();
    let message = single::message(stamp, line, "zypper", line.text);
    let mut event = match action {
        "install" | "remove" => {
            let (package, version, architecture) = (next(), next(), next());
            let (old, new) = if action == "remove" { (version, "") } else { ("", version) };
            let change = Change { stamp, action, package, architecture, old, new };
            let who = next();
            if let Some(mut event) = change.event(line, "zypper") {
                event.user = Cow::Borrowed(who.split('@').next().unwrap_or_default());
                each(&event);
            }
            return Understood::Yes;
        }
        "command" => {
            let mut event = message.event(EventKind::ProcessStart);
            event.user = Cow::Borrowed(next().split('@').next().unwrap_or_default());
            // Each argument in quotes.
            event.command = Cow::Owned(next().replace('\'', ""));
            event
        }
        "radd" | "rremove" | "ralias" | "rurl" => message.event(EventKind::ConfigChange),
        _ => message.event(EventKind::LogMessage),
    };
    event.with("action", action);
    each(&event);
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn who_installed_what() {
        let log = "# 2026-01-02 03:04:05 nmap.rpm installed ok\n\
            2026-01-02 03:04:05|command|root@web|'zypper' 'in' 'nmap'|\n\
            2026-01-02 03:04:06|install|nmap|7.9-1|x86_64|root@web|repo|abc|\n\
            2026-01-02 03:04:07|remove |audit|3.0-1|x86_64|root@web|\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (name, command) = (event.text("package"), &event.command);
            found.push(format!("{} {} {name}{command}", event.kind.name(), event.user));
        };
        let mut stream = Stream::new(Context::new("/var/log/zypp/history", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "process.start root zypper in nmap",
                "package.install root nmap",
                "package.remove  audit"
            ]
            .map(|line| line.replace("remove  audit", "remove root audit"))
        );
    }
}
