//! What becomes of one suspect file.
//!
//! ```text
//!   accounts' databases ─► rights taken off; their rows: see `accounts`
//!   a package's file ─► rights off · put back as shipped · bad lines out · refused with advice
//!   nobody's file ─► bad lines out, if others share it · else into the vault
//! ```

use std::collections::BTreeSet;

use stanch_acts::clear_rights::{ClearRights, Which};
use stanch_acts::edit_file::EditFile;
use stanch_acts::files::State as There;
use stanch_acts::quarantine_file::QuarantineFile;
use stanch_acts::restore_file::{RestoreFile, Shipped};
use stanch_acts::{Trouble, Vault};
use stanch_facts::Snapshot;
use stanch_facts::packages::{self, ShippedFile, ShippedFiles, State};
use stanch_machine::{Machine, limits};
use stanch_words::{Both, Level, Refusal, Seen, Step, text};

use crate::added;
use crate::places::{self, Places};
use crate::{Group, Suspect};

/// In which order steps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Processes are frozen.
    Freeze,
    /// What starts by itself does so no more.
    Persistence,
    /// Processes are killed, once nothing brings them back.
    Kill,
    /// Programs go into the vault.
    Program,
    /// Rights are taken off what stays.
    Rights,
    /// Accounts are locked, or their rows taken out.
    Account,
    /// Files of packages are put back.
    Restore,
}

/// What becomes of a file.
#[derive(Debug)]
pub(crate) enum Decision {
    Step(Rank, Box<Step>),
    Refuse(Refusal),
    /// There is nothing there.
    Gone,
}

impl Decision {
    fn of(rank: Rank, planned: Result<Step, Refusal>) -> Self {
        match planned {
            Ok(step) => Self::Step(rank, Box::new(step)),
            Err(refusal) => Self::Refuse(refusal),
        }
    }
}

/// Signs of rights that a file gives by itself.
pub(crate) const RIGHTS: [&str; 2] = ["files.set-id-of-nobody", "files.capability-of-nobody"];
/// Mechanisms of rights likewise.
const MECHANISMS: [&str; 3] = ["set-id", "capability", "access-list"];

/// Decides it.
pub(crate) fn decide(
    snapshot: &Snapshot,
    places: &Places,
    group: &Group<'_>,
    all: &ShippedFiles,
    vault: &Vault,
) -> Result<Decision, Trouble> {
    let host = snapshot.host();
    let (machine, path) = (host.machine(), &group.met.path);
    let refuse = |en: &str, zh: &str| Ok(Decision::Refuse(refusal(group, en, zh)));
    if matches!(group.met.seen.state, There::Folder { .. }) {
        return refuse(
            "it is a folder: `--path` takes it away with all that lies in it",
            "它是目录：用 `--path` 指定，可连同其中全部内容隔离",
        );
    }
    let gives_rights = gives_rights(places, group);
    if places::is_accounts(path) {
        if gives_rights {
            return Ok(rights(group, vault));
        }
        return refuse(
            "its rows go with the accounts that findings name; of the others: `stanch contain apply --lock-account NAME`",
            "其中的行随发现所指的账户一并处理；其他账户见 `stanch contain apply --lock-account 用户`",
        );
    }
    let mut seen = Seen::default();
    let told = packages::index(host).verify(host, "eradicate", path, &mut seen);
    match told.state {
        State::Missing | State::Altered => Ok(put_back(group, all, vault)?),
        State::Config => {
            let known = (all.files.get(path), told.expected.as_deref());
            config(machine, places, group, known, vault)
        }
        State::Intact | State::Unverified if gives_rights => Ok(rights(group, vault)),
        State::Intact => refuse(
            "it is as its package shipped it; what it reads or who may write to it is the matter",
            "该文件与软件包一致；问题在于它读取的内容或谁能写入它",
        ),
        State::Unverified if group.met.seen.state.sha256().is_some() => refuse(
            "a package owns it, and there is no digest to tell whether it was altered",
            "该文件属于软件包，但没有摘要可供判断是否被改动",
        ),
        State::Unverified | State::Unowned | State::Unknown => {
            nobodys(machine, places, group, gives_rights, vault)
        }
    }
}

