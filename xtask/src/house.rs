//! The source tree as the laws see it, kept in memory so that a law can be tried on a small
//! made-up house too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Directories that are made, not written.
const MADE: [&str; 5] = [".git", "target", "fuzz/target", "fuzz/corpus", "fuzz/artifacts"];

/// The source tree: its texts and its crates.
#[derive(Clone, Debug, Default)]
pub struct House {
    /// Where it is.
    pub root: PathBuf,
    /// Every file by its path from the root; what is no UTF-8 text is empty.
    pub files: BTreeMap<String, String>,
    /// The crates of the workspace.
    pub crates: Vec<Crate>,
}

/// A crate of the workspace.
#[derive(Clone, Debug, Default)]
pub struct Crate {
    /// Its package name (`stanch-facts`).
    pub package: String,
    /// Its folder (`ground/facts`).
    pub folder: String,
    /// The files its targets start from, libraries and programs only.
    pub roots: Vec<String>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// A dependency of a crate.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package's name.
    pub package: String,
    /// Whether only tests and benches use it.
    pub for_tests: bool,
}

impl Crate {
    /// Returns the short name used in the crate table: the last part of the folder.
    pub fn name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }
}

impl House {
    /// Reads the tree that this tool was built from.
    ///
    /// # Errors
    /// If a file cannot be read or Cargo does not answer.
    pub fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the workspace")?
            .to_owned();
        let mut house = Self { root: root.clone(), ..Self::default() };
        collect(&root, &root, &mut house.files)?;
        house.crates = crates(&root)?;
        Ok(house)
    }

    /// Returns a file's text, empty if there is no such file.
    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// Returns the files with an extension, and their texts.
    pub fn with_extension<'a>(
        &'a self,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.rsplit_once('.').is_some_and(|(_, e)| e == extension))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns whether a path, from the root, is a file or a directory of the tree.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(below.clone()..).next().is_some_and(|(p, _)| p.starts_with(&below))
    }

    /// Writes a file below the root.
    ///
    /// # Errors
    /// If the directory or the file cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let full = self.root.join(path);
        let parent = full.parent().context("a file lies in a directory")?;
        std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        std::fs::write(&full, text).with_context(|| format!("writing {}", full.display()))
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    let entries =
        std::fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let full = entry.path();
        let path = full.strip_prefix(root)?.to_string_lossy().into_owned();
        if MADE.contains(&path.as_str()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(root, &full, files)?;
        } else if entry.file_type()?.is_file() {
            let bytes =
                std::fs::read(&full).with_context(|| format!("reading {}", full.display()))?;
            files.insert(path, String::from_utf8(bytes).unwrap_or_default());
        }
    }
    Ok(())
}

fn crates(root: &Path) -> Result<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {complaint}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(|packages| packages.as_array());
    packages
        .context("cargo metadata lists packages")?
        .iter()
        .map(|package| one_crate(root, package).context("a package that cargo metadata lists"))
        .collect()
}

fn one_crate(root: &Path, package: &serde_json::Value) -> Option<Crate> {
    let below = |path: &str| {
        Path::new(path).strip_prefix(root).ok().map(|path| path.to_string_lossy().into_owned())
    };
    let manifest = below(package.get("manifest_path")?.as_str()?)?;
    let roots = package.get("targets")?.as_array()?.iter().filter(|target| {
        let kinds = target.get("kind").and_then(|kinds| kinds.as_array());
        kinds.into_iter().flatten().any(|kind| kind == "lib" || kind == "bin")
    });
    let dependencies = package.get("dependencies")?.as_array()?.iter().filter_map(|dependency| {
        Some(Dependency {
            package: dependency.get("name")?.as_str()?.to_owned(),
            for_tests: dependency.get("kind").and_then(|kind| kind.as_str()) == Some("dev"),
        })
    });
    Some(Crate {
        package: package.get("name")?.as_str()?.to_owned(),
        folder: manifest.strip_suffix("/Cargo.toml")?.to_owned(),
        roots: roots.filter_map(|target| below(target.get("src_path")?.as_str()?)).collect(),
        dependencies: dependencies.collect(),
    })
}
