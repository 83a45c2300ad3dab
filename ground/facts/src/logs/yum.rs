//! yum's log: `Nov 02 08:12:44 Installed: 2:vim-enhanced-7.4-1.el7.x86_64`.
//!
//! Source: yum `rpmtrans.py` and `yum/__init__.py` (`filelog`).

use super::package_lines::{Change, nevra};
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "yum",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: false,
};

const ACTIONS: [&str; 6] =
    ["Installed", "Updated", "Erased", "Dep-Installed", "Downgraded", "Reinstalled"];

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str, &'l str)> {
    let (stamp, rest) = stamps.bsd(text)?;
    let (action, package) = rest.split_once(": ")?;
    ACTIONS.contains(&action).then_some((stamp, action, package))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, action, text)) = header(line.text, stamps) else { return Understood::No };
    let action = if action == "Dep-Installed" { "Installed" } else { action };
    let (package, version, architecture) = nevra(text);
    let erased = action == "Erased";
    let (old, new) = if erased { (version.as_str(), "") } else { ("", version.as_str()) };
    let change = Change { stamp, action, package, architecture, old, new };
    if let Some(event) = change.event(line, "yum") {
        each(&event);
    }
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn an_installation_is_no_message_of_a_program_named_installed() {
        let log =
            "Nov 02 08:12:44 Installed: 2:nmap-7.4-1.el7.x86_64\nNov 02 08:12:45 Erased: audit\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (name, version) = (event.text("package"), event.text("version"));
            found.push(format!("{} {name} {version}", event.kind.name()));
        };
        let mut stream = Stream::new(Context::new("yum.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(found, ["package.install nmap 2:7.4-1.el7", "package.remove audit "]);
    }
}
