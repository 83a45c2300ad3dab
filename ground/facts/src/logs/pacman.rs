//! pacman's log: `[2026-01-02T03:04:05+0000] [ALPM] installed vim (9.0-1)`.
//!
//! Source: pacman `lib/libalpm/add.c`, `remove.c` (`upgraded %s (%s -> %s)`), `src/pacman/pacman.c`
//! (`Running '…'`).

use super::package_lines::Change;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "pacman",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (time, rest) = text.strip_prefix('[')?.split_once("] [")?;
    let (stamp, left) = stamps.iso(time)?;
    let (who, said) = rest.split_once("] ")?;
    (left.is_empty() && (who.starts_with("ALPM") || who == "PACMAN")).then_some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let (action, rest) = cut::word(said);
    let (package, versions) = rest.split_once(" (").unwrap_or((rest, ""));
    let versions = versions.trim_end_matches(')');
    let (old, new) = match versions.split_once(" -> ") {
        Some(both) => both,
        None if action == "removed" => (versions, ""),
        None => ("", versions),
    };
    let change = Change { stamp, action, package, architecture: "", old, new };
    change.show(line, "pacman", (said, cut::between(said, "Running '", "'")), each);
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn a_run_and_its_changes() {
        let log = "[2026-01-02T03:04:05+0000] [PACMAN] Running 'pacman -S nmap'\n\
            [2026-01-02T03:04:06+0000] [ALPM] installed nmap (7.9-1)\n\
            [2026-01-02T03:04:07+0000] [ALPM] upgraded bash (5.1-1 -> 5.2-1)\n\
            [2026-01-02T03:04:08+0000] [ALPM-SCRIPTLET] done\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (name, old) = (event.text("package"), event.text("old_version"));
            found.push(format!("{} {name} {old}{}", event.kind.name(), event.command));
        };
        let mut stream = Stream::new(Context::new("pacman.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "process.start  pacman -S nmap",
                "package.install nmap ",
                "package.upgrade bash 5.1-1",
                "log.message  ",
            ]
        );
    }
}
