//! Values followed through tokens.

use std::collections::{BTreeMap, BTreeSet};

use super::decode;
use super::tokens::Token;

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

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Value {
    /// The request's part that it is made of.
    tainted: Option<String>,
    /// Its bytes, if all of it is constant.
    text: Option<Vec<u8>>,
    /// The function that unpacked or fetched it.
    decoded: Option<String>,
    /// Whether something constant stands before what is tainted.
    has_head: bool,
    /// Elements, of an array that is written out.
    elements: Option<Vec<Value>>,
}

impl Value {
    fn text(bytes: &[u8]) -> Self {
        Self { text: Some(bytes.to_vec()), ..Self::default() }
    }

    fn tainted(by: &str) -> Self {
        Self { tainted: Some(by.to_owned()), ..Self::default() }
    }

    fn name(&self) -> Option<String> {
        let text = self.text.as_ref().filter(|text| text.len() < 64)?;
        Some(String::from_utf8_lossy(text).trim_start_matches('\\').to_ascii_lowercase())
    }

    /// Returns a value made of both, of which nothing is known but where it comes from.
    fn and(self, other: &Self) -> Self {
        Self {
            tainted: self.tainted.or_else(|| other.tainted.clone()),
            decoded: self.decoded.or_else(|| other.decoded.clone()),
            has_head: self.has_head || other.has_head,
            ..Self::default()
        }
    }

    fn then(self, other: &Self) -> Self {
        let text = match (&self.text, &other.text) {
            (Some(a), Some(b)) if a.len().saturating_add(b.len()) <= decode::LONGEST => {
                Some([a.as_slice(), b].concat())
            }
            _ => None,
        };
        let has_text = self.text.as_ref().is_none_or(|text| !text.is_empty());
        let has_head = self.has_head || (self.tainted.is_none() && has_text);
        Self { text, ..Self { has_head, ..self.and(other) } }
    }
}

/// Functions that run code.
const CODE: [&str; 3] = ["eval", "assert", "create_function"];
/// Functions that run commands.
const COMMANDS: [&str; 8] = [
    "system",
    "exec",
    "shell_exec",
    "passthru",
    "popen",
    "proc_open",
    "pcntl_exec",
    "expect_popen",
];
/// Functions that call what they are given, and at which place it stands.
const CALLERS: [(&str, usize); 17] = [
    ("call_user_func", 0),
    ("call_user_func_array", 0),
    ("array_map", 0),
    ("array_filter", 1),
    ("array_walk", 1),
    ("array_reduce", 1),
    ("array_diff_ukey", 2),
    ("array_udiff", 2),
    ("usort", 1),
    ("uasort", 1),
    ("uksort", 1),
    ("register_shutdown_function", 0),
    ("register_tick_function", 0),
    ("preg_replace_callback", 1),
    ("mb_ereg_replace_callback", 1),
    ("ob_start", 0),
    ("forward_static_call_array", 0),
];
/// Functions whose answer is made of what they get.
const PASSING: [&str; 46] = [
    "base64_decode",
    "str_rot13",
    "strrev",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "hex2bin",
    "pack",
    "urldecode",
    "rawurldecode",
    "convert_uudecode",
    "stripslashes",
    "trim",
    "rtrim",
    "ltrim",
    "chop",
    "substr",
    "str_replace",
    "str_ireplace",
    "preg_replace",
    "implode",
    "join",
    "explode",
    "sprintf",
    "vsprintf",
    "array_merge",
    "array_pop",
    "array_shift",
    "end",
    "current",
    "reset",
    "next",
    "strval",
    "strtr",
    "html_entity_decode",
    "htmlspecialchars_decode",
    "unserialize",
    "json_decode",
    "str_split",
    "array_values",
    "chr",
    "zlib_decode",
    "openssl_decrypt",
    "mcrypt_decrypt",
    "iconv",
    "mb_convert_encoding",
];
/// Those among them that make code of what looks like none.
const UNPACKING: [&str; 12] = [
    "base64_decode",
    "str_rot13",
    "strrev",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "hex2bin",
    "pack",
    "convert_uudecode",
    "zlib_decode",
    "openssl_decrypt",
    "mcrypt_decrypt",
];
/// Variables that a request fills.
const REQUEST: [&str; 8] = [
    "_GET",
    "_POST",
    "_REQUEST",
    "_COOKIE",
    "HTTP_RAW_POST_DATA",
    "HTTP_POST_VARS",
    "HTTP_GET_VARS",
    "HTTP_COOKIE_VARS",
];
/// Signs after which only truth is left of a value.
const JUDGING: [&str; 11] = ["==", "!=", "===", "!==", "<", ">", "<=", ">=", "<>", "&&", "||"];

