//! Texts put together by forms: `sprintf`, `strtr`, `str_replace`, `pack`.

use super::super::super::value::{Array, Value};
use crate::content::taint::decode::{self, LONGEST};

/// What other functions make of constants.
pub(super) fn made(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    match name {
        "nl2br" | "wordwrap" | "chunk_split" | "strip_tags" | "print_r" | "var_export" => {
            (given.len() == 1).then(|| first.clone())
        }
        "str_pad" => {
            let length = given.get(1).and_then(Value::as_number)?;
            let is_long = usize::try_from(length).ok()? <= first.exact()?.len();
            is_long.then(|| first.clone())
        }
        "str_starts_with" | "str_ends_with" => {
            let (text, end) = (first.exact()?, given.get(1)?.exact()?);
            Some(Value::truth(match name {
                "str_ends_with" => text.ends_with(end),
                _ => text.starts_with(end),
            }))
        }
        "strcmp" | "strcasecmp" => None,
        "similar_text" | "levenshtein" => None,
        _ => None,
    }
}

/// What `strtr` makes of a constant text.
pub(super) fn swapped(given: &[Value]) -> Option<Value> {
    let text = given.first()?.exact()?;
    if let (Some(from), Some(to)) =
        (given.get(1).and_then(Value::exact), given.get(2).and_then(Value::exact))
    {
        let length = from.len().min(to.len());
        let swap = |byte: &u8| {
            let place = from.iter().take(length).rposition(|it| it == byte);
            place.and_then(|place| to.get(place)).copied().unwrap_or(*byte)
        };
        return Some(decoded("strtr", &text.iter().map(swap).collect::<Vec<u8>>()));
    }
    let pairs = given.get(1)?.array.as_ref()?.whole().filter(|pairs| pairs.len() <= 256)?;
    let mut out = Vec::new();
    let mut rest: &[u8] = text;
    while let Some((&byte, after)) = rest.split_first() {
        let pair = pairs
            .iter()
            .filter(|(key, _)| !key.is_empty() && rest.starts_with(key))
            .max_by_key(|(key, _)| key.len());
        match pair {
            Some((key, to)) => {
                out.extend_from_slice(to.exact()?);
                rest = rest.get(key.len()..)?;
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    Some(decoded("strtr", &out))
}

fn decoded(_by: &str, text: &[u8]) -> Value {
    Value::text(text)
}

/// What `str_replace` makes of constant texts.
pub(super) fn replaced(given: &[Value]) -> Option<Value> {
    let [from, to, subject, ..] = given else { return None };
    let mut text = subject.exact()?.to_vec();
    let listed = |value: &Value| -> Option<Vec<Value>> {
        match &value.array {
            Some(array) => Some(array.whole()?.iter().map(|(_, it)| it.clone()).collect()),
            None => Some(vec![value.clone()]),
        }
    };
    let (from, many) = (listed(from)?, listed(to)?);
    for (place, one) in from.iter().enumerate() {
        let what = one.exact()?;
        let with = match &to.array {
            Some(_) => many.get(place).cloned().unwrap_or_else(|| Value::text(b"")),
            None => to.clone(),
        };
        let with = with.exact()?.to_vec();
        if what.is_empty() {
            continue;
        }
        let mut out = Vec::new();
        let mut rest: &[u8] = &text;
        while let Some(at) = memchr::memmem::find(rest, what) {
            out.extend_from_slice(rest.get(..at)?);
            out.extend_from_slice(&with);
            rest = rest.get(at.saturating_add(what.len())..)?;
            if out.len() > LONGEST {
                return None;
            }
        }
        out.extend_from_slice(rest);
        text = out;
    }
    Some(Value { decoded: subject.decoded.clone(), ..Value::text(&text) })
}

/// What `sprintf` makes of constant texts, or of what a request sends.
pub(super) fn printed(given: &[Value]) -> Option<Value> {
    let (form, values) = given.split_first()?;
    let form = form.exact().filter(|form| form.len() < 4096)?;
    let (mut out, mut next) = (Value::text(b""), 0_usize);
    let mut rest: &[u8] = form;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out = out.then(&Value::text(rest.get(..at)?));
        rest = rest.get(at.saturating_add(1)..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at(digits);
        let mut place = None;
        if after.first() == Some(&b'$') {
            place = std::str::from_utf8(number).ok()?.parse::<usize>().ok();
            rest = after.get(1..)?;
        }
        // How wide, how exact, filled with what.
        let is_mark =
            |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b' ');
        let marks = rest.iter().take_while(is_mark).count();
        let widths = rest.get(..marks)?;
        rest = rest.get(marks..)?;
        let (&kind, after) = rest.split_first()?;
        rest = after;
        if kind == b'%' {
            out = out.then(&Value::text(b"%"));
            continue;
        }
        let value = match place {
            Some(place) => values.get(place.checked_sub(1)?),
            None => values.get(next),
        };
        if place.is_none() {
            next = next.saturating_add(1);
        }
        let value = value?;
        let one = match kind {
            b'c' => Value::text(&[value.as_number()?.rem_euclid(256).to_le_bytes()[0]]),
            b's' => value.clone(),
            b'x' | b'X' if value.exact().is_some() => {
                let digits = format!("{:x}", value.as_number()?);
                let is_two = widths.contains(&b'2') && digits.len() == 1;
                Value::text(if is_two { format!("0{digits}") } else { digits }.as_bytes())
            }
            b'd' | b'u' if value.exact().is_some() => value.clone(),
            _ => Value { is_open: true, ..Value::default() },
        };
        out = out.then(&one);
    }
    Some(out.then(&Value::text(rest)))
}

/// What `pack` makes of constants.
pub(super) fn packed(given: &[Value]) -> Option<Value> {
    let (form, values) = given.split_first()?;
    let form = form.exact()?;
    let mut out = Vec::new();
    let mut values = values.iter();
    let mut rest: &[u8] = form;
    while let Some((&kind, after)) = rest.split_first() {
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (count, after) = after.split_at(digits);
        let count = std::str::from_utf8(count).ok().and_then(|count| count.parse::<usize>().ok());
        let is_all = after.first() == Some(&b'*');
        rest = if is_all { after.get(1..)? } else { after };
        match kind {
            b'H' | b'h' => {
                let mut text = decode::hexadecimal(values.next()?.exact()?)?;
                if kind == b'h' {
                    text.iter_mut().for_each(|byte| *byte = byte.rotate_left(4));
                }
                out.extend(text);
            }
            b'A' | b'a' => out.extend_from_slice(values.next()?.exact()?),
            b'c' | b'C' | b'U' => {
                let count = if is_all { usize::MAX } else { count.unwrap_or(1) };
                for value in values.by_ref().take(count) {
                    out.push(value.as_number()?.rem_euclid(256).to_le_bytes()[0]);
                }
            }
            b'N' | b'V' | b'n' | b'v' => {
                let count = if is_all { usize::MAX } else { count.unwrap_or(1) };
                for value in values.by_ref().take(count) {
                    let number = u32::try_from(value.as_number()?).ok()?;
                    let short = number.to_le_bytes();
                    match kind {
                        b'N' => out.extend(number.to_be_bytes()),
                        b'V' => out.extend(number.to_le_bytes()),
                        b'n' => out.extend([short[1], short[0]]),
                        _ => out.extend([short[0], short[1]]),
                    }
                }
            }
            _ => return None,
        }
    }
    Some(Value { decoded: Some("pack".into()), ..Value::text(&out) })
}

/// What `unpack` makes of a constant: its bytes.
pub(super) fn split_up(given: &[Value]) -> Option<Value> {
    let (form, text) = (given.first()?.exact()?, given.get(1)?.exact()?);
    match form.as_ref() {
        b"C*" | b"c*" => {
            let mut array = Array::default();
            for (place, byte) in text.iter().enumerate().take(1024) {
                let key = place.saturating_add(1).to_string();
                array.put(Some(key.as_bytes()), Value::number(i64::from(*byte)));
            }
            Some(Value::array(array))
        }
        b"H*" => {
            let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut array = Array::default();
            array.put(Some(b"1"), Value::text(hex.as_bytes()));
            Some(Value::array(array))
        }
        _ => None,
    }
}

/// What `convert_uudecode` makes of a text.
pub(super) fn uudecoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some((&length, rest)) = line.split_first() else { continue };
        let length = usize::from(length.wrapping_sub(32) & 63);
        let mut made = Vec::new();
        for four in rest.chunks(4) {
            let bits = four
                .iter()
                .fold(0_u32, |bits, byte| (bits << 6) | u32::from(byte.wrapping_sub(32) & 63));
            let bits = bits << (6 * (4_usize.saturating_sub(four.len())));
            let [_, one, two, three] = bits.to_be_bytes();
            made.extend([one, two, three]);
        }
        made.truncate(length);
        out.extend(made);
    }
    out
}

