//! `stanch scan`: what is in files and processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use stanch_incident::{Archives, Files, Harm, Intact, Place, Processes, Remote, Scope, Starter};
use stanch_view::pages::{query, scan as page};
use stanch_view::{Report, documents};
use stanch_wire::json;
use stanch_words::{ByteRules as _, Gap, GapKind, KnownDigests};

use super::detect::{code, milliseconds};
use crate::arguments::Asked;
use crate::kept;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let before = milliseconds();
    let incident = super::open(&asked.place)?;
    super::trust(matches, &incident)?;
    let (rules, gaps) = rules(matches, asked)?;
    let count = rules.count();
    let (digests, bad) = digests(matches)?;
    let mut roots: Vec<PathBuf> = matches
        .get_many::<PathBuf>("path")
        .into_iter()
        .flatten()
        .map(|p| whole(p, asked))
        .collect();
    super::are_there(&incident, asked, &roots)?;
    let in_memory = matches.get_flag("processes");
    let files = if roots.is_empty() && in_memory { Files::LeftOut } else { Files::Judged };
    if roots.is_empty() {
        roots.push("/".into());
    }
    let scope = Scope {
        roots,
        files,
        rules: Some(rules),
        digests,
        intact: if asked.look.all { Intact::Judged } else { Intact::Counted },
        archives: if matches.get_flag("no-archives") {
            Archives::AsTheyLie
        } else {
            Archives::LookedInto
        },
        remote: if matches.get_flag("network") { Remote::Entered } else { Remote::LeftOut },
        processes: if in_memory { Processes::Memory } else { Processes::None },
        seconds: None,
    };
    let progress = Progress::start(asked.look.say("scanning", "正在扫描"));
    let mut scanned = incident.scan(scope).map_err(|error| super::bug(&error))?;
    drop(progress);
    let blind = |gap| stanch_incident::Blind { gap, signs: Vec::new() };
    scanned.detection.gaps.extend(gaps.into_iter().chain(bad).map(blind));
    let took_ms = milliseconds().saturating_sub(before);
    let answered = page::Answered { scanned: &scanned, took_ms, rules: count };
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::scan(&answered, asked.look)))?;
    } else {
        terminal.text(&page::page(&answered, asked.look))?;
    }
    let gaps: Vec<Gap> = scanned.detection.gaps.iter().map(|blind| blind.gap.clone()).collect();
    terminal.speak(&query::missed(&gaps, terminal.errors()));
    Ok(code(&scanned.detection))
}

/// Returns a path as the machine that is looked at knows it: of this one, from its own root.
pub(super) fn whole(path: &Path, asked: &Asked) -> PathBuf {
    match (&asked.place, std::env::current_dir()) {
        (Place::Live, Ok(here)) => here.join(path),
        _ => Path::new("/").join(path),
    }
}

/// Returns where compiled rules are kept: where `--cache` says; else, if it is an image that is
/// looked at and not this machine, where caches lie. What lies on a suspect machine is not trusted,
/// and nothing is written there unasked.
fn cache(matches: &ArgMatches, asked: &Asked) -> Option<PathBuf> {
    if let Some(cache) = matches.get_one::<PathBuf>("cache") {
        return Some(cache.clone());
    }
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match asked.place {
        Place::Live => None,
        Place::Root(_) | Place::Bundle(_) => variable("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(variable("HOME")?.join(".cache")))
            .map(|caches| caches.join("stanch")),
    }
}

/// Loads the starter rules and those that are given; what does not load is a gap, and so is what
/// was to be kept and could not be.
pub(super) fn rules(
    matches: &ArgMatches,
    asked: &Asked,
) -> Result<(Arc<stanch_incident::Yara>, Vec<Gap>), Box<Report>> {
    let directories: Vec<PathBuf> =
        matches.get_many::<PathBuf>("rules").into_iter().flatten().cloned().collect();
    let cache = cache(matches, asked);
    let loaded = stanch_incident::yara(&directories, Starter::With, cache.as_deref())
        .map_err(|miss| page::unusable(&miss.path, &miss.detail, miss.kind))?;
    let unkept = loaded.unkept.as_ref().map(ToString::to_string).or_else(|| {
        let (path, pack) = loaded.keep.as_ref()?;
        let folder = path.parent().unwrap_or(path);
        let written = kept::directory(folder).and_then(|()| kept::write(path, pack));
        written.err().map(|error| error.to_string())
    });
    let mut gaps = Vec::new();
    // Without it the rules are compiled again the next time; only who asked for it is told.
    if let (Some(why), Some(folder)) = (unkept, matches.get_one::<PathBuf>("cache")) {
        let detail = format!("the compiled rules could not be kept: {why}");
        gaps.push(Gap::new("yara", GapKind::Failed, detail).at(folder.to_string_lossy()));
    }
    let lost = loaded.complaints.iter().filter(|one| one.harm == Harm::Lost);
    let files: Vec<&str> = lost.map(|complaint| complaint.file.as_str()).collect();
    gaps.extend(files.first().map(|first| {
        let detail =
            format!("files of rules with mistakes: {}; `stanch rules check` says why", files.len());
        Gap::new("yara", GapKind::Damaged, detail).at(*first)
    }));
    Ok((Arc::new(loaded.rules), gaps))
}

/// The lists of digests that are given, and a gap for each line of them that was not taken.
type Given = (Option<Arc<dyn KnownDigests>>, Vec<Gap>);

/// Loads the lists of digests that are given; a line that is none is a gap.
pub(super) fn digests(matches: &ArgMatches) -> Result<Given, Box<Report>> {
    let lists: Vec<PathBuf> =
        matches.get_many::<PathBuf>("hashes").into_iter().flatten().cloned().collect();
    if lists.is_empty() {
        return Ok((None, Vec::new()));
    }
    let (digests, complaints) = stanch_incident::digests(&lists)
        .map_err(|miss| page::unusable_list(&miss.path, &miss.detail, miss.kind))?;
    let gaps = complaints.iter().map(|complaint| {
        let line = complaint.line.map_or_else(String::new, |line| format!("line {line}: "));
        Gap::new("hashes", GapKind::Damaged, format!("{line}{}", complaint.why.en))
            .at(complaint.file.as_str())
    });
    Ok((Some(Arc::new(digests)), gaps.collect()))
}
