//! Expressions, by how tightly their signs bind.

use super::super::tokens::Token;
use super::super::tree::Expression;
use super::{DEPTH, Parser};

/// Signs between two values, from those that bind least; choices and assignments stand at
/// [`CHOICE`].
const LEVELS: [&[&str]; 13] = [
    &["or"],
    &["xor"],
    &["and"],
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!=", "===", "!==", "<>", "<=>"],
    &["<", "<=", ">", ">="],
    &["<<", ">>"],
    &["+", "-", "."],
    &["*", "/", "%"],
];
/// The level above which choices stand.
const CHOICE: usize = 3;
/// Signs that change what stands before them.
const CHANGES: [&str; 13] =
    [".=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=", "**=", "??="];
/// How many values a row of signs may join before only their order is kept, and how many suffixes
/// a value may have.
const LONG: usize = 64;
/// What a value may be turned into by its name in parentheses.
const KINDS: [&str; 12] = [
    "int", "integer", "float", "double", "bool", "boolean", "string", "array", "object", "binary",
    "unset", "real",
];

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Expression {
        self.deeper(|parser| parser.binary(0))
    }

    /// What an assignment takes: all but `and`, `or`, `xor`.
    fn assignable(&mut self) -> Expression {
        self.deeper(Self::choice)
    }

    pub(super) fn copied(&mut self) -> Expression {
        self.deeper(Self::operand)
    }

    fn unary(&mut self) -> Expression {
        self.deeper(Self::one)
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Expression) -> Expression {
        if self.depth >= DEPTH {
            self.step();
            return Expression::Unknown;
        }
        self.depth = self.depth.saturating_add(1);
        let value = read(self);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn level(&mut self, level: usize) -> Expression {
        if level == CHOICE { self.choice() } else { self.binary(level) }
    }

    /// Values joined by signs of a level and of those below it.
    fn binary(&mut self, level: usize) -> Expression {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let next = level.saturating_add(1);
        let (mut left, mut count) = (self.level(next), 0_usize);
        loop {
            let found = match self.token() {
                Some(Token::Sign(sign)) => signs.iter().find(|it| *it == sign),
                Some(Token::Name(word)) => signs.iter().find(|it| *it == word),
                _ => None,
            };
            let Some(sign) = found else { return left };
            self.step();
            let right = self.level(next);
            count = count.saturating_add(1);
            left = match left {
                Expression::Chain(mut all) if *sign == "." || count > LONG => {
                    all.push(right);
                    Expression::Chain(all)
                }
                left if *sign == "." || count > LONG => Expression::Chain(vec![left, right]),
                left => Expression::Binary(sign, Box::new(left), Box::new(right)),
            };
        }
    }

    fn choice(&mut self) -> Expression {
        let mut value = self.either();
        for _ in 0..LONG {
            if !self.take("?") {
                break;
            }
            if self.take(":") {
                let other = self.either();
                value = Expression::Choice(Box::new(value), None, Box::new(other));
                continue;
            }
            let first = self.assignable();
            self.take(":");
            let other = self.either();
            value = Expression::Choice(Box::new(value), Some(Box::new(first)), Box::new(other));
        }
        value
    }

    /// `… ?? …`
    fn either(&mut self) -> Expression {
        let value = self.binary(CHOICE);
        if !self.take("??") {
            return value;
        }
        let other = self.deeper(Self::either);
        Expression::Binary("??", Box::new(value), Box::new(other))
    }

    fn one(&mut self) -> Expression {
        let sign = self.sign();
        match sign {
            "@" | "+" | "&" | "..." => {
                self.step();
                return self.unary();
            }
            "!" | "-" | "~" => {
                self.step();
                return Expression::Unary(sign, Box::new(self.unary()));
            }
            "++" | "--" => {
                self.step();
                return Expression::Count(sign, Box::new(self.unary()), false);
            }
            "(" if KINDS.contains(&self.word_ahead(1))
                && matches!(self.ahead(2), Some(Token::Sign(")"))) =>
            {
                let kind = self.word_ahead(1).into();
                for _ in 0..3 {
                    self.step();
                }
                return Expression::Cast(kind, Box::new(self.unary()));
            }
            _ => {}
        }
        let value = self.operand();
        let mut value = self.assigned(value);
        if self.take_word("instanceof") {
            let _class = self.operand();
            value = Expression::Truth(Box::new(value));
        }
        if self.take("**") {
            let right = self.unary();
            value = Expression::Binary("**", Box::new(value), Box::new(right));
        }
        value
    }

    fn assigned(&mut self, value: Expression) -> Expression {
        let sign = self.sign();
        if sign == "=" {
            self.step();
            if self.take("&") {
                return Expression::Refer(Box::new(value), Box::new(self.assignable()));
            }
            return Expression::Assign(Box::new(value), Box::new(self.assignable()));
        }
        match CHANGES.iter().find(|it| **it == sign) {
            Some(sign) => {
                self.step();
                Expression::Change(sign, Box::new(value), Box::new(self.assignable()))
            }
            None => value,
        }
    }

    fn operand(&mut self) -> Expression {
        let value = match self.token() {
            Some(Token::Variable(name)) => {
                self.step();
                Expression::Variable(name.as_str().into())
            }
            Some(Token::Text(text)) => {
                self.step();
                Expression::Text(text.as_slice().into())
            }
            Some(Token::Number(number)) => {
                self.step();
                Expression::Number(*number)
            }
            Some(Token::Sign("(")) => {
                self.step();
                let value = self.expression();
                self.take(")");
                value
            }
            Some(Token::Sign("[")) => Expression::Array(self.items("[", "]")),
            Some(Token::Sign("$")) => {
                self.step();
                Expression::Named(Box::new(self.dollar()))
            }
            Some(Token::Name(name)) => {
                let (name, offset) = (name.as_str(), self.offset());
                self.step();
                self.named(name, offset)
            }
            _ => return Expression::Unknown,
        };
        self.suffixes(value)
    }

    /// What follows a `$` that begins no name.
    pub(super) fn dollar(&mut self) -> Expression {
        if self.is("{") {
            return self.braced();
        }
        match self.token() {
            Some(Token::Variable(name)) => {
                self.step();
                Expression::Variable(name.as_str().into())
            }
            Some(Token::Sign("$")) => {
                self.step();
                self.deeper(|parser| Expression::Named(Box::new(parser.dollar())))
            }
            _ => Expression::Unknown,
        }
    }

    pub(super) fn braced(&mut self) -> Expression {
        self.take("{");
        let value = self.expression();
        self.take("}");
        value
    }

    fn element(&mut self, value: Expression, open: &str, close: &str) -> Expression {
        self.take(open);
        let index = (!self.is(close)).then(|| Box::new(self.expression()));
        self.take(close);
        Expression::Element(Box::new(value), index)
    }

    /// Elements and properties, but no calls: of `new $this->class(…)`.
    pub(super) fn parts(&mut self, mut value: Expression) -> Expression {
        for _ in 0..LONG {
            match self.sign() {
                "[" => value = self.element(value, "[", "]"),
                "->" | "?->" => {
                    self.step();
                    let name = self.member();
                    value = Expression::Property(Box::new(value), Box::new(name));
                }
                "::" => {
                    self.step();
                    let name = self.static_name();
                    value = Expression::StaticProperty(Box::new(value), Box::new(name));
                }
                _ => return value,
            }
        }
        value
    }

    /// What follows a value: elements, properties, methods, calls.
    fn suffixes(&mut self, mut value: Expression) -> Expression {
        for count in 0_usize.. {
            let offset = self.offset();
            if count > LONG {
                value = Expression::Unknown;
            }
            let is_place = matches!(
                value,
                Expression::Variable(_) | Expression::Element(..) | Expression::Property(..)
            );
            value = match self.sign() {
                "[" => self.element(value, "[", "]"),
                // `$text{0}`, until PHP 8.
                "{" if is_place && self.is_old_index() => self.element(value, "{", "}"),
                "(" => {
                    let arguments = self.arguments();
                    Expression::Call(Box::new(value), arguments, offset)
                }
                "->" | "?->" => {
                    self.step();
                    let name = Box::new(self.member());
                    if self.is("(") {
                        Expression::Method(Box::new(value), name, self.arguments(), offset)
                    } else {
                        Expression::Property(Box::new(value), name)
                    }
                }
                "::" => {
                    self.step();
                    self.after_colons(value, offset)
                }
                sign @ ("++" | "--") => {
                    self.step();
                    Expression::Count(sign, Box::new(value), true)
                }
                _ => return value,
            };
        }
        value
    }

    /// Whether braces after a value hold an index and no statements.
    fn is_old_index(&self) -> bool {
        let closes = matches!(self.ahead(2), Some(Token::Sign("}")));
        let is_index = matches!(
            self.ahead(1),
            Some(Token::Number(_) | Token::Text(_) | Token::Variable(_) | Token::Name(_))
        );
        closes && is_index
    }

    fn after_colons(&mut self, value: Expression, offset: usize) -> Expression {
        if let Some(name) = self.name() {
            if self.is("(") {
                let method = Box::new(Expression::Constant(name));
                return Expression::StaticCall(Box::new(value), method, self.arguments(), offset);
            }
            return Expression::ClassConstant(Box::new(value), name);
        }
        let is_variable = matches!(self.token(), Some(Token::Variable(_)));
        let calls = matches!(self.ahead(1), Some(Token::Sign("(")));
        if (is_variable && calls) || self.is("{") {
            let method = match self.variable() {
                Some(name) => Expression::Variable(name),
                None => self.braced(),
            };
            let arguments = self.arguments();
            return Expression::StaticCall(Box::new(value), Box::new(method), arguments, offset);
        }
        let name = self.static_name();
        Expression::StaticProperty(Box::new(value), Box::new(name))
    }

    /// The name of a static property.
    fn static_name(&mut self) -> Expression {
        match self.variable() {
            Some(name) => Expression::Text(name.as_bytes().into()),
            None if self.take("$") => self.dollar(),
            None => Expression::Unknown,
        }
    }

    /// The name of a property or method, as a value.
    fn member(&mut self) -> Expression {
        match self.token() {
            Some(Token::Name(name)) => {
                self.step();
                Expression::Text(name.as_bytes().into())
            }
            Some(Token::Variable(name)) => {
                self.step();
                Expression::Variable(name.as_str().into())
            }
            Some(Token::Sign("{")) => self.braced(),
            _ => Expression::Unknown,
        }
    }
}
