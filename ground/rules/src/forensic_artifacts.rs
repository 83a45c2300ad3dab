//! Definitions of what to take, in the format of ForensicArtifacts: read as they are.
//!
//! Source: the project's "Artifact definition format and style guide". What a definition asks for of
//! other systems is left out; a command is told and never run.

use std::collections::BTreeMap;

use serde::Deserialize;
use stanch_words::Both;

use crate::artifact::{Artifact, Budget, Profile};
use crate::page::PageError;

/// The largest file of definitions: the whole of the project's own has 1 MiB.
pub const LARGEST: u64 = 16 << 20;
/// The most definitions of a file.
const MOST: usize = 20_000;
/// How deep groups lie in groups.
const DEPTH: usize = 16;
/// The deepest `**N`.
const LEVELS: usize = 20;
/// How many patterns a path may stand for before its last `**N`.
const PATTERNS: usize = 1000;
/// What one definition may take: as much as a page of ours for logs.
const BUDGET: Budget = Budget { bytes: 1 << 30, files: 20_000, seconds: 120 };

/// One definition, as far as it concerns Linux.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The first line of what it says of itself.
    pub doc: String,
    /// Where from, in its order.
    pub sources: Vec<Source>,
}

/// Where a definition takes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Files with their contents: paths as they are written there.
    Files(Vec<String>),
    /// Places: files with their contents, directories by name.
    Places(Vec<String>),
    /// What a command prints.
    Command(String),
    /// Other definitions.
    Group(Vec<String>),
}

/// What a file of definitions says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Those that concern Linux.
    pub all: Vec<Definition>,
    /// How many are for other systems.
    pub of_others: usize,
}

#[derive(Deserialize)]
struct Written {
    name: String,
    #[serde(default)]
    doc: String,
    sources: Vec<WrittenSource>,
    #[serde(default)]
    supported_os: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WrittenSource {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    attributes: Option<Attributes>,
    #[serde(default)]
    supported_os: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    separator: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    cmd: String,
    #[serde(default)]
    args: Vec<String>,
}

impl Definitions {
    /// Reads a file of definitions.
    ///
    /// # Errors
    /// [`PageError`] with everything in it that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, PageError> {
        let (mut all, mut of_others, mut complaints) = (Vec::new(), 0_usize, Vec::new());
        for (number, document) in (1_usize..).zip(yaml_serde::Deserializer::from_str(text)) {
            match Option::<Written>::deserialize(document) {
                // A `---` with nothing after it.
                Ok(None) => {}
                Ok(Some(written)) => match definition(written) {
                    Ok(Some(definition)) => all.push(definition),
                    Ok(None) => of_others = of_others.saturating_add(1),
                    Err(wrong) => complaints.extend(wrong),
                },
                // Behind a fault of syntax nothing can be told apart any more.
                Err(error) => {
                    complaints.push(format!("definition {number}: {error}"));
                    if error.location().is_none() || number >= MOST {
                        break;
                    }
                }
            }
            if number >= MOST || complaints.len() >= 50 {
                break;
            }
        }
        if all.is_empty() && complaints.is_empty() {
            complaints.push(match of_others {
                0 => "no definition is in it".to_owned(),
                more => format!("all of its definitions ({more}) are for other systems"),
            });
        }
        match complaints.is_empty() {
            true => Ok(Self { all, of_others }),
            false => Err(PageError { page: file.to_owned(), complaints }),
        }
    }
}

fn is_linux(systems: Option<&[String]>) -> bool {
    systems.is_none_or(|systems| systems.is_empty() || systems.iter().any(|one| one == "Linux"))
}

