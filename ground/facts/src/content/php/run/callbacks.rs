//! Calls of what a value names or is, and functions that call what they are given.

use std::rc::Rc;

use super::super::tree::{Argument, Name};
use super::super::value::Value;
use super::Runner;

/// Functions that call what they are given: at which place it stands (from the end, if negative),
/// and what it is called with.
const CALLERS: [(&str, isize, With); 44] = [
    ("array_map", 0, With::Elements),
    ("array_filter", 1, With::Elements),
    ("array_walk", 1, With::Elements),
    ("array_walk_recursive", 1, With::Elements),
    ("array_reduce", 1, With::Reduced),
    ("array_find", 1, With::Elements),
    ("array_any", 1, With::Elements),
    ("array_all", 1, With::Elements),
    ("usort", 1, With::Pairs),
    ("uasort", 1, With::Pairs),
    ("uksort", 1, With::Pairs),
    ("array_diff_ukey", -1, With::Pairs),
    ("array_udiff", -1, With::Pairs),
    ("array_udiff_assoc", -1, With::Pairs),
    ("array_udiff_uassoc", -1, With::Pairs),
    ("array_diff_uassoc", -1, With::Pairs),
    ("array_uintersect", -1, With::Pairs),
    ("array_uintersect_assoc", -1, With::Pairs),
    ("array_uintersect_uassoc", -1, With::Pairs),
    ("array_intersect_ukey", -1, With::Pairs),
    ("array_intersect_uassoc", -1, With::Pairs),
    ("register_shutdown_function", 0, With::Rest),
    ("register_tick_function", 0, With::Rest),
    ("call_user_func", 0, With::Rest),
    ("forward_static_call", 0, With::Rest),
    ("call_user_func_array", 0, With::Spread),
    ("forward_static_call_array", 0, With::Spread),
    ("call_user_method", 0, With::Rest),
    ("func_overload", 0, With::Rest),
    ("preg_replace_callback", 1, With::Matches),
    ("mb_ereg_replace_callback", 1, With::Matches),
    ("iterator_apply", 1, With::Last),
    ("ob_start", 0, With::Shown),
    ("header_register_callback", 0, With::Nothing),
    ("spl_autoload_register", 0, With::Later),
    ("set_error_handler", 0, With::Later),
    ("set_exception_handler", 0, With::Later),
    ("session_set_save_handler", 2, With::Nothing),
    ("assert_options", 1, With::Nothing),
    ("sqlite_create_function", 2, With::Nothing),
    ("readline_completion_function", 0, With::Nothing),
    ("xml_set_character_data_handler", 1, With::Nothing),
    ("xml_set_default_handler", 1, With::Nothing),
    ("uopz_set_return", 1, With::Nothing),
];

/// What a function calls another with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    /// Each element of the others.
    Elements,
    /// Two elements of the others.
    Pairs,
    /// What was made so far, and an element.
    Reduced,
    /// The others as they are.
    Rest,
    /// The elements of the next.
    Spread,
    /// What a pattern found in the last.
    Matches,
    /// The elements of the last.
    Last,
    /// What the page shows.
    Shown,
    /// What comes later: a class, an error, an exception.
    Later,
    Nothing,
}

