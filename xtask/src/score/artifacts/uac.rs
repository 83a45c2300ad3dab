//! UAC's artifacts of a profile. Their files look like YAML and are none (`path: %user_home%`), so
//! that they are read line by line.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use stanch_rules::pattern;

use super::{Ours, Verdict, instance};

/// One thing that is collected.
type Entry = BTreeMap<String, String>;

/// Returns the figures of the profile `ir_triage`.
pub(super) fn lines(folder: &Path, ours: &Ours) -> Result<Vec<String>> {
    let read =
        |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let below = folder.join("artifacts");
    let mut files = Vec::new();
    walk(&below, &below, &mut files)?;
    files.sort();
    let files = chosen(&read(&folder.join("profiles/ir_triage.yaml"))?, &files);
    let (mut held, mut otherwise, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = [0_usize; 4];
    for file in &files {
        let entries = entries(&read(&below.join(file))?);
        let entries: Vec<&Entry> = entries.iter().filter(|entry| is_linux(entry)).collect();
        if entries.is_empty() {
            continue;
        }
        let (mut by, mut why, mut lacks) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            for text in texts(entry) {
                match verdict(file, entry, &text, ours) {
                    Verdict::Held(place) => add(&mut by, place, &mut counts[0]),
                    Verdict::Digest(place) => {
                        add(&mut by, format!("{place} by digest"), &mut counts[1])
                    }
                    Verdict::Otherwise { why: reason, .. } => add(&mut why, reason, &mut counts[2]),
                    Verdict::Missing => add(&mut lacks, text, &mut counts[3]),
                }
            }
        }
        match (lacks.is_empty(), why.is_empty()) {
            (false, _) => missing.push(format!("    - {file}: {}", lacks.join(" · "))),
            (true, false) => otherwise.push(format!("    - {file}: {}", why.join(" · "))),
            (true, true) => held.push(format!("    - {file}: {}", by.join(" · "))),
        }
    }
    let named: Vec<&String> = ours.pages.iter().flat_map(|page| &page.uac).collect();
    let stale = named.iter().filter(|name| !below.join(name.as_str()).exists());
    let stale: Vec<String> = stale.map(|name| format!("    - {name}")).collect();
    let all = held.len() + otherwise.len() + missing.len();
    let mut lines = vec![
        "UAC, profile ir_triage, artifacts of Linux".to_owned(),
        format!("  files mapped or explained {}/{all}  goal all", held.len() + otherwise.len()),
        format!(
            "  single commands and paths: {} mapped, {} by digest, {} explained, {} missing",
            counts[0], counts[1], counts[2], counts[3]
        ),
    ];
    for (what, list) in [
        ("mapped", held),
        ("explained", otherwise),
        ("missing", missing),
        ("named by a page of ours, and not there", stale),
    ] {
        lines.push(format!("  {what}: {}", list.len()));
        lines.extend(list);
    }
    Ok(lines)
}

fn add(to: &mut Vec<String>, what: String, count: &mut usize) {
    *count += 1;
    if !to.contains(&what) {
        to.push(what);
    }
}

fn walk(root: &Path, below: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path.strip_prefix(root)?.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// Returns the files that a profile chooses: each line adds, one with `!` takes away.
fn chosen(profile: &str, files: &[String]) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    for own in profile.lines().filter_map(|line| line.trim().strip_prefix("- ")) {
        let fits = |own: &str, file: &String| pattern::fits(own.as_bytes(), file.as_bytes());
        match own.strip_prefix('!') {
            Some(own) => chosen.retain(|file| !fits(own, file)),
            None => {
                let new: Vec<String> = files
                    .iter()
                    .filter(|file| fits(own, file) && !chosen.contains(file))
                    .cloned()
                    .collect();
                chosen.extend(new);
            }
        }
    }
    chosen
}

/// Returns the entries of a file; what stands above them holds for each.
fn entries(text: &str) -> Vec<Entry> {
    let (mut above, mut all) = (Entry::new(), Vec::<Entry>::new());
    for line in text.lines() {
        let own = line.trim();
        if own.is_empty() || own.starts_with('#') {
            continue;
        }
        let own = match own.strip_prefix('-') {
            Some(rest) if line.starts_with(' ') && (rest.is_empty() || rest.starts_with(' ')) => {
                all.push(above.clone());
                rest.trim()
            }
            _ => own,
        };
        if let Some((key, value)) = own.split_once(':') {
            let into = match all.last_mut() {
                Some(entry) if line.starts_with(' ') => entry,
                _ => &mut above,
            };
            into.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    all
}

fn of<'a>(entry: &'a Entry, key: &str) -> &'a str {
    entry.get(key).map_or("", String::as_str)
}

