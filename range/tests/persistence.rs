//! Every row of the catalogue of persistence that lies in files, planted one by one over a clean
//! Debian root and looked for by path.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its table"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use stanch_range::{PLANTS, Plant, VARIANTS, debian, possible};

/// Runs `stanch detect` on a root with a folder laid over it.
fn detect(stanch: &Path, root: &Path, over: &Path) -> Value {
    let script = "mkdir \"$1/m\" && mount -t overlay o -o \"lowerdir=$1/over:$2\" \"$1/m\" && \
        exec \"$0\" --json --root \"$1/m\" detect --only files,logs,processes";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(stanch)
        .arg(over)
        .arg(root)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{errors}");
    document.unwrap()
}

/// Makes a folder to be laid over a root: one of its own each time, since tests run side by side.
fn laid_over() -> std::path::PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = format!("stanch-plant-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(folder.join("over")).unwrap();
    folder
}

/// Returns what `stanch detect` says of a root with plants laid over it.
fn planted<'p>(stanch: &Path, root: &Path, plants: impl IntoIterator<Item = &'p Plant>) -> Value {
    let over = laid_over();
    for plant in plants {
        plant.put(root, &over.join("over")).unwrap();
    }
    let document = detect(stanch, root, &over);
    std::fs::remove_dir_all(&over).unwrap();
    document
}

/// Returns the gravest level of the findings that name a path and are not those of the clean root,
/// and their signs.
fn found(document: &Value, clean: &Value, plant: &Plant) -> Option<(String, BTreeSet<String>)> {
    let same = |a: &Value, b: &Value| ["sign", "entity", "seen"].iter().all(|k| a[k] == b[k]);
    let before = clean["findings"].as_array().unwrap();
    let findings = document["findings"].as_array().unwrap();
    let new = findings.iter().filter(|finding| !before.iter().any(|old| same(old, finding)));
    let named = new.filter(|finding| {
        // The page lists a whole entry: its path stands in the entity, the words or the evidence.
        [&finding["entity"], &finding["seen"], &finding["evidence"]]
            .iter()
            .any(|part| part.to_string().contains(plant.path.trim_end()))
    });
    let all: Vec<(&str, &str)> = named
        .map(|finding| (finding["level"].as_str().unwrap(), finding["sign"].as_str().unwrap()))
        .collect();
    let level = LEVELS.iter().rev().find(|level| all.iter().any(|(l, _)| l == *level))?;
    Some(((*level).to_owned(), all.iter().map(|(_, sign)| (*sign).to_owned()).collect()))
}

const LEVELS: [&str; 5] = ["info", "low", "medium", "high", "critical"];

/// Prints the table of one set of plants, row by row, and returns those that are not found by
/// their path and those that are found below the level that they have at least.
fn table<'p>(
    documents: &[Value],
    clean: &Value,
    plants: &[(usize, &'p Plant)],
) -> (Vec<&'p str>, Vec<&'p str>) {
    let (mut missed, mut below) = (Vec::new(), Vec::new());
    for (batch, plant) in plants {
        let Some((level, signs)) = found(&documents[*batch], clean, plant) else {
            eprintln!("{:>4}  MISSED    {}", plant.row, plant.path);
            missed.push(plant.path);
            continue;
        };
        let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
        let less = if rank(&level) < rank(plant.least) { " < " } else { "" };
        let least = if less.is_empty() { "" } else { plant.least };
        eprintln!("{:>4}  {level}{less}{least}  {}  {signs:?}", plant.row, plant.path);
        if !less.is_empty() {
            below.push(plant.path);
        }
    }
    let of = plants.len();
    let grave = of - missed.len() - below.len();
    eprintln!("found {} of {of}, as grave as they are {grave} of {of}", of - missed.len());
    (missed, below)
}

/// Puts each plant into the first set in which nothing lies at its places yet.
fn sets(plants: &'static [Plant]) -> Vec<(usize, &'static Plant)> {
    let mut taken: Vec<BTreeSet<&str>> = Vec::new();
    let mut placed = Vec::new();
    for plant in plants {
        let places: Vec<&str> =
            plant.with.iter().map(|(path, _)| *path).chain([plant.path]).collect();
        let free = |set: &BTreeSet<&str>| !places.iter().any(|place| set.contains(place));
        let number = taken.iter().position(free).unwrap_or(taken.len());
        if number == taken.len() {
            taken.push(BTreeSet::new());
        }
        taken[number].extend(places);
        placed.push((number, plant));
    }
    placed
}

#[test]
fn variants_are_found_by_their_path_and_as_grave_as_they_are() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let bare = planted(&stanch, &root, []);
    let placed = sets(VARIANTS);
    let documents: Vec<Value> = (0..=placed.iter().map(|(set, _)| *set).max().unwrap())
        .map(|number| {
            let of_set = placed.iter().filter(|(set, _)| *set == number);
            planted(&stanch, &root, of_set.map(|(_, plant)| *plant))
        })
        .collect();
    let (missed, below) = table(&documents, &bare, &placed);
    assert!(missed.is_empty() && below.is_empty(), "missed {missed:#?}, below {below:#?}");
}

#[test]
fn every_way_back_is_found_by_its_path_and_a_clean_root_has_none() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let bare = planted(&stanch, &root, []);
    let grave = |finding: &&Value| !matches!(finding["level"].as_str(), Some("info" | "low"));
    let above_low: Vec<&Value> =
        bare["findings"].as_array().unwrap().iter().filter(grave).collect();
    assert!(above_low.is_empty(), "{above_low:#?}");
    assert_eq!(bare["verdict"], "clean");
    let placed: Vec<(usize, &Plant)> = PLANTS.iter().enumerate().collect();
    let documents: Vec<Value> =
        placed.iter().map(|(_, plant)| planted(&stanch, &root, [*plant])).collect();
    let (missed, below) = table(&documents, &bare, &placed);
    assert!(missed.is_empty() && below.is_empty(), "missed {missed:#?}, below {below:#?}");
}