impl Runner<'_> {
    /// A call of a value: `$f(…)`, `('sys'.'tem')(…)`.
    pub(super) fn called(
        &mut self,
        called: &Value,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        let mut all: Option<Value> = None;
        let mut add = |value: Value| {
            all = Some(all.take().map_or(value.clone(), |all| all.or(&value)));
        };
        if let Some(by) = &called.tainted
            && called.array.is_none()
        {
            let detail = format!("{by} names the function that is called");
            self.flow(offset, if called.has_head { 55 } else { 90 }, detail, true);
        } else if called.decoded.is_some()
            && let Some(by) = given.iter().find_map(|one| one.gathered().tainted)
        {
            let detail = format!("{by} reaches a function whose name is unpacked");
            self.flow(offset, 85, detail, true);
        }
        for closure in called.functions.clone().iter().flat_map(|all| all.iter()) {
            let (this, class) = (closure.this, closure.class.clone());
            let function = Rc::clone(&closure.function);
            add(self.enter(&function, this, class, given, arguments, Some(closure)));
        }
        for object in called.objects.clone().iter().flat_map(|all| all.iter()) {
            if let Some(value) = self.method_of(*object, "__invoke", given, offset) {
                add(value);
            }
        }
        if called.array.is_some() {
            let (of, name) = (self.element(called, Some(b"0")), self.element(called, Some(b"1")));
            if let Some(by) = of.tainted.as_ref().filter(|_| name.tainted.is_some()) {
                let detail = format!("{by} names the method that is called");
                self.flow(offset, 85, detail, true);
            }
            for name in name.names().iter().take(4) {
                add(self.method_by_name(&of, name, given, offset));
            }
        }
        for name in called.names().iter().take(8) {
            match name.split_once("::") {
                Some((class, method)) => {
                    let of = Value::text(class.as_bytes());
                    add(self.method_by_name(&of, method, given, offset));
                }
                None if !name.is_empty() => {
                    add(self.call_named(name, given, arguments, offset));
                }
                None => {}
            }
        }
        match all {
            Some(all) => all,
            None => given.iter().fold(Value::default(), |all, one| all.and(one)),
        }
    }

    /// A method of an object or class that a value is.
    pub(super) fn method_by_name(
        &mut self,
        of: &Value,
        name: &str,
        given: &[Value],
        offset: usize,
    ) -> Value {
        if of.objects.is_some() {
            return self.method_on(of, name, given, None, offset);
        }
        for class in of.names().iter().take(4) {
            let class: Name = match class.as_str() {
                "self" | "static" => self.now.class.clone().unwrap_or_default(),
                class => class.into(),
            };
            if let Some((function, owner)) = self.find_method(&class, name) {
                return self.enter(&function, None, Some(owner), given, None, None);
            }
        }
        Value::default()
    }

    /// Functions that call what they are given.
    pub(super) fn callers(&mut self, name: &str, given: &[Value], offset: usize) -> Option<Value> {
        let (_, place, with) = CALLERS.iter().find(|(caller, _, _)| *caller == name)?;
        let place = match usize::try_from(*place) {
            Ok(place) => place,
            Err(_negative) => given.len().checked_sub(1)?,
        };
        let called = given.get(place)?.clone();
        if let Some(by) = called.tainted.as_ref().filter(|_| !called.has_head) {
            let detail = format!("{by} names the function that {name}() calls");
            self.flow(offset, 85, detail, true);
        }
        let called = Value { tainted: None, ..called };
        let rest: Vec<Value> = given
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != place)
            .map(|(_, one)| one.clone())
            .collect();
        if called.is_unknown() {
            return None;
        }
        match with {
            With::Elements => return Some(self.over_elements(name, &called, &rest, offset)),
            With::Pairs => {
                let one = rest.iter().fold(Value::default(), |all, one| all.or(&one.any()));
                let _order = self.called(&called, &[one.clone(), one], None, offset);
                return None;
            }
            With::Reduced => return Some(self.reduced(&called, &rest, offset)),
            With::Rest => return Some(self.called(&called, &rest, None, offset)),
            With::Spread | With::Last => {
                let all = rest.last().cloned().unwrap_or_default();
                let whole = all.array.as_ref().and_then(|array| array.whole());
                let given: Vec<Value> = match whole.filter(|_| all.tainted.is_none()) {
                    Some(all) => all.iter().map(|(_, value)| value.clone()).collect(),
                    None => vec![all.any(), all.any()],
                };
                return Some(self.called(&called, &given, None, offset));
            }
            With::Matches => {
                let subject = rest.get(1).cloned().unwrap_or_default();
                let found = subject.gathered();
                let found = Value { has_head: false, is_word: false, ..found };
                let mut array = super::super::value::Array::default();
                array.put_anywhere(&found);
                let given = [Value::array(array)];
                let new = self.called(&called, &given, None, offset);
                return Some(subject.and(&new));
            }
            With::Shown => self.listeners.push(called),
            With::Later => self.handlers.push(called),
            With::Nothing => {
                let _given = self.called(&called, &[], None, offset);
            }
        }
        Some(Value::default())
    }

    /// A function called with each element of arrays.
    fn over_elements(
        &mut self,
        name: &str,
        called: &Value,
        arrays: &[Value],
        offset: usize,
    ) -> Value {
        let first = arrays.first().cloned().unwrap_or_default();
        let whole = first.array.as_ref().and_then(|array| array.whole());
        let whole = whole.filter(|all| first.tainted.is_none() && all.len() <= 512);
        let second = |at: usize| {
            let more = arrays.get(1)?;
            if name != "array_map" {
                return None;
            }
            let array = more.array.as_ref()?;
            array.entries.get(at).map(|(_, value)| value.clone())
        };
        if let Some(all) = whole {
            let mut made = super::super::value::Array::default();
            for (at, (key, value)) in all.iter().enumerate() {
                let value = value.clone();
                let extra = match name {
                    "array_walk" => Some(super::loops::keyed(key)),
                    _ => second(at),
                };
                let given: Vec<Value> = [Some(value), extra].into_iter().flatten().collect();
                let one = self.called(called, &given, None, offset);
                made.put(Some(key), one);
            }
            return if name == "array_map" { Value::array(made) } else { first };
        }
        let given: Vec<Value> = arrays.iter().map(Value::any).collect();
        let one = self.called(called, &given, None, offset);
        if name == "array_map" {
            let mut made = super::super::value::Array::default();
            made.put_anywhere(&one);
            return Value::array(made);
        }
        first
    }

    fn reduced(&mut self, called: &Value, rest: &[Value], offset: usize) -> Value {
        let over = rest.first().cloned().unwrap_or_default();
        let mut made = rest.get(1).cloned().unwrap_or_else(|| Value::text(b""));
        let whole = over.array.as_ref().and_then(|array| array.whole()).map(<[_]>::to_vec);
        match whole.filter(|all| over.tainted.is_none() && all.len() <= 1024) {
            Some(all) => {
                for (_, one) in all {
                    made = self.called(called, &[made, one], None, offset);
                }
            }
            None => {
                for _ in 0..2 {
                    made = self.called(called, &[made, over.any()], None, offset);
                }
            }
        }
        made
    }

    /// What is shown goes through those that asked for it.
    pub(super) fn shown(&mut self, value: &Value) {
        if value.tainted.is_none() {
            return;
        }
        let value = Value { has_head: false, ..value.source() };
        for listener in self.listeners.clone().iter().take(4) {
            let _shown = self.called(listener, std::slice::from_ref(&value), None, 0);
        }
    }

    /// What goes wrong, or is not there, goes to those that asked for it.
    pub(super) fn handled(&mut self, value: &Value, offset: usize) {
        for handler in self.handlers.clone().iter().take(4) {
            let given = [value.clone(), value.clone()];
            let _handled = self.called(handler, &given, None, offset);
        }
    }
}
