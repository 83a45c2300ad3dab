//! 清除: removes what the intruder left, and nothing else.
//!
//! **What the responder is asking**: what exactly has to go, in which order, and how do I get back
//! what turns out to be ours?
//!
//! **In and out**: what was found suspect and a snapshot of the machine go in; a plan comes out:
//! processes frozen, ways back shut, processes killed, files into the vault, accounts locked, rights
//! taken off, files of packages put back as their packages bring them; and what only a new
//! installation can mend.
//!
//! **Never**: planning touches nothing of the machine; what a package put there is never removed,
//! only put back; accounts are left to the acts on accounts.
//!
//! **Start reading** at [`plan`] and [`judge`] (what becomes of one file).

mod accounts;
mod added;
mod advice;
mod folders;
mod judge;
mod places;
mod reach;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_acts::files::{Met, State as There};
use stanch_acts::freeze_process::FreezeProcess;
use stanch_acts::kill_process::KillProcess;
use stanch_acts::{Trouble, Vault};
use stanch_facts::Snapshot;
use stanch_facts::packages::{self, Index};
use stanch_machine::{Machine, ProcessStat};
use stanch_words::{Both, Gap, Level, Phase, Plan, Refusal, Step, Subject, SubjectKind, text};

use judge::{Decision, Rank};

/// Something that was found, as far as clearing it away needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The finding's id (`F-0001`); empty if a person named it.
    pub finding: String,
    /// The sign's id; empty likewise.
    pub sign: String,
    /// How grave.
    pub level: Level,
    /// About what.
    pub subject: Subject,
    /// The lines that it was seen in: file and number.
    pub lines: Vec<(String, u64)>,
}

impl Suspect {
    /// Returns a file that a person names.
    pub fn named(path: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        let mut subject = Subject::new(SubjectKind::File);
        subject.path = Some(text::from_bytes(path.as_os_str().as_bytes()));
        Self {
            finding: String::new(),
            sign: String::new(),
            level: Level::Critical,
            subject,
            lines: Vec::new(),
        }
    }

    /// Returns whether a person named it: then it goes, whatever the tables say.
    fn is_named(&self) -> bool {
        self.sign.is_empty()
    }
}

/// All that is known of one suspect file.
#[derive(Debug)]
struct Group<'s> {
    met: Met,
    suspects: Vec<&'s Suspect>,
    /// Whether it is here only because something that goes starts it.
    is_started: bool,
}

/// Plans it. Nothing of the machine is touched; what packages bring is laid into the vault.
///
/// # Errors
/// [`Trouble`] if the machine does not let itself be read, or the vault not be written.
pub fn plan(
    snapshot: &Arc<Snapshot>,
    suspects: &[Suspect],
    vault: &Vault,
) -> Result<(Plan, Vec<Gap>), Trouble> {
    let machine = snapshot.host().machine();
    let mut plan = Plan {
        id: String::new(),
        phase: Phase::Eradicate,
        steps: Vec::new(),
        refusals: Vec::new(),
        costs: Vec::new(),
    };
    // What a person names goes, whatever starts it.
    let places = match suspects.iter().all(Suspect::is_named) {
        true => places::Places::default(),
        false => places::Places::read(snapshot),
    };
    let mut steps: Vec<(Rank, Step)> = Vec::new();
    let mut gone: Vec<&Group<'_>> = Vec::new();
    let index = packages::index(snapshot.host());
    processes(machine, &index, suspects, &mut steps, &mut plan)?;
    let mut groups = groups(machine, suspects, &mut plan)?;
    add_started(snapshot, &places, &mut groups, machine)?;
    let owned: Vec<PathBuf> =
        groups.keys().filter(|path| index.owner(path).is_some()).cloned().collect();
    let shipped = packages::shipped_files(snapshot.host(), &owned);
    for group in groups.values() {
        let is_folder = matches!(group.met.seen.state, There::Folder { .. });
        if is_folder && group.suspects.iter().any(|one| one.is_named()) {
            match folders::plan(machine, &index, &group.met, vault)? {
                Ok(all) => steps.extend(all.into_iter().map(|step| (Rank::Program, step))),
                Err(refusal) => plan.refusals.push(refusal),
            }
            continue;
        }
        match judge::decide(snapshot, &places, group, &shipped, vault)? {
            Decision::Step(rank, step) => steps.push((rank, *step)),
            Decision::Refuse(refusal) => plan.refusals.push(refusal),
            Decision::Gone => gone.push(group),
        }
    }
    let taken = steps.iter().filter_map(|(_, step)| step.subject.path.clone()).collect();
    let of_accounts = accounts::plan(machine, suspects, vault, &mut plan, &taken)?;
    steps.extend(of_accounts.steps);
    steps.sort_by_key(|(rank, _)| *rank);
    for (_, step) in steps {
        let id = format!("S-{}", plan.steps.len().saturating_add(1));
        plan.steps.push(Step { id, ..step });
    }
    plan.costs = advice::of(&plan, suspects, &groups, &shipped);
    tell_gone(&gone, &mut plan);
    plan.costs.extend(reach::of(snapshot, &plan, &groups));
    plan.costs.extend(of_accounts.costs);
    Ok((plan, shipped.gaps))
}

