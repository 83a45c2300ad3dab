//! Values followed through tokens.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::is_keyword;
use super::tokens::Token;
use super::value::Value;

mod calls;
mod expressions;

/// Tokens of a file, and where each begins.
type Tokens = [(Token, usize)];

/// How deep expressions are followed.
const DEPTH: usize = 48;
/// How often the tokens are gone through, so that what a function defined below does is known.
const ROUNDS: usize = 3;
/// How many flows, and texts that are run, are kept.
const KEPT: usize = 64;

/// A flow from a request, or from a packed text, to what runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) offset: usize,
    pub(super) score: i64,
    pub(super) detail: String,
    pub(super) is_from_request: bool,
}
/// Returns the flows in a file, and texts that are run as code, each with its offset.
pub(super) fn flows(tokens: &Tokens) -> (Vec<Flow>, Vec<(Vec<u8>, usize)>) {
    let mut reader = Reader { tokens, ..Reader::default() };
    for _ in 0..ROUNDS {
        let before = (reader.variables.clone(), reader.returns.clone());
        (reader.at, reader.scope) = (0, Vec::new());
        reader.braces = 0;
        reader.flows.clear();
        reader.inner.clear();
        while reader.at < tokens.len() {
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
    extracted: Option<String>,
    flows: Vec<Flow>,
    inner: Vec<(Vec<u8>, usize)>,
    /// What the file itself assigned, which `extract` does not overwrite for us.
    assigned: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn token(&self) -> Option<&'a Token> {
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
            Some(Token::Name(name)) if name == "return" => {
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
        let value = one.unwrap_or(Value { text: None, ..over });
        while let Some(token) = self.token() {
            match token {
                Token::Sign(")" | "{" | ";") => break,
                Token::Variable(name) => {
                    let key = self.key(&name.clone());
                    self.assign(key, value.clone());
                    self.step();
                }
                _ => self.step(),
            }
        }
    }

    fn assign(&mut self, key: String, value: Value) {
        self.assigned.insert(key.clone());
        self.variables.insert(key, value);
    }
}
