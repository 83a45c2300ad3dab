//! Version 1: one JSON object a line, told in `design/0003-ledger.md`.
//!
//! The hash covers the line as written, up to its own field, so that it can be checked without
//! a JSON parser: `sed -n 7p ledger.jsonl | sed 's/,"hash":"[0-9a-f]*"}$//' | tr -d '\n' | sha256sum`.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Entry, Head, Record};

/// What stands between the hashed part of a line and its hash.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
/// What ends a line, after the hash.
const AFTER_HASH: &[u8] = b"\"}";

/// The part of a line that is hashed, in the order in which it is written.
#[derive(Serialize)]
struct Hashed<'a> {
    v: u32,
    n: u64,
    time: &'a str,
    who: &'a str,
    tool: &'a str,
    what: &'a str,
    body: &'a serde_json::Value,
    prev: &'a str,
}

/// A whole line, read strictly.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u32,
    n: u64,
    time: String,
    who: String,
    tool: String,
    what: String,
    body: serde_json::Value,
    prev: String,
    hash: String,
}

/// Returns the line for a record after `last`, with its newline, and the entry it makes; or in
/// words why a record cannot be written.
pub(crate) fn write(record: &Record, last: &Head) -> Result<(Vec<u8>, Entry), String> {
    if has_fraction(&record.body) {
        return Err("a number in the body is not whole".to_owned());
    }
    let time = jiff::Timestamp::from_second(record.time)
        .map_err(|error| format!("the time {} is out of range: {error}", record.time))?
        .to_string();
    let n = last.n.checked_add(1).ok_or("the numbers are used up")?;
    let hashed = Hashed {
        v: 1,
        n,
        time: &time,
        who: &record.who,
        tool: &record.tool,
        what: &record.what,
        body: &record.body,
        prev: &last.hash,
    };
    let mut line = serde_json::to_vec(&hashed).map_err(|error| error.to_string())?;
    // The object's closing brace moves behind the hash.
    line.pop();
    let hash = digest(&line);
    line.extend_from_slice(BEFORE_HASH);
    line.extend_from_slice(hash.as_bytes());
    line.extend_from_slice(AFTER_HASH);
    line.push(b'\n');
    let entry = Entry {
        head: Head { n, hash },
        time,
        who: record.who.clone(),
        tool: record.tool.clone(),
        what: record.what.clone(),
        body: record.body.clone(),
    };
    Ok((line, entry))
}

/// Reads a line (without its newline) that must follow `last`; or says in words what is wrong.
pub(crate) fn read(line: &[u8], last: &Head) -> Result<Entry, String> {
    let (hashed, hash) = split(line).ok_or("it does not end in a hash")?;
    if digest(hashed).as_bytes() != hash {
        return Err("the hash does not fit the line".to_owned());
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if line.v != 1 {
        return Err(format!("version {} is not known", line.v));
    }
    if line.n != last.n.saturating_add(1) {
        return Err(format!("number {} follows number {}", line.n, last.n));
    }
    if line.prev != last.hash {
        return Err("it is not chained to the entry before it".to_owned());
    }
    Ok(Entry {
        head: Head { n: line.n, hash: line.hash },
        time: line.time,
        who: line.who,
        tool: line.tool,
        what: line.what,
        body: line.body,
    })
}

/// Splits a line into what is hashed and the 64 digits of the hash.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_suffix(AFTER_HASH)?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    Some((rest.strip_suffix(BEFORE_HASH)?, hash))
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn has_fraction(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.is_f64(),
        serde_json::Value::Array(values) => values.iter().any(has_fraction),
        serde_json::Value::Object(fields) => fields.values().any(has_fraction),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {
            false
        }
    }
}