fn gives_rights(places: &Places, group: &Group<'_>) -> bool {
    let by_sign = group.suspects.iter().any(|one| RIGHTS.contains(&one.sign.as_str()));
    let by_place = || {
        let entries = places.of(&group.met.path);
        entries.iter().any(|entry| MECHANISMS.contains(&entry.mechanism.as_str()))
    };
    by_sign || by_place()
}

fn rights(group: &Group<'_>, vault: &Vault) -> Decision {
    Decision::of(Rank::Rights, ClearRights::plan(&group.met, Which::Rights, vault))
}

/// A file that no package owns.
fn nobodys(
    machine: &dyn Machine,
    places: &Places,
    group: &Group<'_>,
    gives_rights: bool,
    vault: &Vault,
) -> Result<Decision, Trouble> {
    let (path, met) = (&group.met.path, &group.met);
    if met.seen.state == There::Absent {
        return Ok(Decision::Gone);
    }
    let is_named = group.suspects.iter().any(|one| one.is_named());
    let entries = places.of(path);
    if !is_named && !group.is_started && places::is_shared(path) {
        let lines = bad_lines(places, group, |_reasons| true);
        if !lines.is_empty() && others_stay(machine, group, &lines)? {
            let lines: Vec<u64> = lines.into_iter().collect();
            let planned = EditFile::plan(machine, met, &lines, vault)?;
            return Ok(Decision::of(Rank::Persistence, planned));
        }
    }
    let gravest = group.suspects.iter().map(|one| one.level).max().unwrap_or(Level::Info);
    if gives_rights && !is_named && gravest < Level::Medium {
        return Ok(rights(group, vault));
    }
    let rank = if entries.is_empty() { Rank::Program } else { Rank::Persistence };
    Ok(Decision::of(rank, QuarantineFile::plan(met, vault)))
}

/// A configuration file of a package: what was added to it goes, else it is put back as shipped.
fn config(
    machine: &dyn Machine,
    places: &Places,
    group: &Group<'_>,
    (shipped, expected): (Option<&ShippedFile>, Option<&str>),
    vault: &Vault,
) -> Result<Decision, Trouble> {
    let met = &group.met;
    if met.seen.state == There::Absent {
        return match shipped {
            Some(shipped) => restore(group, shipped, vault),
            None => Ok(Decision::Gone),
        };
    }
    let read = machine.read(&met.path, limits::CONFIG_FILE);
    let bytes = read.map_err(|source| Trouble::Machine { doing: "reading a file", source })?.bytes;
    // A digest proves what was added: the file without it is the shipped one, to the byte.
    let lines = added::lines(&bytes, expected).unwrap_or_else(|| {
        let telling = bad_lines(places, group, |reasons| !reasons.is_empty());
        let text = shipped.map(|shipped| String::from_utf8_lossy(&shipped.content));
        let is_shipped = |number: u64| {
            let line = String::from_utf8_lossy(&bytes);
            let place = usize::try_from(number).unwrap_or(0).checked_sub(1);
            let line = place.and_then(|place| line.lines().nth(place).map(str::to_owned));
            line.zip(text.as_deref())
                .is_some_and(|(line, text)| text.lines().any(|one| one == line))
        };
        telling.into_iter().filter(|number| !is_shipped(*number)).collect()
    });
    if !lines.is_empty() {
        let planned = EditFile::plan(machine, met, &lines, vault)?;
        return Ok(Decision::of(Rank::Persistence, planned));
    }
    match shipped {
        Some(shipped) => restore(group, shipped, vault),
        None => Ok(Decision::Refuse(refusal(
            group,
            "a configuration file of a package, and no line of it is telling: take bad lines out by hand, or give its package with `--packages DIR` to put it back as shipped",
            "软件包的配置文件，没有一行可确定为恶意：请手工删除可疑行，或用 `--packages DIR` 给出软件包以还原",
        ))),
    }
}

