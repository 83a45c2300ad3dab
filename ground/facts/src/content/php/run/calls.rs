//! Calls of functions: what they are given, and what they give.

use std::rc::Rc;

use super::super::tree::{Argument, Expression, Function, Name};
use super::super::value::{Array, Value};
use super::places::Place;
use super::{CALLS, Closure, Frame, Runner};

/// From how many calls on what a function gives is not computed again if nothing is known of what
/// it is given.
const AGAIN: usize = 4;
/// How often a function may be within itself if it is not given constants.
const WITHIN: usize = 2;

impl Runner<'_> {
    /// What arguments are.
    pub(super) fn given(&mut self, arguments: &[Argument]) -> Vec<Value> {
        let mut all = Vec::new();
        for one in arguments {
            let value = self.value(&one.value);
            if !one.is_spread {
                all.push(value);
                continue;
            }
            let whole = value.array.as_ref().and_then(|array| array.whole());
            match whole.filter(|_| value.tainted.is_none()) {
                Some(elements) => all.extend(elements.iter().map(|(_, value)| value.clone())),
                None => {
                    let any = value.any();
                    all.extend([any.clone(), any.clone(), any]);
                }
            }
        }
        all
    }

    pub(super) fn call(
        &mut self,
        called: &Expression,
        arguments: &[Argument],
        offset: usize,
    ) -> Value {
        let Expression::Constant(name) = called else {
            let called = self.value(called);
            let given = self.given(arguments);
            return self.called(&called, &given, Some(arguments), offset);
        };
        let given = self.given(arguments);
        // `name(...)` is the function itself.
        if arguments.len() == 1
            && matches!(arguments, [one] if one.is_spread)
            && matches!(arguments, [Argument { value: Expression::Unknown, .. }])
        {
            return Value::text(name.as_bytes());
        }
        self.call_named(name, &given, Some(arguments), offset)
    }

    /// A call of a function by its name.
    pub(super) fn call_named(
        &mut self,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        if let Some(function) = self.functions.get(name).cloned()
            && !super::sinks::is_sink(name)
        {
            return self.enter(&function, None, None, given, arguments, None);
        }
        let value = self.builtin(name, given, arguments, offset);
        self.weighed(value)
    }

    /// Goes into a function.
    pub(super) fn enter(
        &mut self,
        function: &Rc<Function>,
        this: Option<usize>,
        class: Option<Name>,
        given: &[Value],
        arguments: Option<&[Argument]>,
        closure: Option<&Closure>,
    ) -> Value {
        let identity = Rc::as_ptr(function) as usize;
        self.called.insert(identity);
        let is_constant = given.iter().all(|one| one.exact().is_some());
        let within = |frame: &&Frame| {
            frame.function.as_ref().is_some_and(|known| Rc::ptr_eq(known, function))
        };
        let depth = self.below.iter().chain([&self.now]).filter(within).count();
        if self.below.len() >= CALLS || (depth > WITHIN && !is_constant) || !self.step() {
            return Value::default();
        }
        let is_told = this.is_some() || given.iter().any(|one| !one.is_unknown());
        if let Some((times, value)) = self.calls.get(&identity)
            && *times >= AGAIN
            && (!is_told || *times >= AGAIN.saturating_mul(60) && !is_constant)
        {
            return value.clone();
        }
        let mut frame = Frame {
            this,
            class,
            function: Some(Rc::clone(function)),
            arguments: given.to_vec(),
            unsure: self.unsure,
            ..Frame::default()
        };
        if let Some(closure) = closure {
            frame.variables.extend(closure.taken.iter().cloned());
            frame.aliases.extend(closure.aliases.iter().cloned());
        }
        self.parameters(&mut frame, function, given, arguments);
        let caller = std::mem::replace(&mut self.now, frame);
        self.below.push(caller);
        self.defaults(function, given.len());
        let _ends = self.statements(&function.body);
        self.pending(&function.body);
        let Some(caller) = self.below.pop() else { return Value::default() };
        let frame = std::mem::replace(&mut self.now, caller);
        let value = match (frame.yields, function.is_generator) {
            (Some(all), true) => all,
            _ => frame.returns.unwrap_or_default(),
        };
        let known = self.calls.remove(&identity);
        let (times, all) = known.map_or((0, value.clone()), |(times, all)| (times, all.or(&value)));
        self.calls.insert(identity, (times.saturating_add(1), all));
        value
    }

    /// What parameters are, by what is given.
    fn parameters(
        &mut self,
        frame: &mut Frame,
        function: &Function,
        given: &[Value],
        arguments: Option<&[Argument]>,
    ) {
        let has_spread = arguments.is_some_and(|all| all.iter().any(|one| one.is_spread));
        for (place, parameter) in function.parameters.iter().enumerate() {
            let name = Rc::clone(&parameter.name);
            if parameter.is_rest {
                let rest = given.get(place..).unwrap_or_default();
                frame.variables.insert(name, Value::list(rest.iter().cloned()));
                break;
            }
            let by_name = arguments.and_then(|all| {
                let at = all.iter().position(|one| one.name.as_ref() == Some(&name))?;
                given.get(at).cloned()
            });
            let is_named =
                arguments.and_then(|all| all.get(place)).is_some_and(|one| one.name.is_some());
            let value = by_name.or_else(|| given.get(place).filter(|_| !is_named).cloned());
            let argument = arguments.and_then(|all| all.get(place)).filter(|_| !has_spread);
            if let Some(argument) = argument.filter(|_| parameter.is_reference) {
                let kept = self.place(&argument.value);
                if kept != Place::Nowhere {
                    frame.aliases.insert(name, kept);
                    continue;
                }
            }
            if let Some(value) = value {
                frame.variables.insert(name, value);
            }
        }
    }

    /// What parameters are that nothing is given for; and those that become properties.
    fn defaults(&mut self, function: &Function, given: usize) {
        for (place, parameter) in function.parameters.iter().enumerate() {
            let name = &parameter.name;
            let is_given =
                self.now.variables.contains_key(name) || self.now.aliases.contains_key(name);
            if !is_given {
                let default = parameter.default.as_ref().map(|value| self.value(value));
                let mut value = default.unwrap_or_default();
                // Nothing was given at all: the page is not seen to call it.
                if given == 0 && place == 0 {
                    value.is_open = true;
                }
                if value.is_unknown()
                    && let Some(kind) =
                        parameter.kind.as_ref().filter(|kind| self.classes.contains_key(*kind))
                    && self.below.len() < 6
                {
                    let object = self.shared_object(&Rc::clone(kind));
                    value = Value::object(object);
                }
                self.now.variables.insert(Rc::clone(name), value);
            }
            if parameter.is_property
                && let (Some(this), Some(value)) =
                    (self.now.this, self.now.variables.get(name).cloned())
            {
                let name: Name = name.to_lowercase().into();
                self.put_property(this, Some(&name), &value, true);
            }
        }
    }

    /// Code within a text, gone through where it is run.
    pub(super) fn run_text(&mut self, text: &[u8], offset: usize) -> Value {
        if self.layers >= 5 || text.len() < 4 {
            return Value::default();
        }
        let page = match self.inner.get(text) {
            Some(page) => Rc::clone(page),
            None if self.inner.len() < 64 => {
                let code = if text.starts_with(b"<?") {
                    text.to_vec()
                } else {
                    [b"<?php ".as_slice(), text].concat()
                };
                let page =
                    Rc::new(super::super::parser::page(&super::super::tokens::tokens(&code)));
                self.inner.insert(text.to_vec(), Rc::clone(&page));
                page
            }
            None => return Value::default(),
        };
        let outer = self.outer;
        self.outer = Some(outer.unwrap_or(offset));
        self.layers = self.layers.saturating_add(1);
        self.declare(&page);
        let returns = self.now.returns.take();
        let _ends = self.statements(&page.body);
        let value = std::mem::replace(&mut self.now.returns, returns).unwrap_or_default();
        self.layers = self.layers.saturating_sub(1);
        if outer.is_none() {
            self.sweep_page(&page);
        }
        self.outer = outer;
        value
    }

    /// The function that a text's code makes, with its parameters in another text.
    pub(super) fn function_of(&mut self, parameters: &[u8], body: &[u8], offset: usize) -> Value {
        let code = [b"<?php return function(", parameters, b") {".as_slice(), body, b"};"].concat();
        self.run_text(&code, offset)
    }

    /// `compact`, `func_get_args`, `get_defined_vars`.
    pub(super) fn of_frame(&mut self, name: &str, given: &[Value]) -> Value {
        match name {
            "compact" => {
                let mut array = Array::default();
                let names: Vec<String> = given
                    .iter()
                    .flat_map(|one| match &one.array {
                        Some(all) => all.values().cloned().collect(),
                        None => vec![one.clone()],
                    })
                    .filter_map(|one| one.exact().map(|it| String::from_utf8_lossy(it).into()))
                    .collect();
                for name in names {
                    let value = self.variable(&Name::from(name.as_str()));
                    array.put(Some(name.as_bytes()), value);
                }
                Value::array(array)
            }
            "get_defined_vars" => {
                let mut array = Array::default();
                for (name, value) in &self.now.variables {
                    array.put(Some(name.as_bytes()), value.clone());
                }
                for name in ["_GET", "_POST", "_COOKIE", "_REQUEST"] {
                    array.put(Some(name.as_bytes()), Value::tainted(&format!("${name}")));
                }
                Value::array(array)
            }
            "func_get_arg" => {
                let at = given.first().and_then(Value::as_number).unwrap_or(0);
                let at = usize::try_from(at).unwrap_or(0);
                self.now.arguments.get(at).cloned().unwrap_or_default()
            }
            _ => Value::list(self.now.arguments.clone()),
        }
    }
}
