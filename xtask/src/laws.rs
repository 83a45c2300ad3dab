//! The laws of the house. Each lists every offender at once, with what was expected.

pub mod arrows;
pub mod changes;
pub mod content;
pub mod forgotten;
pub mod generated;
pub mod links;
pub mod lock;
pub mod names;
pub mod sizes;
pub mod stories;
pub mod tables;
pub mod walls;
pub mod wording;

use crate::House;

/// A law.
#[derive(Debug)]
pub struct Law {
    /// What it says, as a sentence without a full stop.
    pub says: &'static str,
    /// Why it is there.
    pub why: &'static str,
    /// Finds every offence.
    pub check: fn(&House) -> Vec<Offence>,
}

/// A breach of a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The file, with the line where one is known.
    pub place: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// Returns an offence.
pub(crate) fn offence(place: impl Into<String>, what: impl Into<String>) -> Offence {
    Offence { place: place.into(), what: what.into() }
}

macro_rules! laws {
    ($($module:ident::$check:ident $says:literal $why:literal;)+) => {
        /// All laws.
        pub static ALL: &[Law] =
            &[$(Law { says: $says, why: $why, check: $module::$check }),+];
    };
}

laws! {
    arrows::crates "a crate uses only what the crate table of ARCHITECTURE.md gives it"
        "walls that are only drawn are walked through";
    arrows::outside "only the crates named in ARCHITECTURE.md use libc, rustix and rusqlite"
        "only `machine` sees a computer, and only two crates speak SQL";
    walls::lifted "a crate lifts only the bans that ARCHITECTURE.md lets it lift"
        "a crate's own clippy.toml replaces the root's as a whole";
    walls::lints "every crate takes the lints of the workspace"
        "a crate without them has no walls at all";
    walls::unsafe_code "unsafe code stands only where ARCHITECTURE.md says"
        "each such line is a promise that a person has checked";
    forgotten::modules "every source file is a module of its crate"
        "a file that nothing includes is neither built nor tested";
    forgotten::design_notes "every design note is listed in ARCHITECTURE.md"
        "a note that nobody finds is read by nobody";
    forgotten::parsers "every parser is tried with hostile input"
        "hostile input is what it is for";
    stories::openings "every crate opens with its story"
        "a reader must know what a crate is for before its first line of code";
    names::named_for_nothing "no crate, module or file is named for nothing in particular"
        "a thing without a name of its own has not been understood yet";
    sizes::too_long "no source file is longer than 800 lines"
        "a file is read in one sitting";
    wording::rejected "rejected synonyms of GLOSSARY.md occur nowhere"
        "one thing has one name";
    wording::shouting "no sentence shouts"
        "the reader has had a bad night already";
    links::targets "every link and every path named in a document leads somewhere"
        "a document is true or it is removed";
    links::test_command "the README's test command is what CI runs"
        "what is promised is what is checked";
    changes::shapes "every change is told in a file of its own"
        "many hands then never meet in one changelog";
    lock::crates "no more crates than a person allowed"
        "every dependency is code that runs as root on a bad day";
    lock::reasons "every direct dependency has its line of reason in deny.toml"
        "a dependency that nobody can explain is removed";
    tables::sentences "every table and every column has its sentence"
        "the table reference is made of them";
    content::packed "every page of content is packed into the binary"
        "a sign that is not packed never fires";
    content::order "every page of content is in canonical order"
        "differences then show what changed";
    content::ids "ids of content never vanish"
        "a report from last year must still say what was meant";
    generated::handbook "the generated pages of the handbook are as they would be made today"
        "a reference that lags behind lies";
}

/// Returns the text that tells of a broken law.
pub fn verdict(law: &Law, offences: &[Offence]) -> String {
    let mut text = format!("{}, because {}:", law.says, law.why);
    for Offence { place, what } in offences {
        text.push_str(&format!("\n  {place}: {what}"));
    }
    text
}
