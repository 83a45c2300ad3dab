//! What a person wants taken beyond our pages: definitions in the format of ForensicArtifacts, and a
//! list of their own in place of a profile.

use std::path::{Path, PathBuf};

use stanch_machine::{Live, Machine as _, Miss};
use stanch_rules::forensic_artifacts::{Definitions, LARGEST, Library};
use stanch_rules::{Artifact, PageError, Profile};
use stanch_words::{Value, text};

use crate::evidence::Options;

/// The largest list.
const LIST: u64 = 1 << 20;

/// Why it cannot be known what is wanted.
#[derive(Debug, thiserror::Error)]
pub enum WantedError {
    /// A file could not be read.
    #[error("`{file}` could not be read: {}", source.detail)]
    Unread {
        /// The file.
        file: String,
        /// Why.
        source: Box<Miss>,
    },
    /// Something in it is wrong.
    #[error("`{}` does not hold: {}", .0.page, .0.complaints.join("; "))]
    Wrong(PageError),
}

/// Adds to the options what a person wants: files of definitions, and a profile by name or as a file.
///
/// # Errors
/// [`WantedError`] with everything that is wrong; nothing was collected.
pub fn wanted(
    options: &mut Options,
    profile: Option<&str>,
    definitions: &[PathBuf],
) -> Result<(), WantedError> {
    let ours = stanch_rules::content::artifacts().map_err(|errors| {
        let complaints = errors.iter().map(ToString::to_string).collect();
        WantedError::Wrong(PageError { page: "content".to_owned(), complaints })
    })?;
    let mut library = Library::default();
    for path in definitions {
        let (file, read) = read(path, LARGEST)?;
        let read = Definitions::parse(&file, &read).map_err(WantedError::Wrong)?;
        library.add(&file, read).map_err(WantedError::Wrong)?;
    }
    let mut names = library.names().to_vec();
    match profile.map(|name| (name, Profile::from_name(name))) {
        None => {}
        Some((_, Some(profile))) => options.profile = profile,
        Some((path, None)) => {
            let (file, list) = read(Path::new(path), LIST)?;
            let list = List::parse(&file, &list, &ours, &library).map_err(WantedError::Wrong)?;
            options.own_list = Some(list.pages);
            names = list.definitions;
        }
    }
    // After all pages of ours, which begin at 100 and end below 1000.
    let pages = (10_000..).zip(&names).filter_map(|(order, name)| library.artifact(name, order));
    options.more = pages.collect();
    Ok(())
}

fn read(path: &Path, most: u64) -> Result<(String, String), WantedError> {
    let file = Value::from(path).to_string();
    let live = Live::new();
    let unread = |miss: Miss| WantedError::Unread { file: file.clone(), source: Box::new(miss) };
    let read = live.read(path, most).map_err(unread)?;
    if read.truncated {
        let complaints = vec![format!("larger than {most} bytes")];
        return Err(WantedError::Wrong(PageError { page: file, complaints }));
    }
    Ok((file, text::from_bytes(&read.bytes)))
}

/// A person's own list: names of pages and definitions, one a line; `triage` and `full` stand for
/// all pages of that profile, and a name after `-` is left out again.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    pages: Vec<String>,
    definitions: Vec<String>,
}

impl List {
    fn parse(
        file: &str,
        list: &str,
        ours: &[Artifact],
        library: &Library,
    ) -> Result<Self, PageError> {
        let (mut own, mut complaints) = (Self::default(), Vec::new());
        for (number, line) in (1_usize..).zip(list.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            let (name, is_out) = match line.strip_prefix('-') {
                Some(name) => (name.trim(), true),
                None => (line, false),
            };
            if name.is_empty() {
                continue;
            }
            let pages: Vec<&str> = match Profile::from_name(name) {
                Some(profile) => {
                    let pages = ours.iter().filter(|page| page.profile <= profile);
                    pages.map(|page| page.id.as_str()).collect()
                }
                None => ours.iter().map(|page| page.id.as_str()).filter(|id| *id == name).collect(),
            };
            let is_defined = library.names().iter().any(|own| own == name);
            if pages.is_empty() && !is_defined {
                let name = text::escaped(name);
                complaints.push(format!(
                    "line {number}: `{name}` is neither a page nor in a file of definitions"
                ));
            }
            own.pages.retain(|page| !pages.contains(&page.as_str()));
            own.definitions.retain(|own| own != name);
            if !is_out {
                own.pages.extend(pages.into_iter().map(str::to_owned));
                own.definitions.extend(is_defined.then(|| name.to_owned()));
            }
        }
        if own == Self::default() && complaints.is_empty() {
            complaints.push("it names nothing".to_owned());
        }
        match complaints.is_empty() {
            true => Ok(own),
            false => {
                let known: Vec<&str> = ours.iter().map(|page| page.id.as_str()).collect();
                complaints.push(format!("pages: triage, full, {}", known.join(", ")));
                Err(PageError { page: file.to_owned(), complaints })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_pages_and_leaves_some_out() {
        let ours = stanch_rules::content::artifacts().unwrap();
        let mut library = Library::default();
        let text = "name: Own\nsources: [{type: FILE, attributes: {paths: [/srv/x]}}]\n";
        library.add("o", Definitions::parse("o", text).unwrap()).unwrap();
        let own = List::parse("l", "# mine\nlogs\nOwn # ours\nssh\n- logs\n", &ours, &library);
        let own = own.unwrap();
        assert_eq!((own.pages, own.definitions), (vec!["ssh".to_owned()], vec!["Own".to_owned()]));
        let all = List::parse("l", "full\n-logs\n", &ours, &library).unwrap().pages;
        assert_eq!(all.len(), ours.len() - 1);
        let wrong = List::parse("l", "logs\nlgos\n", &ours, &library).unwrap_err();
        assert!(wrong.complaints[0].starts_with("line 2: `lgos`"), "{wrong:?}");
        assert!(List::parse("l", "# nothing\n", &ours, &library).is_err());
    }
}
