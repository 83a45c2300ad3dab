//! How what lies somewhere differs from what should: said in words, and for text line by line.

use std::path::Path;

use stanch_machine::Machine;
use stanch_words::text;

use super::{LONGEST_TEXT, State};

/// How many lines of each side are shown.
const SHOWN: usize = 20;

/// Returns how two states differ.
pub(crate) fn difference(wanted: &State, now: &State) -> String {
    let (State::File(wanted), State::File(now)) = (wanted, now) else {
        return format!("{} in place of {}", now.kind(), wanted.kind());
    };
    let mut told = Vec::new();
    let mut tell = |what: &str, wanted: String, now: String| {
        if wanted != now {
            told.push(format!("{what}: {now} in place of {wanted}"));
        }
    };
    tell("sha256", wanted.sha256.clone(), now.sha256.clone());
    tell("mode", format!("{:o}", wanted.mode), format!("{:o}", now.mode));
    tell("owner", format!("{}:{}", wanted.uid, wanted.gid), format!("{}:{}", now.uid, now.gid));
    tell("flags", format!("{:x}", wanted.flags), format!("{:x}", now.flags));
    tell("attributes", format!("{:?}", wanted.attributes), format!("{:?}", now.attributes));
    if let (Some(wanted), Some(now)) = (wanted.modified, now.modified) {
        tell("modified", wanted.to_string(), now.to_string());
    }
    text::escaped(&told.join("; "))
}

/// Returns the lines that differ, where both sides are text of a usual length: what is there no
/// more with `-`, what came with `+`.
pub(crate) fn of_lines(
    machine: &dyn Machine,
    path: &Path,
    ours: Option<&[u8]>,
    now: &State,
) -> Option<String> {
    let there = match now {
        State::File(file) if file.size <= LONGEST_TEXT => {
            machine.read(path, LONGEST_TEXT).ok()?.bytes
        }
        _ => return None,
    };
    let ours = std::str::from_utf8(ours.unwrap_or_default()).ok()?;
    let there = std::str::from_utf8(&there).ok()?;
    let (ours, there): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), there.lines().collect());
    let same_before = ours.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let ends = |lines: &[&str], from: usize| lines.len().saturating_sub(from);
    let same_after = ours
        .iter()
        .rev()
        .zip(there.iter().rev())
        .take_while(|(a, b)| a == b)
        .count()
        .min(ends(&ours, same_before))
        .min(ends(&there, same_before));
    let mut told = vec![format!("@@ line {} @@", same_before.saturating_add(1))];
    for (mark, lines) in [('-', &ours), ('+', &there)] {
        let end = lines.len().saturating_sub(same_after);
        let differing = lines.get(same_before..end).unwrap_or_default();
        told.extend(
            differing.iter().take(SHOWN).map(|line| format!("{mark}{}", text::escaped(line))),
        );
        if differing.len() > SHOWN {
            told.push(format!("{mark} and {} more lines", differing.len().saturating_sub(SHOWN)));
        }
    }
    (told.len() > 1).then(|| told.join("\n"))
}