/// Returns a definition, nothing if it is of other systems, or what is wrong with it.
fn definition(written: Written) -> Result<Option<Definition>, Vec<String>> {
    let name = written.name;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 200 || !name.chars().all(is_plain) {
        let name = stanch_words::text::escaped(&name);
        return Err(vec![format!("`{name}` is no name: letters, digits, `_`, `-` and `.`")]);
    }
    if !is_linux(written.supported_os.as_deref()) {
        return Ok(None);
    }
    let (mut sources, mut complaints) = (Vec::new(), Vec::new());
    for source in written.sources {
        if !is_linux(source.supported_os.as_deref()) {
            continue;
        }
        let own = source.attributes.unwrap_or_default();
        let separator = own.separator.as_deref().unwrap_or("/");
        match source.kind.as_str() {
            "FILE" | "PATH" | "DIRECTORY" if separator != "/" => {
                complaints.push(format!("{name}: `{separator}` does not separate names on Linux"));
            }
            "FILE" | "PATH" | "DIRECTORY" => {
                let wrong = own.paths.iter().filter_map(|path| patterns(path).err());
                complaints.extend(wrong.map(|wrong| format!("{name}: {wrong}")));
                if own.paths.is_empty() {
                    complaints
                        .push(format!("{name}: a source of type {} without paths", source.kind));
                }
                sources.push(match source.kind.as_str() {
                    "FILE" => Source::Files(own.paths),
                    _ => Source::Places(own.paths),
                });
            }
            "COMMAND" => {
                let words = std::iter::once(own.cmd).chain(own.args);
                sources.push(Source::Command(words.collect::<Vec<_>>().join(" ")));
            }
            "ARTIFACT_GROUP" => sources.push(Source::Group(own.names)),
            // Windows alone has these.
            "REGISTRY_KEY" | "REGISTRY_VALUE" | "WMI" => {}
            other => {
                let other = stanch_words::text::escaped(other);
                complaints.push(format!(
                    "{name}: `{other}` is no type of source; known are FILE, PATH, COMMAND, ARTIFACT_GROUP"
                ));
            }
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    if sources.is_empty() {
        return Ok(None);
    }
    let doc = written.doc.lines().next().unwrap_or_default().trim().to_owned();
    Ok(Some(Definition { name, doc, sources }))
}

/// Returns a path of a definition as patterns of ours: `~` for every home, and `**` with a number as
/// that many patterns.
///
/// # Errors
/// Why it cannot be one.
pub fn patterns(path: &str) -> Result<Vec<String>, String> {
    let shown = stanch_words::text::escaped(path);
    let mut rest = path.to_owned();
    for (variable, ours) in [
        ("%%users.homedir%%", "~"),
        ("%%users.userprofile%%", "~"),
        ("%%users.temp%%", "/tmp"),
        ("%%users.username%%", "*"),
        ("%%users.uid%%", "*"),
    ] {
        rest = rest.replace(variable, ours);
    }
    if let Some(at) = rest.find("%%") {
        let variable: String =
            rest.chars().skip(rest.get(..at).map_or(0, |s| s.chars().count())).collect();
        let variable = variable.split("%%").nth(1).unwrap_or_default().to_owned();
        let variable = stanch_words::text::escaped(&variable);
        return Err(format!("`{shown}`: Linux has no `%%{variable}%%`"));
    }
    let is_rooted = rest.starts_with('/') || rest == "~" || rest.starts_with("~/");
    if !is_rooted
        || rest
            .get(1..)
            .is_some_and(|rest| rest.contains('~') && path.contains("%%users.homedir%%/%%"))
    {
        return Err(format!("`{shown}` begins neither with `/` nor with a home"));
    }
    if rest.split('/').any(|part| part == "..") {
        return Err(format!("`{shown}` leads out with `..`"));
    }
    let mut all = vec![String::new()];
    let mut parts = rest.split('/');
    if let Some(first) = parts.next().filter(|first| !first.is_empty()) {
        all = vec![first.to_owned()];
    }
    let parts: Vec<&str> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        let is_last = place.saturating_add(1) == parts.len();
        let levels = part.strip_prefix("**").filter(|levels| !levels.is_empty());
        match levels.and_then(|levels| levels.parse::<usize>().ok()) {
            Some(levels) => {
                if all.len() > PATTERNS {
                    return Err(format!("`{shown}` stands for more than {PATTERNS} patterns"));
                }
                // At the end at least one name must stand; in the middle none is as good.
                let least = usize::from(is_last);
                let levels = least..=levels.clamp(1, LEVELS);
                all = all
                    .iter()
                    .flat_map(|one| levels.clone().map(move |n| format!("{one}{}", "/*".repeat(n))))
                    .collect();
            }
            None => all.iter_mut().for_each(|one| {
                one.push('/');
                one.push_str(part);
            }),
        }
    }
    Ok(all)
}

/// Definitions that were read, by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    by_name: BTreeMap<String, Definition>,
    /// Names in the order in which they were read.
    order: Vec<String>,
}