/// Processes are frozen first: one that notices what is taken from it may destroy what it can. A
/// program of a package is not: its service is the business's, and is started anew when its file
/// or its libraries were put back.
fn processes(
    machine: &dyn Machine,
    index: &Index,
    suspects: &[Suspect],
    steps: &mut Vec<(Rank, Step)>,
    plan: &mut Plan,
) -> Result<(), Trouble> {
    if machine.kernel().is_none() {
        return Ok(());
    }
    let is_shipped = |path: &str| {
        let path = places::path_of(path);
        let path = machine.resolve(&path).unwrap_or(path);
        index.owner(&path).is_some()
    };
    let of_process = |suspect: &Suspect| {
        let subject = &suspect.subject;
        let is_ours = subject.path.as_deref().is_some_and(is_shipped);
        (subject.kind == SubjectKind::Process && !is_ours).then_some(subject.pid).flatten()
    };
    let pids: BTreeSet<i64> = suspects.iter().filter_map(of_process).collect();
    let mut ended = Vec::new();
    for &pid in &pids {
        match FreezeProcess::plan(machine, pid)? {
            Ok(step) => {
                // Who descends from another of them is frozen with it.
                if !above(machine, pid).iter().any(|above| pids.contains(above)) {
                    steps.push((Rank::Freeze, step));
                }
                ended.push(pid);
            }
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    if !ended.is_empty() {
        match KillProcess::plan(machine, &ended)? {
            Ok(step) => steps.push((Rank::Kill, step)),
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    Ok(())
}

/// Returns the processes that a process descends from.
fn above(machine: &dyn Machine, pid: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let mut at = pid;
    while let Some(parent) = ProcessStat::of(machine, at).map(|stat| stat.parent) {
        if parent <= 0 || found.contains(&parent) {
            break;
        }
        found.push(parent);
        at = parent;
    }
    found
}

/// Gathers suspects by the file that they are about.
fn groups<'s>(
    machine: &dyn Machine,
    suspects: &'s [Suspect],
    plan: &mut Plan,
) -> Result<BTreeMap<PathBuf, Group<'s>>, Trouble> {
    let mut groups: BTreeMap<PathBuf, Group<'s>> = BTreeMap::new();
    for suspect in suspects {
        let kind = suspect.subject.kind;
        if kind == SubjectKind::Account {
            continue;
        }
        let Some(path) = suspect.subject.path.as_deref().filter(|path| path.starts_with('/'))
        else {
            if kind != SubjectKind::Process {
                plan.refusals.push(no_file(suspect));
            }
            continue;
        };
        let path = places::path_of(path);
        let met = Met::at(machine, &path)?;
        let group = groups.entry(met.path.clone());
        let group = group.or_insert_with(|| Group { met, suspects: Vec::new(), is_started: false });
        group.suspects.push(suspect);
    }
    Ok(groups)
}

/// Adds the programs that what goes starts, where no package owns them.
fn add_started<'s>(
    snapshot: &Arc<Snapshot>,
    places: &places::Places,
    groups: &mut BTreeMap<PathBuf, Group<'s>>,
    machine: &dyn Machine,
) -> Result<(), Trouble> {
    let index = packages::index(snapshot.host());
    let mut started: Vec<(PathBuf, &'s Suspect)> = Vec::new();
    for (path, group) in groups.iter() {
        let Some(&suspect) = group.suspects.first() else { continue };
        for target in places.started_by(path, &group.suspects) {
            started.push((target, suspect));
        }
    }
    for (target, suspect) in started {
        let met = Met::at(machine, &target)?;
        let is_file = met.seen.state.sha256().is_some();
        let is_ours = index.owner(&met.path).is_some() || places::is_shared(&met.path);
        if is_file && !is_ours && !groups.contains_key(&met.path) {
            let suspects = vec![suspect];
            groups.insert(met.path.clone(), Group { met, suspects, is_started: true });
        }
    }
    Ok(())
}

/// Tells of what is not there: what a person named is refused, what a finding names was there when
/// it was found.
fn tell_gone(gone: &[&Group<'_>], plan: &mut Plan) {
    for group in gone {
        if group.suspects.iter().any(|one| one.is_named()) {
            let refusal = judge::refusal(group, "there is no such file", "没有这个文件");
            plan.refusals.push(refusal);
            continue;
        }
        let path = text::escaped(&group.met.path.to_string_lossy());
        plan.costs.push(Both::new(
            format!("`{path}` is not there any more: nothing to clear away"),
            format!("`{path}` 已不存在：无需清除"),
        ));
    }
}

/// Returns why nothing is planned about what is no file.
fn no_file(suspect: &Suspect) -> Refusal {
    let subject = &suspect.subject;
    let name = subject.name.as_deref().or(subject.address.as_deref());
    let name = name.or(subject.path.as_deref()).unwrap_or_default();
    let (kind, name) = (subject.kind.name(), text::escaped(name));
    let sign = &suspect.sign;
    let why = match subject.kind {
        SubjectKind::Module => Both::new(
            "what is loaded into the kernel cannot be taken out safely: the machine has to be installed anew",
            "已载入内核的内容无法安全移除：应重装系统",
        ),
        SubjectKind::Address | SubjectKind::Socket => Both::new(
            "an address is cut off, not cleared away: `stanch contain apply --block ADDR`",
            "地址应封锁而非清除：`stanch contain apply --block ADDR`",
        ),
        _ => Both::new("there is no file to be taken away", "没有可隔离的文件"),
    };
    Refusal {
        asked: Both::new(format!("{sign}: {kind} `{name}`"), format!("{sign}：{kind} `{name}`")),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test looks at the content of the house")]
    fn every_sign_that_is_named_here_is_there() {
        let content = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/signs");
        let ours = [accounts::DOOR, accounts::PASSWORD];
        let named = ours.iter().chain(&accounts::LOCKED).chain(&advice::KERNEL);
        let named = named.chain(&judge::RIGHTS);
        let is_gone = |sign: &&&str| {
            let (topic, name) = sign.split_once('.').unwrap();
            !content.join(topic).join(format!("{name}.md")).exists()
        };
        let gone: Vec<&&str> = named.filter(is_gone).collect();
        assert_eq!(gone, Vec::<&&str>::new());
    }
}
