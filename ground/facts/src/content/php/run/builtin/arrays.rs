//! Functions of arrays.

use std::rc::Rc;

use super::super::super::value::{Array, Value};
use super::super::loops::keyed;
use super::super::places::spread;

/// How long a range may be.
const RANGE: i64 = 1024;

/// What a function makes of arrays; of those that are made of a request, what it is made of.
pub(super) fn computed(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first().cloned().unwrap_or_default();
    let array = first.array.clone();
    Some(match name {
        "array_merge" | "array_replace" | "array_merge_recursive" => merged(given),
        "array_values"
        | "iterator_to_array"
        | "array_unique"
        | "array_filter"
        | "array_pad"
        | "array_change_key_case"
        | "each" => valued(name, &first),
        "array_keys" | "array_flip" | "array_key_first" | "array_key_last" | "key" => {
            keys(name, &first)
        }
        "array_reverse" => {
            let whole = array.as_ref().and_then(|array| array.whole());
            let Some(all) = whole else { return Some(first) };
            Value::list(all.iter().rev().map(|(_, value)| value.clone()))
        }
        "array_pop" | "end" | "array_shift" | "reset" | "current" | "pos" | "next" | "prev"
        | "min" | "max" | "array_rand" | "array_sum" | "array_product" => {
            taken(name, given, &first)
        }
        "array_slice" | "array_splice" => {
            let whole = array.as_ref().and_then(|array| array.whole());
            let Some(all) = whole.filter(|_| first.tainted.is_none()) else { return Some(first) };
            let start = given.get(1).and_then(Value::as_number)?;
            let end = given.get(2).map_or(Some(i64::MAX), Value::as_number).unwrap_or(i64::MAX);
            let (start, end) = super::texts::range(all.len(), start, end)?;
            Value::list(all.get(start..end)?.iter().map(|(_, value)| value.clone()))
        }
        "array_combine" | "array_fill" | "array_fill_keys" | "array_column" => {
            return combined(name, given);
        }
        "array_chunk" => Value::list([first]),
        "array_diff" | "array_diff_key" | "array_intersect_assoc" => first,
        // What is left is one of those that the page names.
        "array_intersect" | "array_intersect_key" => {
            let others = given.get(1..).unwrap_or_default();
            let is_safe = others.iter().any(|one| one.gathered().tainted.is_none());
            match is_safe {
                true if name == "array_intersect" => others.first().cloned().unwrap_or_default(),
                _ => first,
            }
        }
        "count" | "sizeof" => {
            let whole = array.as_ref().and_then(|array| array.whole());
            let count = whole.filter(|_| first.tainted.is_none() && !first.is_open)?.len();
            Value::number(i64::try_from(count).ok()?)
        }
        "range" => ranged(given)?,
        "array_push" | "array_unshift" | "sort" | "rsort" | "ksort" | "krsort" | "asort"
        | "shuffle" | "array_walk" | "usort" | "natsort" | "array_multisort" => Value::default(),
        _ => return None,
    })
}

fn merged(given: &[Value]) -> Value {
    let mut all = Array::default();
    let mut tainted = None;
    for one in given {
        spread(&mut all, one);
        tainted = tainted.or_else(|| one.tainted.clone());
    }
    Value { tainted, ..Value::array(all) }
}

/// The elements of an array, with or without their keys.
fn valued(name: &str, first: &Value) -> Value {
    let Some(array) = &first.array else { return first.clone() };
    let mut all = Array { is_open: array.is_open, ..Array::default() };
    let keeps = name != "array_values" && name != "iterator_to_array";
    for (key, value) in &array.entries {
        all.put(keeps.then_some(key), value.clone());
    }
    if let Some(rest) = &array.rest {
        all.put_anywhere(rest);
    }
    Value { tainted: first.tainted.clone(), ..Value::array(all) }
}

/// The keys of an array.
fn keys(name: &str, first: &Value) -> Value {
    let whole = first.array.as_ref().and_then(|array| array.whole());
    let Some(all) = whole.filter(|_| first.tainted.is_none()) else {
        return Value { has_head: false, ..first.source() };
    };
    match name {
        "array_keys" => Value::list(all.iter().map(|(key, _)| keyed(key))),
        "array_flip" => {
            let mut new = Array::default();
            for (key, value) in all {
                match value.exact() {
                    Some(text) => new.put(Some(text), keyed(key)),
                    None => new.put_anywhere(&keyed(key)),
                }
            }
            Value::array(new)
        }
        "array_key_last" => all.last().map(|(key, _)| keyed(key)).unwrap_or_default(),
        _ => all.first().map(|(key, _)| keyed(key)).unwrap_or_default(),
    }
}