type Tokens = [(Token, usize)];

/// Returns the flows in a file, and texts that are run as code, each with its offset.
pub(super) fn flows(tokens: &Tokens) -> (Vec<Flow>, Vec<(Vec<u8>, usize)>) {
    let mut reader = Reader { tokens, ..Reader::new(tokens) };
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
    /// Class names seen with `new`.
    assigned: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn new(tokens: &'a Tokens) -> Self {
        Self {
            tokens,
            at: 0,
            depth: 0,
            braces: 0,
            scope: Vec::new(),
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            returns: BTreeMap::new(),
            extracted: None,
            flows: Vec::new(),
            inner: Vec::new(),
            assigned: BTreeSet::new(),
        }
    }

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

    /// Reads an expression up to what ends it.
    fn expression(&mut self) -> Value {
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
                }
                Some(Token::Sign("^")) => {
                    self.step();
                    let next = self.operand();
                    let text = match (&value.text, &next.text) {
                        (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a ^ b).collect()),
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
                    "+" | "-" | "*" | "/" | "%" | "&" | "|" | "<<" | ">>" | "**" | "<=>",
                )) => {
                    self.step();
                    let _number = self.operand();
                    value = Value::default();
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
                let elements = self.list("[", "]");
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
                let mut value = Value::text(text);
                if !put_in.is_empty() {
                    value = Value {
                        has_head: !text.starts_with(b"$") && !text.starts_with(b"{$"),
                        ..Value::default()
                    };
                    for name in put_in {
                        let one = self.known(name);
                        value = value.and(&one);
                    }
                }
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
        match named.text.as_ref().map(|text| String::from_utf8_lossy(text).into_owned()) {
            Some(name) => self.variable(&name, offset),
            None => self.suffixes(Value { text: None, ..named }, None, offset),
        }
    }

    fn operand_name(&mut self) -> Value {
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
            "_SERVER" | "_FILES" | "GLOBALS" | "_ENV" => Value::default(),
            _ => self.known(name),
        };
        self.suffixes(value, Some(name), offset)
    }

    /// Reads what follows a value: elements, properties, calls, and an assignment to it.
    fn suffixes(&mut self, value: Value, name: Option<&str>, offset: usize) -> Value {
        let mut value = value;
        let mut key = name.map(|name| self.key(name));
        let mut is_whole = true;
        loop {
            match self.token() {
                Some(Token::Sign("[")) => {
                    let index = self.list("[", "]").into_iter().next().unwrap_or_default();
                    value = element(name, value, &index);
                    let is_globals = name == Some("GLOBALS");
                    if let Some(text) =
                        index.text.as_ref().map(|t| String::from_utf8_lossy(t).into_owned())
                    {
                        if is_globals && is_whole {
                            value = if REQUEST.contains(&text.as_str()) {
                                Value::tainted(&format!("${text}"))
                            } else {
                                self.variables.get(&text).cloned().unwrap_or_default()
                            };
                            key = Some(text);
                            is_whole = false;
                            continue;
                        }
                        let below = key.as_ref().map(|key| format!("{key}[{text}]"));
                        if let Some(known) =
                            below.as_ref().and_then(|below| self.variables.get(below))
                        {
                            value = known.clone();
                        }
                        key = below;
                    }
                    is_whole = false;
                }
                Some(Token::Sign("{"))
                    if !is_whole || name.is_some_and(|n| REQUEST.contains(&n)) =>
                {
                    // `$_GET{0}`, until PHP 8.
                    if !name.is_some_and(|n| REQUEST.contains(&n)) {
                        break;
                    }
                    let _index = self.list("{", "}");
                    is_whole = false;
                }
                Some(Token::Sign("->" | "?->" | "::")) => {
                    self.step();
                    let property = match self.token() {
                        Some(Token::Name(property)) => Some(property.clone()),
                        Some(Token::Variable(_)) => None,
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
                        value = match property {
                            Some(method) => self.own_call(&method, &arguments).unwrap_or_default(),
                            None => Value::default(),
                        };
                        key = None;
                    } else {
                        key = property.map(|property| format!("->{property}"));
                        value = key
                            .as_ref()
                            .and_then(|key| self.variables.get(key).cloned())
                            .unwrap_or_default();
                    }
                    is_whole = false;
                }
                Some(Token::Sign("(")) => {
                    let arguments = self.list("(", ")");
                    value = self.dynamic(&value, &arguments, offset);
                    key = None;
                }
                Some(Token::Sign("++" | "--")) => self.step(),
                _ => break,
            }
        }
        self.assignment(value, key)
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
                let new = value.then(&more);
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
    fn list(&mut self, open: &str, close: &str) -> Vec<Value> {
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
                value = self.expression();
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
    fn closure(&mut self) -> Value {
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
        Value::default()
    }

    fn named(&mut self, name: &str, offset: usize) -> Value {
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
            "new" => {
                let class = self.operand_name_or_name();
                let arguments = self.list("(", ")");
                if class == "reflectionfunction"
                    && let Some(first) = arguments.first()
                {
                    let by_name = first.name().is_some_and(|name| is_sink(&name));
                    if by_name {
                        self.flow(
                            offset,
                            80,
                            "a function that runs code, by its name".to_owned(),
                            true,
                        );
                    }
                    self.runs_request("ReflectionFunction", first, 85, offset);
                }
                return arguments.into_iter().fold(Value::default(), |all, one| all.and(&one));
            }
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
    fn dynamic(&mut self, called: &Value, arguments: &[Value], offset: usize) -> Value {
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

    fn own_call(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
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
            "file_get_contents"
            | "fopen"
            | "curl_exec"
            | "file"
            | "stream_get_contents"
            | "fread" => fetched(name, &first),
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
            _ if PASSING.contains(&name) => {
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
    fn runs(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if value.tainted.is_some() {
            return self.runs_request(by, value, score, offset);
        }
        if let Some(text) =
            value.text.as_ref().filter(|text| text.len() > 3 && self.inner.len() < KEPT)
        {
            self.inner.push((text.clone(), offset));
        }
        if let Some(how) = &value.decoded {
            let is_fetched = matches!(
                how.as_str(),
                "file_get_contents"
                    | "fopen"
                    | "curl_exec"
                    | "file"
                    | "fread"
                    | "stream_get_contents"
            );
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

impl Value {
    /// A bare word is a text only where PHP took it for one; before `::` it is a class.
    fn without_text_if_class(self) -> Self {
        Self { text: self.text.filter(|text| text.len() < 64), ..self }
    }
}

fn is_sink(name: &str) -> bool {
    CODE.contains(&name) || COMMANDS.contains(&name)
}

fn is_keyword(name: &str) -> bool {
    [
        "if",
        "else",
        "elseif",
        "while",
        "for",
        "do",
        "switch",
        "case",
        "default",
        "try",
        "catch",
        "finally",
        "class",
        "interface",
        "trait",
        "extends",
        "implements",
        "public",
        "private",
        "protected",
        "static",
        "abstract",
        "final",
        "const",
        "var",
        "namespace",
        "use",
        "global",
        "declare",
        "endif",
        "endwhile",
        "endfor",
        "endforeach",
        "endswitch",
        "break",
        "continue",
        "goto",
        "as",
        "instanceof",
    ]
    .contains(&name)
}

/// Returns whether a pattern has the modifier `e`, which ran the replacement until PHP 7.
fn is_evaluated(pattern: &[u8]) -> bool {
    let Some(&open) = pattern.first().filter(|byte| byte.is_ascii_punctuation()) else {
        return false;
    };
    let close = match open {
        b'(' => b')',
        b'{' => b'}',
        b'[' => b']',
        b'<' => b'>',
        other => other,
    };
    let Some(end) = memchr::memrchr(close, pattern).filter(|end| *end > 0) else { return false };
    let modifiers = pattern.get(end.saturating_add(1)..).unwrap_or_default();
    modifiers.contains(&b'e') && modifiers.iter().all(u8::is_ascii_alphabetic)
}

fn array(elements: Vec<Value>) -> Value {
    let all = elements.iter().fold(Value::default(), |all, one| all.and(one));
    Value { elements: Some(elements), ..all }
}

fn element(name: Option<&str>, value: Value, index: &Value) -> Value {
    match name {
        Some("_SERVER" | "_ENV") if value.tainted.is_none() => {
            let told = index.name().unwrap_or_default();
            let is_request = told.starts_with("http_") && told != "http_host"
                || ["query_string", "path_info", "php_auth_user", "php_auth_pw"]
                    .contains(&told.as_str());
            if is_request {
                Value::tainted(&format!("$_SERVER[{}]", told.to_ascii_uppercase()))
            } else {
                Value::default()
            }
        }
        Some("_FILES") => Value::default(),
        _ => {
            let place = index
                .text
                .as_ref()
                .and_then(|text| String::from_utf8_lossy(text).parse::<usize>().ok());
            if let (Some(elements), Some(place)) = (&value.elements, place) {
                return elements.get(place).cloned().unwrap_or_default();
            }
            // A letter of a constant text.
            if let (Some(text), Some(place)) = (&value.text, place) {
                return text
                    .get(place..place.saturating_add(1))
                    .map(Value::text)
                    .unwrap_or_default();
            }
            Value { text: None, elements: None, ..value }
        }
    }
}

fn fetched(name: &str, first: &Value) -> Value {
    match first.text.as_deref() {
        Some(b"php://input") => Value::tainted("php://input"),
        Some(text)
            if text.starts_with(b"http://")
                || text.starts_with(b"https://")
                || text.starts_with(b"ftp://") =>
        {
            Value { decoded: Some(name.to_owned()), ..Value::default() }
        }
        _ if first.tainted.as_deref() == Some("php://input") => Value::tainted("php://input"),
        _ if name == "fopen"
            || name == "fread"
            || name == "stream_get_contents"
            || name == "curl_exec" =>
        {
            Value { decoded: first.decoded.clone(), ..Value::default() }
        }
        _ => Value::default(),
    }
}

fn joined(arguments: &[Value]) -> Option<Value> {
    let elements = arguments.iter().find_map(|one| one.elements.as_ref())?;
    let glue = arguments.iter().find_map(|one| one.text.clone()).unwrap_or_default();
    let parts: Option<Vec<&[u8]>> = elements.iter().map(|one| one.text.as_deref()).collect();
    Some(Value::text(&parts?.join(glue.as_slice())))
}

fn replaced(arguments: &[Value]) -> Option<Value> {
    let [from, to, subject, ..] = arguments else { return None };
    let (from, to, subject) = (from.text.as_ref()?, to.text.as_ref()?, subject.text.as_ref()?);
    if from.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = subject.as_slice();
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(rest.get(..at)?);
        out.extend_from_slice(to);
        rest = rest.get(at.saturating_add(from.len())..)?;
        if out.len() > decode::LONGEST {
            return None;
        }
    }
    out.extend_from_slice(rest);
    Some(Value::text(&out))
}
