//! Numbers, and signs between values.

use super::super::super::value::{Array, Value};

/// What a sign makes of two values.
pub(in super::super) fn calculated(sign: &str, one: &Value, other: &Value) -> Value {
    if matches!(sign, "^" | "|" | "&") && !(one.is_number && other.is_number) {
        return lettered(sign, one, other);
    }
    if sign == "+"
        && let (Some(a), Some(b)) = (&one.array, &other.array)
    {
        let mut all = Array::clone(a);
        for (key, value) in &b.entries {
            if all.get(key).is_none() {
                all.put(Some(key), value.clone());
            }
        }
        let tainted = one.tainted.clone().or_else(|| other.tainted.clone());
        return Value { tainted, ..Value::array(all) };
    }
    if sign == "+" && (one.array.is_some() || other.array.is_some()) {
        return one.clone().or(other);
    }
    let (Some(a), Some(b)) = (one.as_number(), other.as_number()) else {
        return Value::default();
    };
    let number = match sign {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" if b == 0 => return Value::text(if a == 0 { b"NAN" } else { b"INF" }),
        "/" => a.checked_div(b).filter(|whole| whole.checked_mul(b) == Some(a)),
        "%" => a.checked_rem(b),
        "|" => Some(a | b),
        "&" => Some(a & b),
        "^" => Some(a ^ b),
        "<<" => u32::try_from(b).ok().and_then(|b| a.checked_shl(b)),
        ">>" => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
        "**" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        "<=>" => Some(i64::from(a > b).saturating_sub(i64::from(a < b))),
        _ => None,
    };
    number.map(Value::number).unwrap_or_default()
}

/// `^`, `|` and `&` of texts, letter by letter.
fn lettered(sign: &str, one: &Value, other: &Value) -> Value {
    if let (Some(a), Some(b)) = (one.exact(), other.exact()) {
        let letters = a.iter().zip(b.iter());
        let text: Vec<u8> = match sign {
            "^" => letters.map(|(a, b)| a ^ b).collect(),
            "|" => {
                let long = if a.len() > b.len() { a } else { b };
                let rest = long.get(a.len().min(b.len())..).unwrap_or_default();
                letters.map(|(a, b)| a | b).chain(rest.iter().copied()).collect()
            }
            _ => letters.map(|(a, b)| a & b).collect(),
        };
        return Value { decoded: Some(sign.into()), ..Value::text(&text) };
    }
    let both = one.and(other);
    if sign != "^" {
        return Value { tainted: None, ..both };
    }
    let is_text = |it: &Value| it.exact().is_some() && !it.is_number;
    let decoded = both
        .decoded
        .clone()
        .or_else(|| (is_text(one) || is_text(other) || both.tainted.is_some()).then(|| "^".into()));
    Value { decoded, has_head: false, is_word: false, ..both }
}

/// What is known of a comparison.
pub(in super::super) fn compared(sign: &str, one: &Value, other: &Value) -> Option<Value> {
    const SIGNS: [&str; 9] = ["==", "!=", "===", "!==", "<>", "<", "<=", ">", ">="];
    if !SIGNS.contains(&sign) {
        return None;
    }
    let (Some(a), Some(b)) = (one.exact(), other.exact()) else { return Some(Value::default()) };
    let numbers = one.as_number().zip(other.as_number());
    let is_mixed = a.is_empty() != b.is_empty();
    let order = match numbers.filter(|_| !is_mixed) {
        Some((a, b)) => a.cmp(&b),
        None => a.cmp(b),
    };
    let is_same = if sign.len() == 3 { a == b } else { order.is_eq() };
    // Empty, false, 0 and null are one for some signs and not for others: nothing is said.
    if (is_mixed && sign.len() < 3 && numbers.is_some())
        || (sign.len() == 3 && a == b && one.is_number != other.is_number)
        || (a.is_empty() && b.is_empty())
    {
        return Some(Value::default());
    }
    Some(Value::truth(match sign {
        "==" | "===" => is_same,
        "!=" | "!==" | "<>" => !is_same,
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// `++` and `--`: also of letters.
pub(in super::super) fn counted(sign: &str, value: &Value) -> Value {
    if value.is_unknown() && !value.is_open {
        return if sign == "++" { Value::number(1) } else { Value::default() };
    }
    if let Some(number) = value.as_number() {
        let step = if sign == "++" { 1 } else { -1 };
        return Value::number(number.saturating_add(step));
    }
    let Some(text) = value.exact().filter(|_| sign == "++") else { return Value::default() };
    let mut letters = text.to_vec();
    let Some(first) = letters.first().copied() else { return Value::default() };
    for letter in letters.iter_mut().rev() {
        match letter {
            b'z' => *letter = b'a',
            b'Z' => *letter = b'A',
            b'9' => *letter = b'0',
            b'a'..=b'y' | b'A'..=b'Y' | b'0'..=b'8' => {
                *letter = letter.saturating_add(1);
                return Value::text(&letters);
            }
            _ => return Value::text(&letters),
        }
    }
    let more = match first {
        b'z' => b'a',
        b'Z' => b'A',
        _ => b'1',
    };
    letters.insert(0, more);
    Value::text(&letters)
}

/// The number that a value begins with.
pub(in super::super) fn number_of(value: &Value) -> Value {
    if let Some(array) = value.array.as_ref().and_then(|array| array.whole()) {
        return Value::number(i64::from(!array.is_empty()));
    }
    let Some(text) = value.exact() else { return Value::default() };
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.chars().skip(sign).take_while(char::is_ascii_digit).count();
    let number: String = text.chars().take(sign.saturating_add(digits)).collect();
    Value::number(number.parse().unwrap_or(0))
}

/// A number written to another base.
pub(super) fn rebased(text: &[u8], from: u32, to: u32) -> Option<Vec<u8>> {
    if !(2..=36).contains(&from) || !(2..=36).contains(&to) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let mut number = u128::from_str_radix(text.trim(), from).ok()?;
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % u128::from(to)).ok()?;
        digits.push(u8::try_from(char::from_digit(digit, to)?).ok()?);
        number /= u128::from(to);
        if number == 0 {
            break;
        }
    }
    digits.reverse();
    Some(digits)
}
