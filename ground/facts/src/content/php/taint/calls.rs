//! Calls: what comes out of a function, and what a function runs.

use super::super::functions::{FETCHING, UNPACKING, is_passing, is_sink};
use super::super::places::{cut, fetched, opened, printed, ranged, swapped};
use super::super::tokens::Token;
use super::Reader;
use crate::content::taint::decode;
use crate::content::taint::value::{Value, array, joined, replaced};

/// The path of an object: calling it is no call of a function that a text names.
const OBJECT: &str = "new";

impl Reader<'_> {
    pub(super) fn named(&mut self, name: &str, offset: usize) -> Value {
        match name {
            "include" | "include_once" | "require" | "require_once" => {
                let value = self.expression();
                self.included(name, &value, offset);
                return Value::default();
            }
            "echo" | "print" | "return" | "exit" | "die" | "clone" | "throw" | "yield" | "and"
            | "or" | "not" => {
                return if self.is(";") { Value::default() } else { self.expression() };
            }
            "new" => return self.new_object(offset),
            "function" | "fn" | "static" => {
                self.at = self.at.saturating_sub(1);
                return self.closure();
            }
            "array" | "list" | "isset" | "empty" | "unset" => {
                let elements = self.list("(", ")");
                let value = if name == "array" { array(elements) } else { Value::default() };
                return self.suffixes(value, None, offset);
            }
            _ => {}
        }
        if !self.is("(") {
            // A constant, or a class before `::`.
            return self.suffixes(
                if name.starts_with("__") {
                    Value::default()
                } else {
                    Value::text(name.as_bytes()).without_text_if_class()
                },
                None,
                offset,
            );
        }
        let from = self.at;
        let arguments = self.list("(", ")");
        self.call_from = from;
        let value = self.call(name, &arguments, offset);
        let value = self.weighed(value);
        self.suffixes(value, None, offset)
    }

    fn new_object(&mut self, offset: usize) -> Value {
        let class = self.operand_name_or_name();
        let arguments = self.list("(", ")");
        if class.starts_with("reflection")
            && let Some(first) = arguments.first()
        {
            if class == "reflectionfunction" && first.name().is_some_and(|name| is_sink(&name)) {
                let detail = "a function that runs code, by its name".to_owned();
                self.flow(offset, 80, detail, true);
            }
            if class != "reflectionclass" && !(class == "reflectionmethod" && self.asks()) {
                self.runs_request("reflection", first, 85, offset);
            }
        }
        // What a class of the file does with what it is made of; of several, which is not known.
        if self.classes() == 1 {
            let _nothing = self.own_call("__construct", &arguments);
        }
        let made = arguments.into_iter().fold(Value::default(), |all, one| all.and(&one));
        Value { path: Some(OBJECT.into()), ..made }
    }

    /// How many classes the file has.
    fn classes(&self) -> usize {
        let is_class =
            |(token, _): &&(Token, usize)| matches!(token, Token::Name(name) if name == "class");
        self.tokens.iter().take(5_000).filter(is_class).count()
    }

    fn operand_name_or_name(&mut self) -> String {
        match self.token() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.step();
                name
            }
            _ => {
                let _class = self.operand_name();
                String::new()
            }
        }
    }

    /// A call of a value: `$f(…)`, `('sys'.'tem')(…)`.
    pub(super) fn dynamic(&mut self, called: &Value, arguments: &[Value], offset: usize) -> Value {
        if called.path.as_deref() == Some(OBJECT) {
            return Value::default();
        }
        if let Some(path) = called.path.as_ref().filter(|path| path.starts_with('#')) {
            let path = path.clone();
            return self.own_call(&path, arguments).unwrap_or_default();
        }
        if let Some(by) = &called.tainted {
            let how = format!("{by} names the function that is called");
            self.flow(offset, if called.has_head { 55 } else { 90 }, how, true);
        } else if called.decoded.is_some() && arguments.iter().any(|one| one.tainted.is_some()) {
            let by = arguments.iter().find_map(|one| one.tainted.clone()).unwrap_or_default();
            self.flow(offset, 85, format!("{by} reaches a function whose name is unpacked"), true);
        }
        match called.name() {
            Some(name) => self.call(&name, arguments, offset),
            None => arguments.iter().fold(Value::default(), |all, one| all.and(one)),
        }
    }

    pub(super) fn own_call(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        let parameters = self.functions.get(name)?.clone();
        for (parameter, value) in parameters.iter().zip(arguments) {
            let key = format!("{name}()${parameter}");
            let all = match self.variables.get(&key) {
                Some(known) if known != value => known.clone().and(value),
                _ => value.clone(),
            };
            self.variables.insert(key, all);
        }
        Some(self.returns.get(name).cloned().unwrap_or_default())
    }

    /// `array_map` of a function over an array that is written out.
    fn mapped(&mut self, arguments: &[Value]) -> Option<Value> {
        let [called, over, ..] = arguments else { return None };
        let name = called.name().filter(|name| !is_sink(name))?;
        let elements = over.elements.as_ref().filter(|all| all.len() <= 512)?;
        let each = |one: &Value| self.call(&name, std::slice::from_ref(one), 0);
        Some(array(elements.iter().map(each).collect()))
    }

    /// Functions of texts and arrays that are written out.
    fn computed(&mut self, name: &str, arguments: &[Value], first: &Value) -> Option<Value> {
        match name {
            "array_map" => self.mapped(arguments),
            "range" => ranged(arguments),
            "ord" => match first.text.as_ref().and_then(|text| text.first()) {
                Some(byte) => Some(Value::text(byte.to_string().as_bytes())),
                None => Some(first.clone().source()),
            },
            "strtr" => swapped(arguments),
            "substr" => cut(arguments),
            "sprintf" => printed(arguments),
            "array_reverse" => {
                let elements = first.elements.as_ref()?;
                Some(array(elements.iter().rev().cloned().collect()))
            }
            "implode" | "join" => joined(arguments),
            "str_replace" | "str_ireplace" => replaced(arguments),
            "chr" => {
                let number = first.as_number()?;
                Some(Value::text(&[number.rem_euclid(256).to_le_bytes()[0]]))
            }
            _ => None,
        }
    }

    fn call(&mut self, name: &str, arguments: &[Value], offset: usize) -> Value {
        if self.functions.contains_key(name) && !is_sink(name) {
            return self.own_call(name, arguments).unwrap_or_default();
        }
        let first = arguments.first().cloned().unwrap_or_default();
        self.sinks(name, arguments, &first, offset);
        let all = || arguments.iter().fold(Value::default(), |all, one| all.and(one));
        if let Some(value) = self.computed(name, arguments, &first) {
            return value;
        }
        match name {
            "extract" | "parse_str" | "mb_parse_str"
                if first.tainted.is_some() && arguments.len() == 1 =>
            {
                self.extracted = first.tainted.clone();
                Value::default()
            }
            "fopen" => opened(arguments, &first),
            _ if FETCHING.contains(&name) => fetched(name, &first),
            "getallheaders" | "apache_request_headers" => Value::tainted(&format!("{name}()")),
            "filter_input" | "getenv" => {
                let is_request = name == "filter_input"
                    || first
                        .name()
                        .is_some_and(|text| text.starts_with("http_") || text == "query_string");
                if is_request { Value::tainted(&format!("{name}()")) } else { Value::default() }
            }
            // A letter that is made of something: whoever calls a function named so hides its name.
            "chr" if first.tainted.is_none() => Value { decoded: Some(name.into()), ..all() },
            "chr" | "implode" | "join" | "str_replace" | "str_ireplace" | "array_map" | "strtr"
            | "substr" | "sprintf" | "preg_replace" => all(),
            "pack" => {
                match (first.text.as_deref(), arguments.get(1).and_then(|one| one.text.as_deref()))
                {
                    (Some(b"H*"), Some(text)) => {
                        decode::hexadecimal(text).map_or_else(&all, |text| Value::text(&text))
                    }
                    _ => Value { decoded: Some(name.into()), ..all() },
                }
            }
            _ if is_passing(name) => {
                let text = first.text.as_ref().and_then(|text| decode::decoded(name, text));
                let unpacks = UNPACKING.contains(&name);
                let value = all();
                let decoded = value.decoded.clone().or_else(|| unpacks.then(|| name.into()));
                Value { text: text.map(Into::into), decoded, ..value }
            }
            _ => Value::default(),
        }
    }
}
