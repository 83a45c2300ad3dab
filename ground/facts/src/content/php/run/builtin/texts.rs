//! Functions of texts that are constant.

use super::super::super::value::{Array, Value};
use super::forms;
use super::numbers::{number_of, rebased};

/// What a function makes of constants.
pub(super) fn computed(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    if let Some(value) = of_arrays(name, given) {
        return Some(value);
    }
    if let Some(value) = counted(name, given).or_else(|| unpacked(name, first)) {
        return Some(value);
    }
    let text = first.exact()?;
    let number = |at: usize| given.get(at).and_then(Value::as_number);
    let second = given.get(1).and_then(|it| it.exact().cloned());
    let made = match name {
        "chr" | "mb_chr" => vec![first.as_number()?.rem_euclid(256).to_le_bytes()[0]],
        "str_repeat" => {
            let times = usize::try_from(number(1)?).ok().filter(|it| *it < 65_536)?;
            (text.len().saturating_mul(times) < 1 << 20).then(|| text.repeat(times))?
        }
        "strtolower" | "mb_strtolower" => text.to_ascii_lowercase(),
        "strtoupper" | "mb_strtoupper" => text.to_ascii_uppercase(),
        "ucfirst" | "lcfirst" | "ucwords" => {
            let mut made = text.to_vec();
            if let Some(letter) = made.first_mut() {
                match name {
                    "lcfirst" => letter.make_ascii_lowercase(),
                    _ => letter.make_ascii_uppercase(),
                }
            }
            made
        }
        "trim" | "ltrim" | "rtrim" | "chop" => trimmed(name, text, second.as_deref()),
        "bin2hex" => text.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        "base64_encode"
        | "strval"
        | "stripslashes"
        | "utf8_decode"
        | "utf8_encode"
        | "iconv"
        | "mb_convert_encoding"
        | "quotemeta"
        | "addslashes" => match name {
            "base64_encode" => return None,
            "iconv" => given.get(2)?.exact()?.to_vec(),
            _ => text.to_vec(),
        },
        "html_entity_decode"
        | "htmlspecialchars_decode"
        | "quoted_printable_decode"
        | "stripcslashes" => forms::unescaped(name, text),
        _ => return cut(name, given).or_else(|| forms::made(name, given)),
    };
    Some(Value { decoded: first.decoded.clone(), ..Value::text(&made) })
}

/// Parts of texts, and numbers written to other bases.
fn cut(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    let text = first.exact()?;
    let number = |at: usize| given.get(at).and_then(Value::as_number);
    let second = given.get(1).and_then(|it| it.exact().cloned());
    let made = match name {
        "dechex" | "decoct" | "decbin" => {
            let base = match name {
                "dechex" => 16,
                "decoct" => 8,
                _ => 2,
            };
            rebased(text, 10, base)?
        }
        "base_convert" => {
            let (from, to) = (u32::try_from(number(1)?).ok()?, u32::try_from(number(2)?).ok()?);
            rebased(&text.to_ascii_lowercase(), from, to)?
        }
        "substr" | "mb_substr" | "mb_strcut" | "iconv_substr" => {
            let end = given.get(2).map_or(Some(i64::MAX), |end| {
                if end.is_unknown() { None } else { end.as_number() }
            });
            let (start, end) = range(text.len(), number(1)?, end?)?;
            text.get(start..end)?.to_vec()
        }
        "substr_replace" => {
            let (start, end) = range(text.len(), number(2)?, number(3).unwrap_or(i64::MAX))?;
            [text.get(..start)?, &second?, text.get(end..)?].concat()
        }
        "strstr" | "stristr" | "strrchr" | "strpbrk" => {
            let at = match name {
                "strrchr" => memchr::memrchr(*second.as_deref()?.first()?, text)?,
                "strpbrk" => {
                    let marks = second?;
                    text.iter().position(|byte| marks.contains(byte))?
                }
                _ => memchr::memmem::find(text, second.as_deref()?)?,
            };
            let is_before = given.get(2).and_then(Value::is_true) == Some(true);
            let part = if is_before { text.get(..at) } else { text.get(at..) };
            part?.to_vec()
        }
        _ => return None,
    };
    Some(Value { decoded: first.decoded.clone(), ..Value::text(&made) })
}

