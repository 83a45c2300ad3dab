//! Values followed from a request to what runs them: what all languages have in common.
//!
//! A [`Language`] says how code is cut into tokens and names what a request fills, what runs code
//! and what passes a value on. The reading is one for all: values go through assignments, chains of
//! texts, decoding, calls and the file's own functions, and a value may *name* something
//! (`os.system`, an object of `Runtime`), so that a function by another name is known.
//! It is a reading, not a run: nothing is executed, every loop ends with the tokens.

pub(crate) mod calls;
pub(crate) mod decode;
mod definitions;
mod expressions;
mod names;
mod pages;
mod places;
mod reader;
pub(crate) mod scanner;
mod texts;
pub(crate) mod token;
pub(crate) mod value;

pub(crate) use names::{By, Runs, Sink, Source, is};
pub(crate) use pages::parts;

use super::Oddity;
use token::Token;

/// The largest file that is read so; web shells are small, and so are honest pages.
pub(crate) const LARGEST: usize = 4 << 20;
/// How many layers of code within texts are unpacked.
const LAYERS: usize = 5;
/// What is told only if it is at least so telling.
const LEAST: i64 = 50;

/// A flow from a request, or from a packed text, to what runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) offset: usize,
    pub(crate) score: i64,
    pub(crate) detail: String,
    pub(crate) is_from_request: bool,
}

/// Flows, and texts that are run as code, each with its offset.
pub(crate) type Found = (Vec<Flow>, Vec<(Vec<u8>, usize)>);

/// What a name that stands beside another means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The first is the type of the second.
    Type,
    /// The second is the first's argument: a call without parentheses.
    Argument,
    /// Nothing.
    Nothing,
}

/// A language, as far as values are followed through it.
#[derive(Debug)]
pub(crate) struct Language {
    /// Cuts a whole file, of which only parts may be code.
    pub(crate) file: fn(&[u8]) -> Vec<(Token, usize)>,
    /// Cuts code.
    pub(crate) code: fn(&[u8]) -> Vec<(Token, usize)>,
    /// Signs that chain texts.
    pub(crate) chains: &'static [&'static str],
    /// Signs between a thing and its member.
    pub(crate) members: &'static [&'static str],
    /// What a name beside a name is.
    pub(crate) beside: Beside,
    /// Words that begin a function.
    pub(crate) definers: &'static [&'static str],
    /// Words that hold no value.
    pub(crate) keywords: &'static [&'static str],
    /// Whether `=` in a condition compares.
    pub(crate) compares_with_equals: bool,
    /// Whether a function gives its last value.
    pub(crate) gives_last: bool,
    /// What a request fills.
    pub(crate) sources: &'static [Source],
    /// What runs what it gets.
    pub(crate) sinks: &'static [Sink],
    /// Functions whose first argument, a text, names what they give: `import`, `CreateObject`.
    pub(crate) namers: &'static [&'static str],
}

/// Returns what is odd: the gravest of all flows, with its line.
pub(crate) fn judge(bytes: &[u8], language: &Language) -> Option<Oddity> {
    let bytes = bytes.get(..bytes.len().min(LARGEST))?;
    gravest(bytes, &|code, is_whole| {
        let tokens = if is_whole { (language.file)(code) } else { (language.code)(code) };
        reader::flows(&tokens, language, code)
    })
}

/// Returns the gravest flow of a file and of the code that its texts unpack to.
pub(crate) fn gravest(bytes: &[u8], flows: &dyn Fn(&[u8], bool) -> Found) -> Option<Oddity> {
    let mut best: Option<(Flow, usize)> = None;
    layers(bytes, 0, None, flows, &mut best);
    let (flow, offset) = best.filter(|(flow, _)| flow.score >= LEAST)?;
    let what = if flow.is_from_request { "web-shell" } else { "decodes-and-runs" };
    let line = super::line_at(bytes, offset);
    Some(Oddity { what, score: flow.score, detail: flow.detail, lines: vec![line] })
}

fn layers(
    bytes: &[u8],
    depth: usize,
    outer: Option<usize>,
    flows: &dyn Fn(&[u8], bool) -> Found,
    best: &mut Option<(Flow, usize)>,
) {
    let (found, inner) = flows(bytes, outer.is_none());
    for mut flow in found {
        let offset = outer.unwrap_or(flow.offset);
        if outer.is_some() {
            flow.detail = format!("in code that a text unpacks to: {}", flow.detail);
        }
        if best.as_ref().is_none_or(|(known, _)| known.score < flow.score) {
            *best = Some((flow, offset));
        }
    }
    if depth >= LAYERS {
        return;
    }
    for (code, offset) in inner {
        layers(&code, depth.saturating_add(1), Some(outer.unwrap_or(offset)), flows, best);
    }
}
