//! Libraries that a program of the system needs and no package provides: how one is made to load
//! another's code without a change to its own.
//!
//! Source: ld.so(8) for where libraries are looked for; ATT&CK T1574.006.

use std::path::{Path, PathBuf};

use stanch_words::Value;

use super::Scan;
use crate::content::Oddity;
use crate::content::elf::Program;

/// Where programs and libraries of the system lie.
const SYSTEM: [&str; 8] =
    ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"];
/// Where the loader looks without being told otherwise, and Debian's folders for machines.
const PLACES: [&str; 11] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib/x86_64-linux-gnu",
    "/usr/local/lib64",
    "/usr/local/lib",
];

impl Scan<'_> {
    /// Returns what is odd about the libraries of a program of the system that is not as shipped.
    pub(super) fn strange_libraries(
        &self,
        path: &Path,
        state: &str,
        bytes: &[u8],
    ) -> Option<Oddity> {
        let place = path.to_str()?;
        let is_system = SYSTEM.iter().any(|system| place.starts_with(system));
        let is_told = matches!(state, "altered" | "unowned" | "unverified");
        if !is_system || !is_told || !self.index.is_readable() {
            return None;
        }
        let program = Program::parse(bytes)?;
        let mut strange: Vec<String> = Vec::new();
        strange.extend(program.strange_folders().map(|folder| format!("libraries in `{folder}`")));
        for name in &program.needed {
            if let Some(found) = self.unowned_library(name, program.search.is_empty()) {
                strange.push(format!("`{}`", Value::from(found.as_path())));
            }
        }
        if strange.is_empty() {
            return None;
        }
        // What somebody installed himself needs what he installed himself.
        let score = if state == "unowned" { 45 } else { 85 };
        let detail = format!("it needs {}, which no package provides", strange.join(", "));
        Some(Oddity { what: "needs-strange-library", score, detail, lines: Vec::new() })
    }

    /// Returns where a library lies, if no package provides one of its name.
    fn unowned_library(&self, name: &str, is_searched_only_here: bool) -> Option<PathBuf> {
        let is_owned = |path: &Path| self.index.owner(path).is_some();
        let machine = self.host.machine();
        if name.contains('/') {
            let path = PathBuf::from(name);
            return (path.is_absolute() && machine.lstat(&path).is_ok() && !is_owned(&path))
                .then_some(path);
        }
        if !is_searched_only_here {
            return None;
        }
        let mut found = None;
        for place in PLACES {
            let path = Path::new(place).join(name);
            if is_owned(&path) {
                return None;
            }
            if found.is_none()
                && let Ok(path) = machine.resolve(&path)
            {
                // A link that ldconfig made to a library of a package is that library.
                if is_owned(&path) {
                    return None;
                }
                found = machine.lstat(&path).is_ok().then_some(path);
            }
        }
        found
    }
}
