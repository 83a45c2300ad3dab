//! dnf's logs: `dnf.rpm.log` and `dnf.log`.
//!
//! Source: dnf `dnf/logging.py` (`time LEVEL text`), `dnf/yum/rpmtrans.py` (`Installed: …`,
//! `Upgrade: …`, `Erase: …`), `dnf/cli/cli.py` (`Command: dnf install x`); dnf5 has `[pid]` before
//! the level.

use super::package_lines::{Change, nevra};
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "dnf",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

const LEVELS: [&str; 11] = [
    "INFO",
    "DEBUG",
    "DDEBUG",
    "SUBDEBUG",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "TRACE",
    "ALL",
    "WARN",
    "SUPPRESSED",
];

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let rest = match rest.strip_prefix('[') {
        Some(inside) => inside.split_once("] ")?.1,
        None => rest,
    };
    let (level, said) = rest.split_once(' ').unwrap_or((rest, ""));
    LEVELS.contains(&level).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let said = said.trim();
    let (action, text) = said.split_once(": ").unwrap_or((said, ""));
    // Of the pair `Upgrade: new`, `Upgraded: old` the first tells; the second is its shadow.
    if matches!(action, "Upgraded" | "Cleanup" | "Downgraded" | "Obsoleted" | "Obsoleting") {
        return Understood::Silent;
    }
    let (package, version, architecture) = nevra(text);
    let gone = matches!(action, "Erase" | "Erased" | "Removed");
    let (old, new) = if gone { (version.as_str(), "") } else { ("", version.as_str()) };
    let change = Change { stamp, action, package, architecture, old, new };
    change.show(line, "dnf", (said, said.strip_prefix("Command: ")), each);
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn a_command_and_what_it_changed() {
        let log = "2026-01-02T03:04:05+0000 INFO --- logging initialized ---\n\
            2026-01-02T03:04:05+0000 DDEBUG Command: dnf install -y nmap\n\
            2026-01-02T03:04:06+0000 SUBDEBUG Installed: nmap-3:7.9-1.el9.x86_64\n\
            2026-01-02T03:04:07+0000 SUBDEBUG Upgrade: bash-5.2-1.el9.x86_64\n\
            2026-01-02T03:04:07+0000 SUBDEBUG Upgraded: bash-5.1-1.el9.x86_64\n\
            2026-01-02T03:04:08+0000 [77] INFO Erase: audit-3.0-1.el9.x86_64\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (name, command) = (event.text("package"), &event.command);
            found.push(format!("{} {name}{command}", event.kind.name()));
        };
        let mut stream = Stream::new(Context::new("dnf.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "log.message ",
                "process.start dnf install -y nmap",
                "package.install nmap",
                "package.upgrade bash",
                "package.remove audit",
            ]
        );
    }
}
