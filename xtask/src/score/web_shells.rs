//! How well web shells are told from honest pages: pages that we wrote, in
//! `ground/facts/fixtures/web_shells`, and the pages of packages, which nobody planted anything in.
//!
//! The letters of our pages are moved by 13 places, so that no scanner takes them for what they
//! show. A file whose name ends in `held-out.txt` was written after the code and measured before
//! anything was changed for it: 10 of 24 were found, 12 of 12 near misses left alone (BENCHMARKS.md).
//! What that showed was mended since, so that its figure today says no more what a new page meets.
//! `another-hand.txt` is by somebody who never saw the code: the reader of before found 29 of 44 and
//! left 29 of 30 alone; since then PHP is read otherwise, and it counts as ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use stanch_facts::content::{self, Oddity};

use super::Measure;
use crate::House;

/// From this score on the sign is more than a note.
const TELLING: i64 = 50;
/// The largest clean file that is read.
const LARGEST: u64 = 8 << 20;

/// A page of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Whether it runs what a request sends.
    pub is_shell: bool,
    /// The name its file would have.
    pub file: String,
    /// What it does, in words.
    pub name: String,
    /// The page.
    pub page: Vec<u8>,
}

/// Returns the cases of a file: each begins with `==== hit|miss FILE WORDS`.
pub fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(head) = line.strip_prefix("==== ") {
            let (kind, rest) = head.trim_end().split_once(' ').unwrap_or((head, ""));
            let (file, name) = rest.split_once(' ').unwrap_or((rest, ""));
            cases.push(Case {
                is_shell: kind == "hit",
                file: file.to_owned(),
                name: name.to_owned(),
                page: Vec::new(),
            });
        } else if let Some(case) = cases.last_mut() {
            case.page.extend(line.bytes().map(moved));
        }
    }
    cases
}

/// Returns a letter moved by 13 places.
fn moved(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte.saturating_add(13),
        b'n'..=b'z' | b'N'..=b'Z' => byte.saturating_sub(13),
        other => other,
    }
}

fn gravest(page: &[u8], file: &str) -> Option<Oddity> {
    let found = content::oddities(page, content::kind(page, file), file);
    found.into_iter().max_by_key(|oddity| oddity.score)
}

/// Scores the pages that we wrote: recall, and near misses left alone; those of before and those
/// held out apart.
///
/// # Errors
/// If the folder cannot be read.
pub fn ours(house: &House) -> Result<Vec<Measure>> {
    let folder = house.root.join("ground/facts/fixtures/web_shells");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let mut measures = Vec::new();
    let mut all = [
        Measure::new("recall, written with the code", Some(0.95)),
        Measure::new("near misses, written with the code", Some(1.0)),
        Measure::new("recall, held out and then mended for", Some(0.85)),
        Measure::new("near misses, held out", Some(1.0)),
    ];
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut of = [
            Measure::new(format!("{file}: recall"), None),
            Measure::new(format!("{file}: near misses"), None),
        ];
        let is_held_out = file.ends_with("held-out");
        for case in cases(&text) {
            let found = gravest(&case.page, &case.file);
            let is_right = found.as_ref().is_some_and(|it| it.score >= TELLING) == case.is_shell;
            let told = || {
                let detail = found.as_ref().map_or("nothing", |it| it.detail.as_str());
                format!("{file}, {}: {} ({detail})", case.file, case.name)
            };
            let kind = usize::from(!case.is_shell);
            let place = kind + if is_held_out { 2 } else { 0 };
            for measure in of.get_mut(kind).into_iter().chain(all.get_mut(place)) {
                measure.count(is_right, told);
            }
        }
        measures.extend(of);
    }
    measures.extend(all.into_iter().filter(|measure| measure.total > 0));
    Ok(measures)
}

/// What the pages of packages said.
#[derive(Debug, Default)]
struct Clean {
    files: usize,
    bytes: u64,
    seconds: f64,
    slowest: (f64, String),
    found: Vec<String>,
}

/// Scores the pages below a folder, none of which is a web shell: what is found is wrong.
///
/// # Errors
/// If the folder cannot be walked.
pub fn clean(folder: &Path) -> Result<Vec<Measure>> {
    let mut kinds: std::collections::BTreeMap<String, Clean> = std::collections::BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata()?.len() <= LARGEST {
                judge(&entry.path(), &mut kinds)?;
            }
        }
    }
    Ok(kinds.into_iter().map(|(kind, clean)| measure(&kind, clean)).collect())
}

