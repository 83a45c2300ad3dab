//! ForensicArtifacts' definitions of Linux.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use stanch_rules::forensic_artifacts::{Definitions, Source};

use super::{Ours, Verdict, instance};

/// The goal: of the paths that a server may have.
const GOAL: f64 = 0.95;

/// What came of all paths, as lines.
#[derive(Default)]
struct Tally {
    held: Vec<String>,
    digests: Vec<String>,
    otherwise: Vec<String>,
    desktops: Vec<String>,
    missing: Vec<String>,
    /// Commands of which we hold what they print, and all.
    commands: (usize, usize),
    known: BTreeSet<String>,
}

/// Returns the figures.
pub(super) fn lines(folder: &Path, ours: &Ours) -> Result<Vec<String>> {
    let data = folder.join("artifacts/data");
    let mut files: Vec<_> =
        std::fs::read_dir(&data)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    let mut tally = Tally::default();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
        // Files for other systems alone are refused as such.
        let Ok(definitions) = Definitions::parse(&name, &text) else { continue };
        for definition in definitions.all {
            let name = format!("{name}: {}", definition.name);
            for source in definition.sources {
                tally.source(&name, source, ours);
            }
        }
    }
    Ok(tally.told())
}

impl Tally {
    fn source(&mut self, name: &str, source: Source, ours: &Ours) {
        let (paths, is_place) = match source {
            Source::Files(paths) => (paths, false),
            Source::Places(paths) => (paths, true),
            Source::Command(command) => {
                let is_held = matches!(ours.claimed(&[&command]), Some(Verdict::Held(_)));
                self.commands.0 += usize::from(is_held);
                self.commands.1 += 1;
                return;
            }
            Source::Group(_) => return,
        };
        for path in paths {
            if !self.known.insert(path.clone()) {
                continue;
            }
            let full = format!("{name}: {path}");
            let verdict = match ours.claimed(&[&path, &full]) {
                Some(verdict) => verdict,
                None if is_place => of_place(&path, ours),
                None => of_file(&path, ours),
            };
            let (list, rest) = match verdict {
                Verdict::Held(by) => (&mut self.held, by),
                Verdict::Digest(by) => (&mut self.digests, by),
                Verdict::Otherwise { why, no_server: false } => (&mut self.otherwise, why),
                Verdict::Otherwise { why, no_server: true } => (&mut self.desktops, why),
                Verdict::Missing => (&mut self.missing, "no page takes it".to_owned()),
            };
            list.push(format!("    - {full}: {rest}"));
        }
    }

    fn told(self) -> Vec<String> {
        let taken = self.held.len() + self.digests.len();
        let of_servers = taken + self.otherwise.len() + self.missing.len();
        let share = taken as f64 / of_servers.max(1) as f64;
        let below = if share < GOAL { "  BELOW" } else { "" };
        let (held, all) = self.commands;
        let mut lines = vec![
            "ForensicArtifacts, definitions of Linux".to_owned(),
            format!(
                "  paths of servers taken {share:.4}  {taken}/{of_servers}  goal {GOAL}{below}"
            ),
            format!("  commands of which we hold what they print: {held}/{all}"),
        ];
        for (what, list) in [
            ("mapped", self.held),
            ("mapped, by digest unless contents are asked for", self.digests),
            ("explained", self.otherwise),
            ("missing", self.missing),
            ("not of servers", self.desktops),
        ] {
            lines.push(format!("  {what}: {}", list.len()));
            lines.extend(list);
        }
        lines
    }
}

fn of_file(path: &str, ours: &Ours) -> Verdict {
    let path = path.replace("%%users.homedir%%", "/home/u").replace("%%users.uid%%", "1000");
    ours.paths(&instance::of(&path))
}

/// A place: what lies in it, or that it is there, which the list of all files tells.
fn of_place(path: &str, ours: &Ours) -> Verdict {
    match of_file(&format!("{path}/a"), ours) {
        Verdict::Missing => match ours.holder("native:bodyfile") {
            Some(page) => Verdict::Held(format!("{}: its name and times", page.id)),
            None => Verdict::Missing,
        },
        verdict => verdict,
    }
}
