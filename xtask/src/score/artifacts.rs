//! How much of what others collect we collect too: UAC's Linux artifacts and ForensicArtifacts' Linux
//! definitions, from folders with these projects that are given on the command line.
//!
//! A path counts only if a pattern of a page takes an instance of it; what a command prints counts
//! only if `content/coverage` says where we hold it, and a page really takes that.

mod forensic;
mod instance;
mod uac;

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use stanch_rules::{Artifact, Profile, pattern};

use crate::House;

/// Where we hold what others collect, and what we deliberately do otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// What is held elsewhere than a path would say.
    #[serde(default)]
    held: Vec<Held>,
    /// What is done otherwise.
    #[serde(default)]
    otherwise: Vec<Otherwise>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    /// Patterns of what others do, as this program prints it.
    what: Vec<String>,
    /// `table:NAME`, `native:NAME` or a path: each must be taken by a page.
    by: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Otherwise {
    /// Patterns of what others do; of UAC also files of artifacts.
    what: Vec<String>,
    /// Whether it is nothing that a server has.
    #[serde(default)]
    no_server: bool,
    why: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    en: String,
    zh: String,
}

/// What becomes of one thing that others collect.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// We hold it; told is where.
    Held(String),
    /// Only its digest, unless contents are asked for.
    Digest(String),
    /// Deliberately not, with the reason.
    Otherwise { why: String, no_server: bool },
    /// Not, and nobody said why.
    Missing,
}

/// The pages, as far as they take something.
struct Ours {
    pages: Vec<Artifact>,
    claims: Claims,
}

impl Ours {
    /// Reads pages and claims as they lie in the tree.
    fn read(house: &House, claims: &str) -> Result<Self> {
        let mut pages = Vec::new();
        let texts = house.with_extension("toml").filter_map(|(path, text)| {
            Some((path.strip_prefix("content/")?.strip_suffix(".toml")?, text))
        });
        for (path, text) in texts.filter(|(path, _)| path.starts_with("artifacts/")) {
            pages.push(Artifact::parse(path, text)?);
        }
        pages.sort_by_key(|page| page.order);
        let claims = house.text(&format!("content/coverage/{claims}.toml"));
        let claims: Claims = toml::from_str(claims).context("content/coverage")?;
        let ours = Self { pages, claims };
        for one in ours.claims.held.iter().flat_map(|held| &held.by) {
            if ours.holder(one).is_none() {
                bail!("content/coverage: no page takes `{one}`");
            }
        }
        for one in &ours.claims.otherwise {
            if one.why.en.trim().is_empty() || one.why.zh.trim().is_empty() {
                bail!("content/coverage: {:?}: a reason in both languages", one.what);
            }
        }
        Ok(ours)
    }

    /// Returns the page that takes something: a table, what only the collector can take, or a path.
    fn holder(&self, what: &str) -> Option<&Artifact> {
        match what.split_once(':') {
            Some(("table", name)) => {
                self.pages.iter().find(|one| one.tables.iter().any(|t| t == name))
            }
            Some(("native", name)) => {
                self.pages.iter().find(|one| one.native.iter().any(|t| t == name))
            }
            _ => self.page_of(what),
        }
    }

    /// Returns the page that takes a file of such a path, the smaller profile first.
    fn page_of(&self, path: &str) -> Option<&Artifact> {
        let names = instance::names_of(path);
        let takes = |page: &&Artifact| {
            names.iter().any(|path| page.paths.iter().any(|own| fits(own, path)))
        };
        let of =
            |profile| self.pages.iter().filter(move |page| page.profile == profile).find(takes);
        of(Profile::Triage).or_else(|| of(Profile::Full))
    }

    /// Judges all instances of a path: all of them must be taken.
    fn paths(&self, instances: &[String]) -> Verdict {
        let mut by = String::new();
        let mut is_digest = false;
        for path in instances {
            let Some(page) = self.page_of(path) else { return Verdict::Missing };
            by = told(page);
            is_digest |= page.fingerprint;
        }
        match (instances.is_empty(), is_digest) {
            (true, _) => Verdict::Missing,
            (false, true) => Verdict::Digest(by),
            (false, false) => Verdict::Held(by),
        }
    }

    /// Judges by the claims: the first that fits one of these names.
    fn claimed(&self, names: &[&str]) -> Option<Verdict> {
        let fit = |all: &[String]| {
            all.iter()
                .any(|own| names.iter().any(|name| pattern::fits(own.as_bytes(), name.as_bytes())))
        };
        if let Some(held) = self.claims.held.iter().find(|held| fit(&held.what)) {
            let by: Vec<String> = held
                .by
                .iter()
                .map(|one| {
                    let profile = self.holder(one).map_or("", |page| page.profile.name());
                    if profile == "full" { format!("{one} (full)") } else { one.clone() }
                })
                .collect();
            return Some(Verdict::Held(by.join(", ")));
        }
        let other = self.claims.otherwise.iter().find(|other| fit(&other.what))?;
        Some(Verdict::Otherwise { why: other.why.en.clone(), no_server: other.no_server })
    }
}

fn told(page: &Artifact) -> String {
    match page.profile {
        Profile::Triage => page.id.clone(),
        Profile::Full => format!("{} (full)", page.id),
    }
}

/// Returns whether one of our patterns takes a path of a file.
fn fits(own: &str, path: &str) -> bool {
    match own.strip_prefix('~') {
        Some(rest) => {
            let homes = ["/home/u", "/root"];
            homes.iter().any(|home| pattern::is(&format!("{home}{rest}"), OsStr::new(path)))
        }
        None => pattern::is(own, OsStr::new(path)),
    }
}

/// Returns the figures as lines, for each of the projects that lies in one of the folders.
///
/// # Errors
/// If a folder holds neither, or its files cannot be read.
pub fn lines(house: &House, folders: &[&Path]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for folder in folders {
        if folder.join("profiles/ir_triage.yaml").exists() {
            lines.extend(uac::lines(folder, &Ours::read(house, "uac")?)?);
        } else if folder.join("artifacts/data").exists() {
            lines.extend(forensic::lines(folder, &Ours::read(house, "forensic_artifacts")?)?);
        } else {
            bail!("{}: neither UAC nor ForensicArtifacts lies there", folder.display());
        }
    }
    Ok(lines)
}
