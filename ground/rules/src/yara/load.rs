//! From files to compiled rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use boreal::Compiler;
use boreal::compiler::{AddRuleError, CompilerParams};
use stanch_words::Both;

use super::clamp::clamped;
use super::divide::{self, Divided, Fits, Part};
use super::{Loaded, Pace, Set, Yara, endless, modules};
use crate::sigma::{Complaint, Harm};

/// The largest file of rules; the largest public one has 5 MiB.
const LARGEST: usize = 32 << 20;

/// The variables that public rules expect to be given (those of LOKI, THOR and others).
const VARIABLES: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// A collection of no more rules is not divided: reading it twice would cost more than it saves.
const FEW: usize = 1000;
/// How many threads compile: as many as judge.
const COMPILERS: usize = 2;

/// All files by path, and which were taken already: none is loaded twice.
#[derive(Default)]
struct Files {
    texts: BTreeMap<PathBuf, String>,
    taken: BTreeSet<PathBuf>,
}

/// A file that is compiled: its name as it is told, and its text.
struct Source {
    told: String,
    text: String,
}

/// Some parts of a file that was divided; of another all rules are taken.
type Taken<'s> = Option<(&'s Divided, Vec<&'s Part>)>;

/// What is compiled together.
struct Share<'s> {
    fits: Fits,
    of: Vec<(&'s Source, Taken<'s>)>,
    rules: usize,
}

/// Loads rules into sets of at most so many.
pub(super) fn load(
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
    most: usize,
) -> (Yara, Vec<Complaint>) {
    let mut complaints = Vec::new();
    let mut texts = BTreeMap::new();
    let mut count = 0_usize;
    for (path, bytes) in files {
        count = count.saturating_add(1);
        match text(&bytes) {
            Ok(text) => {
                texts.insert(plain(Path::new(&path)), (path, text));
            }
            Err(why) => complaints.push(lost(&path, None, why)),
        }
    }
    let includes = |text: &str| text.lines().any(|line| line.trim_start().starts_with("include"));
    // Who includes others goes first, so that what is included keeps its includer's company.
    let (includers, others): (Vec<_>, Vec<_>) =
        texts.iter().partition(|(_, (_, text))| includes(text));
    let order = |files: Vec<(&PathBuf, &(String, String))>| -> Vec<(PathBuf, String)> {
        files.into_iter().map(|(plain, (told, _))| (plain.clone(), told.clone())).collect()
    };
    let (includers, others) = (order(includers), order(others));
    let texts = texts.into_iter().map(|(path, (_, text))| (path, text)).collect();
    let files = Arc::new(Mutex::new(Files { texts, taken: BTreeSet::new() }));
    let source = |(path, told): (PathBuf, String)| {
        let text = take(&files, &path).filter(|text| !text.trim().is_empty())?;
        Some(Source { told, text })
    };
    let mut first = Compiled::new(&files);
    for source in includers.into_iter().filter_map(source) {
        first.add(&source.told, source.text);
    }
    let others: Vec<Source> = others.into_iter().filter_map(source).collect();
    let (first_set, more) = first.finished(Fits::Any);
    let mut sets = Vec::from_iter(first_set.filter(|set| set.count() > 0));
    complaints.extend(more);
    let rules = |source: &Source| source.text.matches("condition").count();
    let are_many = others.iter().map(rules).sum::<usize>() > FEW;
    let divided = in_threads(&others, |source| {
        let is_worth_it = are_many || endless::may_have_one(&source.text);
        let divided = is_worth_it.then(|| Divided::of(&source.text))?;
        divided.filter(|divided| are_many || divided.has_endless())
    });
    for (set, more) in in_threads(&shares(&others, &divided, most), compiled) {
        sets.extend(set);
        complaints.extend(more);
    }
    complaints.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    let rules = sets.iter().map(Set::count).sum();
    (Yara::of(sets, Loaded { files: count, rules }), complaints)
}

