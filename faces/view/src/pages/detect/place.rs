//! Which commands may be offered: on a disk image, none that would touch the machine we run on.

use std::borrow::Cow;

/// Where the machine was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The machine that we run on.
    Live,
    /// A root directory.
    Root(&'a str),
    /// An evidence bundle.
    Bundle(&'a str),
}

impl Place<'_> {
    /// Returns the commands that reach this machine. A query and a look are led to the root directory; `kill`,
    /// `passwd` and the like would hit the wrong machine and are left out.
    pub(crate) fn commands(self, commands: &[String]) -> impl Iterator<Item = String> {
        commands.iter().filter_map(move |command| match self {
            Self::Live => Some(command.clone()),
            Self::Root(root) => led(command, "--root", root),
            Self::Bundle(file) => led(command, "--bundle", file),
        })
    }
}

/// Leads a command to another place, if it is one that only looks.
fn led(command: &str, option: &str, place: &str) -> Option<String> {
    ["query", "detect"].iter().find_map(|verb| {
        let rest = command.strip_prefix("stanch ")?.strip_prefix(verb)?.strip_prefix(' ')?;
        Some(format!("stanch {verb} {option} {} {rest}", quoted(place)))
    })
}

/// Returns a word as a shell takes it for one.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_an_image_or_a_bundle_only_queries_are_offered_and_they_reach_it() {
        let given = ["stanch query \"SELECT 1\"", "passwd -l eve", "kill -STOP 4"];
        let given = given.map(str::to_owned);
        let offered = |place: Place<'_>| place.commands(&given).collect::<Vec<_>>();
        assert_eq!(offered(Place::Live), given);
        assert_eq!(offered(Place::Root("/mnt")), ["stanch query --root /mnt \"SELECT 1\""]);
        assert_eq!(
            offered(Place::Bundle("a.tar.gz")),
            ["stanch query --bundle a.tar.gz \"SELECT 1\""]
        );
        assert_eq!(
            offered(Place::Root("/mnt/it's a disk")),
            ["stanch query --root '/mnt/it'\\''s a disk' \"SELECT 1\""]
        );
    }
}
