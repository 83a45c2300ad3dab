//! Packs the pages of `content/` into the crate, so that the binary carries them.
#![expect(clippy::disallowed_methods, reason = "a build script reads the source tree")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../content");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = list(root, root, "PAGES", "md")?;
    code.push_str(&list(root, &root.join("artifacts"), "ARTIFACTS", "toml")?);
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("pages.rs"), code)?;
    std::fs::write(Path::new(&out).join("scan.rules"), scan_rules(root)?)?;
    Ok(())
}

/// Returns the starter rules, each as `NAME LENGTH\n` and its text, with all bits turned over: in
/// plain they would make every scanner, ours too, take the binary for what they describe.
fn scan_rules(root: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root.join("scan"))? {
        let path = entry?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        if path.extension().is_some_and(|extension| extension == "yar") {
            files.push(path);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let text = std::fs::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        all.extend_from_slice(format!("{name} {}\n", text.len()).as_bytes());
        all.extend_from_slice(&text);
    }
    Ok(all.iter().map(|byte| !byte).collect())
}

/// Returns a list, as code, of the files below a directory whose names end so: path and text.
fn list(root: &Path, below: &Path, name: &str, end: &str) -> Result<String, Box<dyn Error>> {
    let mut pages = Vec::new();
    collect(below, end, &mut pages)?;
    pages.sort();
    let mut code = format!("static {name}: &[(&str, &str)] = &[\n");
    for page in &pages {
        println!("cargo::rerun-if-changed={}", page.display());
        let path = page.strip_prefix(root)?.with_extension("");
        let full = std::fs::canonicalize(page)?;
        writeln!(code, "    ({path:?}, include_str!({full:?})),")?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn collect(directory: &Path, end: &str, pages: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, end, pages)?;
        } else if path.extension().is_some_and(|extension| extension == end) {
            pages.push(path);
        }
    }
    Ok(())
}
