//! Tokens to a tree: what is not understood is passed over, and every loop ends with the tokens.

use super::tokens::Token;
use super::tree::{Expression, Function, Name, Page, Parameter, Statement};

mod classes;
mod expressions;
mod statements;
mod words;

/// Tokens of a file, and where each begins.
type Tokens = [(Token, usize)];

/// How deep statements and expressions are followed.
const DEPTH: usize = 60;

/// Returns what tokens say.
pub(super) fn page(tokens: &Tokens) -> Page {
    let mut parser = Parser { tokens, at: 0, depth: 0, page: Page::default(), yields: false };
    let mut body = Vec::new();
    while parser.at < tokens.len() {
        let from = parser.at;
        body.push(parser.statement());
        parser.at = parser.at.max(from.saturating_add(1));
    }
    parser.page.body = body;
    parser.page
}

/// Goes through the tokens of a file.
struct Parser<'a> {
    tokens: &'a Tokens,
    at: usize,
    depth: usize,
    page: Page,
    /// Whether the function being read yields.
    yields: bool,
}

impl<'a> Parser<'a> {
    fn token(&self) -> Option<&'a Token> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<&'a Token> {
        self.tokens.get(self.at.saturating_add(by)).map(|(token, _)| token)
    }

    fn offset(&self) -> usize {
        let last = || self.tokens.last().map_or(0, |(_, offset)| *offset);
        self.tokens.get(self.at).map_or_else(last, |(_, offset)| *offset)
    }

    fn sign(&self) -> &'static str {
        match self.token() {
            Some(Token::Sign(sign)) => sign,
            _ => "",
        }
    }

    fn is(&self, sign: &str) -> bool {
        self.sign() == sign
    }

    fn word(&self) -> &'a str {
        self.word_ahead(0)
    }

    fn word_ahead(&self, by: usize) -> &'a str {
        match self.ahead(by) {
            Some(Token::Name(name)) => name,
            _ => "",
        }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.step();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.step();
        }
        found
    }

    /// Takes a name.
    fn name(&mut self) -> Option<Name> {
        let Some(Token::Name(name)) = self.token() else { return None };
        self.step();
        Some(name.as_str().into())
    }

    /// Takes a variable.
    fn variable(&mut self) -> Option<Name> {
        let Some(Token::Variable(name)) = self.token() else { return None };
        self.step();
        Some(name.as_str().into())
    }

    /// Takes all up to what closes what was opened before.
    fn skip_to(&mut self, open: &str, close: &str) {
        let mut depth = 1_usize;
        while let Some(token) = self.token() {
            match token {
                Token::Sign(sign) if *sign == open => depth = depth.saturating_add(1),
                Token::Sign(sign) if *sign == close => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    /// A function from its parameters on.
    fn function(&mut self, name: Name) -> Function {
        let yielded = std::mem::replace(&mut self.yields, false);
        let parameters = self.parameters();
        let mut uses = Vec::new();
        if self.take_word("use") && self.take("(") {
            while !self.is(")") && self.token().is_some() {
                let is_reference = self.take("&");
                match self.variable() {
                    Some(name) => uses.push((name, is_reference)),
                    None => self.step(),
                }
            }
            self.take(")");
        }
        // A type.
        while !matches!(self.sign(), "{" | ";" | "=>" | "}") && self.token().is_some() {
            self.step();
        }
        let is_arrow = self.take("=>");
        let body = if is_arrow {
            vec![Statement::Return(Some(self.expression()))]
        } else if self.take("{") {
            self.block()
        } else {
            Vec::new()
        };
        let is_generator = std::mem::replace(&mut self.yields, yielded);
        let is_static = false;
        Function { name, parameters, uses, body, is_generator, is_static, is_arrow }
    }

    fn parameters(&mut self) -> Vec<Parameter> {
        let mut all = Vec::new();
        if !self.take("(") {
            return all;
        }
        let (mut kind, mut is_property) = (None, false);
        let (mut is_reference, mut is_rest) = (false, false);
        while self.token().is_some() && !self.take(")") {
            if let Some(name) = self.variable() {
                let default = self.take("=").then(|| self.expression());
                let kind = std::mem::take(&mut kind);
                all.push(Parameter { name, kind, default, is_reference, is_rest, is_property });
                (is_reference, is_rest, is_property) = (false, false, false);
                continue;
            }
            match self.word() {
                "public" | "private" | "protected" | "readonly" => is_property = true,
                "" => {}
                word => kind = Some(word.into()),
            }
            match self.sign() {
                "&" => is_reference = true,
                "..." => is_rest = true,
                _ => {}
            }
            self.step();
        }
        all
    }

    /// Statements up to the brace that closes.
    fn block(&mut self) -> Vec<Statement> {
        let mut all = Vec::new();
        if self.depth >= DEPTH {
            self.skip_to("{", "}");
            return all;
        }
        self.depth = self.depth.saturating_add(1);
        while self.token().is_some() && !self.is("}") {
            let from = self.at;
            all.push(self.statement());
            self.at = self.at.max(from.saturating_add(1));
        }
        self.take("}");
        self.depth = self.depth.saturating_sub(1);
        all
    }

    /// Expressions between parentheses, parted by commas.
    fn several(&mut self) -> Vec<Expression> {
        let mut all = Vec::new();
        if !self.take("(") {
            return all;
        }
        while self.token().is_some() && !self.is(")") {
            let from = self.at;
            all.push(self.expression());
            if !self.take(",") && !self.is(")") {
                if matches!(self.sign(), ";" | "}") {
                    return all;
                }
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        self.take(")");
        all
    }

    fn condition(&mut self) -> Expression {
        let mut all = self.several();
        all.pop().unwrap_or(Expression::Unknown)
    }
}