/// Arrays made of keys and values.
fn combined(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    let array = first.array.clone();
    Some(match name {
        "array_combine" => {
            let mut all = Array::default();
            let values = given.get(1)?;
            let keys: Vec<Value> = array?.values().cloned().collect();
            for (place, key) in keys.iter().enumerate() {
                let value = values.array.as_ref()?.entries.get(place).map(|(_, it)| it.clone());
                match key.exact() {
                    Some(key) => all.put(Some(key), value.unwrap_or_default()),
                    None => all.put_anywhere(&value.unwrap_or_default()),
                }
            }
            Value::array(all)
        }
        "array_fill" => {
            let (count, value) = (given.get(1).and_then(Value::as_number)?, given.get(2)?);
            let count = usize::try_from(count.clamp(0, RANGE)).ok()?;
            Value::list(std::iter::repeat_n(value.clone(), count))
        }
        "array_fill_keys" => {
            let mut all = Array::default();
            for key in first.array.iter().flat_map(|array| array.values()) {
                match key.exact() {
                    Some(key) => all.put(Some(key), given.get(1)?.clone()),
                    None => all.put_anywhere(given.get(1)?),
                }
            }
            Value::array(all)
        }
        "array_column" => {
            let key = given.get(1)?.exact().cloned()?;
            let array = array?;
            let all = array.values().map(|row| {
                row.array.as_ref().and_then(|row| row.get(&key).cloned()).unwrap_or_default()
            });
            Value::list(all)
        }
        _ => return None,
    })
}

/// One element of an array.
fn taken(name: &str, given: &[Value], first: &Value) -> Value {
    let whole = first.array.as_ref().and_then(|array| array.whole());
    let Some(all) = whole.filter(|_| first.tainted.is_none()) else {
        let any = first.any();
        let any = given.iter().skip(1).fold(any, |all, one| all.or(one));
        return match name {
            "array_rand" | "array_sum" | "array_product" => Value::default(),
            _ => any,
        };
    };
    let one = match name {
        "array_pop" | "end" => all.last(),
        "array_shift" | "reset" | "current" | "pos" => all.first(),
        "array_sum" | "array_product" => {
            let numbers: Option<Vec<i64>> =
                all.iter().map(|(_, value)| value.as_number()).collect();
            let sum = numbers.map(|all| match name {
                "array_sum" => all.iter().fold(0_i64, |sum, one| sum.saturating_add(*one)),
                _ => all.iter().fold(1_i64, |sum, one| sum.saturating_mul(*one)),
            });
            return sum.map(Value::number).unwrap_or_default();
        }
        _ => return first.any(),
    };
    one.map(|(_, value)| value.clone()).unwrap_or_default()
}

/// What an array is after a function changed it.
pub(super) fn changed(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    let mut array = first.array.clone().unwrap_or_default();
    let made = Rc::make_mut(&mut array);
    let is_whole = made.whole().is_some() && first.tainted.is_none();
    match name {
        "array_push" => {
            for value in given.iter().skip(1) {
                made.put(None, value.clone());
            }
        }
        "array_unshift" => {
            let mut all: Vec<Value> = given.iter().skip(1).cloned().collect();
            all.extend(made.entries.iter().map(|(_, value)| value.clone()));
            let rest = made.rest.clone();
            let mut new = Array { is_open: made.is_open, ..Array::default() };
            all.into_iter().for_each(|value| new.put(None, value));
            if let Some(rest) = rest {
                new.put_anywhere(&rest);
            }
            *made = new;
        }
        "array_pop" if is_whole => {
            made.entries.pop()?;
            made.next = made.next.saturating_sub(1);
        }
        "array_shift" if is_whole => {
            let rest: Vec<Value> =
                made.entries.iter().skip(1).map(|(_, value)| value.clone()).collect();
            return Some(Value::list(rest));
        }
        "ksort" | "krsort" if is_whole => {
            let number = |key: &Rc<[u8]>| {
                std::str::from_utf8(key).ok().and_then(|key| key.parse::<i64>().ok())
            };
            made.entries.sort_by(|(a, _), (b, _)| match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            });
            if name == "krsort" {
                made.entries.reverse();
            }
        }
        "next" if is_whole && !made.entries.is_empty() => {
            // The pointer moves on: what was first is last.
            made.entries.rotate_left(1);
        }
        _ => return None,
    }
    Some(Value { array: Some(array), ..first.clone() })
}

/// The numbers or letters from one to another.
fn ranged(given: &[Value]) -> Option<Value> {
    let [from, to, ..] = given else { return None };
    let step = given.get(2).and_then(Value::as_number).unwrap_or(1).saturating_abs().max(1);
    if let (Some(from), Some(to)) = (from.as_number(), to.as_number()) {
        let count = to.saturating_sub(from).saturating_abs().saturating_div(step).min(RANGE);
        let step = if to < from { step.saturating_neg() } else { step };
        let numbers = (0..=count).map(|at| from.saturating_add(at.saturating_mul(step)));
        return Some(Value::list(numbers.map(Value::number)));
    }
    let (from, to) = (*from.exact()?.first()?, *to.exact()?.first()?);
    let letter = |byte: u8| Value::text(&[byte]);
    Some(match from <= to {
        true => Value::list((from..=to).map(letter)),
        false => Value::list((to..=from).rev().map(letter)),
    })
}
