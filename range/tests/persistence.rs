//! Every row of the catalogue of persistence that lies in files, planted one by one over a clean
//! Debian root and looked for by path.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stanch_range::{PLANTS, Plant, debian, possible};

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

fn laid_over(name: usize) -> std::path::PathBuf {
    let folder = format!("stanch-plant-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(folder.join("over")).unwrap();
    folder
}

/// Returns the gravest level of the findings that name a path and are not those of the clean root,
/// and their signs.
fn found(document: &Value, clean: &Value, plant: &Plant) -> Option<(String, BTreeSet<String>)> {
    const LEVELS: [&str; 5] = ["info", "low", "medium", "high", "critical"];
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

#[test]
fn every_way_back_is_found_by_its_path_and_a_clean_root_has_none() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let clean = laid_over(usize::MAX);
    let bare = detect(&stanch, &root, &clean);
    std::fs::remove_dir_all(&clean).unwrap();
    let grave = |finding: &&Value| !matches!(finding["level"].as_str(), Some("info" | "low"));
    let above_low: Vec<&Value> =
        bare["findings"].as_array().unwrap().iter().filter(grave).collect();
    assert!(above_low.is_empty(), "{above_low:#?}");
    assert_eq!(bare["verdict"], "clean");
    let mut missed = Vec::new();
    for (number, plant) in PLANTS.iter().enumerate() {
        let over = laid_over(number);
        plant.put(&root, &over.join("over")).unwrap();
        let document = detect(&stanch, &root, &over);
        std::fs::remove_dir_all(&over).unwrap();
        match found(&document, &bare, plant) {
            Some((level, signs)) => {
                eprintln!("{:>4}  {:<8}  {}  {signs:?}", plant.row, level, plant.path);
            }
            None => {
                eprintln!("{:>4}  MISSED    {}", plant.row, plant.path);
                missed.push(plant.path);
            }
        }
    }
    let of = PLANTS.len();
    eprintln!("found {} of {of}", of - missed.len());
    assert!(missed.is_empty(), "{missed:#?}");
}
