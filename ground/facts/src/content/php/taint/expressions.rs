//! Expressions: what a value is made of, and what it is assigned to.

use super::super::functions::{JUDGING, REQUEST};
use super::super::places::element;
use super::super::tokens::Token;
use super::{DEPTH, Reader};
use crate::content::taint::value::{Value, array};

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
            match self.token() {
                Some(Token::Sign(".")) => {
                    self.step();
                    let next = self.operand();
                    value = value.then(&next);
                    value = self.weighed(value);
                }
                Some(Token::Sign("^")) => {
                    self.step();
                    let next = self.operand();
                    let text = match (&value.text, &next.text) {
                        (Some(a), Some(b)) => {
                            Some(a.iter().zip(b.iter()).map(|(a, b)| a ^ b).collect())
                        }
                        _ => None,
                    };
                    value = Value { text, ..value.and(&next) };
                }
                Some(Token::Sign("?")) => {
                    self.step();
                    let first = if self.is(":") { value.clone() } else { self.expression() };
                    self.take(":");
                    let second = self.expression();
                    value =
                        if second.text.is_some() && first.tainted.is_none() && first.text.is_none()
                        {
                            second
                        } else {
                            first.and(&second)
                        };
                }
                Some(Token::Sign("??")) => {
                    self.step();
                    let next = self.expression();
                    value = value.and(&next);
                }
                Some(Token::Sign(sign)) if JUDGING.contains(sign) => {
                    self.step();
                    let _looked_at = self.operand();
                    value = Value::default();
                }
                Some(Token::Sign(
                    sign @ ("+" | "-" | "*" | "/" | "%" | "&" | "|" | "<<" | ">>" | "**" | "<=>"),
                )) => {
                    self.step();
                    let next = self.operand();
                    value = calculated(sign, &value, &next).unwrap_or_default();
                }
                _ => return value,
            }
        }
    }

    fn operand(&mut self) -> Value {
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
            Some(Token::Sign("@" | "&" | "+" | "...")) => {
                self.step();
                self.operand()
            }
            Some(Token::Sign("!" | "-" | "~" | "++" | "--")) => {
                let turns = self.is("~");
                self.step();
                let value = self.operand();
                let text =
                    value.text.filter(|_| turns).map(|text| text.iter().map(|b| !b).collect());
                Value { text, tainted: value.tainted.filter(|_| turns), ..Value::default() }
            }
            Some(Token::Sign("(")) => self.parenthesis(offset),
            Some(Token::Sign("[")) => {
                let start = self.at;
                let elements = self.list("[", "]");
                if self.is("=") {
                    return self.taken_apart(start);
                }
                let value = array(elements);
                self.suffixes(value, None, offset)
            }
            Some(Token::Sign("$")) => self.variable_variable(offset),
            Some(Token::Sign(_)) | None => Value::default(),
            Some(Token::Variable(name)) => {
                let name = name.clone();
                self.step();
                self.variable(&name, offset)
            }
            Some(Token::Text(text, put_in)) => {
                self.step();
                let value = self.written(text, put_in);
                self.suffixes(value, None, offset)
            }
            Some(Token::Command(put_in)) => {
                self.step();
                for name in put_in {
                    let value = self.known(name);
                    self.runs("`…`", &value, 90, offset);
                }
                Value::default()
            }
            Some(Token::Number(number)) => {
                let text = number.to_string().into_bytes();
                self.step();
                Value::text(&text)
            }
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.step();
                self.named(&name, offset)
            }
        }
    }

    /// `[$a, $b] = …`: each variable gets its element, or what is known of all.
    fn taken_apart(&mut self, start: usize) -> Value {
        let end = self.at;
        self.step();
        let value = self.expression();
        let written = self.tokens.get(start..end).unwrap_or_default();
        let names = written.iter().filter_map(|(token, _)| match token {
            Token::Variable(name) => Some(name.clone()),
            _ => None,
        });
        for (place, name) in names.enumerate().take(64) {
            let one = value.elements.as_ref().and_then(|all| all.get(place)).cloned();
            let one = one.unwrap_or_else(|| value.clone().source());
            let key = self.key(&name);
            self.assign(key, one);
        }
        value
    }

    /// A text in quotes, and the variables put into it.
    fn written(&self, text: &[u8], put_in: &[String]) -> Value {
        if put_in.is_empty() {
            return Value::text(text);
        }
        let has_head = !text.starts_with(b"$") && !text.starts_with(b"{$");
        let start = Value { has_head, ..Value::default() };
        put_in.iter().fold(start, |all, name| all.and(&self.known(name)))
    }

    fn parenthesis(&mut self, offset: usize) -> Value {
        self.step();
        // A cast to a number leaves nothing of a text.
        if let (Some(Token::Name(kind)), Some((Token::Sign(")"), _))) =
            (self.token(), self.tokens.get(self.at.saturating_add(1)))
            && ["int", "integer", "float", "double", "bool", "boolean", "string", "array", "object"]
                .contains(&kind.as_str())
        {
            let keeps = ["string", "array", "object"].contains(&kind.as_str());
            self.step();
            self.step();
            let value = self.operand();
            return if keeps { value } else { Value::default() };
        }
        let value = self.expression();
        let mut value = value;
        while self.take(",") {
            let next = self.expression();
            value = value.and(&next);
        }
        self.take(")");
        self.suffixes(value, None, offset)
    }

    /// `${…}` and `$$name`.
    fn variable_variable(&mut self, offset: usize) -> Value {
        self.step();
        let named = if self.take("{") {
            let value = self.expression();
            self.take("}");
            value
        } else {
            self.operand_name()
        };
        if let Some(by) = named.tainted.as_ref().filter(|_| self.is("=")) {
            // The request names the variable that is filled: it may be any.
            self.extracted = Some(by.clone());
        }
        match named.text.as_ref().map(|text| String::from_utf8_lossy(text).into_owned()) {
            Some(name) => self.variable(&name, offset),
            None => self.suffixes(Value { text: None, ..named }, None, offset),
        }
    }

    pub(super) fn operand_name(&mut self) -> Value {
        match self.token() {
            Some(Token::Variable(name)) => {
                let name = name.clone();
                self.step();
                self.known(&name)
            }
            _ => self.operand(),
        }
    }

    fn known(&self, name: &str) -> Value {
        if REQUEST.contains(&name) {
            return Value::tainted(&format!("${name}"));
        }
        let key = self.key(name);
        if let Some(value) = self.variables.get(&key) {
            return value.clone();
        }
        match &self.extracted {
            Some(by) if !self.assigned.contains(&key) && name != "this" => Value::tainted(by),
            _ => Value::default(),
        }
    }

    fn variable(&mut self, name: &str, offset: usize) -> Value {
        let value = match name {
            "_SERVER" | "GLOBALS" | "_ENV" => Value::default(),
            "_FILES" if self.is("[") => Value::default(),
            "_FILES" => Value::named("$_FILES"),
            _ => self.known(name),
        };
        self.suffixes(value, Some(name), offset)
    }

    /// Reads what follows a value: elements, properties, calls, and an assignment to it.
    pub(super) fn suffixes(&mut self, value: Value, name: Option<&str>, offset: usize) -> Value {
        let is_request = name.is_some_and(|name| REQUEST.contains(&name));
        let mut place = Place { value, key: name.map(|name| self.key(name)), is_whole: true };
        loop {
            match self.token() {
                Some(Token::Sign("[")) => place = self.indexed(place, name),
                // `$_GET{0}`, until PHP 8.
                Some(Token::Sign("{")) if is_request => {
                    let _index = self.list("{", "}");
                    place.is_whole = false;
                }
                Some(Token::Sign("->" | "?->" | "::")) => place = self.property(),
                Some(Token::Sign("(")) => {
                    let arguments = self.list("(", ")");
                    place.value = self.dynamic(&place.value, &arguments, offset);
                    place.key = None;
                }
                Some(Token::Sign("++" | "--")) => self.step(),
                _ => break,
            }
        }
        self.assignment(place.value, place.key)
    }

    /// An element of an array; of `$GLOBALS`, the variable of that name.
    fn indexed(&mut self, place: Place, name: Option<&str>) -> Place {
        let index = self.list("[", "]").into_iter().next().unwrap_or_default();
        let value = element(name, place.value, &index);
        let told = index.text.as_ref().map(|text| String::from_utf8_lossy(text).into_owned());
        let Some(told) = told else { return Place { value, is_whole: false, ..place } };
        if name == Some("GLOBALS") && place.is_whole {
            let value = if REQUEST.contains(&told.as_str()) {
                Value::tainted(&format!("${told}"))
            } else {
                self.variables.get(&told).cloned().unwrap_or_default()
            };
            return Place { value, key: Some(told), is_whole: false };
        }
        let key = place.key.map(|key| format!("{key}[{told}]"));
        let known = key.as_ref().and_then(|key| self.variables.get(key)).cloned();
        Place { value: known.unwrap_or(value), key, is_whole: false }
    }

    /// A property, or what a method of the file's own returns.
    fn property(&mut self) -> Place {
        self.step();
        let property = match self.token() {
            Some(Token::Name(property)) => Some(property.clone()),
            Some(Token::Variable(named)) => self.known(named).name(),
            _ => None,
        };
        if self.take("{") {
            let _named = self.expression();
            self.take("}");
        } else {
            self.step();
        }
        if self.is("(") {
            let arguments = self.list("(", ")");
            let value = property.and_then(|method| self.own_call(&method, &arguments));
            return Place { value: value.unwrap_or_default(), key: None, is_whole: false };
        }
        let key = property.map(|property| format!("->{property}"));
        let known = key.as_ref().and_then(|key| self.variables.get(key)).cloned();
        Place { value: known.unwrap_or_default(), key, is_whole: false }
    }

    fn assignment(&mut self, value: Value, key: Option<String>) -> Value {
        let Some(Token::Sign(sign)) = self.token() else { return value };
        match *sign {
            "=" => {
                self.step();
                self.take("&");
                let new = self.expression();
                if let Some(key) = key {
                    self.assign(key.clone(), new.clone());
                    // An element taints what it is part of, for whoever takes all of it.
                    if let Some((whole, _)) = key.split_once('[')
                        && (new.tainted.is_some() || new.decoded.is_some())
                    {
                        let known = self.variables.get(whole).cloned().unwrap_or_default();
                        self.variables.insert(
                            whole.to_owned(),
                            Value { text: None, elements: None, ..known.and(&new) },
                        );
                    }
                }
                new
            }
            ".=" => {
                self.step();
                let more = self.expression();
                // What nothing was assigned to yet is empty.
                let is_empty = value.tainted.is_none()
                    && key.as_ref().is_some_and(|key| !self.fresh.contains(key));
                let value = if is_empty { Value::text(b"") } else { value };
                let new = value.then(&more);
                let new = self.weighed(new);
                if let Some(key) = key {
                    self.assign(key, new.clone());
                }
                new
            }
            "+=" | "-=" | "*=" | "/=" | "%=" | "|=" | "&=" | "^=" | "??=" | "<<=" | ">>="
            | "**=" => {
                self.step();
                let new = self.expression();
                let new = Value { text: None, ..value.and(&new) };
                if let Some(key) = key {
                    self.assign(key, new.clone());
                }
                new
            }
            _ => value,
        }
    }

    /// Reads the values between two signs, parted by commas; of `key => value` the value.
    pub(super) fn list(&mut self, open: &str, close: &str) -> Vec<Value> {
        let mut all = Vec::new();
        if !self.take(open) {
            return all;
        }
        while self.token().is_some() && !self.is(close) {
            let from = self.at;
            let mut value = if matches!(self.token(), Some(Token::Name(name)) if name == "function" || name == "fn" || name == "static")
            {
                self.closure()
            } else {
                self.expression()
            };
            if self.take("=>") {
                let key = value.text;
                value = Value { key, ..self.expression() };
            }
            all.push(value);
            if !self.take(",") && !self.is(close) {
                // What is not understood ends the list at the statement's end.
                if self.is(";") || self.is("}") {
                    return all;
                }
                self.at = self.at.max(from.saturating_add(1));
            }
        }
        self.take(close);
        all
    }

    /// A function without a name as an argument: its body is read like all else.
    pub(super) fn closure(&mut self) -> Value {
        if matches!(self.token(), Some(Token::Name(name)) if name == "static") {
            self.step();
        }
        if matches!(self.token(), Some(Token::Name(name)) if name == "fn") {
            while self.token().is_some() && !self.is("=>") && !self.is(";") {
                self.step();
            }
            self.take("=>");
            return self.expression();
        }
        if !matches!(self.token(), Some(Token::Name(name)) if name == "function") {
            return self.expression();
        }
        let open = self.scope.len();
        self.definition();
        let name =
            self.scope.last().map(|(name, _)| name.clone()).filter(|_| self.scope.len() > open);
        if self.scope.len() > open {
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
        name.map_or_else(Value::default, |name| Value::named(&name))
    }
}

/// What an operator makes of two numbers; of arrays, the union.
fn calculated(sign: &str, one: &Value, other: &Value) -> Option<Value> {
    if sign == "|" || sign == "&" {
        let (a, b) = (one.text.as_ref()?, other.text.as_ref()?);
        let letters = a.iter().zip(b.iter());
        let text: Vec<u8> = match sign {
            "|" => letters.map(|(a, b)| a | b).collect(),
            _ => letters.map(|(a, b)| a & b).collect(),
        };
        if one.as_number().is_none() {
            return Some(Value::text(&text));
        }
    }
    let (a, b) = (one.as_number()?, other.as_number()?);
    let number = match sign {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        "%" => a.checked_rem(b),
        "|" => Some(a | b),
        "&" => Some(a & b),
        "<<" => a.checked_shl(u32::try_from(b).ok()?),
        ">>" => a.checked_shr(u32::try_from(b).ok()?),
        _ => None,
    };
    number.map(|number| Value::text(number.to_string().as_bytes()))
}

/// A value, and where it is kept.
struct Place {
    value: Value,
    /// Under which key of [`Reader::variables`]; none for what has no name.
    key: Option<String>,
    /// Whether it is the variable itself and not a part of it.
    is_whole: bool,
}
