//! YARA rules: our starter rules, those that the analyst brings, compiled together, and those that
//! were compiled before.

use std::path::{Path, PathBuf};

use stanch_machine::{Live, Machine as _, Miss};
use stanch_rules::sigma::Complaint;
use stanch_rules::{Pack, PackError, Yara};
use stanch_words::GapKind;

use crate::rule_files::{self, RuleFiles};

/// The largest file of rules that is read.
const LARGEST: u64 = 64 << 20;
/// The largest pack of compiled rules that is read.
const PACK: u64 = 1 << 30;
/// How files of rules end.
const ENDINGS: [&str; 3] = ["yar", "yara", "rule"];
/// As many bytes tell a pack.
const HEAD: u64 = 16;

/// Rules, and what is wrong with them.
#[derive(Debug)]
pub struct LoadedYara {
    /// The rules.
    pub rules: Yara,
    /// What is wrong with some; what was compiled before does not tell again.
    pub complaints: Vec<Complaint>,
    /// A pack that should be written, its path and content, if one is to be kept and is not there.
    pub keep: Option<(PathBuf, Vec<u8>)>,
    /// Why there is none although it should be kept.
    pub unkept: Option<PackError>,
}

/// Whether the rules that came with this binary are loaded too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// They are.
    With,
    /// Only those that are given.
    Without,
}

/// Loads the YARA rules (`.yar`, `.yara`, `.rule`) of directories or files, and packs. What was
/// compiled before from the same files is taken from the directory for packs, if there is one.
///
/// # Errors
/// A [`Miss`] if a directory cannot be listed, or holds no such file, or a pack is of no use.
pub fn yara(given: &[PathBuf], starter: Starter, cache: Option<&Path>) -> Result<LoadedYara, Miss> {
    let (packs, found) = read(given)?;
    let has_starter = packs.iter().any(|pack| pack.has_starter);
    let mut files = match starter {
        Starter::With if !has_starter => Yara::starter_files(),
        Starter::With | Starter::Without => Vec::new(),
    };
    let with_starter = !files.is_empty();
    let mut complaints = found.complaints;
    let has_found = !found.files.is_empty();
    files.extend(found.files);
    // The starter rules alone compile as fast as a pack of them is read.
    let cache = cache.filter(|_| has_found);
    let key = Yara::key(&files);
    let kept = cache.map(|folder| folder.join(format!("yara-{key}")));
    let known = kept.as_deref().and_then(|path| pack(path).ok()).filter(|pack| pack.key == key);
    let (mut keep, mut unkept) = (None, None);
    let mut rules = match known {
        Some(pack) => Some(pack.rules),
        None if files.is_empty() => None,
        None => {
            // Who keeps them reads them back often; who does not has them look as fast as they can.
            let (rules, more) =
                if kept.is_some() { Yara::load_to_pack(files) } else { Yara::load(files) };
            complaints.extend(more);
            if let Some(path) = kept {
                match rules.pack(&key, with_starter) {
                    Ok(pack) => keep = Some((path, pack)),
                    Err(why) => unkept = Some(why),
                }
            }
            Some(rules)
        }
    };
    for pack in packs {
        rules = Some(match rules {
            Some(rules) => rules.and(pack.rules),
            None => pack.rules,
        });
    }
    let rules = rules.unwrap_or_else(|| Yara::load([]).0);
    Ok(LoadedYara { rules, complaints, keep, unkept })
}

/// Compiles rules into the content of a pack, the starter rules among them.
///
/// # Errors
/// A [`Miss`] if a directory cannot be listed, holds no such file, or the engine gives nothing.
pub fn compiled(given: &[PathBuf]) -> Result<(Vec<u8>, LoadedYara), Miss> {
    let found = read_sources(given)?;
    let mut files = Yara::starter_files();
    files.extend(found.files);
    let key = Yara::key(&files);
    let (rules, more) = Yara::load_to_pack(files);
    let mut complaints = found.complaints;
    complaints.extend(more);
    let nowhere = Path::new("");
    let first = given.first().map_or(nowhere, PathBuf::as_path);
    let pack = rules
        .pack(&key, true)
        .map_err(|error| Miss::new(GapKind::Failed, error.to_string(), first))?;
    Ok((pack, LoadedYara { rules, complaints, keep: None, unkept: None }))
}

