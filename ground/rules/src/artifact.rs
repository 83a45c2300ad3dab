//! A page of what to take: which tables, files and particulars, in which order, and how much.
//!
//! An artifact is TOML without prose of its own: what it is for is one sentence in each language.
//! The format is told in `design/0017-evidence.md`.

use serde::Deserialize;
use stanch_words::Both;

use crate::PageError;
use crate::page::Texts;

/// What is collected at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// What vanishes, and what nearly every investigation needs.
    #[default]
    Triage,
    /// All there is.
    Full,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Triage, Self::Full];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Full => "full",
        }
    }

    /// Returns the profile of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name: the path below `artifacts/`.
    pub id: String,
    /// The sum of its page, in the order in which things vanish.
    pub order: u32,
    /// What it is.
    pub title: Both,
    /// What it is for.
    pub why: Both,
    /// The smallest profile that takes it.
    pub profile: Profile,
    /// Rows of the catalogue that it covers.
    pub catalogue: Vec<String>,
    /// ATT&CK technique ids that it shows.
    pub attack: Vec<String>,
    /// UAC's artifact files that it covers.
    pub uac: Vec<String>,
    /// Names of ForensicArtifacts that it covers.
    pub forensic_artifacts: Vec<String>,
    /// Tables, as they are read now.
    pub tables: Vec<String>,
    /// Files: `*` and `?` stay within a name, `**` descends, `~` is every home.
    pub paths: Vec<String>,
    /// Paths of which directories are told as well, by name.
    pub places: Vec<String>,
    /// What only the collector itself can take.
    pub native: Vec<String>,
    /// Whether files that did not change since a given time may be left out.
    pub by_time: bool,
    /// Whether contents are secrets: only their digests are taken.
    pub fingerprint: bool,
    /// What was asked for and is not done, each with the reason.
    pub not_done: Vec<(String, String)>,
    /// How much at most.
    pub budget: Budget,
}

/// How much of an artifact is taken at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Bytes in all.
    pub bytes: u64,
    /// Files in all.
    pub files: u64,
    /// Seconds in all.
    pub seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    order: u32,
    title: Texts,
    why: Texts,
    profile: String,
    catalogue: Vec<String>,
    #[serde(default)]
    attack: Vec<String>,
    #[serde(default)]
    uac: Vec<String>,
    #[serde(default)]
    forensic_artifacts: Vec<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    native: Vec<String>,
    #[serde(default)]
    by_time: bool,
    #[serde(default)]
    fingerprint: bool,
    budget: Budget,
}

impl Artifact {
    /// Parses a page. `path` is its place below `content/`, without `.toml`.
    ///
    /// # Errors
    /// [`PageError`] with everything that is wrong.
    pub fn parse(path: &str, text: &str) -> Result<Self, PageError> {
        let refuse = |complaints| PageError { page: path.to_owned(), complaints };
        let written: Written =
            toml::from_str(text).map_err(|error| refuse(vec![error.to_string()]))?;
        let mut complaints = Vec::new();
        let profile = Profile::from_name(&written.profile);
        if profile.is_none() {
            complaints.push(format!("`{}` is no profile", written.profile));
        }
        for (what, texts) in [("title", &written.title), ("why", &written.why)] {
            if texts.en.trim().is_empty() || texts.zh.trim().is_empty() {
                complaints.push(format!("{what} is missing in one language"));
            }
        }
        if written.catalogue.is_empty() {
            complaints.push("no row of the catalogue is named".to_owned());
        }
        if written.tables.is_empty() && written.paths.is_empty() && written.native.is_empty() {
            complaints.push("it takes nothing".to_owned());
        }
        for path in written.paths.iter().filter(|path| !path.starts_with(['/', '~'])) {
            complaints.push(format!("`{path}` begins neither with `/` nor with `~`"));
        }
        if written.budget.bytes == 0 || written.budget.files == 0 || written.budget.seconds == 0 {
            complaints.push("a budget of nothing".to_owned());
        }
        let (Some(profile), true) = (profile, complaints.is_empty()) else {
            return Err(refuse(complaints));
        };
        Ok(Self {
            id: path.strip_prefix("artifacts/").unwrap_or(path).replace('/', "."),
            order: written.order,
            title: written.title.into(),
            why: written.why.into(),
            profile,
            catalogue: written.catalogue,
            attack: written.attack,
            uac: written.uac,
            forensic_artifacts: written.forensic_artifacts,
            tables: written.tables,
            paths: written.paths,
            places: Vec::new(),
            native: written.native,
            by_time: written.by_time,
            fingerprint: written.fingerprint,
            not_done: Vec::new(),
            budget: written.budget,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_everything_that_is_wrong() {
        let text = "order = 1\ntitle = { en = \"a\", zh = \"\" }\nwhy = { en = \"\", zh = \"b\" }\n\
            profile = \"some\"\ncatalogue = []\npaths = [\"etc\"]\n\
            budget = { bytes = 0, files = 1, seconds = 1 }\n";
        let error = Artifact::parse("artifacts/logs/x", text).unwrap_err();
        assert_eq!(error.complaints.len(), 6, "{:#?}", error.complaints);
        let error = Artifact::parse("artifacts/x", "odd = 1").unwrap_err();
        assert_eq!(error.complaints.len(), 1);
    }

    #[test]
    fn every_page_that_came_with_us_holds_and_none_stands_beside_another_in_order() {
        let artifacts = crate::content::artifacts().unwrap();
        assert!(artifacts.len() >= 10);
        for pair in artifacts.windows(2) {
            assert!(pair[0].order < pair[1].order, "{} and {}", pair[0].id, pair[1].id);
        }
    }
}
