//! Expressions: what a value is made of, and what it is assigned to.

use std::rc::Rc;

use super::places::Place;
use super::reader::{DEPTH, Reader};
use super::token::{PUT_IN, Token};
use super::value::{Value, array};
use super::{Beside, By};

/// Signs and words after which only truth is left of a value.
pub(super) const JUDGING: [&str; 26] = [
    "==",
    "!=",
    "===",
    "!==",
    "<",
    ">",
    "<=",
    ">=",
    "<>",
    "<=>",
    "&&",
    "=~",
    "!~",
    "and",
    "eq",
    "ne",
    "lt",
    "gt",
    "in",
    "is",
    "instanceof",
    "like",
    "mod",
    "xor",
    "===",
    "not",
];
/// Signs and words between two values of which the result is one.
pub(super) const EITHER: [&str; 4] = ["||", "or", "??", "//"];
/// Signs of numbers.
const NUMBERS: [&str; 10] = ["-", "*", "/", "%", "|", "&", "<<", ">>", "**", "^"];
/// Words and signs before a value that change nothing of where it comes from.
const BEFORE: [&str; 14] = [
    "await", "typeof", "delete", "void", "ref", "out", "yield", "my", "our", "local", "set", "let",
    "dim", "call",
];
/// How many elements a value made for each element may have.
const EACH: usize = 512;

/// An argument, and its name if it is given by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Argument {
    pub(super) name: Option<String>,
    pub(super) value: Value,
}