impl Library {
    /// Adds what a file says.
    ///
    /// # Errors
    /// [`PageError`] if a name was defined before.
    pub fn add(&mut self, file: &str, definitions: Definitions) -> Result<(), PageError> {
        let mut complaints = Vec::new();
        for definition in definitions.all {
            let name = definition.name.clone();
            if self.by_name.contains_key(&name) {
                complaints.push(format!("`{name}` was defined before"));
                continue;
            }
            self.order.push(name.clone());
            self.by_name.insert(name, definition);
        }
        match complaints.is_empty() {
            true => Ok(()),
            false => Err(PageError { page: file.to_owned(), complaints }),
        }
    }

    /// Returns the names, in the order in which they were read.
    pub fn names(&self) -> &[String] {
        &self.order
    }

    /// Returns what a definition takes, as a page of ours; nothing if there is none of that name.
    pub fn artifact(&self, name: &str, order: u32) -> Option<Artifact> {
        let definition = self.by_name.get(name)?;
        let title = match definition.doc.is_empty() {
            true => name.to_owned(),
            false => definition.doc.chars().take(200).collect(),
        };
        let mut artifact = Artifact {
            id: format!("forensicartifacts.{name}"),
            order,
            title: Both::new(title.clone(), title),
            why: Both::new("it was asked for by name", "按名称指定收集"),
            profile: Profile::Triage,
            catalogue: Vec::new(),
            attack: Vec::new(),
            uac: Vec::new(),
            forensic_artifacts: vec![name.to_owned()],
            tables: Vec::new(),
            paths: Vec::new(),
            places: Vec::new(),
            native: Vec::new(),
            by_time: false,
            fingerprint: false,
            not_done: Vec::new(),
            budget: BUDGET,
        };
        self.gather(definition, &mut artifact, 0);
        Some(artifact)
    }