/// A file that its package shipped otherwise.
fn put_back(group: &Group<'_>, shipped: &ShippedFiles, vault: &Vault) -> Result<Decision, Trouble> {
    let path = &group.met.path;
    if let Some(shipped) = shipped.files.get(path) {
        return restore(group, shipped, vault);
    }
    let name = shipped.missing.get(path).map_or("", |missing| missing.name.as_str());
    let name = text::escaped(name);
    Ok(Decision::Refuse(refusal(
        group,
        &format!(
            "its package file `{name}` is not at hand, neither in the machine's own cache, signed for, nor brought: see below for how to get it"
        ),
        &format!(
            "软件包文件 `{name}` 不在手边：本机缓存中没有带签名的副本，也未提供；获取方法见下"
        ),
    )))
}

fn restore(group: &Group<'_>, shipped: &ShippedFile, vault: &Vault) -> Result<Decision, Trouble> {
    /// Root's numbers: those that need no look at the machine's own accounts.
    const ROOT: (u32, u32) = (0, 0);
    let there = group.met.seen.stat.map_or(ROOT, |stat| (stat.uid, stat.gid));
    let (uid, gid) = if shipped.owner == ROOT { ROOT } else { there };
    let shipped = Shipped {
        package: shipped.package.clone(),
        content: shipped.content.clone(),
        mode: shipped.mode,
        uid,
        gid,
        modified: shipped.modified.saturating_mul(1_000_000_000),
    };
    let planned = RestoreFile::plan(&group.met, &shipped, vault)?;
    Ok(Decision::of(Rank::Restore, planned))
}

/// Returns the lines that go: those in which suspects were seen, and those that are telling.
fn bad_lines(places: &Places, group: &Group<'_>, counts: impl Fn(&str) -> bool) -> BTreeSet<u64> {
    let entries = places.of(&group.met.path);
    let seen = places::lines_of(&group.met.path, &group.suspects);
    let seen = seen.into_iter().filter(|line| {
        let mut of_line = entries.iter().filter(|entry| entry.line == Some(*line)).peekable();
        of_line.peek().is_none() || of_line.any(|entry| counts(&entry.reasons))
    });
    let telling = entries.iter().filter(|entry| entry.score >= 50).filter_map(|entry| entry.line);
    seen.chain(telling).collect()
}

/// Returns whether anything that counts is left without some lines.
fn others_stay(
    machine: &dyn Machine,
    group: &Group<'_>,
    lines: &BTreeSet<u64>,
) -> Result<bool, Trouble> {
    let read = machine.read(&group.met.path, limits::CONFIG_FILE);
    let read = read.map_err(|source| Trouble::Machine { doing: "reading a file", source })?;
    let text = String::from_utf8_lossy(&read.bytes);
    let mut left = (1_u64..).zip(text.lines()).filter(|(number, _)| !lines.contains(number));
    Ok(left.any(|(_, line)| {
        let line = line.trim();
        // Heads of sections hold nothing by themselves (ssh_config(5)).
        let is_head = line.starts_with("Host ") || line.starts_with("Match ");
        !line.is_empty() && !is_head && !line.starts_with(['#', ';', '['])
    }))
}

pub(crate) fn refusal(group: &Group<'_>, en: &str, zh: &str) -> Refusal {
    let path = text::escaped(&group.met.path.to_string_lossy());
    let findings: BTreeSet<&str> =
        group.suspects.iter().map(|one: &&Suspect| one.finding.as_str()).collect();
    let findings: Vec<&str> = findings.into_iter().filter(|id| !id.is_empty()).take(5).collect();
    let asked = match findings.as_slice() {
        [] => Both::new(format!("clear `{path}` away"), format!("清除 `{path}`")),
        about => Both::new(
            format!("clear `{path}` away ({})", about.join(", ")),
            format!("清除 `{path}`（{}）", about.join("、")),
        ),
    };
    Refusal { asked, why: Both::new(en, zh) }
}
