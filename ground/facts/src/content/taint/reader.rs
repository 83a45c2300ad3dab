//! Goes through the tokens of a file, statement by statement.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::names::Ends;
use super::token::{Token, Tokens};
use super::value::Value;
use super::{Flow, Found, Language, Runs, is};

/// How deep expressions are followed.
pub(super) const DEPTH: usize = 40;
/// How often the tokens are gone through, so that what a function defined below does is known.
const ROUNDS: usize = 3;
/// How many flows, and texts that are run, are kept.
pub(super) const KEPT: usize = 64;
/// How many bytes of texts are computed in all, and how many tokens are gone through: what honest
/// pages need is far less, and a page made to be slow gets no more.
const TEXTS: usize = 32 << 20;
const STEPS: usize = 2_000_000;

/// Returns the flows in a file, and texts that are run as code, each with its offset.
pub(super) fn flows(tokens: &Tokens, language: &Language, file: &[u8]) -> Found {
    if !may_run(tokens, language) {
        return Found::default();
    }
    let sources = language.sources.iter().filter(|source| {
        source.needs.is_empty() || memchr::memmem::find(file, source.needs.as_bytes()).is_some()
    });
    let sources: Vec<&'static str> = sources.map(|source| source.path).collect();
    let mut reader = Reader {
        tokens,
        language,
        source_ends: Ends::of(sources.iter().copied()),
        sink_ends: Ends::of(language.sinks.iter().map(|sink| sink.path)),
        sources,
        at: 0,
        depth: 0,
        braces: 0,
        steps: 0,
        texts: 0,
        scope: Vec::new(),
        variables: BTreeMap::new(),
        functions: BTreeMap::new(),
        returns: BTreeMap::new(),
        flows: Vec::new(),
        inner: Vec::new(),
        judging: false,
        room: RefCell::default(),
    };
    for _ in 0..ROUNDS {
        let before = (reader.variables.clone(), reader.returns.clone());
        (reader.at, reader.braces) = (0, 0);
        reader.scope.clear();
        reader.flows.clear();
        reader.inner.clear();
        while reader.at < tokens.len() && reader.steps < STEPS {
            let from = reader.at;
            reader.statement();
            reader.at = reader.at.max(from.saturating_add(1));
        }
        if (&reader.variables, &reader.returns) == (&before.0, &before.1) {
            break;
        }
    }
    (reader.flows, reader.inner)
}

/// Functions that give what a text names.
const NAMING: [&str; 12] = [
    "getMethod",
    "getDeclaredMethod",
    "forName",
    "getattr",
    "GetMethod",
    "invoke",
    "Invoke",
    "createobject",
    "CreateObject",
    "__import__",
    "const_get",
    "import_module",
];
/// From which length on a text may be packed code.
const PACKED: usize = 40;

/// Returns whether there is anything in a file that could run something: else it is not gone
/// through.
fn may_run(tokens: &Tokens, language: &Language) -> bool {
    let last = |sink: &super::Sink| sink.path.rsplit('.').next().unwrap_or_default();
    let names: BTreeSet<&[u8]> =
        language.sinks.iter().map(last).chain(NAMING).map(str::as_bytes).collect();
    tokens.iter().any(|(token, _)| match token {
        Token::Name(name) => names.contains(name.as_bytes()),
        Token::Text(text) => text.len() > PACKED || names.contains(text.as_slice()),
        _ => false,
    }) || has_dynamic(tokens)
}

/// Returns whether a name is put together: a text before an opening parenthesis or in an index.
fn has_dynamic(tokens: &Tokens) -> bool {
    tokens.windows(2).any(|two| {
        matches!(two, [(Token::Sign("[" | "{"), _), (Token::Text(_) | Token::Name(_), _)])
            || matches!(two, [(Token::Sign(")" | "]" | "}"), _), (Token::Sign("("), _)])
    })
}

/// A function being read: its name, and how many braces were open when it began.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) braces: usize,
    /// It has no braces and ends with its line.
    pub(super) is_line: bool,
}