/// What a decoder makes of a constant text.
fn unpacked(name: &str, first: &Value) -> Option<Value> {
    const DECODERS: [&str; 11] = [
        "gzinflate",
        "gzuncompress",
        "gzdecode",
        "zlib_decode",
        "base64_decode",
        "str_rot13",
        "strrev",
        "hex2bin",
        "urldecode",
        "rawurldecode",
        "convert_uudecode",
    ];
    let text = first.exact().filter(|_| DECODERS.contains(&name))?;
    let made = match name {
        "convert_uudecode" => forms::uudecoded(text),
        _ => super::decoded(name, text)?,
    };
    let is_packed = !name.ends_with("urldecode");
    let decoded = first.decoded.clone().or_else(|| is_packed.then(|| name.into()));
    Some(Value { decoded, ..Value::text(&made) })
}

/// Numbers that are made of texts.
fn counted(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    let text = first.exact()?;
    let number = |at: usize| given.get(at).and_then(Value::as_number);
    let second = given.get(1).and_then(|it| it.exact().cloned());
    match name {
        "strlen" | "mb_strlen" => Some(Value::number(i64::try_from(text.len()).ok()?)),
        "ord" | "mb_ord" => Some(Value::number(i64::from(text.first().copied()?))),
        "intval" | "floor" | "ceil" | "round" | "floatval" => Some(number_of(first)),
        "abs" => Some(Value::number(first.as_number()?.saturating_abs())),
        "intdiv" | "fmod" => {
            let (a, b) = (first.as_number()?, number(1)?);
            let made = if name == "intdiv" { a.checked_div(b) } else { a.checked_rem(b) };
            made.map(Value::number)
        }
        "pow" => {
            let power = u32::try_from(number(1)?).ok()?;
            first.as_number()?.checked_pow(power).map(Value::number)
        }
        "sqrt" => Some(Value::number(first.as_number()?.checked_isqrt()?)),
        "hexdec" | "octdec" | "bindec" => {
            let base = match name {
                "hexdec" => 16,
                "octdec" => 8,
                _ => 2,
            };
            i64::from_str_radix(String::from_utf8_lossy(text).trim_start_matches("0x"), base)
                .ok()
                .map(Value::number)
        }
        "strpos" | "stripos" | "strrpos" | "mb_strpos" => found(name, text, second.as_deref()?),
        "substr_count" => {
            let count = memchr::memmem::find_iter(text, second.as_deref()?).count();
            Some(Value::number(i64::try_from(count).ok()?))
        }
        "str_contains" => {
            Some(Value::truth(memchr::memmem::find(text, second.as_deref()?).is_some()))
        }
        _ => None,
    }
}

/// Functions that take or give arrays of texts.
fn of_arrays(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    match name {
        "implode" | "join" => glued(given),
        "str_split" | "mb_str_split" => {
            let text = first.exact()?;
            let size = given.get(1).and_then(Value::as_number).unwrap_or(1);
            let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
            let parts = text.chunks(size).map(Value::text);
            Some(marked(Value::list(parts), first))
        }
        "explode" | "preg_split" => parted(name, given),
        "str_replace" | "str_ireplace" => forms::replaced(given),
        "strtr" => forms::swapped(given),
        "sprintf" => forms::printed(given),
        "vsprintf" => {
            let all = given.get(1)?.array.as_ref()?.whole()?;
            let mut given = vec![first.clone()];
            given.extend(all.iter().map(|(_, value)| value.clone()));
            forms::printed(&given)
        }
        "pack" => forms::packed(given),
        "unpack" => forms::split_up(given),
        "min" | "max" => {
            let numbers: Option<Vec<i64>> = given.iter().map(Value::as_number).collect();
            let numbers = numbers?;
            let one = if name == "min" { numbers.iter().min() } else { numbers.iter().max() };
            one.map(|number| Value::number(*number))
        }
        _ => None,
    }
}

