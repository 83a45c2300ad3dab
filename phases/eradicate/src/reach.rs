//! Whether root was here for longer than the logs reach: then nobody can tell what else was done.
//!
//! When a file was put there is told by the kernel: its birth, or the last change of its inode,
//! which no tool can set to another time (utimensat(2) cannot). When the logs begin is told by those
//! that tell of logins and root's doings; one that only tells of packages reaches further back, and
//! says nothing of an intruder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stanch_facts::Snapshot;
use stanch_facts::packages::{self, Index};
use stanch_facts::tables::account_changes::rfc3339;
use stanch_facts::tables::log_sources::{SPEC, col};
use stanch_words::{Ask, Both, Level, Plan, Tables as _, text};

use crate::places;
use crate::{Group, Suspect};

/// Logs that tell of logins, by the names that distributions give them.
const LOGS: [&str; 4] = ["auth.log", "secure", "syslog", "messages"];

/// Returns that only a new installation helps, if root's own doing is older than all such logs.
pub(crate) fn of(
    snapshot: &Snapshot,
    plan: &Plan,
    groups: &BTreeMap<PathBuf, Group<'_>>,
) -> Option<Both> {
    let index = packages::index(snapshot.host());
    let planned = |path: &PathBuf| {
        let path = text::from_bytes(path.as_os_str().as_encoded_bytes());
        plan.steps.iter().any(|step| step.subject.path.as_deref() == Some(&*path))
    };
    let of_root = groups.iter().filter(|(path, group)| is_roots(group) && planned(path));
    let (since, path) =
        of_root.filter_map(|(path, group)| Some((put(&index, group)?, path))).min()?;
    let logs = begin(snapshot);
    told(since, &path.to_string_lossy(), logs)
}

/// Returns whether only root can have put it there, and it is grave.
pub(crate) fn is_roots(group: &Group<'_>) -> bool {
    let is_grave = |one: &&Suspect| one.level >= Level::High && !one.is_named();
    group.met.seen.stat.is_some_and(|stat| stat.uid == 0) && group.suspects.iter().any(is_grave)
}

/// Returns when it was put there, or last changed where it was there before, in seconds since 1970.
fn put(index: &Index, group: &Group<'_>) -> Option<i64> {
    let stat = group.met.seen.stat?;
    let was_there = index.owner(&group.met.path).is_some() || places::is_shared(&group.met.path);
    let time = if was_there { stat.changed } else { stat.born.unwrap_or(stat.changed) };
    Some(time.div_euclid(1_000_000_000))
}

/// Returns when the logs begin that tell of logins.
fn begin(snapshot: &Snapshot) -> Option<i64> {
    let read = snapshot.read(SPEC.name, &Ask::all());
    let tells = |witness: &str, series: &str| {
        let name = series.rsplit('/').next().unwrap_or_default();
        matches!(witness, "journal" | "audit") || witness == "text" && LOGS.contains(&name)
    };
    read.rows
        .iter()
        .filter(|row| {
            let text = |column| row.get(column).as_text().unwrap_or_default();
            tells(text(col::witness), text(col::series))
        })
        .filter_map(|row| row.get(col::first_time).as_integer())
        .min()
}

fn told(since: i64, path: &str, logs: Option<i64>) -> Option<Both> {
    let path = text::escaped(path);
    let day = |time: i64| rfc3339(time.saturating_mul(1_000_000_000)).unwrap_or_default();
    let (en, zh) = match logs {
        Some(begin) if begin <= since => return None,
        Some(begin) => {
            let (since, begin) = (day(since), day(begin));
            (
                format!(
                    "`{path}` was put there by root at {since}, and the logs reach back to {begin} only"
                ),
                format!("`{path}` 由 root 于 {since} 放置，而日志只追溯到 {begin}"),
            )
        }
        None => (
            format!(
                "`{path}` was put there by root at {}, and no log of logins is left",
                day(since)
            ),
            format!("`{path}` 由 root 于 {} 放置，而登录日志已不存在", day(since)),
        ),
    };
    Some(Both::new(
        format!("Install this machine anew: {en}; what else root did before that nobody can tell."),
        format!("应重装系统：{zh}；此前 root 还做过什么已无从得知。"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_older_than_the_logs_is_told() {
        assert_eq!(told(2000, "/x", Some(1000)), None);
        assert_eq!(told(2000, "/x", Some(2000)), None);
        let told_of = |logs| told(2000, "/x\u{1b}", logs).unwrap().en;
        assert!(told_of(Some(3000)).contains("the logs reach back to"), "{}", told_of(Some(3000)));
        assert!(told_of(None).contains("no log of logins"), "{}", told_of(None));
        assert!(!told_of(None).contains('\u{1b}'));
    }
}
