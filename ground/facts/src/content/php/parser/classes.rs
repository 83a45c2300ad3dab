//! Classes, interfaces, traits and enumerations.

use std::rc::Rc;

use super::super::tokens::Token;
use super::super::tree::{Class, Expression, Function, Name};
use super::Parser;

impl Parser<'_> {
    /// A class from its name on.
    pub(super) fn class(&mut self, name: Name) {
        let mut class = Class { name, ..Class::default() };
        if self.take_word("extends") {
            class.parent = self.name();
        }
        while self.token().is_some() && !self.is("{") && !self.is(";") {
            self.step();
        }
        if !self.take("{") {
            return;
        }
        while self.token().is_some() && !self.is("}") {
            let from = self.at;
            self.class_member(&mut class);
            self.at = self.at.max(from.saturating_add(1));
        }
        self.take("}");
        self.page.classes.push(Rc::new(class));
    }

    fn class_member(&mut self, class: &mut Class) {
        let mut is_static = false;
        loop {
            match self.word() {
                "public" | "private" | "protected" | "final" | "abstract" | "readonly" | "var" => {}
                "static" => is_static = true,
                _ => break,
            }
            self.step();
        }
        match self.word() {
            "function" => self.method(class, is_static),
            "const" => {
                self.step();
                // A type may stand before the name.
                if !matches!(self.ahead(1), Some(Token::Sign("="))) {
                    self.step();
                }
                while let Some(name) = self.name() {
                    if !self.take("=") {
                        break;
                    }
                    let value = self.expression();
                    class.constants.push((name, value));
                    if !self.take(",") {
                        break;
                    }
                }
            }
            "case" => {
                self.step();
                if let Some(name) = self.name() {
                    let is_told = self.take("=");
                    let value = if is_told { self.expression() } else { Expression::Unknown };
                    class.constants.push((name, value));
                }
            }
            "use" => {
                self.step();
                while let Some(name) = self.name() {
                    class.traits.push(name);
                    if !self.take(",") {
                        break;
                    }
                }
                if self.take("{") {
                    self.skip_to("{", "}");
                }
            }
            _ => self.properties(class, is_static),
        }
    }

    fn method(&mut self, class: &mut Class, is_static: bool) {
        self.step();
        self.take("&");
        let name = self.name().unwrap_or_else(|| "".into());
        let function = self.function(name);
        class.methods.push(Rc::new(Function { is_static, ..function }));
    }

    fn properties(&mut self, class: &mut Class, is_static: bool) {
        // A type.
        while !matches!(self.token(), None | Some(Token::Variable(_)))
            && !matches!(self.sign(), ";" | "}")
        {
            self.step();
        }
        while let Some(name) = self.variable() {
            let value = self.take("=").then(|| self.expression());
            let name: Name = name.to_lowercase().into();
            if is_static {
                class.statics.push((name, value));
            } else {
                class.properties.push((name, value));
            }
            if !self.take(",") {
                break;
            }
        }
        // What a property does when it is read or written.
        if self.take("{") {
            self.skip_to("{", "}");
        }
    }
}