fn judge(path: &Path, kinds: &mut std::collections::BTreeMap<String, Clean>) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ending = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let page = std::fs::read(path).with_context(|| path.display().to_string())?;
    let kind = match content::kind(&page, &name).name() {
        "php" => "php",
        "jsp" => "jsp",
        "asp" => "asp",
        "script" => match ending.as_str() {
            "py" | "wsgi" => "python",
            "pl" | "pm" | "cgi" => "perl",
            "js" | "mjs" | "cjs" => "javascript",
            "rb" => "ruby",
            "lua" => "lua",
            "sh" | "bash" => return Ok(()),
            _ => "other scripts",
        },
        _ => return Ok(()),
    };
    let begin = Instant::now();
    let found = gravest(&page, &name);
    let seconds = begin.elapsed().as_secs_f64();
    let clean = kinds.entry(kind.to_owned()).or_default();
    clean.files += 1;
    clean.bytes += page.len() as u64;
    clean.seconds += seconds;
    if seconds > clean.slowest.0 {
        clean.slowest = (seconds, path.display().to_string());
    }
    if let Some(found) = found.filter(|found| found.score >= TELLING) {
        clean.found.push(format!("{}: {} ({})", path.display(), found.detail, found.score));
    }
    Ok(())
}

fn measure(kind: &str, clean: Clean) -> Measure {
    // At most 2 of 5,000 pages of packages.
    let goal = ["php", "jsp"].contains(&kind).then_some(1.0 - 2.0 / 5_000.0);
    let mut measure = Measure::new(format!("{kind} of packages left alone"), goal);
    measure.total = clean.files;
    measure.hits = clean.files.saturating_sub(clean.found.len());
    let megabytes = clean.bytes as f64 / 1e6;
    measure.note = format!(
        "{megabytes:.1} MB, {:.1} MB a second; slowest {:.2} s: {}",
        megabytes / clean.seconds.max(0.001),
        clean.slowest.0,
        clean.slowest.1
    );
    measure.misses = clean.found;
    measure
}

/// Packages with pages and programs for the web.
const PACKAGES: [&str; 40] = [
    "phpmyadmin",
    "wordpress",
    "mediawiki",
    "roundcube-core",
    "roundcube-plugins",
    "dokuwiki",
    "cacti",
    "zabbix-frontend-php",
    "tt-rss",
    "shaarli",
    "simplesamlphp",
    "phpldapadmin",
    "ldap-account-manager",
    "ganglia-webfrontend",
    "php-horde-core",
    "php-horde-imp",
    "composer",
    "phpunit",
    "php-twig",
    "smarty3",
    "php-tcpdf",
    "php-pear",
    "php-symfony-framework-bundle",
    "php-symfony-dependency-injection",
    "php-symfony-validator",
    "php-doctrine-orm",
    "tomcat10-examples",
    "tomcat10-admin",
    "tomcat10-docs",
    "python3-django",
    "python3-flask",
    "python3-werkzeug",
    "python3-tornado",
    "awstats",
    "backuppc",
    "smokeping",
    "libmojolicious-perl",
    "request-tracker5",
    "ruby-sinatra",
    "node-express",
];

/// Downloads packages with pages and unpacks them below `target`, once; returns the folder.
///
/// # Errors
/// If apt or dpkg cannot be run.
pub fn fetch(house: &House) -> Result<PathBuf> {
    let target = house.root.join("target/web-shells");
    let tree = target.join("tree");
    if tree.exists() {
        return Ok(tree);
    }
    let archives = target.join("archives");
    std::fs::create_dir_all(&archives)?;
    for package in PACKAGES {
        // One that a release does not have is left out; the count of files says how much is there.
        let _status = Command::new("apt-get")
            .args(["download", "-qq", package])
            .current_dir(&archives)
            .status()?;
    }
    let unpacked = target.join("unpacking");
    for entry in std::fs::read_dir(&archives)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = unpacked.join(name.split('_').next().unwrap_or_default());
        std::fs::create_dir_all(&folder)?;
        let status = Command::new("dpkg").arg("-x").arg(&path).arg(&folder).status()?;
        ensure!(status.success(), "dpkg could not unpack {}", path.display());
    }
    std::fs::rename(&unpacked, &tree)?;
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_its_head_and_a_page_of_moved_letters() {
        let found = cases("==== hit a.php one of us\n<?cuc\nrpub 1;\n==== miss b.py x\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].page, b"<?php\necho 1;\n");
        assert_eq!((found[0].is_shell, found[1].is_shell), (true, false));
        assert_eq!((found[1].file.as_str(), found[0].name.as_str()), ("b.py", "one of us"));
    }
}