/// Goes through the tokens of a file.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) language: &'a Language,
    pub(super) sources: Vec<&'static str>,
    source_ends: Ends,
    pub(super) sink_ends: Ends,
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) braces: usize,
    pub(super) steps: usize,
    pub(super) texts: usize,
    pub(super) scope: Vec<Scope>,
    pub(super) variables: BTreeMap<String, Value>,
    /// Parameters of the file's own functions, by name.
    pub(super) functions: BTreeMap<String, Vec<String>>,
    pub(super) returns: BTreeMap<String, Value>,
    pub(super) flows: Vec<Flow>,
    pub(super) inner: Vec<(Vec<u8>, usize)>,
    /// Whether a condition is read, in which `=` only compares.
    pub(super) judging: bool,
    /// Room for the key of a variable.
    room: RefCell<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn token(&self) -> Option<&'a Token> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<&'a Token> {
        if self.steps >= STEPS {
            return None;
        }
        self.tokens.get(self.at.saturating_add(by)).map(|(token, _)| token)
    }

    pub(super) fn offset(&self) -> usize {
        let last = || self.tokens.last().map_or(0, |(_, offset)| *offset);
        self.tokens.get(self.at).map_or_else(last, |(_, offset)| *offset)
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Some(Token::Sign(found)) if *found == sign)
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        matches!(self.token(), Some(Token::Name(name)) if words.contains(&name.as_str()))
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self.token(), None | Some(Token::End | Token::Sign("}")))
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn take_word(&mut self, words: &[&str]) -> bool {
        let found = self.is_word(words);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn step(&mut self) {
        self.at = self.at.saturating_add(1);
        self.steps = self.steps.saturating_add(1);
    }

    /// Keeps a computed text only while there is room for more.
    pub(super) fn weighed(&mut self, value: Value) -> Value {
        let bytes = value.text.as_ref().map_or(0, |text| text.len());
        self.texts = self.texts.saturating_add(bytes);
        if self.texts > TEXTS { Value { text: None, ..value } } else { value }
    }

    pub(super) fn key(&self, name: &str) -> String {
        match self.scope.last() {
            Some(scope) => [scope.name.as_str(), "()$", name].concat(),
            None => name.to_owned(),
        }
    }

    /// Returns what is known of a variable: of the function, or of the file.
    pub(super) fn known(&self, name: &str) -> Option<&Value> {
        if let Some(scope) = self.scope.last() {
            // Every name is asked about: one room serves all keys.
            let mut key = self.room.borrow_mut();
            key.clear();
            for part in [&scope.name, "()$", name] {
                key.push_str(part);
            }
            if let Some(own) = self.variables.get(key.as_str()) {
                return Some(own);
            }
        }
        self.variables.get(name)
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        if self.scope.last().is_some_and(|scope| scope.name == name) {
            self.gives(value);
            return;
        }
        let key = self.key(name);
        // A variable of the file that a function fills.
        if key != name && !self.variables.contains_key(&key) && self.variables.contains_key(name) {
            let both = self.variables.get(name).cloned().unwrap_or_default().or(&value);
            self.variables.insert(name.to_owned(), both);
        }
        self.variables.insert(key, value);
    }

    /// A value that the function being read gives.
    pub(super) fn gives(&mut self, value: Value) {
        if let Some(scope) = self.scope.last() {
            let name = scope.name.clone();
            let all = match self.returns.remove(&name) {
                Some(known) => known.or(&value),
                None => value,
            };
            self.returns.insert(name, all);
        }
    }

    pub(super) fn is_source(&self, path: &str) -> bool {
        self.source_ends.may_mean(path) && self.sources.iter().any(|source| is(path, source))
    }

    /// Returns a value that the request fills, if it does so by this very name and not as a member
    /// of anything.
    pub(super) fn sourced_exactly(&self, path: &str) -> Option<Value> {
        let found = self.sourced(path)?;
        let is_meant = self.sources.iter().any(|it| !it.starts_with('*') && is(path, it));
        is_meant.then_some(found)
    }

    /// Returns a value that the request fills, if the path says so.
    pub(super) fn sourced(&self, path: &str) -> Option<Value> {
        self.is_source(path).then(|| {
            let from = path.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at.saturating_add(1));
            let told = path.get(from..).unwrap_or(path);
            Value { path: Some(path.into()), ..Value::tainted(told) }
        })
    }

    pub(super) fn flow(
        &mut self,
        offset: usize,
        score: i64,
        detail: String,
        is_from_request: bool,
    ) {
        if self.flows.len() < KEPT {
            self.flows.push(Flow { offset, score, detail, is_from_request });
        }
    }

    /// A text that is run as code.
    pub(super) fn unpacked(&mut self, text: &Rc<[u8]>, offset: usize) {
        if text.len() > 3 && self.inner.len() < KEPT {
            self.inner.push((text.to_vec(), offset));
        }
    }

    pub(super) fn statement(&mut self) {
        match self.token() {
            Some(Token::Sign("{")) => {
                self.braces = self.braces.saturating_add(1);
                self.step();
            }
            Some(Token::Sign("}")) => {
                self.braces = self.braces.saturating_sub(1);
                self.leave(false);
                self.step();
            }
            Some(Token::End) => {
                self.leave(true);
                self.judging = false;
                self.step();
            }
            Some(Token::Name(name)) => {
                let name = name.as_str();
                if self.special(name) {
                    return;
                }
                if ["for", "foreach", "For"].contains(&name) {
                    self.each();
                } else if name == "return" {
                    self.step();
                    if !self.is_end() {
                        let value = self.expression();
                        self.gives(value);
                    }
                } else if self.language.keywords.contains(&name) {
                    self.step();
                } else {
                    self.plain();
                }
            }
            _ => self.plain(),
        }
    }

    /// Statements that a word begins and that say what other words mean.
    fn special(&mut self, name: &str) -> bool {
        if self.language.compares_with_equals {
            match name {
                "if" | "elseif" | "while" | "until" | "case" => self.judging = true,
                "then" => self.judging = false,
                _ => {}
            }
        }
        match name {
            _ if self.language.definers.contains(&name) => {
                self.definition();
                true
            }
            "end" => self.take_end(),
            "import" | "from" => self.import(),
            "dim" => self.declaration(),
            "const" | "let" | "var" => {
                matches!(self.ahead(1), Some(Token::Sign("{" | "["))) && self.several()
            }
            _ => false,
        }
    }

    fn plain(&mut self) {
        if self.several() {
            return;
        }
        let value = self.expression();
        if self.language.gives_last && (value.tainted.is_some() || value.decoded.is_some()) {
            self.gives(value);
        }
        self.take(",");
    }

    /// Leaves functions that end here.
    fn leave(&mut self, is_line: bool) {
        while self
            .scope
            .last()
            .is_some_and(|scope| if is_line { scope.is_line } else { scope.braces >= self.braces })
        {
            self.scope.pop();
        }
    }

    /// `End Sub`, `End Function`.
    fn take_end(&mut self) -> bool {
        let ends = matches!(self.ahead(1), Some(Token::Name(what)) if ["sub", "function", "property"].contains(&what.as_str()));
        if ends {
            self.step();
            self.step();
            self.scope.pop();
        }
        ends
    }
}

/// Returns whether what is done to a value is running it as code.
pub(super) fn is_code(runs: Runs) -> bool {
    matches!(runs, Runs::Code)
}