/// `&#115;`, `=73`, `\163` as what they stand for.
pub(super) fn unescaped(function: &str, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let found = match (function, byte) {
            ("html_entity_decode" | "htmlspecialchars_decode", b'&') => entity(rest),
            ("quoted_printable_decode", b'=') => {
                let digits = after.get(..2).and_then(decode::hexadecimal);
                digits.and_then(|digits| Some((*digits.first()?, 3)))
            }
            ("stripcslashes", b'\\') => slashed(after),
            _ => None,
        };
        match found {
            Some((byte, length)) => {
                out.push(byte);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

fn entity(text: &[u8]) -> Option<(u8, usize)> {
    const NAMED: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&#039;", b'\'')];
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*byte, name.len()));
    }
    let digits = text.strip_prefix(b"&#")?;
    let end = memchr::memchr(b';', digits.get(..digits.len().min(8))?)?;
    let told = std::str::from_utf8(digits.get(..end)?).ok()?;
    let number = match told.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => told.parse().ok()?,
    };
    Some((u8::try_from(number).ok()?, end.saturating_add(3)))
}

fn slashed(after: &[u8]) -> Option<(u8, usize)> {
    let (digits, radix, before) = match after.first()? {
        b'x' => (after.get(1..)?, 16, 2),
        _ => (after, 8, 1),
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let most = if radix == 16 { 2 } else { 3 };
    let length = digits.iter().take(most).take_while(is_digit).count();
    let number =
        u32::from_str_radix(std::str::from_utf8(digits.get(..length)?).ok()?, radix).ok()?;
    Some((number.to_le_bytes()[0], length.saturating_add(before)))
}