/// What `implode` makes of an array.
fn glued(given: &[Value]) -> Option<Value> {
    let array = given.iter().find(|one| one.array.is_some())?;
    let glue = given.iter().find(|one| one.array.is_none() && one.texts.is_some());
    let glue = glue.cloned().unwrap_or_else(|| Value::text(b""));
    let whole = array.array.as_ref().and_then(|array| array.whole());
    let Some(all) = whole.filter(|_| array.tainted.is_none()) else {
        let any = array.gathered();
        return Some(Value { has_head: false, ..any });
    };
    let mut made = Value::text(b"");
    for (place, (_, one)) in all.iter().enumerate() {
        if place > 0 {
            made = made.then(&glue);
        }
        made = made.then(one);
    }
    Some(made)
}

/// What `explode` makes of a text.
fn parted(name: &str, given: &[Value]) -> Option<Value> {
    let first = given.first()?;
    let (glue, text) = (first.exact()?, given.get(1)?);
    let subject = text.exact()?;
    let glue = match name {
        // A pattern of one letter, or of none, is followed.
        "preg_split" => glue.get(1..glue.len().checked_sub(1)?)?,
        _ => glue,
    };
    if glue.is_empty() {
        return Some(marked(Value::list(subject.iter().map(|it| Value::text(&[*it]))), text));
    }
    let mut array = Array::default();
    let mut rest: &[u8] = subject;
    while let Some(at) = memchr::memmem::find(rest, glue) {
        array.put(None, Value::text(rest.get(..at)?));
        rest = rest.get(at.saturating_add(glue.len())..)?;
    }
    array.put(None, Value::text(rest));
    Some(marked(Value::array(array), text))
}

/// An array whose elements were unpacked as it was.
fn marked(array: Value, from: &Value) -> Value {
    Value { decoded: from.decoded.clone(), ..array }
}

fn found(name: &str, text: &[u8], what: &[u8]) -> Option<Value> {
    let at = match name {
        "strrpos" => memchr::memmem::rfind(text, what),
        "stripos" => memchr::memmem::find(&text.to_ascii_lowercase(), &what.to_ascii_lowercase()),
        _ => memchr::memmem::find(text, what),
    };
    Some(match at {
        Some(at) => Value::number(i64::try_from(at).ok()?),
        None => Value::truth(false),
    })
}

/// From where to where a part is cut of something so long.
pub(super) fn range(length: usize, start: i64, count: i64) -> Option<(usize, usize)> {
    let length = i64::try_from(length).ok()?;
    let start = if start < 0 { length.saturating_add(start).max(0) } else { start.min(length) };
    let end = match count {
        count if count < 0 => length.saturating_add(count),
        count => start.saturating_add(count).min(length),
    };
    Some((usize::try_from(start).ok()?, usize::try_from(end.max(start)).ok()?))
}

fn trimmed(name: &str, text: &[u8], marks: Option<&[u8]>) -> Vec<u8> {
    let marks = marks.unwrap_or(b" \t\n\r\0\x0b");
    let is_mark = |byte: &u8| marks.contains(byte);
    let from = match name {
        "rtrim" | "chop" => 0,
        _ => text.iter().take_while(|byte| is_mark(byte)).count(),
    };
    let rest = text.get(from..).unwrap_or_default();
    let to = match name {
        "ltrim" => rest.len(),
        _ => {
            let marks = rest.iter().rev().take_while(|byte| is_mark(byte)).count();
            rest.len().saturating_sub(marks)
        }
    };
    rest.get(..to).unwrap_or_default().to_vec()
}
