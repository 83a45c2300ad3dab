//! Places: what follows a value, and where it is kept.

use std::rc::Rc;

use super::expressions::{Argument, EITHER, JUDGING};
use super::names::{keeps, last};
use super::reader::Reader;
use super::token::Token;
use super::value::{Value, under};
use super::{Beside, By};

/// A value, and where it is kept.
pub(super) struct Place {
    pub(super) value: Value,
    /// The variable, or its part, that it is kept in.
    pub(super) name: Option<String>,
    /// The object a method would be called on.
    pub(super) owner: Option<Value>,
    /// What the place is called, whatever is kept there.
    pub(super) path: Option<Rc<str>>,
}

impl Reader<'_> {
    /// Reads what follows a value: members, elements, calls, and an assignment to it.
    pub(super) fn suffixes(&mut self, mut place: Place, offset: usize) -> Value {
        loop {
            let sign = match self.token() {
                Some(Token::Sign(sign)) => *sign,
                _ => "",
            };
            // Nothing that follows a value begins so.
            if matches!(sign.as_bytes(), [b')' | b']' | b'}' | b',' | b';']) {
                return place.value;
            }
            let is_hash = sign == "{" && place.name.as_ref().is_some_and(|it| it.starts_with('$'));
            if self.language.members.contains(&sign) || sign == "?." {
                let is_lambda = sign == ":" && !matches!(self.ahead(1), Some(Token::Name(_)));
                if is_lambda {
                    break;
                }
                self.step();
                place = self.member(place);
            } else if sign == "(" {
                if self.is_perl() && !self.may_be_called(&place) {
                    break;
                }
                let arguments = self.list("(", ")");
                self.put_into(&place, &arguments);
                let owner = place.owner.take();
                let value = self.invoked(&place.value, owner.as_ref(), &arguments, offset);
                place = Place { value, name: None, owner: None, path: None };
            } else if sign == "[" || is_hash {
                place = self.indexed(place, sign);
            } else if sign == "++" || sign == "--" {
                self.step();
            } else if self.has_bare_arguments(&place) {
                let arguments = self.bare();
                self.put_into(&place, &arguments);
                let owner = place.owner.take();
                let value = self.invoked(&place.value, owner.as_ref(), &arguments, offset);
                place = Place { value, name: None, owner: None, path: None };
            } else {
                break;
            }
        }
        self.assignment(place, offset)
    }

    /// What a method puts into its object: `d.Add key, value`.
    fn put_into(&mut self, place: &Place, arguments: &[Argument]) {
        const PUTTING: [&str; 8] =
            ["add", "append", "put", "push", "addall", "insert", "offer", "setdefault"];
        let name = place.name.as_deref().filter(|_| place.owner.is_some()).unwrap_or_default();
        let Some((variable, method)) = name.rsplit_once('.') else { return };
        let tainted = arguments.iter().find(|one| one.value.tainted.is_some());
        let is_putting = PUTTING.contains(&method.to_ascii_lowercase().as_str());
        let (true, Some(one)) = (is_putting, tainted) else { return };
        let (variable, new) = (variable.to_owned(), one.value.clone().source());
        if let Some(known) = self.known(&variable).cloned() {
            let path = known.path.clone();
            self.assign(&variable, Value { path, ..known.and(&new) });
        }
    }

    /// Whether this is Perl, where a value is called only after `&` or `->`.
    pub(super) fn is_perl(&self) -> bool {
        self.language.definers == ["sub"]
    }

    fn may_be_called(&self, place: &Place) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        match before {
            Some((Token::Sign("->"), _)) => true,
            Some((Token::Name(name), _)) => !name.starts_with('$') || place.owner.is_some(),
            _ => false,
        }
    }

    /// Whether arguments without parentheses follow.
    fn has_bare_arguments(&self, place: &Place) -> bool {
        let path = place.value.path.as_deref().unwrap_or_default();
        // Most have none, whatever follows.
        let may = match self.language.beside {
            Beside::Argument => !path.is_empty(),
            Beside::Nothing => path == "exec",
            Beside::Type => false,
        };
        if !may {
            return false;
        }
        let begins = match self.token() {
            Some(Token::Text(_) | Token::Number(_)) => true,
            Some(Token::Name(word)) => {
                !self.language.keywords.contains(&word.as_str())
                    && !JUDGING.contains(&word.as_str())
                    && !EITHER.contains(&word.as_str())
                    && !["if", "unless", "else", "then", "as", "for", "x", "cmp"]
                        .contains(&word.as_str())
            }
            Some(Token::Sign("\\" | "<")) => self.is_perl(),
            Some(Token::Sign("(")) => self.is_perl(),
            _ => false,
        };
        if !begins || place.value.text.is_some() || place.value.elements.is_some() {
            return false;
        }
        let is_function =
            place.owner.is_some() || place.name.as_ref().is_some_and(|name| !name.starts_with('$'));
        match self.language.beside {
            Beside::Argument => is_function,
            // Python's old `exec code`.
            Beside::Nothing => self.language.definers.contains(&"def"),
            Beside::Type => false,
        }
    }

    fn bare(&mut self) -> Vec<Argument> {
        let mut all = Vec::new();
        while !self.is_end() {
            let from = self.at;
            let (name, _is_named) = self.key_of_value();
            let value = self.expression();
            all.push(Argument { name, value });
            if !self.take(",") && !self.take("=>") {
                break;
            }
            self.at = self.at.max(from.saturating_add(1));
        }
        all
    }

    /// A member of a value.
    fn member(&mut self, place: Place) -> Place {
        let name = match self.token() {
            Some(Token::Name(name)) => name.clone(),
            // `$x->{key}`, `$x->[0]`, `$f->(…)`: the sign stands for nothing.
            _ => return place,
        };
        self.step();
        let owner = place.value;
        let key = place.name.as_deref().map(|variable| match variable {
            "self" | "this" | "me" | "$self" | "$this" => ["->", name.as_str()].concat(),
            variable => [variable, ".", name.as_str()].concat(),
        });
        // A member that a variable names.
        let dynamic = name.starts_with('$').then(|| self.known(&name).cloned()).flatten();
        if let Some(named) = dynamic.filter(|named| named.tainted.is_some()) {
            return Place { value: named, name: None, owner: Some(owner), path: None };
        }
        let base = owner.path.as_deref().unwrap_or("?");
        let path = joined(base, &name);
        let told: Rc<str> = match place.path.as_deref() {
            Some(base) => joined(base, &name).into(),
            None => path.as_str().into(),
        };
        let is_call = self.is("(");
        let known = key.as_ref().filter(|_| !is_call).and_then(|key| {
            if key.starts_with("->") { self.variables.get(key) } else { self.known(key) }
        });
        let value = match known {
            Some(known) => known.clone(),
            None => match self.sourced(&path).filter(|_| !is_call) {
                Some(found) => found,
                None => {
                    let kept = owner.clone().source();
                    let kept = if keeps(&name) && !is_call { kept } else { Value::default() };
                    Value { path: Some(path.into()), ..kept }
                }
            },
        };
        Place { value, name: key, owner: Some(owner), path: Some(told) }
    }

    /// An element of a value.
    fn indexed(&mut self, place: Place, open: &'static str) -> Place {
        let is_reversing = matches!(
            (self.ahead(1), self.ahead(2), self.ahead(3)),
            (Some(Token::Sign("::")), Some(Token::Sign("-")), Some(Token::Number(1)))
        );
        let start = self.at;
        let bare_key = match (self.ahead(1), self.ahead(2)) {
            (Some(Token::Name(key)), Some(Token::Sign("}"))) if open == "{" => {
                (!key.starts_with('$')).then(|| key.clone())
            }
            _ => None,
        };
        let close = if open == "[" { "]" } else { "}" };
        let all = self.list(open, close);
        if is_reversing {
            let text = place.value.text.as_ref().map(|text| text.iter().rev().copied().collect());
            let value = Value { text, ..place.value };
            return Place { value, name: None, owner: None, path: None };
        }
        let is_slice = self.tokens.get(start..self.at).is_some_and(|tokens| {
            tokens.iter().any(|(token, _)| matches!(token, Token::Sign(":" | "::" | "..")))
        }) && all.iter().all(|one| one.value.text.is_none() || one.value.is_number);
        let index = match bare_key {
            Some(key) => Value::text(key.as_bytes()),
            None => all.into_iter().next().map(|one| one.value).unwrap_or_default(),
        };
        if is_slice {
            return Place { value: place.value.source(), name: None, owner: None, path: None };
        }
        self.element(place, &index)
    }

    fn element(&mut self, place: Place, index: &Value) -> Place {
        let owner = place.value;
        let Some(told) = index.text.as_ref().filter(|text| text.len() < 64) else {
            let path = owner.path.clone();
            // A module's member that the request names.
            let named = index.tainted.as_ref().filter(|_| {
                path.as_deref().is_some_and(|path| {
                    matches!(
                        path,
                        "globals"
                            | "os"
                            | "globalThis"
                            | "global"
                            | "builtins"
                            | "_G"
                            | "child_process"
                    )
                })
            });
            let tainted = named.cloned().or_else(|| owner.tainted.clone());
            let value = Value { tainted, path, ..owner.source() };
            return Place { value, name: place.name, owner: None, path: None };
        };
        if let Some(one) = owner.elements.as_ref().and_then(|all| under(all, told)) {
            return Place { value: one, name: None, owner: None, path: None };
        }
        let told = String::from_utf8_lossy(told).into_owned();
        if let Some(value) = super::texts::part(&owner, index) {
            return Place { value, name: None, owner: None, path: None };
        }
        let key = place.name.as_ref().map(|name| format!("{name}[{told}]"));
        let base = owner.path.as_deref().unwrap_or(place.name.as_deref().unwrap_or("?"));
        let path = joined(base, &told);
        let known = key.as_ref().and_then(|key| self.known(key)).cloned();
        let by_name = place.name.as_ref().map(|name| joined(name, &told));
        let sourced = || {
            let found = self.sourced_exactly(&path);
            found.or_else(|| by_name.and_then(|path| self.sourced_exactly(&path)))
        };
        let value = match known.or_else(sourced) {
            Some(value) => value,
            None => Value { path: Some(path.into()), ..owner.clone().source() },
        };
        Place { value, name: key, owner: Some(owner), path: None }
    }

    fn assignment(&mut self, place: Place, offset: usize) -> Value {
        let Some(Token::Sign(sign)) = self.token() else { return place.value };
        let (value, name) = (place.value, place.name);
        match *sign {
            "=" if self.judging => {
                self.step();
                let _looked_at = self.operand();
                Value::default()
            }
            "=" | ":=" => {
                self.step();
                let start = self.at;
                let new = self.expression();
                // `… unless …`: it may be as it was.
                let new = if self.is_conditional(start) { value.clone().or(&new) } else { new };
                let path = place.path.or_else(|| value.path.clone()).unwrap_or_else(|| "".into());
                self.sinks(&path, By::Assigned, None, std::slice::from_ref(&new), offset);
                self.kept(name, new)
            }
            "+=" | ".=" | "<<=" | "||=" | "??=" | "//=" | "&=" | "..=" => {
                let is_chain = matches!(*sign, "+=" | ".=" | "&=");
                self.step();
                let more = self.expression();
                let new = if is_chain { value.then(&more) } else { value.or(&more) };
                let new = self.weighed(new);
                self.kept(name, new)
            }
            "-=" | "*=" | "/=" | "%=" | "|=" | "^=" | ">>=" | "**=" => {
                self.step();
                let more = self.expression();
                let new = Value { text: None, ..value.and(&more) };
                self.kept(name, new)
            }
            _ => value,
        }
    }

    /// Whether what was read since a place is done only on a condition.
    fn is_conditional(&self, start: usize) -> bool {
        let read = self.tokens.get(start..self.at).unwrap_or_default();
        self.language.beside == Beside::Argument
            && read.iter().skip(1).any(
                |(token, _)| matches!(token, Token::Name(word) if word == "if" || word == "unless"),
            )
    }

    fn kept(&mut self, name: Option<String>, new: Value) -> Value {
        let Some(name) = name else { return new };
        if name.starts_with("->") {
            self.variables.insert(name, new.clone());
            return new;
        }
        self.assign(&name, new.clone());
        // A part taints what it is part of, for whoever takes all of it.
        if let Some(at) = name.find(['[', '.'])
            && (new.tainted.is_some() || new.decoded.is_some())
            && let Some(whole) = name.get(..at)
        {
            let known = self.known(whole).cloned().unwrap_or_default();
            let path = known.path.clone();
            let both = Value { path, ..known.and(&new).source() };
            self.assign(whole, both);
        }
        new
    }
}

/// How long a path may grow.
const PATH: usize = 160;

/// Returns the path of a member; what only leads to it is left out.
pub(super) fn joined(base: &str, name: &str) -> String {
    let last = last(base);
    let base = if is_leading(last) {
        match base.len().checked_sub(last.len().saturating_add(1)) {
            Some(before) => base.get(..before).unwrap_or_default(),
            None => return name.to_owned(),
        }
    } else {
        base
    };
    [if base.len() > PATH { "?" } else { base }, ".", name].concat()
}

/// Returns whether a name only leads to what follows it.
fn is_leading(name: &str) -> bool {
    matches!(
        name,
        "__dict__"
            | "__globals__"
            | "globals"
            | "globalThis"
            | "global"
            | "__builtins__"
            | "builtins"
            | "Kernel"
    )
}
