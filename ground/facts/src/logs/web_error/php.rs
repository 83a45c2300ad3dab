//! PHP's own error log, php-fpm's, and suhosin's words wherever they appear.

use stanch_words::EventKind;

use super::Complaint;
use crate::logs::Stamps;
use crate::logs::cut::{address, between};
use crate::web_attacks::Attack;

/// Reads `[23-Nov-2026 12:00:00 Europe/Paris] PHP Warning:  text in /f.php on line 3` and
/// php-fpm's `[23-Nov-2026 12:00:00] WARNING: [pool www] child 12 said into stderr: "…"`.
pub(super) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Complaint<'l>> {
    let (stamp, rest) = text.strip_prefix('[')?.split_once("] ")?;
    let (time, clock) = time(stamp, stamps)?;
    let (level, words) = rest.split_once(": ")?;
    let is_level = level.strip_prefix("PHP ").is_some_and(|level| level.len() <= 32)
        || matches!(level, "NOTICE" | "WARNING" | "ERROR" | "ALERT" | "DEBUG");
    if !is_level {
        return None;
    }
    let mut complaint = Complaint::new("php", words);
    (complaint.time, complaint.clock, complaint.level) = (Some(time), clock, level);
    complaint.path = between(words, " in /", ".php").map_or("", |inside| {
        let start = words.find(" in /").unwrap_or(0).saturating_add(4);
        let end = start.saturating_add(inside.len()).saturating_add(".php".len() + 1);
        words.get(start..end).unwrap_or_default()
    });
    suhosin(words, &mut complaint);
    Some(complaint)
}

/// Reads `23-Nov-2026 12:00:00 UTC`: the zone has a name, which is the machine's or UTC.
pub(in crate::logs) fn time(text: &str, stamps: &mut Stamps) -> Option<(i64, stanch_words::Clock)> {
    let bytes = text.as_bytes();
    if bytes.get(2) != Some(&b'-') || bytes.get(6) != Some(&b'-') || text.len() > 80 {
        return None;
    }
    let (day, rest) = text.split_once(' ')?;
    let (clock, zone) = rest.split_once(' ').unwrap_or((rest, ""));
    let zone = match zone {
        "UTC" | "GMT" | "Z" => " +0000",
        offset if offset.starts_with(['+', '-']) => offset,
        _ => "",
    };
    let blank = if zone.starts_with(' ') || zone.is_empty() { "" } else { " " };
    let (stamp, _) = stamps.clf(&format!("{}:{clock}{blank}{zone}", day.replace('-', "/")))?;
    Some((stamp.time, stamp.clock))
}

/// `ALERT - … (attacker '192.0.2.1', file '/f.php')`.
pub(in crate::logs) fn suhosin<'l>(text: &'l str, complaint: &mut Complaint<'l>) {
    if let Some((_, rest)) = text.rsplit_once("(attacker '")
        && text.contains("ALERT")
    {
        complaint.source = address(rest.split('\'').next().unwrap_or_default());
        complaint.path = between(rest, "file '", "'").unwrap_or_default();
        complaint.is(EventKind::WebAbuse);
        complaint.attack = text.contains("ASCII-NUL").then_some(Attack::FileRead);
    }
}