/// Reads all that is given, packs and sources.
fn read(given: &[PathBuf]) -> Result<(Vec<Pack>, RuleFiles), Miss> {
    let machine = Live::new();
    let mut packs = Vec::new();
    let mut sources = Vec::new();
    for path in given {
        let head = machine.read(path, HEAD).map(|read| read.bytes).unwrap_or_default();
        if Yara::is_pack(&head) {
            packs.push(pack(path)?);
        } else {
            sources.push(path.clone());
        }
    }
    Ok((packs, read_sources(&sources)?))
}

fn read_sources(given: &[PathBuf]) -> Result<RuleFiles, Miss> {
    let mut all = RuleFiles::default();
    for path in given {
        let found = rule_files::read(path, &ENDINGS, LARGEST)?;
        if found.files.is_empty() && found.complaints.is_empty() {
            let detail = "there is no `.yar` or `.yara` file in it";
            return Err(Miss::new(GapKind::NotHere, detail, path));
        }
        all.files.extend(found.files);
        all.complaints.extend(found.complaints);
    }
    Ok(all)
}

fn pack(path: &Path) -> Result<Pack, Miss> {
    let read = Live::new().read(path, PACK)?;
    Yara::from_pack(&read.bytes).map_err(|error| {
        let detail = format!("{error}; `stanch rules compile` makes it anew");
        Miss::new(GapKind::Damaged, detail, path)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests write rules to read them")]
    use super::*;

    const RULE: &str = "rule one { strings: $a = \"marked\" condition: $a }\n";

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_was_compiled_is_kept_by_its_content_and_used_again() {
        let folder = folder("yara-cache");
        let rules = folder.join("a.yar");
        std::fs::write(&rules, RULE).unwrap();
        let load = || yara(std::slice::from_ref(&rules), Starter::With, Some(&folder)).unwrap();
        let (path, bytes) = load().keep.unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let again = load();
        assert!(again.keep.is_none());
        assert!(again.rules.names().contains(&"one".to_owned()));
        // So is a collection that the engine would not read back whole.
        let large = folder.join("large.yar");
        let many = (0..3000).map(|n| format!("rule r{n} {{ condition: filesize == {n} }}\n"));
        std::fs::write(&large, many.collect::<String>()).unwrap();
        let load_large =
            || yara(std::slice::from_ref(&large), Starter::Without, Some(&folder)).unwrap();
        let (path_of_large, bytes_of_large) = load_large().keep.unwrap();
        std::fs::write(path_of_large, bytes_of_large).unwrap();
        assert!(load_large().keep.is_none());
        assert_eq!(load_large().rules.names().len(), 3000);
        // A damaged one is made anew, and so is one of files that were changed.
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(load().keep.unwrap().0, path);
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(&rules, RULE.replace("one", "two")).unwrap();
        let other = load();
        assert_ne!(other.keep.unwrap().0, path);
        assert!(other.rules.names().contains(&"two".to_owned()));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn rules_that_make_no_pack_are_used_all_the_same_and_it_is_said_why() {
        let folder = folder("yara-unkept");
        let rules = folder.join("chain.yar");
        let rule = |n: u32| {
            let before = n.checked_sub(1).map_or("true".to_owned(), |before| format!("r{before}"));
            format!("rule r{n} {{ condition: {before} }}\n")
        };
        std::fs::write(&rules, (0..1025).map(rule).collect::<String>()).unwrap();
        let loaded = yara(std::slice::from_ref(&rules), Starter::Without, Some(&folder)).unwrap();
        assert!(loaded.keep.is_none());
        assert!(loaded.unkept.unwrap().to_string().contains("1024"));
        assert_eq!(loaded.rules.names().len(), 1025);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_pack_is_taken_with_its_starter_rules_and_a_damaged_one_is_told() {
        let folder = folder("yara-pack");
        let (rules, file) = (folder.join("a.yar"), folder.join("all.pack"));
        std::fs::write(&rules, RULE).unwrap();
        let (pack, loaded) = compiled(std::slice::from_ref(&rules)).unwrap();
        assert_eq!(loaded.complaints, []);
        std::fs::write(&file, &pack).unwrap();
        let load = |given: &[PathBuf]| yara(given, Starter::With, None);
        let from_pack = load(std::slice::from_ref(&file)).unwrap().rules;
        assert_eq!(from_pack.names(), loaded.rules.names());
        let both = load(&[file.clone(), rules.clone()]).unwrap().rules;
        assert_eq!(both.names().len(), from_pack.names().len() + 1);
        std::fs::write(&file, &pack[..pack.len() / 2]).unwrap();
        assert!(load(std::slice::from_ref(&file)).unwrap_err().detail.contains("damaged"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
