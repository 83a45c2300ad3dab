//! Loops.

use std::rc::Rc;

use super::super::tree::{Expression, Loop, Statement};
use super::super::value::Value;
use super::places::Place;
use super::{Ends, Runner};

/// How often a loop is gone through of which each turn is known.
const TURNS: usize = 20_000;
/// How many elements are gone through one by one.
const ELEMENTS: usize = 1024;

impl Runner<'_> {
    /// `while`, `do` and `for`: as often as the condition is known to hold, else twice.
    pub(super) fn turns(
        &mut self,
        condition: &[Expression],
        step: &[Expression],
        body: &[Statement],
        is_first_free: bool,
    ) -> Ends {
        for turn in 0..TURNS {
            let mut holds = condition.is_empty().then_some(true);
            if turn > 0 || !is_first_free {
                for one in condition {
                    holds = self.value(one).is_true();
                }
            } else {
                holds = Some(true);
            }
            match holds {
                Some(true) if condition.is_empty() && turn > 64 => return Ends::Goes,
                Some(true) => {}
                Some(false) => {
                    if turn == 0 {
                        self.beside(body);
                    }
                    return Ends::Goes;
                }
                None => return self.perhaps(condition, step, body),
            }
            if !self.step() {
                return Ends::Leaves;
            }
            match self.statements(body) {
                Ends::Goes | Ends::Continues => {}
                Ends::Breaks => return Ends::Goes,
                ends => return ends,
            }
            for one in step {
                let _value = self.value(one);
            }
        }
        Ends::Goes
    }

    /// A loop of which it is not known how often it turns.
    fn perhaps(
        &mut self,
        condition: &[Expression],
        step: &[Expression],
        body: &[Statement],
    ) -> Ends {
        for _ in 0..2 {
            let _ends = self.either(
                &mut |runner| {
                    for one in condition {
                        runner.looked_at(one, true);
                    }
                    let ends = runner.statements(body);
                    for one in step {
                        let _value = runner.value(one);
                    }
                    match ends {
                        Ends::Breaks | Ends::Continues => Ends::Goes,
                        ends => ends,
                    }
                },
                &mut |_| Ends::Goes,
            );
            for one in condition {
                let _value = self.value(one);
            }
        }
        Ends::Goes
    }

    pub(super) fn each(&mut self, each: &Loop) -> Ends {
        let over = self.value(&each.over);
        let over = self.iterated(over);
        let whole = over.array.as_ref().filter(|_| over.tainted.is_none() && !over.is_open);
        let whole = whole
            .and_then(|array| array.whole().filter(|all| all.len() <= ELEMENTS).map(<[_]>::to_vec));
        let Some(elements) = whole else { return self.each_unknown(each, &over) };
        if elements.is_empty() {
            self.beside(&each.body);
        }
        for (key, value) in elements {
            if !self.step() {
                return Ends::Leaves;
            }
            if let Some(target) = &each.key {
                self.assign(target, keyed(&key));
            }
            self.bind(each, value, Some(key));
            match self.statements(&each.body) {
                Ends::Goes | Ends::Continues => {}
                Ends::Breaks => return Ends::Goes,
                ends => return ends,
            }
        }
        Ends::Goes
    }

    fn bind(&mut self, each: &Loop, value: Value, key: Option<Rc<[u8]>>) {
        if each.is_reference
            && let Expression::Variable(name) = &each.value
        {
            let place = self.place(&each.over);
            let place = Place::Element(Box::new(place), key);
            self.now.aliases.insert(Rc::clone(name), place);
            return;
        }
        self.assign(&each.value, value);
    }

    fn each_unknown(&mut self, each: &Loop, over: &Value) -> Ends {
        let value = over.any();
        let is_request = over.tainted.is_some();
        let mut key = if is_request { over.source() } else { Value::default() };
        if let Some(array) = &over.array {
            let keys = array.entries.iter().take(8).map(|(key, _)| keyed(key));
            key = keys.fold(key, |all, one| if all.is_unknown() { one } else { all.or(&one) });
            key.is_open |= array.is_open;
        }
        let mut last = Ends::Goes;
        for _ in 0..2 {
            last = self.either(
                &mut |runner| {
                    if let Some(target) = &each.key {
                        runner.assign(target, key.clone());
                    }
                    runner.bind(each, value.clone(), None);
                    match runner.statements(&each.body) {
                        Ends::Breaks | Ends::Continues => Ends::Goes,
                        ends => ends,
                    }
                },
                &mut |_| Ends::Goes,
            );
        }
        match last {
            Ends::To(label) => Ends::To(label),
            _ => Ends::Goes,
        }
    }

    /// What is gone through of an object: what its class gives, or its properties.
    fn iterated(&mut self, over: Value) -> Value {
        let Some(objects) = over.objects.clone().filter(|_| over.array.is_none()) else {
            return over;
        };
        let mut all = over.source();
        for object in objects.iter().take(4) {
            let given = self.method_of(*object, "getiterator", &[], 0);
            let given = given.or_else(|| self.method_of(*object, "current", &[], 0));
            let given = match given {
                Some(given) if given.array.is_some() => given,
                Some(given) => Value::list([given]),
                None => self.made_with(*object, 0).unwrap_or_else(|| self.properties(*object)),
            };
            all = if all.is_unknown() { given } else { all.or(&given) };
        }
        all
    }
}

/// A key of an array as a value.
pub(super) fn keyed(key: &[u8]) -> Value {
    let text = std::str::from_utf8(key).ok();
    match text.and_then(|text| text.parse::<i64>().ok().filter(|it| it.to_string() == text)) {
        Some(number) => Value::number(number),
        None => Value::text(key),
    }
}
