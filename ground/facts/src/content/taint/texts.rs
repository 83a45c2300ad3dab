//! Texts: what functions make of those that are constant.

use std::rc::Rc;

use super::decode;
use super::names::decoder;
use super::value::{Value, array, joined, replaced};

/// Returns the bytes that a value is, also one of numbers or texts.
pub(super) fn bytes_of(value: &Value) -> Option<Rc<[u8]>> {
    if let Some(text) = &value.text {
        return Some(Rc::clone(text));
    }
    let mut out = Vec::new();
    for element in value.elements.as_ref().filter(|all| !all.is_empty())?.iter() {
        match (element.is_number, element.as_number(), &element.text) {
            (true, Some(number), _) => out.push(number.rem_euclid(256).to_le_bytes()[0]),
            (_, _, Some(text)) => out.extend_from_slice(text),
            _ => return None,
        }
    }
    Some(out.into())
}

/// Returns an element of an array, or a letter of a text.
pub(super) fn part(owner: &Value, index: &Value) -> Option<Value> {
    let place = index.as_number().filter(|_| index.is_number)?;
    let at = |length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        usize::try_from(if place < 0 { length.saturating_add(place) } else { place }).ok()
    };
    if let Some(elements) = &owner.elements {
        return at(elements.len()).and_then(|place| elements.get(place)).cloned();
    }
    let text = owner.text.as_ref()?;
    let place = at(text.len())?;
    Some(Value::text(text.get(place..place.saturating_add(1))?))
}

/// Returns the elements of an array, or the value.
pub(super) fn spread(value: &Value) -> Vec<Value> {
    match &value.elements {
        Some(elements) if !elements.is_empty() => elements.as_ref().clone(),
        _ => vec![value.clone()],
    }
}

/// What a function makes of texts that are constant.
pub(super) fn computed(name: &str, owner: Option<&Value>, values: &[Value]) -> Option<Value> {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "chr" | "chrw" | "fromcharcode" | "char" | "fromcodepoint" | "fromchararray" => {
            let all = array(values.iter().flat_map(spread).collect());
            bytes_of(&all).map(|text| Value::text(&text))
        }
        "aslist" | "array" if values.len() > 1 => Some(array(values.to_vec())),
        "bytes" | "bytearray" | "array" | "list" => {
            values.first().and_then(bytes_of).map(|text| Value::text(&text))
        }
        "map" => {
            let (called, over) = values.split_first()?;
            let is_chr = called.path.as_deref() == Some("chr");
            over.first().filter(|_| is_chr).and_then(bytes_of).map(|text| Value::text(&text))
        }
        "join" => glued(owner, values),
        "replace" | "gsub" | "replaceall" => match (owner.filter(|it| it.text.is_some()), values) {
            (Some(owner), [from, to, ..]) => replaced(&[from.clone(), to.clone(), owner.clone()]),
            (_, [subject, from, to, ..]) => replaced(&[from.clone(), to.clone(), subject.clone()]),
            _ => None,
        },
        "split" if values.first().is_some_and(|it| it.text.as_deref() == Some(b"")) => {
            let text = owner?.text.as_ref()?;
            Some(array(text.iter().map(|byte| Value::text(&[*byte])).collect()))
        }
        "reverse" | "reversed" if owner.is_some_and(|it| it.elements.is_some()) => {
            let mut elements = owner?.elements.as_ref()?.as_ref().clone();
            elements.reverse();
            Some(array(elements))
        }
        "concat" => {
            let texts: Option<Vec<&[u8]>> = values.iter().map(|it| it.text.as_deref()).collect();
            Some(Value::text(&[owner?.text.as_deref()?, &texts?.concat()].concat()))
        }
        _ => decoded(name, &lower, owner, values),
    }
}

/// `glue.join(parts)` and `parts.join(glue)`, and both as arguments.
fn glued(owner: Option<&Value>, values: &[Value]) -> Option<Value> {
    let (glue, parts) = match (owner, values) {
        (Some(owner), [parts, ..]) if owner.text.is_some() => (owner, parts),
        (Some(owner), [glue]) if owner.elements.is_some() => (glue, owner),
        (_, [glue, parts]) if glue.text.is_some() => (glue, parts),
        (_, [parts, glue]) if glue.text.is_some() => (glue, parts),
        _ => return None,
    };
    match &parts.text {
        Some(text) => Some(Value::text(text)),
        None => joined(&[parts.clone(), glue.clone()]),
    }
}

/// Functions and methods that decode a text, or leave it as it is.
fn decoded(name: &str, lower: &str, owner: Option<&Value>, values: &[Value]) -> Option<Value> {
    let own = owner.and_then(|owner| owner.text.as_deref());
    let first = values.first().and_then(|value| value.text.as_deref());
    // `Buffer.from(x, 'base64')`, `x.decode('hex')`
    let (subject, how) = match (own, first) {
        (None, Some(text)) => (text, values.get(1).and_then(|value| value.text.as_deref())),
        (Some(text), how) => (text, how),
        (None, None) => return None,
    };
    let decoder = match how {
        Some(b"base64") => Some("base64_decode"),
        Some(b"hex") => Some("hex2bin"),
        _ => decoder(lower),
    };
    if let Some(decoder) = decoder {
        let is_gzip = decoder == "gzuncompress" && subject.starts_with(&[0x1f, 0x8b]);
        let done = decode::decoded(if is_gzip { "gzdecode" } else { decoder }, subject)?;
        return Some(Value { decoded: Some(name.into()), ..Value::text(&done) });
    }
    match lower {
        "lower" | "tolowercase" | "tolower" | "lc" | "lcase" | "downcase" => {
            Some(Value::text(&subject.to_ascii_lowercase()))
        }
        "upper" | "touppercase" | "toupper" | "uc" | "ucase" | "upcase" => {
            Some(Value::text(&subject.to_ascii_uppercase()))
        }
        "strip" | "trim" | "decode" | "encode" | "tostring" | "getbytes" | "string" | "str"
        | "getstring" | "cstr" | "compile" | "tochararray" | "from" => Some(Value::text(subject)),
        _ => None,
    }
}