/// Returns the members of a list such as `["*.log", "a b"]`.
fn list(text: &str) -> Vec<String> {
    let inside = text.trim_start_matches('[');
    let inside = inside.split("] #").next().unwrap_or(inside).trim_end_matches(']');
    let parts = inside.split(',').map(|part| part.trim().trim_matches(['"', '\'']).to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

fn is_linux(entry: &Entry) -> bool {
    let systems = list(of(entry, "supported_os"));
    systems.is_empty() || systems.iter().any(|one| one == "linux" || one == "all")
}

/// Returns what an entry does, one text for each path.
fn texts(entry: &Entry) -> Vec<String> {
    let (collector, command) = (of(entry, "collector"), of(entry, "command"));
    if collector == "command" {
        return vec![command.to_owned()];
    }
    let after = if command.is_empty() { String::new() } else { format!(" | {command}") };
    let paths = of(entry, "path").split(' ').filter(|path| !path.is_empty());
    paths.map(|path| format!("{collector} {path}{after}")).collect()
}

fn verdict(file: &str, entry: &Entry, text: &str, ours: &Ours) -> Verdict {
    let full = format!("{file}: {text}");
    if let Some(verdict) = ours.claimed(&[file, text, &full]) {
        return verdict;
    }
    match text.strip_prefix("file ") {
        Some(path) => of_path(entry, path, ours),
        None => Verdict::Missing,
    }
}

/// Judges a path that is collected with all below it.
fn of_path(entry: &Entry, path: &str, ours: &Ours) -> Verdict {
    let path = path.replace("%user_home%", "/home/u").replace("%mount_point%", "");
    let path = path.trim_end_matches('/');
    let names = list(of(entry, "name_pattern"));
    let whole: Vec<String> = list(of(entry, "path_pattern"));
    if !whole.is_empty() {
        let instances = whole.iter().flat_map(|own| instance::of(&own.replacen('*', "/srv", 1)));
        return ours.paths(&instances.collect::<Vec<_>>());
    }
    if !names.is_empty() {
        let is_directory = of(entry, "file_type") == "[d]";
        let inside = if is_directory { "/a" } else { "" };
        let instances = names.iter().flat_map(|name| {
            let here = instance::of(&format!("{path}/{name}{inside}"));
            here.into_iter().chain(instance::of(&format!("{path}/d/{name}{inside}")))
        });
        return ours.paths(&instances.collect::<Vec<_>>());
    }
    // A directory that is taken with all below it, or a file.
    let below = ["/a", "/d/a"].iter().flat_map(|rest| instance::of(&format!("{path}{rest}")));
    match ours.paths(&below.collect::<Vec<_>>()) {
        Verdict::Missing => ours.paths(&instance::of(path)),
        below => below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_like_yaml_is_read() {
        let all = entries(
            "version: 1.0\nmodifier: true\nartifacts:\n  -\n    supported_os: [aix, linux]\n    \
             # why\n    collector: file\n    path: %user_home%/.a /etc/b\n    name_pattern: \
             [\"*.log\", \"a b\"]\n  -\n    collector: command\n    command: ps -ef\n",
        );
        assert_eq!(all.len(), 2);
        assert_eq!(texts(&all[0]), ["file %user_home%/.a", "file /etc/b"]);
        assert_eq!(list(of(&all[0], "name_pattern")), ["*.log", "a b"]);
        assert!(is_linux(&all[0]) && is_linux(&all[1]) && of(&all[1], "modifier") == "true");
        let files = ["a/x.yaml".to_owned(), "a/y.yaml".to_owned(), "b/z.yaml".to_owned()];
        assert_eq!(
            chosen("  - a/*\n  - b/z.yaml\n  - !a/y.yaml\n", &files),
            ["a/x.yaml", "b/z.yaml"]
        );
    }
}
