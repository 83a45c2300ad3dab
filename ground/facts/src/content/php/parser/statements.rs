//! Statements.

use std::rc::Rc;

use super::super::tokens::Token;
use super::super::tree::{Expression, Loop, Name, Statement};
use super::{DEPTH, Parser};

/// How many ways of one `if` are told apart.
const MANY: usize = 24;

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Statement {
        if self.depth >= DEPTH {
            self.step();
            return Statement::Nothing;
        }
        self.depth = self.depth.saturating_add(1);
        let statement = self.one_statement();
        self.depth = self.depth.saturating_sub(1);
        statement
    }

    fn one_statement(&mut self) -> Statement {
        if self.take("{") {
            return Statement::Block(self.block());
        }
        if self.take(";") {
            return Statement::Nothing;
        }
        let word = self.word();
        let is_label = matches!(self.ahead(1), Some(Token::Sign(":")))
            && !["default", "else", "parent", "self", "static"].contains(&word);
        if !word.is_empty() && is_label {
            self.step();
            self.step();
            return Statement::Label(word.into());
        }
        if let Some(statement) = self.defined(word) {
            return statement;
        }
        let begins = self.at;
        self.step();
        if let Some(statement) = self.flow(word) {
            return statement;
        }
        self.at = begins;
        let value = self.expression();
        self.take(";");
        Statement::Expression(value)
    }

    /// What a word defines.
    fn defined(&mut self, word: &str) -> Option<Statement> {
        let is_named = matches!(self.ahead(1), Some(Token::Name(_)))
            || matches!(
                (self.ahead(1), self.ahead(2)),
                (Some(Token::Sign("&")), Some(Token::Name(_)))
            );
        match word {
            "function" if is_named => {
                self.step();
                self.take("&");
                let name = self.name()?;
                let function = self.function(name);
                self.page.functions.push(Rc::new(function));
            }
            "abstract" | "final" | "readonly" => self.step(),
            "class" | "interface" | "trait" | "enum" if is_named => {
                self.step();
                let name = self.name()?;
                self.class(name);
            }
            "static" if matches!(self.ahead(1), Some(Token::Variable(_))) => {
                self.step();
                return Some(Statement::Static(self.named_values()));
            }
            "namespace" | "use" | "declare" => {
                while self.token().is_some() && !matches!(self.sign(), ";" | "{") {
                    self.step();
                }
                // A group of names.
                if word == "use" && self.take("{") {
                    self.skip_to("{", "}");
                }
            }
            "__halt_compiler" => self.at = self.tokens.len(),
            _ => return None,
        }
        Some(Statement::Nothing)
    }

    /// Words that say what is done next.
    fn flow(&mut self, word: &str) -> Option<Statement> {
        Some(match word {
            "if" | "elseif" => self.branch(),
            "while" => {
                let condition = self.condition();
                Statement::While(condition, self.body("endwhile"))
            }
            "do" => {
                let body = vec![self.statement()];
                self.take_word("while");
                Statement::DoWhile(body, self.condition())
            }
            "for" => self.counted(),
            "foreach" => self.each(),
            "switch" => self.switch(),
            "return" => {
                let value = (!matches!(self.sign(), ";" | "}")).then(|| self.expression());
                Statement::Return(value)
            }
            "break" | "continue" => {
                if matches!(self.token(), Some(Token::Number(_))) {
                    self.step();
                }
                if word == "break" { Statement::Break } else { Statement::Continue }
            }
            "goto" => Statement::Goto(self.name()?),
            "try" => self.attempt(),
            "global" => {
                let names = self.named_values().into_iter().map(|(name, _)| name).collect();
                Statement::Global(names)
            }
            "unset" => Statement::Unset(self.several()),
            "const" => {
                let name = self.name()?;
                self.take("=");
                Statement::Constant(name, self.expression())
            }
            "echo" | "print" => {
                let mut all = vec![self.expression()];
                while self.take(",") {
                    all.push(self.expression());
                }
                Statement::Expression(Expression::Echo(all))
            }
            "else" | "endif" | "endwhile" | "endfor" | "endforeach" | "endswitch" | "case"
            | "default" | "catch" | "finally" => Statement::Nothing,
            _ => return None,
        })
    }

    /// `$a = 1, $b`.
    fn named_values(&mut self) -> Vec<(Name, Option<Expression>)> {
        let mut all = Vec::new();
        while let Some(name) = self.variable() {
            let value = self.take("=").then(|| self.expression());
            all.push((name, value));
            if !self.take(",") {
                break;
            }
        }
        all
    }

    /// One statement, or those up to a word.
    fn body(&mut self, end: &str) -> Vec<Statement> {
        if self.take(":") {
            let all = self.up_to(&[end]);
            self.step();
            return all;
        }
        vec![self.statement()]
    }

    fn up_to(&mut self, ends: &[&str]) -> Vec<Statement> {
        let mut all = Vec::new();
        while self.token().is_some() && !ends.contains(&self.word()) && !self.is("}") {
            let from = self.at;
            all.push(self.statement());
            self.at = self.at.max(from.saturating_add(1));
        }
        all
    }

    /// `if`, and all `elseif` that follow.
    fn branch(&mut self) -> Statement {
        let (mut ways, mut last) = (Vec::new(), Vec::new());
        loop {
            let condition = self.condition();
            let is_worded = self.take(":");
            let then = match is_worded {
                true => self.up_to(&["else", "elseif", "endif"]),
                false => vec![self.statement()],
            };
            ways.push((condition, then));
            // What `?>` left behind stands between.
            while !is_worded && self.is(";") && matches!(self.word_ahead(1), "else" | "elseif") {
                self.step();
            }
            if self.take_word("elseif")
                || (!is_worded && self.word_ahead(1) == "if" && self.take_word("else"))
                    && self.take_word("if")
            {
                continue;
            }
            if self.take_word("else") {
                last = match self.take(":") {
                    true => self.up_to(&["endif"]),
                    false => vec![self.statement()],
                };
            }
            if is_worded {
                self.take_word("endif");
            }
            break;
        }
        // Of very many ways each is looked at by itself.
        if ways.len() > MANY {
            let all = ways.into_iter().map(|(one, then)| Statement::If(one, then, Vec::new()));
            return Statement::Block(all.chain(last).collect());
        }
        while let Some((condition, then)) = ways.pop() {
            last = vec![Statement::If(condition, then, last)];
        }
        Statement::Block(last)
    }

    fn counted(&mut self) -> Statement {
        self.take("(");
        let mut parts: [Vec<Expression>; 3] = [Vec::new(), Vec::new(), Vec::new()];
        for part in &mut parts {
            while self.token().is_some() && !matches!(self.sign(), ";" | ")") {
                let from = self.at;
                part.push(self.expression());
                self.take(",");
                self.at = self.at.max(from.saturating_add(1));
            }
            self.take(";");
        }
        self.take(")");
        let [begin, condition, step] = parts;
        Statement::For(begin, condition, step, self.body("endfor"))
    }

    fn each(&mut self) -> Statement {
        self.take("(");
        let over = self.expression();
        self.take_word("as");
        let mut is_reference = self.take("&");
        let mut value = self.expression();
        let mut key = None;
        if self.take("=>") {
            is_reference = self.take("&");
            key = Some(std::mem::replace(&mut value, self.expression()));
        }
        self.take(")");
        let body = self.body("endforeach");
        Statement::Foreach(Box::new(Loop { over, key, value, is_reference, body }))
    }

    fn switch(&mut self) -> Statement {
        let subject = self.condition();
        let mut cases = Vec::new();
        let is_open = self.take("{") || self.take(":");
        while is_open && self.token().is_some() {
            let from = self.at;
            if self.take("}") || self.take_word("endswitch") {
                break;
            }
            let told = if self.take_word("case") {
                Some(Some(self.expression()))
            } else if self.take_word("default") {
                Some(None)
            } else {
                self.step();
                None
            };
            if let Some(told) = told {
                if !self.take(":") {
                    self.take(";");
                }
                cases.push((told, self.up_to(&["case", "default", "endswitch"])));
            }
            self.at = self.at.max(from.saturating_add(1));
        }
        Statement::Switch(subject, cases)
    }

    fn attempt(&mut self) -> Statement {
        let body = vec![self.statement()];
        let mut catches = Vec::new();
        while self.take_word("catch") {
            let mut name = None;
            if self.take("(") {
                while self.token().is_some() && !self.take(")") {
                    match self.variable() {
                        Some(found) => name = Some(found),
                        None => self.step(),
                    }
                }
            }
            catches.push((name, vec![self.statement()]));
        }
        let last = if self.take_word("finally") { vec![self.statement()] } else { Vec::new() };
        Statement::Try(body, catches, last)
    }
}
