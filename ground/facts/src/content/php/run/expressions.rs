//! Expressions: what values are made of.

use std::rc::Rc;

use super::super::tree::Expression;
use super::super::value::Value;
use super::{Closure, Ends, Runner};

impl Runner<'_> {
    /// What an expression is.
    pub(super) fn value(&mut self, expression: &Expression) -> Value {
        if !self.step() {
            return Value::default();
        }
        self.deeper(|runner| runner.read_value(expression))
    }

    fn read_value(&mut self, expression: &Expression) -> Value {
        match expression {
            Expression::Unknown => Value::default(),
            Expression::Text(text) => {
                Value { texts: Some(Rc::new(vec![Rc::clone(text)])), ..Value::default() }
            }
            Expression::Number(number) => Value::number(*number),
            Expression::Variable(name) => self.variable(name),
            Expression::Named(named) => self.by_name(named),
            Expression::Constant(name) => self.constant(name),
            Expression::ClassConstant(class, name) => self.class_constant(class, name),
            Expression::Element(of, index) => {
                let of = self.value(of);
                let index = index.as_ref().map(|index| self.value(index)).unwrap_or_default();
                self.indexed(&of, &index)
            }
            Expression::Property(..) | Expression::StaticProperty(..) => self.member(expression),
            Expression::Call(called, arguments, offset) => self.call(called, arguments, *offset),
            Expression::Method(of, name, arguments, offset) => {
                self.method(of, name, arguments, *offset)
            }
            Expression::StaticCall(class, name, arguments, offset) => {
                self.static_call(class, name, arguments, *offset)
            }
            Expression::New(class, arguments, offset) => self.made(class, arguments, *offset),
            Expression::Array(items) => self.array(items),
            Expression::Binary(sign, one, other) => self.binary(sign, one, other),
            Expression::Chain(all) => self.chain(all),
            Expression::Closure(function) => self.closure(function),
            Expression::Include(name, value, offset) => {
                let value = self.value(value);
                self.included(name, &value, *offset)
            }
            Expression::Isset(_)
            | Expression::Empty(_)
            | Expression::Truth(_)
            | Expression::Echo(_)
            | Expression::Exit(_)
            | Expression::Yield(..)
            | Expression::Throw(_) => self.asked(expression),
            _ => self.changing(expression),
        }
    }

    /// What the variable holds that a value names.
    fn by_name(&mut self, named: &Expression) -> Value {
        let named = self.value(named);
        match named.exact().map(|text| String::from_utf8_lossy(text).into_owned()) {
            Some(name) => self.variable(&name.into()),
            None => Value::default(),
        }
    }

    /// What a property holds; of what is no object, what is known of all of it.
    fn member(&mut self, expression: &Expression) -> Value {
        if let Expression::Property(of, name) = expression
            && !matches!(of.as_ref(), Expression::Variable(name) if name.as_ref() == "this")
        {
            let of = self.value(of);
            if of.objects.is_none() {
                return Value { has_head: false, ..of.any() };
            }
            // A property of the request's name, where a class takes any.
            let name = self.value(name);
            for object in of.objects.iter().flat_map(|all| all.iter()) {
                let given = std::slice::from_ref(&name);
                if name.tainted.is_some()
                    && let Some(found) = self.method_of(*object, "__get", given, 0)
                {
                    return found;
                }
            }
        }
        let place = self.place(expression);
        self.read(&place)
    }

    /// What is asked, shown, thrown or yielded.
    fn asked(&mut self, expression: &Expression) -> Value {
        match expression {
            Expression::Isset(all) => self.isset(all),
            Expression::Empty(value) => {
                let value = self.value(value);
                value.is_true().map(|it| Value::truth(!it)).unwrap_or_default()
            }
            Expression::Truth(value) => {
                let _looked_at = self.value(value);
                Value::default()
            }
            Expression::Echo(all) => {
                for one in all {
                    let value = self.value(one);
                    let value = self.as_text(&value);
                    self.shown(&value);
                }
                Value::number(1)
            }
            Expression::Exit(value) | Expression::Yield(value, _) => {
                let given = value.as_ref().map(|value| self.value(value)).unwrap_or_default();
                match expression {
                    Expression::Yield(_, is_all) => self.yielded(given, *is_all),
                    _ => Value::default(),
                }
            }
            Expression::Throw(value) => {
                let value = self.value(value);
                self.thrown = std::mem::take(&mut self.thrown).or(&value);
                Value::default()
            }
            _ => Value::default(),
        }
    }

    /// Expressions that change something, and choices.
    fn changing(&mut self, expression: &Expression) -> Value {
        match expression {
            Expression::Assign(target, value) => {
                let value = self.value(value);
                self.assign(target, value.clone());
                value
            }
            Expression::Refer(target, value) => self.refer(target, value),
            Expression::Change(sign, target, value) => self.change(sign, target, value),
            Expression::Count(sign, target, is_after) => {
                let place = self.place(target);
                let known = self.read(&place);
                let new = super::builtin::numbers::counted(sign, &known);
                self.write(&place, new.clone());
                if *is_after { known } else { new }
            }
            Expression::Unary(sign, value) => self.turned(sign, value),
            Expression::Cast(kind, value) => {
                let value = self.value(value);
                self.cast(kind, value)
            }
            Expression::Choice(condition, first, other) => {
                self.choice(condition, first.as_deref(), other)
            }
            Expression::Match(subject, arms) => self.matched(subject, arms),
            _ => Value::default(),
        }
    }

    /// `.=`, `+=` and the like.
    fn change(&mut self, sign: &str, target: &Expression, value: &Expression) -> Value {
        let new = self.value(value);
        let place = self.place(target);
        let known = self.read(&place);
        let known = match known.is_unknown() && !known.is_open && known.decoded.is_none() {
            // What nothing was assigned to yet is empty.
            true => Value::text(b""),
            false => known,
        };
        let new = match sign {
            ".=" => {
                let (known, new) = (self.as_text(&known), self.as_text(&new));
                known.then(&new)
            }
            "??=" => known.or(&new),
            sign => {
                let sign = sign.strip_suffix('=').unwrap_or(sign);
                super::builtin::numbers::calculated(sign, &known, &new)
            }
        };
        let new = self.weighed(new);
        self.write(&place, new.clone());
        new
    }

    /// `!`, `~` and `-`.
    fn turned(&mut self, sign: &str, value: &Expression) -> Value {
        let value = self.value(value);
        match sign {
            "!" => value.is_true().map(|it| Value::truth(!it)).unwrap_or_default(),
            "~" => match value.exact() {
                Some(text) if !value.is_number => {
                    let text: Vec<u8> = text.iter().map(|byte| !byte).collect();
                    Value { decoded: Some("~".into()), ..Value::text(&text) }
                }
                _ => value.source(),
            },
            _ => value.as_number().map(|it| Value::number(it.saturating_neg())).unwrap_or_default(),
        }
    }

    fn matched(&mut self, subject: &Expression, arms: &[(Vec<Expression>, Expression)]) -> Value {
        let subject_value = self.value(subject);
        let mut all: Option<Value> = None;
        for (told, value) in arms {
            let told: Vec<Value> = told.iter().map(|one| self.value(one)).collect();
            let before = self.now.variables.clone();
            if subject_value.tainted.is_some()
                && let Some(one) = told.first().filter(|one| one.exact().is_some())
            {
                self.assign(subject, one.clone());
            }
            let value = self.value(value);
            self.now.variables = before;
            all = Some(all.map_or(value.clone(), |all| all.or(&value)));
        }
        all.unwrap_or_default()
    }

    fn refer(&mut self, target: &Expression, value: &Expression) -> Value {
        let place = self.place(value);
        let known = match place {
            super::places::Place::Nowhere => self.value(value),
            _ => self.read(&place),
        };
        match target {
            Expression::Variable(name) if place != super::places::Place::Nowhere => {
                let is_itself =
                    place == super::places::Place::Variable(self.below.len(), Rc::clone(name));
                if !is_itself {
                    self.now.aliases.insert(Rc::clone(name), place);
                }
            }
            _ => self.assign(target, known.clone()),
        }
        known
    }

    /// What stands at an index.
    pub(super) fn indexed(&mut self, of: &Value, index: &Value) -> Value {
        if let Some(key) = index.exact() {
            return self.element(of, Some(key));
        }
        // One of several keys.
        if index.told().len() > 1 && !index.is_open && index.tainted.is_none() {
            let mut all: Option<Value> = None;
            for key in index.told() {
                let one = self.element(of, Some(key));
                all = Some(all.map_or(one.clone(), |all| all.or(&one)));
            }
            return all.unwrap_or_default();
        }
        let found = self.element(of, None);
        Value { is_open: true, ..found }
    }

    /// Values one after the other.
    fn chain(&mut self, all: &[Expression]) -> Value {
        let mut made: Option<Value> = None;
        for one in all {
            let value = self.value(one);
            let value = self.as_text(&value);
            let both = match made {
                Some(made) => made.then(&value),
                None => value,
            };
            made = Some(self.weighed(both));
        }
        made.unwrap_or_default()
    }

    fn binary(&mut self, sign: &str, one: &Expression, other: &Expression) -> Value {
        match sign {
            "&&" | "and" | "||" | "or" => return self.both(sign, one, other),
            "??" => {
                let first = self.value(one);
                if first.tainted.is_none()
                    && !first.is_open
                    && (first.array.is_some() || first.exact().is_some_and(|it| !it.is_empty()))
                {
                    return first;
                }
                let second = self.value(other);
                let is_unset = first.is_unknown() && !first.is_open && first.decoded.is_none();
                let is_variable = matches!(one, Expression::Variable(name)
                    if !self.now.variables.contains_key(name));
                return if is_unset && is_variable { second } else { first.or(&second) };
            }
            _ => {}
        }
        let (first, second) = (self.value(one), self.value(other));
        if sign == "xor" {
            return Value::default();
        }
        let value = super::builtin::numbers::compared(sign, &first, &second);
        let value =
            value.unwrap_or_else(|| super::builtin::numbers::calculated(sign, &first, &second));
        self.weighed(value)
    }

    /// `&&` and `||`: the second is looked at only if the first leaves it open.
    fn both(&mut self, sign: &str, one: &Expression, other: &Expression) -> Value {
        let is_and = matches!(sign, "&&" | "and");
        let first = self.value(one);
        match first.is_true() {
            Some(first) if first == is_and => {
                let second = self.value(other);
                second.is_true().map(Value::truth).unwrap_or_default()
            }
            Some(first) => {
                let place = std::ptr::from_ref(other) as usize;
                if self.aside.insert(place) {
                    let before = self.now.variables.clone();
                    self.unsure = self.unsure.saturating_add(1);
                    let _value = self.value(other);
                    self.unsure = self.unsure.saturating_sub(1);
                    self.now.variables = before;
                }
                Value::truth(first)
            }
            None => {
                let leaves = matches!(other, Expression::Exit(_) | Expression::Throw(_));
                let _ends = self.either(
                    &mut |runner| {
                        runner.looked_at(one, is_and);
                        let _value = runner.value(other);
                        if leaves { Ends::Leaves } else { Ends::Goes }
                    },
                    &mut |runner| {
                        if leaves {
                            runner.looked_at(one, !is_and);
                        }
                        Ends::Goes
                    },
                );
                Value::default()
            }
        }
    }

    fn choice(
        &mut self,
        condition: &Expression,
        first: Option<&Expression>,
        other: &Expression,
    ) -> Value {
        let value = self.value(condition);
        let is_true = value.is_true();
        let Some(first) = first else {
            return match is_true {
                Some(true) => value,
                Some(false) => self.value(other),
                None => {
                    let other = self.value(other);
                    value.or(&other)
                }
            };
        };
        match is_true {
            Some(true) => self.value(first),
            Some(false) => self.value(other),
            None => {
                let (mut one, mut two) = (Value::default(), Value::default());
                let _ends = self.either(
                    &mut |runner| {
                        runner.looked_at(condition, true);
                        one = runner.value(first);
                        Ends::Goes
                    },
                    &mut |runner| {
                        runner.looked_at(condition, false);
                        two = runner.value(other);
                        Ends::Goes
                    },
                );
                one.or(&two)
            }
        }
    }

    fn cast(&mut self, kind: &str, value: Value) -> Value {
        match kind {
            "int" | "integer" | "float" | "double" | "real" => {
                super::builtin::numbers::number_of(&value)
            }
            "bool" | "boolean" => value.is_true().map(Value::truth).unwrap_or_default(),
            "string" | "binary" => self.as_text(&value),
            "array" if value.array.is_none() && value.tainted.is_none() => {
                match (&value.objects, value.is_unknown()) {
                    (Some(objects), _) => {
                        let first = objects.first().copied().unwrap_or(0);
                        self.properties(first)
                    }
                    (None, true) => value,
                    (None, false) => Value::list([value]),
                }
            }
            "object" if value.array.is_some() => self.object_of(&value),
            "unset" => Value::default(),
            _ => value,
        }
    }

    /// A value as a text: of an object, what it says of itself.
    pub(super) fn as_text(&mut self, value: &Value) -> Value {
        let Some(objects) = value.objects.clone() else { return value.clone() };
        let mut all: Option<Value> = None;
        for object in objects.iter().take(4) {
            if let Some(one) = self.method_of(*object, "__tostring", &[], 0) {
                all = Some(all.map_or(one.clone(), |all| all.or(&one)));
            }
        }
        all.unwrap_or_else(|| value.source())
    }

    fn isset(&mut self, all: &[Expression]) -> Value {
        let mut is_set = Some(true);
        for one in all {
            let found = match one {
                Expression::Element(of, Some(index)) => {
                    let (of, index) = (self.value(of), self.value(index));
                    match (of.exact(), of.array.as_ref().and_then(|it| it.whole()), index.exact()) {
                        (Some(text), _, Some(_)) => {
                            let at = index.as_number().and_then(|at| usize::try_from(at).ok());
                            at.map(|at| at < text.len())
                        }
                        (_, Some(all), Some(key)) if of.tainted.is_none() && !of.is_open => {
                            Some(all.iter().any(|(known, _)| known == key))
                        }
                        _ => None,
                    }
                }
                other => {
                    let _value = self.value(other);
                    None
                }
            };
            is_set = match (is_set, found) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), found) => found,
                (None, _) => None,
            };
        }
        is_set.map(Value::truth).unwrap_or_default()
    }

    fn closure(&mut self, function: &Rc<super::Function>) -> Value {
        let mut taken = Vec::new();
        let mut aliases = Vec::new();
        if function.is_arrow {
            taken.extend(
                self.now.variables.iter().map(|(name, value)| (Rc::clone(name), value.clone())),
            );
        }
        for (name, is_reference) in &function.uses {
            if *is_reference {
                let place = self.place(&Expression::Variable(Rc::clone(name)));
                aliases.push((Rc::clone(name), place));
            } else {
                let value = self.variable(name);
                taken.push((Rc::clone(name), value));
            }
        }
        let (this, class) = (self.now.this, self.now.class.clone());
        let function = Rc::clone(function);
        let closure = Rc::new(Closure { function, taken, aliases, this, class });
        if self.closures.len() < 512 {
            self.closures.push(Rc::clone(&closure));
        }
        Value::function(closure)
    }

    fn yielded(&mut self, given: Value, is_all: bool) -> Value {
        let mut all = self.now.yields.take().unwrap_or_else(|| Value::list([]));
        let mut array = all.array.clone().unwrap_or_default();
        // A long array is copied: that is work too.
        self.steps = self.steps.saturating_add(array.entries.len() / 16);
        let made = Rc::make_mut(&mut array);
        if is_all {
            super::places::spread(made, &given);
        } else if self.unsure > self.now.unsure {
            made.put_anywhere(&given);
        } else {
            made.put(None, given);
        }
        all.array = Some(array);
        self.now.yields = Some(all);
        self.sent.clone()
    }
}
