//! Lines of package managers' logs as changes: what the readers of dpkg, yum, dnf, zypper and
//! pacman share, and what the table `package_changes` is made of.

use stanch_words::{Event, EventKind};

use super::stamps::Stamp;
use super::{Each, Line, Stamps, single};

/// One change of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'l> {
    /// When.
    pub stamp: Stamp,
    /// The manager's own word: `install`, `upgrade`, `remove`, `purge`, `configure`, …
    pub action: &'l str,
    /// The package.
    pub package: &'l str,
    /// Its architecture.
    pub architecture: &'l str,
    /// The version before; empty if there was none.
    pub old: &'l str,
    /// The version after; empty if there is none.
    pub new: &'l str,
}

impl Change<'_> {
    /// Returns the kind of event that it is, if it changes what is installed.
    pub fn kind(&self) -> Option<EventKind> {
        match self.action {
            "install" | "Installed" | "installed" | "Install" => Some(EventKind::PackageInstall),
            "upgrade" | "Updated" | "Upgraded" | "Upgrade" | "upgraded" | "Update"
            | "Downgrade" | "downgraded" | "Reinstalled" | "reinstalled" | "Reinstall"
            | "Downgraded" => Some(EventKind::PackageUpgrade),
            "remove" | "purge" | "disappear" | "Erased" | "removed" | "Removed" | "Erase" => {
                Some(EventKind::PackageRemove)
            }
            _ => None,
        }
    }

    /// Returns its event.
    pub fn event<'l>(&'l self, line: &Line<'l>, manager: &'l str) -> Option<Event<'l>> {
        let message = single::message(self.stamp, line, manager, line.text);
        let mut event = message.event(self.kind()?);
        event.with("package", self.package).with("action", self.action);
        for (name, value) in
            [("architecture", self.architecture), ("version", self.new), ("old_version", self.old)]
        {
            if !value.is_empty() {
                event.with(name, value);
            }
        }
        Some(event)
    }

    /// Shows a line of a manager's own log: the change, if a version stands in it, else the words
    /// `said`, in which it may have been started by a command.
    pub fn show(
        &self,
        line: &Line<'_>,
        manager: &str,
        (said, command): (&str, Option<&str>),
        each: &mut Each<'_>,
    ) {
        let has_version = !self.old.is_empty() || !self.new.is_empty();
        if let Some(event) = self.event(line, manager).filter(|_| has_version) {
            return each(&event);
        }
        let message = single::message(self.stamp, line, manager, said);
        let mut event = message.event(EventKind::LogMessage);
        if let Some(command) = command {
            event.kind = EventKind::ProcessStart;
            event.command = command.into();
        }
        each(&event);
    }
}

/// What a line of dpkg's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dpkg<'l> {
    /// A change of a package.
    Change(Change<'l>),
    /// A state on the way, or the beginning of a run.
    State,
    /// A question about a configuration file, and what was decided: the file, the answer.
    Conffile(Stamp, &'l str, &'l str),
}

/// Reads a line of dpkg's log: `2026-02-03 04:05:06 upgrade bash:amd64 5.1 5.2` (dpkg(1), LOGFILE).
pub fn dpkg<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Dpkg<'l>> {
    if text.as_bytes().get(10) != Some(&b' ') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let mut words = rest.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let action = next();
    match action {
        "status" | "startup" | "trigproc" => return Some(Dpkg::State),
        "conffile" => return Some(Dpkg::Conffile(stamp, next(), next())),
        "install" | "upgrade" | "remove" | "purge" | "configure" | "disappear" => {}
        _ => return None,
    }
    let (named, old, new) = (next(), next(), next());
    if named.is_empty() {
        return None;
    }
    let (package, architecture) = named.split_once(':').unwrap_or((named, ""));
    let version = |word: &'l str| if word == "<none>" { "" } else { word };
    Some(Dpkg::Change(Change {
        stamp,
        action,
        package,
        architecture,
        old: version(old),
        new: version(new),
    }))
}

/// Splits rpm's `2:vim-enhanced-9.0-1.el9.x86_64` into name, version with epoch and release, and
/// architecture. What has no such parts is a name.
pub fn nevra(text: &str) -> (&str, String, &str) {
    let text = text.trim();
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", text),
    };
    let Some((named, architecture)) = rest.rsplit_once('.') else {
        return (rest, String::new(), "");
    };
    let Some((named, release)) = named.rsplit_once('-') else { return (rest, String::new(), "") };
    let Some((name, version)) = named.rsplit_once('-') else { return (rest, String::new(), "") };
    // dnf writes `name-2:9.0-1`, yum `2:name-9.0-1`.
    let version = match epoch {
        "" => format!("{version}-{release}"),
        _ => format!("{epoch}:{version}-{release}"),
    };
    (name, version, architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rpm_packages_come_apart() {
        for (text, name, version, architecture) in [
            ("2:vim-enhanced-9.0-1.el9.x86_64", "vim-enhanced", "2:9.0-1.el9", "x86_64"),
            ("vim-enhanced-2:9.0-1.el9.x86_64", "vim-enhanced", "2:9.0-1.el9", "x86_64"),
            ("bash-5.2-1.noarch", "bash", "5.2-1", "noarch"),
            ("odd", "odd", "", ""),
            ("a.b", "a.b", "", ""),
        ] {
            assert_eq!(nevra(text), (name, version.to_owned(), architecture), "{text}");
        }
    }
}