impl Reader<'_> {
    /// Reads an expression up to what ends it.
    pub(super) fn expression(&mut self) -> Value {
        if self.depth >= DEPTH {
            self.step();
            return Value::default();
        }
        self.depth = self.depth.saturating_add(1);
        let value = self.chain();
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn chain(&mut self) -> Value {
        let mut value = self.operand();
        loop {
            let sign: &str = match self.token() {
                Some(Token::Sign(sign)) => sign,
                Some(Token::Name(word)) => word.as_str(),
                Some(Token::Text(_)) if value.text.is_some() => {
                    let next = self.operand();
                    value = value.then(&next);
                    continue;
                }
                _ => return value,
            };
            // What ends most values is in none of the lists.
            if matches!(sign.as_bytes(), [b')' | b']' | b'}' | b',' | b':' | b';' | b'=']) {
                return value;
            }
            if sign == PUT_IN || self.language.chains.contains(&sign) {
                self.step();
                let next = self.operand();
                let sum = match (value.is_number && next.is_number, value.as_number()) {
                    (true, Some(one)) => next.as_number().map(|next| one.saturating_add(next)),
                    _ => None,
                };
                let both = sum.map_or_else(|| value.then(&next), Value::number);
                value = self.weighed(both);
            } else if sign == "?" {
                value = self.choice(value);
            } else if EITHER.contains(&sign) {
                self.step();
                let next = self.expression();
                value = value.or(&next);
            } else if ["if", "unless"].contains(&sign) && self.language.beside != Beside::Type {
                self.step();
                let _condition = self.expression();
                if self.take_word(&["else"]) {
                    let next = self.expression();
                    value = value.or(&next);
                }
            } else if sign == "as" {
                self.step();
                value = self.known_as(value);
            } else if JUDGING.contains(&sign) {
                self.step();
                let _looked_at = self.operand();
                value = Value::default();
            } else if NUMBERS.contains(&sign) {
                value = self.numbers(value, sign);
            } else if sign == "=>" || sign == "->" {
                self.step();
                return self.arrow(sign);
            } else {
                return value;
            }
        }
    }

    /// `… as name`, `As New Type`.
    fn known_as(&mut self, value: Value) -> Value {
        if self.take_word(&["new"]) {
            let offset = self.offset();
            return self.made(offset);
        }
        if let Some(Token::Name(name)) = self.token() {
            let name = name.clone();
            self.step();
            if self.language.beside == Beside::Nothing {
                self.assign(&name, value.clone());
            }
        }
        value
    }

    fn choice(&mut self, value: Value) -> Value {
        self.step();
        let first = if self.is(":") { value } else { self.expression() };
        if !self.take(":") {
            return first;
        }
        let second = self.expression();
        first.or(&second)
    }

    fn numbers(&mut self, value: Value, sign: &str) -> Value {
        self.step();
        let next = self.operand();
        // A text with what is put into it, as Python has it.
        if sign == "%" && !value.is_number {
            return Value { text: None, ..value.source().then(&next.source()) };
        }
        if let (true, Some(a), Some(b)) =
            (value.is_number && next.is_number, value.as_number(), next.as_number())
        {
            let number = match sign {
                "-" => a.checked_sub(b),
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                "%" => a.checked_rem(b),
                "^" => Some(a ^ b),
                "|" => Some(a | b),
                "&" => Some(a & b),
                _ => None,
            };
            return number.map_or_else(Value::default, Value::number);
        }
        if sign == "^" {
            let (tainted, decoded) = (value.tainted.or(next.tainted), Some("^".into()));
            return Value { tainted, decoded, ..Value::default() };
        }
        Value::default()
    }

    /// A function without a name, after its arrow; or the value after a key.
    fn arrow(&mut self, _sign: &str) -> Value {
        if self.is("{") {
            self.block();
            return Value::default();
        }
        self.expression()
    }

    /// Statements between braces, within an expression.
    pub(super) fn block(&mut self) {
        let braces = self.braces;
        loop {
            let from = self.at;
            self.statement();
            self.at = self.at.max(from.saturating_add(1));
            if self.braces <= braces || self.token().is_none() {
                break;
            }
        }
    }

    pub(super) fn operand(&mut self) -> Value {
        if self.depth >= DEPTH {
            self.step();
            return Value::default();
        }
        self.depth = self.depth.saturating_add(1);
        let value = self.simple();
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn simple(&mut self) -> Value {
        let offset = self.offset();
        match self.token() {
            Some(Token::Text(text)) => {
                let text = Value { text: Some(text.as_slice().into()), ..Value::default() };
                self.step();
                let text = self.weighed(text);
                self.suffixes(Place { value: text, name: None, owner: None, path: None }, offset)
            }
            Some(Token::Number(number)) => {
                let number = Value::number(*number);
                self.step();
                self.suffixes(Place { value: number, name: None, owner: None, path: None }, offset)
            }
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.step();
                self.named(&name, offset)
            }
            Some(Token::Sign("(")) => self.parenthesis(offset),
            Some(Token::Sign(open @ ("[" | "{"))) => {
                let close = if *open == "[" { "]" } else { "}" };
                let elements = self.list(open, close).into_iter().map(|one| one.value).collect();
                let place = Place { value: array(elements), name: None, owner: None, path: None };
                self.suffixes(place, offset)
            }
            Some(Token::Sign("!")) => {
                self.step();
                let _looked_at = self.operand();
                Value::default()
            }
            Some(Token::Sign("-")) => {
                self.step();
                let value = self.operand();
                value
                    .as_number()
                    .map_or_else(Value::default, |it| Value::number(it.saturating_neg()))
            }
            Some(Token::Sign("<")) => self.handle(),
            Some(Token::Sign(":")) => self.symbol(),
            Some(Token::Sign("&")) if self.is_perl() => self.called(offset),
            Some(Token::Sign(
                "@" | "&" | "+" | "..." | "*" | "**" | "\\" | "~" | "++" | "--" | "$" | "#",
            )) => {
                self.step();
                self.operand()
            }
            Some(Token::Sign(_) | Token::End) | None => Value::default(),
        }
    }

    /// Ruby's `:name`.
    fn symbol(&mut self) -> Value {
        let Some(Token::Name(name)) = self.ahead(1) else { return Value::default() };
        let name = Value::text(name.as_bytes());
        self.step();
        self.step();
        name
    }

    /// Perl's `&name(…)`, `&{$name}(…)`.
    fn called(&mut self, offset: usize) -> Value {
        self.step();
        let called = self.operand();
        if !self.is("(") {
            return called;
        }
        let arguments = self.list("(", ")");
        self.invoked(&called, None, &arguments, offset)
    }

    /// Perl's `<STDIN>`.
    fn handle(&mut self) -> Value {
        self.step();
        let Some(Token::Name(name)) = self.token() else { return Value::default() };
        let path = format!("<{name}>");
        self.step();
        self.take(">");
        self.sourced(&path).unwrap_or_default()
    }

    fn parenthesis(&mut self, offset: usize) -> Value {
        // `(char)115`, `(String) x`
        if let (Some(Token::Name(kind)), Some(Token::Sign(")" | "["))) =
            (self.ahead(1), self.ahead(2))
            && self.language.beside == Beside::Type
        {
            let kind = kind.clone();
            let length = if matches!(self.ahead(2), Some(Token::Sign(")"))) { 3 } else { 5 };
            let next = self.ahead(length);
            if matches!(
                next,
                Some(Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Sign("("))
            ) {
                for _ in 0..length {
                    self.step();
                }
                let value = self.operand();
                return match kind.as_str() {
                    "int" | "long" | "Integer" | "boolean" | "bool" | "double" => Value::default(),
                    "char" => value.as_number().map_or_else(Value::default, |it| {
                        Value::text(&[it.rem_euclid(256).to_le_bytes()[0]])
                    }),
                    _ => value,
                };
            }
        }
        let mut all = self.list("(", ")");
        let is_one = all.len() == 1 && all.iter().all(|one| one.value.key.is_none());
        let value = match is_one {
            true => all.pop().map(|one| one.value).unwrap_or_default(),
            _ => array(all.into_iter().map(|one| one.value).collect()),
        };
        self.suffixes(Place { value, name: None, owner: None, path: None }, offset)
    }

    fn named(&mut self, name: &str, offset: usize) -> Value {
        if self.language.definers.contains(&name) {
            self.at = self.at.saturating_sub(1);
            return self.closure();
        }
        match name {
            "new" => return self.made(offset),
            "lambda" if self.language.beside == Beside::Nothing => {
                while !self.is(":") && !self.is_end() {
                    self.step();
                }
                self.take(":");
                return self.expression();
            }
            "not" | "return" => {
                let value = if self.is_end() { Value::default() } else { self.expression() };
                return if name == "not" { Value::default() } else { value };
            }
            "true" | "false" | "True" | "False" | "null" | "None" | "nil" | "undef" | "then"
            | "nothing" | "undefined" => return Value::default(),
            _ => {}
        }
        if matches!(self.token(), Some(Token::Name(_) | Token::Sign("("))) && BEFORE.contains(&name)
        {
            return self.operand();
        }
        if self.language.beside == Beside::Type
            && let Some(value) = self.declared(name, offset)
        {
            return value;
        }
        if name == "shift" && self.is_perl() {
            return self.known("$_").cloned().unwrap_or_default().source();
        }
        let value = match self.known(name) {
            Some(value) => value.clone(),
            None => match self.returns.get(name) {
                // A property that is made of something.
                Some(given) if self.language.beside == Beside::Type && !self.is("(") => {
                    given.clone()
                }
                _ => self.sourced_exactly(name).unwrap_or_else(|| Value::named(name)),
            },
        };
        let value = self.weighed(value);
        self.suffixes(Place { value, name: Some(name.to_owned()), owner: None, path: None }, offset)
    }

    /// `Type name = …`, `Type[] name`, or a method's definition.
    fn declared(&mut self, kind: &str, offset: usize) -> Option<Value> {
        let start = (self.at, self.steps);
        self.generics();
        let mut by = 0;
        while matches!(
            (self.ahead(by), self.ahead(by.saturating_add(1))),
            (Some(Token::Sign("[")), Some(Token::Sign("]")))
        ) {
            by = by.saturating_add(2);
        }
        let name = match self.ahead(by) {
            Some(Token::Name(name))
                if !["instanceof", "as", "is", "in"].contains(&name.as_str()) =>
            {
                name
            }
            _ => {
                (self.at, self.steps) = start;
                return None;
            }
        };
        let name = name.clone();
        for _ in 0..=by {
            self.step();
        }
        let is_property = self.is("{")
            && matches!(self.ahead(1), Some(Token::Name(word)) if word == "get" || word == "set");
        if is_property || (self.is("(") && self.is_method()) {
            self.defined(name);
            return Some(Value::default());
        }
        if !self.is("=") && !self.is("(") && !matches!(self.token(), Some(Token::Name(_))) {
            self.assign(&name, Value::named(kind));
        }
        Some(self.named(&name, offset))
    }

    /// `new Type(…)`, `new Type[] {…}`.
    pub(super) fn made(&mut self, offset: usize) -> Value {
        let mut path = String::new();
        while let Some(Token::Name(name)) = self.token() {
            path.push_str(name);
            self.step();
            if !self.take(".") {
                break;
            }
            path.push('.');
        }
        self.generics();
        let mut is_array = false;
        while self.is("[") {
            let _size = self.list("[", "]");
            is_array = true;
        }
        let arguments = if self.is("(") { self.list("(", ")") } else { Vec::new() };
        if is_array && self.is("{") {
            let all = self.list("{", "}").into_iter().map(|one| one.value).collect();
            let value = array(all);
            return self.suffixes(Place { value, name: None, owner: None, path: None }, offset);
        }
        let named = Value::named(&path);
        let mut value = self.invoked(&named, None, &arguments, offset);
        let all = arguments.iter().fold(Value::default(), |all, one| all.and(&one.value));
        let is_text = ["String", "StringBuilder", "StringBuffer", "Buffer", "Uint8Array"];
        if is_text.contains(&path.as_str()) {
            let first = arguments.first().map(|one| &one.value);
            value.text = first.and_then(super::texts::bytes_of);
        }
        value.tainted = value.tainted.or(all.tainted);
        value.has_head |= all.has_head;
        value.decoded = value.decoded.or(all.decoded);
        value.path = value.path.or_else(|| Some(path.as_str().into()));
        // An object's own members, or what it is filled with.
        if self.is("{") {
            self.filled(&path, offset);
        }
        self.suffixes(Place { value, name: None, owner: None, path: None }, offset)
    }

    /// `new Type { Member = value }`: members that run what they are given; a class without a name.
    fn filled(&mut self, path: &str, offset: usize) {
        let is_members = matches!(
            (self.ahead(1), self.ahead(2)),
            (Some(Token::Name(_)), Some(Token::Sign("=")))
        );
        if !is_members {
            return self.block();
        }
        for one in self.list("{", "}") {
            if let Some(name) = one.name {
                self.sinks(&format!("{path}.{name}"), By::Assigned, None, &[one.value], offset);
            }
        }
    }

    fn generics(&mut self) {
        if !self.is("<") {
            return;
        }
        let mut depth = 0_usize;
        for by in 0..40 {
            match self.ahead(by) {
                Some(Token::Sign("<")) => depth = depth.saturating_add(1),
                Some(Token::Sign(">")) => depth = depth.saturating_sub(1),
                Some(Token::Sign("<>")) => {}
                Some(Token::Name(_) | Token::Sign("," | "." | "?" | "[" | "]")) => {}
                _ => return,
            }
            if depth == 0 {
                for _ in 0..=by {
                    self.step();
                }
                return;
            }
        }
    }

    /// A function without a name as a value: its body is read like all else.
    fn closure(&mut self) -> Value {
        let open = self.scope.len();
        self.definition();
        let name = self.scope.last().map(|scope| scope.name.clone());
        if self.scope.len() > open {
            loop {
                let from = self.at;
                self.statement();
                self.at = self.at.max(from.saturating_add(1));
                if self.scope.len() <= open || self.token().is_none() {
                    break;
                }
            }
        }
        name.map_or_else(Value::default, |name| Value::named(&name))
    }

    /// Reads the values between two signs, parted by commas.
    pub(super) fn list(&mut self, open: &str, close: &str) -> Vec<Argument> {
        let mut all = Vec::new();
        if !self.take(open) {
            return all;
        }
        while self.token().is_some() && !self.is(close) {
            let from = self.at;
            let (name, is_named) = self.key_of_value();
            if !is_named || name.is_some() || !self.is(close) {
                let start = self.at;
                let worded = self.worded_key();
                let mut value = self.expression();
                value.key = worded.or(value.key);
                if self.take("=>") || (open == "{" && self.take(":")) {
                    let key = value.text;
                    value = Value { key, ..self.expression() };
                }
                if self.is_word(&["for"]) {
                    value = self.for_each(start, value);
                }
                let key = name.as_ref().map(|name| name.as_bytes().into());
                let value = Value { key: value.key.clone().or(key), ..value };
                let is_event = matches!(value.text.as_deref(), Some(b"data" | b"message"));
                all.push(Argument { name, value });
                if is_event && all.len() == 1 {
                    self.heard();
                }
            }
            if !self.take(",") && !self.is(close) {
                // Statements within the list, or what is not understood.
                if matches!(self.token(), Some(Token::End)) && open != "(" {
                    self.step();
                } else if self.is_end() {
                    return all;
                }
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        self.take(close);
        all
    }

    /// `name =>` before a value, where a bare word is a key.
    fn worded_key(&mut self) -> Option<Rc<[u8]>> {
        let (Some(Token::Name(name)), Some(Token::Sign("=>"))) = (self.ahead(0), self.ahead(1))
        else {
            return None;
        };
        if self.language.beside != Beside::Argument || name.starts_with(['$', '@', '%']) {
            return None;
        }
        self.step();
        self.step();
        Some(name.as_bytes().into())
    }

    /// `request.on('data', part => …)`: the parameter is a part of the request.
    fn heard(&mut self) {
        const HEARD: [&str; 10] =
            ["req", "request", "socket", "sock", "conn", "connection", "ws", "client", "c", "s"];
        if self.language.beside != Beside::Nothing || !self.language.definers.contains(&"function")
        {
            return;
        }
        // `name . on ( 'data'`: the last four tokens but one.
        let before = self.tokens.get(self.at.saturating_sub(5)..self.at).unwrap_or_default();
        let is_request = matches!(before, [(Token::Name(name), _), (Token::Sign("."), _), (Token::Name(on), _), ..]
            if HEARD.contains(&name.as_str()) && (on == "on" || on == "once" || on == "addListener"));
        if !is_request {
            return;
        }
        let mut names = (1..6).filter_map(|by| match self.ahead(by) {
            Some(Token::Name(name)) if name != "function" && name != "async" => Some(name.clone()),
            _ => None,
        });
        if let Some(name) = names.next() {
            self.assign(&name, Value::tainted("the request's body"));
        }
    }

    /// `name =`, `name:` before a value in a list.
    pub(super) fn key_of_value(&mut self) -> (Option<String>, bool) {
        let (Some(Token::Name(name)), Some(Token::Sign("=" | ":"))) =
            (self.ahead(0), self.ahead(1))
        else {
            return (None, false);
        };
        if matches!(self.ahead(1), Some(Token::Sign(":"))) && self.language.members.contains(&":") {
            return (None, false);
        }
        let name = name.clone();
        let assigns = matches!(self.ahead(1), Some(Token::Sign("=")))
            && !self.language.definers.contains(&"def");
        if assigns && self.language.beside != Beside::Type {
            return (None, false);
        }
        self.step();
        self.step();
        (Some(name), true)
    }

    /// `value for name in values`: the value is read again for each element.
    fn for_each(&mut self, start: usize, once: Value) -> Value {
        self.each();
        while self.is_word(&["if", "for"]) {
            self.step();
            let _condition = self.expression();
        }
        let end = self.at;
        let Some((name, elements)) = self.looped(start, end) else { return once };
        let mut all = Vec::new();
        for element in elements.iter().take(EACH) {
            self.assign(&name, element.clone());
            self.at = start;
            all.push(self.expression());
        }
        self.at = end;
        array(all)
    }

    /// The variable of a loop between two places, and the elements it takes.
    fn looped(&mut self, start: usize, end: usize) -> Option<(String, Rc<Vec<Value>>)> {
        let words = self.tokens.get(start..end)?;
        let at = words
            .iter()
            .position(|(token, _)| matches!(token, Token::Name(name) if name == "for"))?;
        let (Token::Name(name), _) = words.get(at.saturating_add(1))? else { return None };
        self.at = start.saturating_add(at).saturating_add(3);
        let over = self.expression();
        self.at = end;
        let elements = match (&over.elements, &over.text) {
            (Some(elements), _) => Rc::clone(elements),
            (None, Some(text)) if text.len() <= EACH => {
                Rc::new(text.iter().map(|byte| Value::text(&[*byte])).collect())
            }
            _ => return None,
        };
        Some((name.clone(), elements))
    }
}
