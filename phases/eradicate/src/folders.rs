//! Folders that a person names: all that lies in them goes into the vault, each by itself, the
//! deepest first, so that undoing gives the folder back before what lay in it.
//!
//! All of it or nothing: a folder with a package's file, somebody's home or another file system in
//! it is refused as a whole.

use std::path::{Path, PathBuf};

use stanch_acts::files::{Met, State};
use stanch_acts::quarantine_file::QuarantineFile;
use stanch_acts::{Trouble, Vault, accounts};
use stanch_facts::packages::Index;
use stanch_machine::Machine;
use stanch_words::{Both, Refusal, Step, text};

/// How many entries are taken at most, and how deep they may lie.
const ENTRIES: usize = 10_000;
const DEPTH: usize = 64;

/// Plans it.
pub(crate) fn plan(
    machine: &dyn Machine,
    index: &Index,
    met: &Met,
    vault: &Vault,
) -> Result<Result<Vec<Step>, Refusal>, Trouble> {
    let path = text::escaped(&met.path.to_string_lossy());
    let refuse = |why: Both| {
        let asked = Both::new(
            format!("take the folder `{path}` away with all that lies in it"),
            format!("隔离目录 `{path}` 及其中全部内容"),
        );
        Ok(Err(Refusal { asked, why }))
    };
    if let Some(why) = stays(machine, index, met, vault)? {
        return refuse(why);
    }
    let found = match below(machine, index, met)? {
        Ok(found) => found,
        Err(why) => return refuse(why),
    };
    let mut steps = Vec::new();
    // Parents were found before what lies in them.
    for met in found.iter().rev() {
        match QuarantineFile::plan(met, vault) {
            Ok(step) => steps.push(step),
            Err(refusal) => return refuse(refusal.why),
        }
    }
    Ok(Ok(steps))
}

/// Returns why a folder stays, as far as it tells by itself.
fn stays(
    machine: &dyn Machine,
    index: &Index,
    met: &Met,
    vault: &Vault,
) -> Result<Option<Both>, Trouble> {
    let path = &met.path;
    if path.components().count() < 3 || index.owner(path).is_some() {
        return Ok(Some(Both::new(
            "it belongs to the system: name what lies in it",
            "它属于系统：请指明其中的内容",
        )));
    }
    if vault.folder().starts_with(path) {
        return Ok(Some(Both::new("it holds the open case", "当前案件在其中")));
    }
    let homes = accounts::all(machine)?;
    if let Some(one) = homes.iter().find(|one| Path::new(&one.home).starts_with(path)) {
        let name = text::escaped(&one.name);
        return Ok(Some(Both::new(
            format!("the home of `{name}` lies there"),
            format!("`{name}` 的主目录在其中"),
        )));
    }
    let above = path.parent().map(|above| machine.lstat(above).map(|stat| stat.device));
    let own = met.seen.stat.map(|stat| stat.device);
    if above.is_some_and(|above| above.ok() != own) {
        return Ok(Some(elsewhere()));
    }
    Ok(None)
}

fn elsewhere() -> Both {
    Both::new(
        "another file system is mounted there: unmount it, or name what lies in it",
        "那里挂载了另一个文件系统：请先卸载，或指明其中的内容",
    )
}

/// Returns a folder and all that lies below, parents first, or why it stays.
fn below(
    machine: &dyn Machine,
    index: &Index,
    top: &Met,
) -> Result<Result<Vec<Met>, Both>, Trouble> {
    let device = top.seen.stat.map(|stat| stat.device);
    let mut found = vec![top.clone()];
    let mut folders: Vec<(PathBuf, usize)> = vec![(top.path.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let listing = machine
            .list(&folder)
            .map_err(|source| Trouble::Machine { doing: "listing a folder", source })?;
        let room = ENTRIES.saturating_sub(found.len());
        if depth >= DEPTH || listing.entries.len() > room || listing.truncated {
            return Ok(Err(Both::new(
                format!(
                    "it holds more than {ENTRIES} entries, or lies deeper than {DEPTH} folders"
                ),
                format!("其中条目超过 {ENTRIES} 个，或嵌套超过 {DEPTH} 层"),
            )));
        }
        for entry in listing.entries {
            let path = folder.join(entry.name);
            if index.owner(&path).is_some() {
                let path = text::escaped(&path.to_string_lossy());
                return Ok(Err(Both::new(
                    format!("a package put `{path}` there"),
                    format!("`{path}` 由软件包安装"),
                )));
            }
            let met = Met::at(machine, &path)?;
            if matches!(met.seen.state, State::Folder { .. }) {
                // Files of an overlay lie on its layers' devices; its folders on its own.
                if met.seen.stat.map(|stat| stat.device) != device {
                    return Ok(Err(elsewhere()));
                }
                folders.push((path, depth.saturating_add(1)));
            }
            found.push(met);
        }
    }
    Ok(Ok(found))
}
