//! From files to compiled rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use boreal::Compiler;
use boreal::compiler::{AddRuleError, CompilerParams};
use stanch_words::Both;

use super::{Loaded, Matches, Yara, params};
use crate::sigma::{Complaint, Harm};

/// The largest file of rules; the largest public one has 5 MiB.
const LARGEST: usize = 32 << 20;

/// The variables that public rules expect to be given (those of LOKI, THOR and others).
const VARIABLES: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// All files by path, and which were taken already: none is loaded twice.
struct Files {
    texts: BTreeMap<PathBuf, String>,
    taken: BTreeSet<PathBuf>,
}

pub(super) fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Yara, Vec<Complaint>) {
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
    let mut order: Vec<(PathBuf, String)> =
        texts.iter().map(|(plain, (told, _))| (plain.clone(), told.clone())).collect();
    // Who includes others goes first, so that what is included keeps its includer's company.
    let includes = |path: &PathBuf| {
        let text = texts.get(path).map(|(_, text)| text.as_str()).unwrap_or_default();
        text.lines().any(|line| line.trim_start().starts_with("include"))
    };
    order.sort_by_key(|(path, _)| !includes(path));
    let texts = texts.into_iter().map(|(path, (_, text))| (path, text)).collect();
    let files = Arc::new(Mutex::new(Files { texts, taken: BTreeSet::new() }));
    let mut compiler = compiler(&files);
    for (path, told) in order {
        let text = take(&files, &path);
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { continue };
        match compiler.add_rules_str_in_namespace(&text, &told) {
            Ok(_with_warnings) => {}
            Err(error) => complaints.push(refused(&told, &error)),
        }
    }
    let mut scanner = compiler.finalize();
    scanner.set_scan_params(params(Matches::Told));
    complaints.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    let loaded = Loaded { files: count, rules: scanner.rules().count() };
    (Yara { sets: vec![scanner], loaded }, complaints)
}

fn compiler(files: &Arc<Mutex<Files>>) -> Compiler {
    let mut compiler = Compiler::new();
    compiler.set_params(CompilerParams::default().disable_unknown_escape_warning(true));
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
    Ok(text.trim_start_matches('\u{feff}').to_owned())
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
