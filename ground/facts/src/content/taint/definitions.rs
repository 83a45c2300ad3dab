//! Definitions of functions, imports, loops, and several variables assigned at once.

use std::rc::Rc;

use super::Beside;
use super::reader::{Reader, Scope};
use super::token::Token;
use super::value::Value;

/// How far is looked ahead for the end of a list of names.
const AHEAD: usize = 400;

impl Reader<'_> {
    /// A function: its name and parameters; its body is read as what follows.
    pub(super) fn definition(&mut self) {
        self.step();
        self.take("*");
        let mut name = String::new();
        while let Some(Token::Name(word)) = self.token() {
            name.clone_from(word);
            self.step();
            if !(self.take(".") || self.take(":") || self.take("::")) {
                break;
            }
        }
        if name.is_empty() {
            name = format!("#{}", self.at);
        }
        let is_handler = self.is_handler();
        self.defined(name.clone());
        if is_handler {
            self.handed_by_address(&name);
        }
    }

    /// Whether a line before the function says that it answers requests.
    fn is_handler(&self) -> bool {
        const ANSWERING: [&str; 8] =
            ["route", "get", "post", "put", "api_route", "patch", "websocket", "delete"];
        if !self.language.definers.contains(&"def") || self.language.gives_last {
            return false;
        }
        let before = self.tokens.get(self.at.saturating_sub(60)..self.at).unwrap_or_default();
        let Some(mark) = before.iter().rposition(|(token, _)| matches!(token, Token::Sign("@")))
        else {
            return false;
        };
        let line = before.get(mark..).unwrap_or_default();
        let ends = line.iter().filter(|(token, _)| matches!(token, Token::End)).count();
        let is_answering = line.iter().take(4).any(
            |(token, _)| matches!(token, Token::Name(name) if ANSWERING.contains(&name.as_str())),
        );
        let takes = line.iter().take(10).any(|(token, _)| match token {
            Token::Text(text) => {
                !text.contains(&b'<') || memchr::memmem::find(text, b"int:").is_none()
            }
            _ => false,
        });
        ends <= 2 && is_answering && takes
    }

    /// What a part of the address, or of the request, fills: the parameters of a handler.
    fn handed_by_address(&mut self, name: &str) {
        for parameter in self.functions.get(name).cloned().unwrap_or_default() {
            let key = format!("{name}()${parameter}");
            if !self.variables.contains_key(&key) && parameter != "self" && parameter != "request" {
                self.variables.insert(key, Value::tainted("a part of the request"));
            }
        }
    }

    /// What follows the name of a function that is defined.
    pub(super) fn defined(&mut self, name: String) {
        let parameters = self.parameters();
        let scope = Scope { name, braces: self.braces, is_line: false };
        for (parameter, kind) in &parameters {
            let key = format!("{}()${parameter}", scope.name);
            if let Some(kind) = kind
                && !self.variables.contains_key(&key)
            {
                self.variables.insert(key, Value::named(kind));
            }
        }
        let names = parameters.into_iter().map(|(name, _)| name).collect();
        self.functions.insert(scope.name.clone(), names);
        self.body(scope);
    }

    /// Goes to the body of a function and enters it.
    fn body(&mut self, scope: Scope) {
        for _ in 0..AHEAD {
            match self.token() {
                Some(Token::Sign("{")) => return self.scope.push(scope),
                // The body is indented, or ends with a word, or there is none.
                Some(Token::End) => {
                    if self.language.compares_with_equals {
                        self.scope.push(scope);
                    } else if matches!(self.ahead(1), Some(Token::Sign("{"))) {
                        self.step();
                        self.scope.push(scope);
                    }
                    return;
                }
                Some(Token::Sign("=>")) => return,
                Some(Token::Sign(":" | "->" | "," | "(" | ")")) => self.step(),
                Some(Token::Name(word)) if word == "return" || self.ends_with_line() => {
                    return self.scope.push(Scope { is_line: true, ..scope });
                }
                None => return,
                Some(_) => self.step(),
            }
        }
    }

    /// Whether what stands before is the colon after which a body begins on the same line.
    fn ends_with_line(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        matches!(before, Some((Token::Sign(":"), _)))
    }

    /// Parameters and their types.
    fn parameters(&mut self) -> Vec<(String, Option<String>)> {
        let mut all = Vec::new();
        if !self.take("(") {
            return all;
        }
        let (mut depth, mut names, mut is_default) = (1_usize, Vec::<String>::new(), false);
        for _ in 0..AHEAD {
            match self.token() {
                Some(Token::Sign("(" | "[" | "{" | "<")) => depth = depth.saturating_add(1),
                Some(Token::Sign(")" | "]" | "}" | ">")) => depth = depth.saturating_sub(1),
                Some(Token::Sign(",")) if depth == 1 => {
                    self.parameter(&mut names, &mut all);
                    is_default = false;
                }
                Some(Token::Sign("=" | ":")) => is_default = true,
                Some(Token::Name(name)) if depth == 1 && !is_default => names.push(name.clone()),
                None => break,
                Some(_) => {}
            }
            self.step();
            if depth == 0 {
                break;
            }
        }
        self.parameter(&mut names, &mut all);
        all
    }

    fn parameter(&self, names: &mut Vec<String>, all: &mut Vec<(String, Option<String>)>) {
        if let Some(name) = names.pop() {
            let kind = names.pop().filter(|_| self.language.beside == Beside::Type);
            all.push((name, kind));
        }
        names.clear();
    }

    /// Returns whether a name and its parentheses begin a definition, where no word says so.
    pub(super) fn is_method(&self) -> bool {
        if self.language.beside != Beside::Type {
            return false;
        }
        let mut depth = 0_usize;
        for by in 0..AHEAD {
            match self.ahead(by) {
                Some(Token::Sign("(")) => depth = depth.saturating_add(1),
                Some(Token::Sign(")")) => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let next = self.ahead(by.saturating_add(1));
                        return matches!(next, Some(Token::Sign("{")))
                            || matches!(next, Some(Token::Name(word)) if word == "throws");
                    }
                }
                Some(Token::End) | None => return false,
                Some(_) => {}
            }
        }
        false
    }

    /// `for name in values`, in all its spellings.
    pub(super) fn each(&mut self) {
        self.step();
        let _each = self.take_word(&["each"]);
        let mut names = Vec::new();
        let is_open = self.is("(");
        for by in 0..24 {
            match self.ahead(by) {
                Some(Token::Name(word)) if ["in", "of", "In"].contains(&word.as_str()) => {
                    return self.over(by.saturating_add(1), &names);
                }
                Some(Token::Sign(":")) => return self.over(by.saturating_add(1), &names),
                Some(Token::Sign("(")) if by > 0 && !is_open => return self.over(by, &names),
                Some(Token::Name(name)) => names.push(name.clone()),
                Some(Token::Sign("(" | "," | "[" | "]" | "<" | ">" | ")" | "." | "?")) => {}
                _ => return,
            }
        }
    }

    fn over(&mut self, by: usize, names: &[String]) {
        for _ in 0..by {
            self.step();
        }
        let mut over = self.expression();
        // `for await (const part of request)`
        if matches!(over.path.as_deref(), Some("req" | "request" | "ctx.req"))
            && over.tainted.is_none()
            && self.language.beside == Beside::Nothing
            && self.language.definers.contains(&"function")
        {
            over = Value::tainted("the request's body");
        }
        let one = over.elements.as_ref().and_then(|all| all.first().cloned());
        let one = one.unwrap_or_else(|| over.source());
        // Of `Type name`, the name.
        let skipped = match self.language.beside {
            Beside::Type => names.len().saturating_sub(1),
            _ => 0,
        };
        for name in names
            .iter()
            .skip(skipped)
            .filter(|name| !self.language.keywords.contains(&name.as_str()))
        {
            self.assign(name, one.clone());
        }
    }

    /// `import a.b as c`, `from a import b as c`: names for what modules hold.
    pub(super) fn import(&mut self) -> bool {
        let is_from = self.take_word(&["from"]);
        if !is_from {
            self.step();
        }
        if !matches!(self.token(), Some(Token::Name(_))) {
            return false;
        }
        let module = self.dotted();
        if is_from && !self.take_word(&["import"]) {
            return true;
        }
        if !is_from {
            self.imported(&module, None);
            while self.take(",") {
                let module = self.dotted();
                self.imported(&module, None);
            }
            return true;
        }
        self.take("(");
        while let Some(Token::Name(name)) = self.token() {
            let name = name.clone();
            self.step();
            self.imported(&module, Some(name));
            if !self.take(",") {
                break;
            }
        }
        self.take(")");
        true
    }

    fn imported(&mut self, module: &str, name: Option<String>) {
        let path = match &name {
            Some(name) => format!("{module}.{name}"),
            None => module.to_owned(),
        };
        let known_as = if self.take_word(&["as"]) {
            let Some(Token::Name(word)) = self.token() else { return };
            let word = word.clone();
            self.step();
            word
        } else {
            // `import a.b` makes `a` known, which needs no telling.
            let Some(name) = name else { return };
            name
        };
        self.variables.insert(known_as, Value::named(&path));
    }

    fn dotted(&mut self) -> String {
        let mut path = String::new();
        while let Some(Token::Name(word)) = self.token() {
            path.push_str(word);
            self.step();
            if !self.take(".") {
                break;
            }
            path.push('.');
        }
        path
    }

    /// `Dim name As New Type`, `Dim name As Type = …`.
    pub(super) fn declaration(&mut self) -> bool {
        let (Some(Token::Name(name)), Some(Token::Name(word))) = (self.ahead(1), self.ahead(2))
        else {
            return false;
        };
        if word != "as" {
            return false;
        }
        let name = name.clone();
        for _ in 0..3 {
            self.step();
        }
        let offset = self.offset();
        let is_new = self.take_word(&["new"]);
        let mut value = if is_new { self.made(offset) } else { Value::named(&self.dotted()) };
        if self.take("=") {
            value = self.expression();
        }
        self.assign(&name, value);
        true
    }

    /// `a, b = …`, `my ($a, $b) = …`, `{exec: e} = …`: returns whether it was one.
    pub(super) fn several(&mut self) -> bool {
        let (mut names, mut is_list, mut by) = (Vec::<(String, String)>::new(), false, 0);
        let mut closes = None;
        loop {
            match self.ahead(by) {
                Some(Token::Name(word)) if self.language.keywords.contains(&word.as_str()) => {}
                Some(Token::Name(word)) => match names.last_mut() {
                    Some((_, known_as)) if known_as.is_empty() => known_as.clone_from(word),
                    _ => names.push((word.clone(), word.clone())),
                },
                Some(Token::Sign(":")) if closes == Some("}") => {
                    if let Some((_, known_as)) = names.last_mut() {
                        known_as.clear();
                    }
                }
                Some(Token::Sign(",")) => is_list = true,
                Some(Token::Sign("(")) if names.is_empty() => closes = Some(")"),
                Some(Token::Sign("[")) if names.is_empty() => closes = Some("]"),
                Some(Token::Sign("{")) if names.is_empty() && by > 0 => closes = Some("}"),
                Some(Token::Sign(sign)) if closes == Some(*sign) => is_list = true,
                Some(Token::Sign("=")) if is_list && !names.is_empty() => break,
                _ => return false,
            }
            by = by.saturating_add(1);
            if by > 64 {
                return false;
            }
        }
        for _ in 0..=by {
            self.step();
        }
        self.spread(&names, closes == Some("}"));
        true
    }

    fn spread(&mut self, names: &[(String, String)], by_name: bool) {
        let mut value = self.expression();
        if self.is(",") {
            let mut all = vec![value];
            while self.take(",") && !self.is_end() {
                all.push(self.expression());
            }
            value = super::value::array(all);
        }
        for (place, (name, known_as)) in names.iter().enumerate() {
            let one = match (&value.elements, &value.path) {
                (Some(elements), _) if elements.len() >= names.len() => {
                    elements.get(place).cloned().unwrap_or_default()
                }
                (_, Some(path)) if by_name => {
                    let path: Rc<str> = format!("{path}.{name}").into();
                    let found = self.sourced(&path);
                    found.unwrap_or(Value { path: Some(path), ..value.clone().source() })
                }
                _ => value.clone().source(),
            };
            self.assign(known_as, one);
        }
    }
}