/// Shares out files, so that each share has about as many rules as the others that are alike.
fn shares<'s>(
    sources: &'s [Source],
    divided: &'s [Option<Divided>],
    most: usize,
) -> Vec<Share<'s>> {
    let is_one = most == usize::MAX;
    let mut pieces: BTreeMap<(Fits, bool), Vec<Piece<'s>>> = BTreeMap::new();
    for (source, divided) in sources.iter().zip(divided) {
        match divided {
            None => {
                let rules = source.text.matches("condition").count();
                pieces.entry((Fits::Any, false)).or_default().push((source, None, rules));
            }
            Some(divided) => {
                for part in &divided.parts {
                    let piece = (source, Some((divided, part)), part.count());
                    // Each more set is a pass more over what all of them are shown.
                    let fits = match part.fits {
                        Fits::Mz => Fits::Mz,
                        _ if is_one => Fits::Any,
                        other => other,
                    };
                    pieces.entry((fits, part.is_endless)).or_default().push(piece);
                }
            }
        }
    }
    let mut shares = Vec::new();
    for ((fits, _), pieces) in pieces {
        let all: usize = pieces.iter().map(|(_, _, rules)| rules).sum();
        let room = all.div_ceil(all.div_ceil(most).max(1));
        let mut share = Share { fits, of: Vec::new(), rules: 0 };
        for piece in pieces {
            // The last one may take what rounding and parts of many rules leave.
            let full = share.rules >= room || share.rules.saturating_add(piece.2) > most;
            if full && share.rules > 0 {
                shares
                    .push(std::mem::replace(&mut share, Share { fits, of: Vec::new(), rules: 0 }));
            }
            share.add(piece);
        }
        shares.push(share);
    }
    shares
}

/// A file, or a part of one, and how many rules it has.
type Piece<'s> = (&'s Source, Option<(&'s Divided, &'s Part)>, usize);

impl<'s> Share<'s> {
    fn add(&mut self, (source, part, rules): Piece<'s>) {
        self.rules = self.rules.saturating_add(rules);
        match (self.of.last_mut(), part) {
            (Some((last, Some((_, parts)))), Some((_, part))) if last.told == source.told => {
                parts.push(part);
            }
            (_, part) => {
                self.of.push((source, part.map(|(divided, part)| (divided, vec![part]))));
            }
        }
    }
}

fn compiled(share: &Share<'_>) -> (Option<Set>, Vec<Complaint>) {
    let mut compiled = Compiled::new(&Arc::default());
    for (source, parts) in &share.of {
        let text = match parts {
            None => source.text.clone(),
            Some((divided, parts)) => divided.text(&source.text, parts),
        };
        compiled.add(&source.told, text);
    }
    compiled.finished(share.fits)
}

