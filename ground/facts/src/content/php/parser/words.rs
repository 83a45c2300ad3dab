//! What words begin within expressions, and lists.

use super::super::tokens::Token;
use super::super::tree::{Argument, Expression, Item, Name};
use super::Parser;

impl Parser<'_> {
    pub(super) fn named(&mut self, name: &str, offset: usize) -> Expression {
        match name {
            "include" | "include_once" | "require" | "require_once" => {
                let value = self.expression();
                return Expression::Include(name.into(), Box::new(value), offset);
            }
            "print" | "echo" => return Expression::Echo(vec![self.expression()]),
            "exit" | "die" => {
                let mut all = self.several();
                return Expression::Exit(all.pop().map(Box::new));
            }
            "throw" => return Expression::Throw(Box::new(self.expression())),
            "clone" => return self.copied(),
            "yield" => return self.yielded(),
            "new" => return self.made(offset),
            "static" if matches!(self.word(), "function" | "fn") => {
                self.step();
                return self.closure();
            }
            "function" | "fn" => return self.closure(),
            "array" | "list" if self.is("(") => return Expression::Array(self.items("(", ")")),
            "isset" => return Expression::Isset(self.several()),
            "empty" => {
                let mut all = self.several();
                return Expression::Empty(Box::new(all.pop().unwrap_or(Expression::Unknown)));
            }
            "match" if self.is("(") => return self.matched(),
            _ => {}
        }
        if self.is("(") {
            let arguments = self.arguments();
            let called = Expression::Constant(name.into());
            return Expression::Call(Box::new(called), arguments, offset);
        }
        Expression::Constant(name.into())
    }

    fn yielded(&mut self) -> Expression {
        self.yields = true;
        let is_all = self.take_word("from");
        if matches!(self.sign(), ";" | ")" | "]" | ",") {
            return Expression::Yield(None, is_all);
        }
        let mut value = self.expression();
        if self.take("=>") {
            value = self.expression();
        }
        Expression::Yield(Some(Box::new(value)), is_all)
    }

    fn closure(&mut self) -> Expression {
        self.take("&");
        let function = self.function("".into());
        Expression::Closure(std::rc::Rc::new(function))
    }

    /// `new Name(…)`, `new $name`, `new class { … }`.
    fn made(&mut self, offset: usize) -> Expression {
        if self.take_word("class") {
            let arguments = if self.is("(") { self.arguments() } else { Vec::new() };
            let name: Name = format!("class@{offset}").into();
            self.class(std::rc::Rc::clone(&name));
            let class = Expression::Constant(name);
            return Expression::New(Box::new(class), arguments, offset);
        }
        let class = match self.token() {
            Some(Token::Name(name)) => {
                self.step();
                Expression::Constant(name.as_str().into())
            }
            Some(Token::Variable(name)) => {
                self.step();
                let value = Expression::Variable(name.as_str().into());
                self.parts(value)
            }
            Some(Token::Sign("(")) => {
                self.step();
                let value = self.expression();
                self.take(")");
                value
            }
            Some(Token::Sign("$")) => {
                self.step();
                Expression::Named(Box::new(self.dollar()))
            }
            _ => Expression::Unknown,
        };
        let arguments = if self.is("(") { self.arguments() } else { Vec::new() };
        Expression::New(Box::new(class), arguments, offset)
    }

    fn matched(&mut self) -> Expression {
        let subject = self.condition();
        let mut arms = Vec::new();
        self.take("{");
        while self.token().is_some() && !self.is("}") {
            let from = self.at;
            let mut told = Vec::new();
            while self.token().is_some() && !matches!(self.sign(), "=>" | "}") {
                let before = self.at;
                if !self.take_word("default") {
                    told.push(self.expression());
                }
                self.take(",");
                self.at = self.at.max(before.saturating_add(1));
            }
            if self.take("=>") {
                let value = self.expression();
                arms.push((told, value));
            }
            self.take(",");
            self.at = self.at.max(from.saturating_add(1));
        }
        self.take("}");
        Expression::Match(Box::new(subject), arms)
    }

    pub(super) fn arguments(&mut self) -> Vec<Argument> {
        let mut all = Vec::new();
        if !self.take("(") {
            return all;
        }
        while self.token().is_some() && !self.is(")") {
            let from = self.at;
            let is_spread = self.take("...");
            let is_named = matches!(self.ahead(1), Some(Token::Sign(":")));
            let name = if is_named { self.name() } else { None };
            if name.is_some() {
                self.take(":");
            }
            if !is_spread || !self.is(")") {
                let value = self.expression();
                all.push(Argument { name, value, is_spread });
            }
            if !self.take(",") && !self.is(")") {
                // What is not understood ends the list at the statement's end.
                if matches!(self.sign(), ";" | "}") {
                    return all;
                }
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        self.take(")");
        all
    }

    pub(super) fn items(&mut self, open: &str, close: &str) -> Vec<Item> {
        let mut all = Vec::new();
        self.take(open);
        while self.token().is_some() && !self.is(close) {
            let from = self.at;
            if self.take(",") {
                // A place that is left out.
                all.push(Item { key: None, value: Expression::Unknown, is_spread: false });
                continue;
            }
            let is_spread = self.take("...");
            let mut value = self.expression();
            let mut key = None;
            if self.take("=>") {
                self.take("&");
                key = Some(std::mem::replace(&mut value, self.expression()));
            }
            all.push(Item { key, value, is_spread });
            if !self.take(",") && !self.is(close) {
                if matches!(self.sign(), ";" | "}") {
                    return all;
                }
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        self.take(close);
        all
    }
}