    fn gather(&self, definition: &Definition, into: &mut Artifact, depth: usize) {
        for source in &definition.sources {
            match source {
                Source::Files(paths) => {
                    into.paths
                        .extend(paths.iter().filter_map(|path| patterns(path).ok()).flatten());
                }
                Source::Places(paths) => {
                    into.places
                        .extend(paths.iter().filter_map(|path| patterns(path).ok()).flatten());
                }
                Source::Command(command) => {
                    let why = "no program of the machine is run".to_owned();
                    into.not_done.push((command.clone(), why));
                }
                Source::Group(names) => {
                    for name in names {
                        let why = match self.by_name.get(name) {
                            Some(other) if depth < DEPTH => {
                                self.gather(other, into, depth.saturating_add(1));
                                continue;
                            }
                            Some(_) => "groups within groups without end",
                            None => "it is in no file that was given",
                        };
                        into.not_done.push((name.clone(), why.to_owned()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Definitions of the house.
---
name: OurAppLogs
doc: |
  Logs of our application.

  More is said here.
sources:
- type: FILE
  attributes: {paths: ['/opt/app/log/**2', '%%users.homedir%%/.app/*.log']}
  supported_os: [Linux]
- type: FILE
  attributes: {paths: ['%%environ_systemroot%%\\App'], separator: '\\'}
  supported_os: [Windows]
- type: COMMAND
  attributes: {cmd: /opt/app/status, args: [--all]}
supported_os: [Linux, Windows]
---
name: OurPlaces
doc: Places.
sources:
- type: PATH
  attributes: {paths: [/srv/app]}
---
name: Both
doc: All of it.
sources:
- type: ARTIFACT_GROUP
  attributes: {names: [OurAppLogs, OurPlaces, Elsewhere]}
---
name: OfWindows
doc: Not here.
sources:
- type: REGISTRY_KEY
  attributes: {keys: ['HKEY_LOCAL_MACHINE\\X']}
supported_os: [Windows]
";

    #[test]
    fn definitions_become_pages_and_what_is_not_done_is_told() {
        let definitions = Definitions::parse("own.yaml", FILE).unwrap();
        assert_eq!((definitions.all.len(), definitions.of_others), (3, 1));
        let mut library = Library::default();
        library.add("own.yaml", definitions.clone()).unwrap();
        let all = library.artifact("Both", 1).unwrap();
        assert_eq!(all.paths, ["/opt/app/log/*", "/opt/app/log/*/*", "~/.app/*.log"]);
        assert_eq!(all.places, ["/srv/app"]);
        assert_eq!(
            all.not_done,
            [
                ("/opt/app/status --all", "no program of the machine is run"),
                ("Elsewhere", "it is in no file that was given")
            ]
            .map(|(what, why)| (what.to_owned(), why.to_owned()))
        );
        assert_eq!(library.artifact("OurAppLogs", 1).unwrap().title.en, "Logs of our application.");
        assert_eq!(library.artifact("Nothing", 1), None);
        let again = library.add("own.yaml", definitions).unwrap_err();
        assert_eq!(again.complaints.len(), 3, "{again:?}");
    }

    #[test]
    fn paths_become_patterns() {
        for (path, ours) in [
            ("/**2/logs/*", &["/logs/*", "/*/logs/*", "/*/*/logs/*"][..]),
            ("/a/**", &["/a/**"]),
            ("/run/user/%%users.uid%%/x", &["/run/user/*/x"]),
            ("%%users.homedir%%/.x", &["~/.x"]),
        ] {
            assert_eq!(patterns(path).unwrap(), ours, "{path}");
        }
        for (path, why) in [
            ("%%environ_windir%%/x", "`%%environ_windir%%/x`: Linux has no `%%environ_windir%%`"),
            ("etc/passwd", "`etc/passwd` begins neither with `/` nor with a home"),
            ("/a/../b", "`/a/../b` leads out with `..`"),
            (
                "/**20/**20/**20/**20/**20/**20/**20/x",
                "`/**20/**20/**20/**20/**20/**20/**20/x` stands for more than 1000 patterns",
            ),
        ] {
            assert_eq!(patterns(path).unwrap_err(), why);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, why) in [
            ("", "no definition is in it"),
            ("name: A\nsources: [", "definition 1"),
            ("name: A\n", "missing field `sources`"),
            ("name: A\nsources: [{type: FILES}]\n", "`FILES` is no type of source"),
            ("name: A\nsources: [{type: FILE}]\n", "without paths"),
            ("name: A\nsources: [{type: FILE, attributes: {paths: [x]}}]\n", "`x` begins neither"),
            ("name: \"a\\e\"\nsources: []\n", "is no name"),
            ("name: A\nsources: []\nsupported_os: [Windows]\n", "are for other systems"),
        ] {
            let error = Definitions::parse("own.yaml", text).unwrap_err();
            assert!(error.complaints.join("; ").contains(why), "{text:?}: {error:?}");
        }
        // What refers to itself without end, or grows by references, ends.
        let bomb = format!(
            "a: &a [x, x, x, x, x, x, x, x, x]\n{}",
            (0..20)
                .map(|n| {
                    let own = char::from(b'b' + n);
                    let before = char::from(b'a' + n);
                    format!("{own}: &{own} [{}]\n", vec![format!("*{before}"); 9].join(", "))
                })
                .collect::<String>()
        );
        assert!(Definitions::parse("bomb.yaml", &bomb).is_err());
        assert!(Definitions::parse("deep.yaml", &"[".repeat(100_000)).is_err());
    }
}
