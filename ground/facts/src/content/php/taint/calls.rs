//! Calls: what comes out of a function, and what a function runs.

use super::super::decode;
use super::super::functions::{
    CALLERS, CODE, COMMANDS, FETCHING, UNPACKING, is_evaluated, is_passing, is_sink,
};
use super::super::tokens::Token;
use super::super::value::{Value, array, fetched, joined, replaced};
use super::{Flow, KEPT, Reader};

impl Reader<'_> {
    pub(super) fn named(&mut self, name: &str, offset: usize) -> Value {
        match name {
            "include" | "include_once" | "require" | "require_once" => {
                let value = self.expression();
                let is_remote = value
                    .text
                    .as_ref()
                    .is_some_and(|text| text.starts_with(b"http") || text.starts_with(b"data:"));
                if is_remote {
                    self.flow(offset, 75, format!("{name} of an address"), false);
                }
                let score = if value.has_head { 40 } else { 75 };
                self.runs_request(name, &value, score, offset);
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
        let arguments = self.list("(", ")");
        let value = self.call(name, &arguments, offset);
        self.suffixes(value, None, offset)
    }

    fn new_object(&mut self, offset: usize) -> Value {
        let class = self.operand_name_or_name();
        let arguments = self.list("(", ")");
        if class == "reflectionfunction"
            && let Some(first) = arguments.first()
        {
            if first.name().is_some_and(|name| is_sink(&name)) {
                let detail = "a function that runs code, by its name".to_owned();
                self.flow(offset, 80, detail, true);
            }
            self.runs_request("ReflectionFunction", first, 85, offset);
        }
        arguments.into_iter().fold(Value::default(), |all, one| all.and(&one))
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

    fn call(&mut self, name: &str, arguments: &[Value], offset: usize) -> Value {
        if self.functions.contains_key(name) && !is_sink(name) {
            return self.own_call(name, arguments).unwrap_or_default();
        }
        let first = arguments.first().cloned().unwrap_or_default();
        self.sinks(name, arguments, &first, offset);
        let all = || arguments.iter().fold(Value::default(), |all, one| all.and(one));
        match name {
            "extract" | "parse_str" | "mb_parse_str"
                if first.tainted.is_some() && arguments.len() == 1 =>
            {
                self.extracted = first.tainted.clone();
                Value::default()
            }
            _ if FETCHING.contains(&name) => fetched(name, &first),
            "getallheaders" | "apache_request_headers" => Value::tainted(&format!("{name}()")),
            "filter_input" | "getenv" => {
                let is_request = name == "filter_input"
                    || first
                        .name()
                        .is_some_and(|text| text.starts_with("http_") || text == "query_string");
                if is_request { Value::tainted(&format!("{name}()")) } else { Value::default() }
            }
            "chr" => {
                let number = first
                    .text
                    .as_ref()
                    .and_then(|text| String::from_utf8_lossy(text).parse::<i64>().ok());
                number.map_or_else(&all, |number| {
                    Value::text(&[number.rem_euclid(256).to_le_bytes()[0]])
                })
            }
            "implode" | "join" => joined(arguments).unwrap_or_else(all),
            "str_replace" | "str_ireplace" => replaced(arguments).unwrap_or_else(all),
            "substr" | "sprintf" | "strtr" | "preg_replace" => all(),
            "pack" => {
                match (first.text.as_deref(), arguments.get(1).and_then(|one| one.text.as_deref()))
                {
                    (Some(b"H*"), Some(text)) => {
                        decode::hexadecimal(text).map_or_else(&all, |text| Value::text(&text))
                    }
                    _ => Value { decoded: Some(name.to_owned()), ..all() },
                }
            }
            _ if is_passing(name) => {
                let text = first.text.as_ref().and_then(|text| decode::decoded(name, text));
                let unpacks = UNPACKING.contains(&name);
                let value = all();
                let decoded = value.decoded.clone().or_else(|| unpacks.then(|| name.to_owned()));
                Value { text, decoded, ..value }
            }
            _ => Value::default(),
        }
    }

    fn sinks(&mut self, name: &str, arguments: &[Value], first: &Value, offset: usize) {
        match name {
            _ if CODE.contains(&name) => {
                let code = if name == "create_function" {
                    arguments.get(1).cloned().unwrap_or_default()
                } else {
                    first.clone()
                };
                self.runs(name, &code, 95, offset);
            }
            _ if COMMANDS.contains(&name) => {
                let score = if first.has_head { 70 } else { 90 };
                self.runs_request(name, first, score, offset);
            }
            "preg_replace" | "preg_filter" | "mb_ereg_replace" | "mb_eregi_replace" => {
                let runs = first.text.as_ref().is_some_and(|pattern| is_evaluated(pattern))
                    || arguments
                        .get(3)
                        .and_then(Value::name)
                        .is_some_and(|options| options.contains('e'));
                if runs || (first.tainted.is_some() && !first.has_head) {
                    for one in arguments {
                        self.runs("preg_replace /e", one, 85, offset);
                    }
                }
            }
            "file_put_contents" | "fwrite" | "fputs" => {
                let is_page = first.text.as_ref().is_some_and(|path| path.ends_with(b".php"));
                let data = arguments.get(1).cloned().unwrap_or_default();
                if is_page || (first.tainted.is_some() && !first.has_head && data.decoded.is_some())
                {
                    self.runs_request("a page that it writes", &data, 80, offset);
                }
            }
            _ => {
                let Some((_, place)) = CALLERS.iter().find(|(caller, _)| *caller == name) else {
                    return;
                };
                let Some(called) = arguments.get(*place).filter(|one| one.elements.is_none())
                else {
                    return;
                };
                if let Some(by) = &called.tainted
                    && !called.has_head
                {
                    let detail = format!("{by} names the function that {name}() calls");
                    self.flow(offset, 85, detail, true);
                }
                let rest: Vec<Value> = arguments
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| at != place)
                    .map(|(_, one)| one.clone())
                    .collect();
                if let Some(sink) = called.name().filter(|name| is_sink(name)) {
                    for one in &rest {
                        self.runs(&format!("{sink}() by {name}()"), one, 90, offset);
                    }
                }
            }
        }
    }

    /// A value that is run as code: bad if a request sends it, odd if it was packed.
    pub(super) fn runs(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if value.tainted.is_some() {
            return self.runs_request(by, value, score, offset);
        }
        if let Some(text) =
            value.text.as_ref().filter(|text| text.len() > 3 && self.inner.len() < KEPT)
        {
            self.inner.push((text.clone(), offset));
        }
        if let Some(how) = &value.decoded {
            let is_fetched = FETCHING.contains(&how.as_str());
            let detail = if is_fetched {
                format!("{by} runs what {how}() fetches")
            } else {
                format!("{by} runs what {how}() unpacks")
            };
            self.flow(offset, if is_fetched { 70 } else { 60 }, detail, false);
        }
    }

    fn runs_request(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if let Some(from) = &value.tainted {
            let through =
                value.decoded.as_ref().map_or_else(String::new, |how| format!(" through {how}()"));
            let detail = format!("{from}{through} reaches {by}");
            self.flow(offset, score, detail, true);
        }
    }

    fn flow(&mut self, offset: usize, score: i64, detail: String, is_from_request: bool) {
        if self.flows.len() < KEPT {
            self.flows.push(Flow { offset, score, detail, is_from_request });
        }
    }
}