/// Does the same with all items, in threads, and returns what comes of each in their order.
pub(super) fn in_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|threads| {
        for _ in 0..COMPILERS.min(items.len()) {
            threads.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Files that are being compiled together.
struct Compiled {
    compiler: Compiler,
    complaints: Vec<Complaint>,
    pace: Pace,
}

impl Compiled {
    fn new(files: &Arc<Mutex<Files>>) -> Self {
        Self { compiler: compiler(files), complaints: Vec::new(), pace: Pace::Steady }
    }

    /// Adds a file. A mistake costs the rule that it stands in, and those that name this one.
    fn add(&mut self, told: &str, text: String) {
        let mut rest = Some(text);
        while let Some(text) = rest {
            rest = match self.compiler.add_rules_str_in_namespace(&text, told) {
                Ok(status) => {
                    let mut strings = status.statistics().flat_map(|rule| &rule.strings);
                    if strings.any(endless::is_slow) {
                        self.pace = Pace::Watched;
                    }
                    None
                }
                Err(error) => {
                    self.complaints.push(refused(told, &error));
                    let labels = error.to_diagnostic().labels;
                    let place = labels.iter().map(|label| label.range.start).max();
                    let is_here = error.path.is_none();
                    place.filter(|_| is_here).and_then(|place| divide::after(&text, place))
                }
            };
        }
    }

    fn finished(self, fits: Fits) -> (Option<Set>, Vec<Complaint>) {
        let scanner = self.compiler.finalize();
        let set = (scanner.rules().count() > 0).then(|| Set::of(scanner, fits, self.pace));
        (set, self.complaints)
    }
}

fn compiler(files: &Arc<Mutex<Files>>) -> Compiler {
    let mut compiler = modules::builder().build();
    let params = CompilerParams::default().disable_unknown_escape_warning(true);
    compiler.set_params(params.compute_statistics(true));
    for name in VARIABLES {
        let _new = compiler.define_symbol(name, "");
    }
    let theirs = Arc::clone(files);
    // A path that is included is one of the files given, or there is none: nothing is read here.
    compiler.set_include_callback(move |included, from, namespace| {
        let beside = from.map_or_else(|| PathBuf::from(namespace), Path::to_owned);
        let beside = if beside.is_absolute() || Path::new(namespace) == beside {
            beside
        } else {
            Path::new(namespace).with_file_name(beside)
        };
        let near = plain(&beside.with_file_name(included));
        let top = plain(&Path::new(namespace).with_file_name(included));
        let found = {
            let files = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            [near, top].into_iter().find(|path| files.texts.contains_key(path))
        };
        match found {
            Some(path) => Ok(take(&theirs, &path).unwrap_or_default()),
            None => {
                Err(std::io::Error::new(std::io::ErrorKind::NotFound, "not among the files given"))
            }
        }
    });
    compiler
}

/// Returns the text of a file the first time.
fn take(files: &Mutex<Files>, path: &Path) -> Option<String> {
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    if !files.taken.insert(path.to_owned()) {
        return None;
    }
    files.texts.get(path).cloned()
}

/// Returns a path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                let has_more = plain.pop();
                if !has_more {
                    plain.push("..");
                }
            }
            other => plain.push(other),
        }
    }
    plain
}

fn text(bytes: &[u8]) -> Result<String, Both> {
    if bytes.len() > LARGEST {
        return Err(Both::new(
            format!("larger than {LARGEST} bytes: no file of rules is"),
            format!("超过 {LARGEST} 字节，不会是规则文件"),
        ));
    }
    // Old collections are in Latin-1 here and there, in comments and authors' names.
    let text = String::from_utf8_lossy(bytes).into_owned();
    Ok(clamped(text.trim_start_matches('\u{feff}').to_owned()))
}

fn lost(file: &str, line: Option<u64>, why: Both) -> Complaint {
    Complaint { file: file.to_owned(), line, rule: None, harm: Harm::Lost, why, help: None }
}

/// Returns the complaint of the compiler in its own words: `mem:3:12: error: …`.
fn refused(file: &str, error: &AddRuleError) -> Complaint {
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default();
    let included = error.path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let place = included.as_deref().unwrap_or("mem");
    let rest = first.strip_prefix(place).and_then(|rest| rest.strip_prefix(':'));
    let mut parts = rest.unwrap_or(first).splitn(3, ':');
    let line = parts.next().and_then(|line| line.parse::<u64>().ok());
    let column = line.and_then(|_| parts.next()).and_then(|column| column.parse::<u64>().ok());
    let why = match column {
        Some(_) => parts.next().unwrap_or_default(),
        None => first,
    };
    let why = crate::sigma::one_line(why.trim().trim_start_matches("error: "));
    let at = column.map_or_else(String::new, |column| format!(" (column {column})"));
    let at_zh = column.map_or_else(String::new, |column| format!("（第 {column} 列）"));
    let told = Both::new(format!("{why}{at}"), format!("{why}{at_zh}"));
    let mut complaint = lost(file, line, told);
    if let Some(included) = included {
        complaint.help = Some(Both::new(
            format!("it stands in the included `{included}`"),
            format!("出错处在被包含的 `{included}` 中"),
        ));
    }
    complaint
}
