//! What stands at an index, and what lies in a file or at an address.

use std::rc::Rc;

use crate::content::taint::value::{Value, array, under};

/// The path of what a visitor sent as a file.
pub(super) const UPLOAD: &str = "an upload";
/// The path of a file that is open for writing under a name of the request's.
pub(super) const WRITTEN: &str = "a file of any name";

/// What stands at an index of a value; `name` is the variable it belongs to.
pub(super) fn element(name: Option<&str>, value: Value, index: &Value) -> Value {
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
        // The name is the visitor's; where the upload lies is not, but what lies there is.
        Some("_FILES") => match value.path.as_deref() {
            Some("$_FILES") => upload(index, value),
            Some(UPLOAD) => value,
            _ if value.tainted.is_some() => value,
            _ => Value::named("$_FILES"),
        },
        _ => {
            let place = index
                .text
                .as_ref()
                .and_then(|text| String::from_utf8_lossy(text).parse::<usize>().ok());
            if value.path.as_deref() == Some("$_FILES") {
                return upload(index, value);
            }
            if let (Some(elements), Some(told)) = (&value.elements, &index.text)
                && let Some(found) = under(elements, told)
            {
                return found;
            }
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
            // Any of them: one that runs what it gets says most.
            let runs =
                |one: &&Value| one.name().is_some_and(|name| super::functions::is_sink(&name));
            let all = value.elements.as_ref().filter(|all| all.len() <= 64);
            if let Some(one) = all.and_then(|all| all.iter().find(runs)) {
                return Value { key: None, ..one.clone() };
            }
            Value { text: None, elements: None, ..value }
        }
    }
}

/// What a function fetches from the address or file that its first argument names.
pub(super) fn fetched(name: &str, first: &Value) -> Value {
    match first.text.as_deref() {
        Some(b"php://input") => Value::tainted("php://input"),
        Some(text)
            if text.starts_with(b"http://")
                || text.starts_with(b"https://")
                || text.starts_with(b"ftp://") =>
        {
            Value { decoded: Some(name.into()), ..Value::default() }
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

/// What is known of a file that a visitor sent.
fn upload(index: &Value, files: Value) -> Value {
    match index.text.as_deref() {
        Some(b"tmp_name") => Value::named(UPLOAD),
        Some(b"name" | b"full_path") => Value::tainted("$_FILES[name]"),
        _ => files,
    }
}

/// What `fopen` gives: a file of the request's name if it may be written to.
pub(super) fn opened(arguments: &[Value], first: &Value) -> Value {
    let writes = arguments
        .get(1)
        .and_then(Value::name)
        .is_some_and(|mode| mode.contains(['w', 'a', 'x', 'c', '+']));
    if writes && first.tainted.is_some() && !first.has_head {
        return Value::named(WRITTEN);
    }
    fetched("fopen", first)
}

/// What `substr` cuts from a constant text.
pub(super) fn cut(arguments: &[Value]) -> Option<Value> {
    let text = arguments.first()?.text.as_ref()?;
    let length = i64::try_from(text.len()).ok()?;
    let start = arguments.get(1)?.as_number()?;
    let start = if start < 0 { length.saturating_add(start).max(0) } else { start.min(length) };
    let end = match arguments.get(2) {
        None => length,
        Some(count) => match count.as_number()? {
            count if count < 0 => length.saturating_add(count),
            count => start.saturating_add(count).min(length),
        },
    };
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end.max(start)).ok()?);
    text.get(start..end).map(Value::text)
}

/// What `strtr` makes of a constant text.
pub(super) fn swapped(arguments: &[Value]) -> Option<Value> {
    let text = arguments.first()?.text.as_ref()?;
    if let (Some(from), Some(to)) = (
        arguments.get(1).and_then(|it| it.text.clone()),
        arguments.get(2).and_then(|it| it.text.clone()),
    ) {
        let swap = |byte: &u8| {
            let place = from.iter().rposition(|it| it == byte);
            place.and_then(|place| to.get(place)).copied().unwrap_or(*byte)
        };
        return Some(Value::text(&text.iter().map(swap).collect::<Vec<u8>>()));
    }
    let pairs = arguments.get(1)?.elements.as_ref().filter(|pairs| pairs.len() <= 256)?;
    let mut out = Vec::new();
    let mut rest: &[u8] = text;
    while let Some((&byte, after)) = rest.split_first() {
        let pair = pairs.iter().find_map(|pair| {
            let key = pair.key.as_ref().filter(|key| !key.is_empty() && rest.starts_with(key))?;
            Some((key, pair.text.as_ref()?))
        });
        match pair {
            Some((key, to)) => {
                out.extend_from_slice(to);
                rest = rest.get(key.len()..)?;
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    Some(Value::text(&out))
}

/// What `sprintf` makes of constant texts.
pub(super) fn printed(arguments: &[Value]) -> Option<Value> {
    let (form, values) = arguments.split_first()?;
    let form = form.text.as_ref().filter(|form| form.len() < 4096)?;
    let texts: Option<Vec<&Rc<[u8]>>> = values.iter().map(|value| value.text.as_ref()).collect();
    let texts = texts?;
    let (mut out, mut next) = (Vec::new(), texts.iter());
    let mut rest: &[u8] = form;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at(digits);
        let place = after
            .strip_prefix(b"$")
            .and_then(|_| std::str::from_utf8(number).ok()?.parse::<usize>().ok());
        let kind = if place.is_some() { after.get(1)? } else { after.first()? };
        rest = after.get(if place.is_some() { 2 } else { 1 }..)?;
        match (kind, place) {
            (b'%', _) => out.push(b'%'),
            (b's' | b'd', Some(place)) => out.extend_from_slice(texts.get(place.checked_sub(1)?)?),
            (b's' | b'd', None) => out.extend_from_slice(next.next()?),
            (b'c', None) => {
                let number = String::from_utf8_lossy(next.next()?).parse::<u32>().ok()?;
                out.push(number.to_le_bytes()[0]);
            }
            _ => return None,
        }
    }
    Some(Value::text(&out))
}

/// The numbers or letters from one to another.
pub(super) fn ranged(arguments: &[Value]) -> Option<Value> {
    let [from, to, ..] = arguments else { return None };
    if let (Some(from), Some(to)) = (from.as_number(), to.as_number()) {
        let numbers = (from..=to).take(256).map(|it| Value::text(it.to_string().as_bytes()));
        return Some(array(numbers.collect()));
    }
    let (from, to) = (*from.text.as_ref()?.first()?, *to.text.as_ref()?.first()?);
    Some(array((from..=to).map(|byte| Value::text(&[byte])).collect()))
}
