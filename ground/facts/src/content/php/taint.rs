//! Values followed through tokens.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::is_keyword;
use super::tokens::Token;
use crate::content::taint::value::Value;
use crate::content::taint::{Flow, Found};

mod calls;
mod expressions;
mod sinks;

/// Tokens of a file, and where each begins.
type Tokens = [(Token, usize)];

/// How deep expressions are followed.
const DEPTH: usize = 48;
/// How often the tokens are gone through, so that what a function defined below does is known.
const ROUNDS: usize = 3;
/// How many tokens are gone through, loops again and again included; how many bytes of texts are
/// made; and how many passes of loops are followed one by one: honest pages need far less.
const STEPS: usize = 3_000_000;
const TEXTS: usize = 64 << 20;
const PASSES: usize = 2_000;
/// How long a loop may be of which each pass is followed.
const LOOP: usize = 120;
/// How many flows, and texts that are run, are kept.
const KEPT: usize = 64;

/// Returns the flows in a file, and texts that are run as code, each with its offset.
pub(super) fn flows(tokens: &Tokens) -> Found {
    let mut reader = Reader { tokens, ..Reader::default() };
    for _ in 0..ROUNDS {
        let before = (reader.variables.clone(), reader.returns.clone());
        (reader.at, reader.scope) = (0, Vec::new());
        reader.braces = 0;
        reader.fresh.clear();
        reader.flows.clear();
        reader.inner.clear();
        while reader.at < tokens.len() && reader.steps <= STEPS {
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

/// Goes through the tokens of a file.
#[derive(Default)]
struct Reader<'a> {
    tokens: &'a Tokens,
    at: usize,
    depth: usize,
    braces: usize,
    /// Functions being defined: the name, and how many braces were open.
    scope: Vec<(String, usize)>,
    variables: BTreeMap<String, Value>,
    /// Parameters of the file's own functions, by name.
    functions: BTreeMap<String, Vec<String>>,
    returns: BTreeMap<String, Value>,
    extracted: Option<std::rc::Rc<str>>,
    flows: Vec<Flow>,
    inner: Vec<(Vec<u8>, usize)>,
    /// How many tokens were gone through, how many bytes of texts were made, and how many passes of
    /// loops were followed one by one.
    steps: usize,
    texts: usize,
    passes: usize,
    /// What was assigned in this round.
    fresh: BTreeSet<String>,
    /// Where the call that is read began.
    call_from: usize,
    /// What the file itself assigned, which `extract` does not overwrite for us.
    assigned: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn token(&self) -> Option<&'a Token> {
        if self.steps > STEPS {
            return None;
        }
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn offset(&self) -> usize {
        let last = || self.tokens.last().map_or(0, |(_, offset)| *offset);
        self.tokens.get(self.at).map_or_else(last, |(_, offset)| *offset)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.step();
        }
        found
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
        self.steps = self.steps.saturating_add(1);
    }

    /// Keeps a computed text only while there is room for more.
    fn weighed(&mut self, value: Value) -> Value {
        self.texts = self.texts.saturating_add(value.text.as_ref().map_or(0, |text| text.len()));
        if self.texts > TEXTS { Value { text: None, ..value } } else { value }
    }

    fn key(&self, name: &str) -> String {
        match self.scope.last() {
            Some((function, _)) => format!("{function}()${name}"),
            None => name.to_owned(),
        }
    }

    fn statement(&mut self) {
        match self.token() {
            Some(Token::Sign("{")) => {
                self.braces = self.braces.saturating_add(1);
                self.step();
            }
            Some(Token::Sign("}")) => {
                self.braces = self.braces.saturating_sub(1);
                if self.scope.last().is_some_and(|(_, braces)| *braces >= self.braces) {
                    self.scope.pop();
                }
                self.step();
            }
            Some(Token::Name(name)) if name == "function" => self.definition(),
            Some(Token::Name(name)) if name == "foreach" => self.foreach(),
            Some(Token::Name(name)) if name == "return" || name == "yield" => {
                self.step();
                let value = self.expression();
                if let Some((function, _)) = self.scope.last().cloned() {
                    let known = self.returns.remove(&function);
                    let all = known.map_or(value.clone(), |known| {
                        if known == value { known } else { known.and(&value) }
                    });
                    self.returns.insert(function, all);
                }
            }
            Some(Token::Name(name)) if is_keyword(name) => self.step(),
            _ => {
                let _value = self.expression();
            }
        }
    }

    fn definition(&mut self) {
        self.step();
        self.take("&");
        let name = match self.token() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.step();
                name
            }
            _ => format!("#{}", self.at),
        };
        let mut parameters = Vec::new();
        if self.take("(") {
            let mut depth = 1_usize;
            while let Some(token) = self.token() {
                match token {
                    Token::Sign("(") => depth = depth.saturating_add(1),
                    Token::Sign(")") => depth = depth.saturating_sub(1),
                    Token::Variable(name) if depth == 1 => parameters.push(name.clone()),
                    _ => {}
                }
                self.step();
                if depth == 0 {
                    break;
                }
            }
        }
        self.functions.insert(name.clone(), parameters);
        // What stands between the parameters and the body: a type, or variables of outside.
        while let Some(token) = self.token() {
            match token {
                Token::Sign("{") => {
                    self.scope.push((name, self.braces));
                    return;
                }
                Token::Sign(";") => return,
                Token::Variable(outer) => {
                    let outer = outer.clone();
                    if let Some(value) = self.variables.get(&self.key(&outer)).cloned() {
                        self.variables.insert(format!("{name}()${outer}"), value);
                    }
                    self.step();
                }
                _ => self.step(),
            }
        }
    }

    fn foreach(&mut self) {
        self.step();
        self.take("(");
        let over = self.expression();
        let one = over.elements.as_ref().and_then(|all| all.first().cloned());
        let value = one.unwrap_or_else(|| Value { text: None, ..over.clone() });
        let mut keys = Vec::new();
        while let Some(token) = self.token() {
            match token {
                Token::Sign(")" | "{" | ";") => break,
                Token::Variable(name) => {
                    let key = self.key(&name.clone());
                    self.assign(key.clone(), value.clone());
                    keys.push(key);
                    self.step();
                }
                _ => self.step(),
            }
        }
        self.take(")");
        let elements = over.elements.filter(|all| all.len() > 1 && all.len() <= 256);
        if let (Some(elements), Some(name)) = (elements, keys.last()) {
            self.each_pass(&elements, keys.first().filter(|_| keys.len() > 1), name);
        }
    }

    /// Follows a short loop once for each element; the last pass is left to whoever goes on.
    fn each_pass(&mut self, elements: &[Value], key: Option<&String>, name: &str) {
        let start = self.at;
        let mut end = start;
        let mut depth = 0_usize;
        for (token, _) in self.tokens.get(start..).unwrap_or_default().iter().take(LOOP) {
            end = end.saturating_add(1);
            match token {
                Token::Sign("{") => depth = depth.saturating_add(1),
                Token::Sign("}") => depth = depth.saturating_sub(1),
                Token::Sign(";") => {}
                Token::Name(word) if word == "function" || word == "foreach" => return,
                _ => continue,
            }
            if depth == 0 {
                break;
            }
        }
        if end.saturating_sub(start) >= LOOP {
            return;
        }
        let braces = self.braces;
        for (place, element) in elements.iter().enumerate() {
            self.passes = self.passes.saturating_add(1);
            if self.passes > PASSES {
                break;
            }
            if let Some(key) = key {
                let told =
                    element.key.clone().unwrap_or_else(|| place.to_string().into_bytes().into());
                self.assign(key.clone(), Value { text: Some(told), ..Value::default() });
            }
            self.assign(name.to_owned(), Value { key: None, ..element.clone() });
            if place.saturating_add(1) == elements.len() {
                break;
            }
            (self.at, self.braces) = (start, braces);
            while self.at < end && self.token().is_some() {
                let from = self.at;
                self.statement();
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        (self.at, self.braces) = (start, braces);
    }

    fn assign(&mut self, key: String, value: Value) {
        self.assigned.insert(key.clone());
        self.fresh.insert(key.clone());
        self.variables.insert(key, value);
    }
}
