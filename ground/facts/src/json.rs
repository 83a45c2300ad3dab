//! JSON of the machine, capped.

use std::path::Path;

use serde_json::Value as Json;
use stanch_words::{Gap, GapKind, Seen, Value};

use crate::Host;

/// A state file of a container engine: an honest one is a few kilobytes.
const MOST: u64 = 16 << 20;

/// Reads a JSON file. What is absent gives nothing; what is no JSON is a gap.
pub(crate) fn read(host: &Host, table: &str, path: &Path, seen: &mut Seen) -> Option<Json> {
    let bytes = host.read(table, path, MOST, seen)?;
    // serde_json stops at a depth of 128.
    match serde_json::from_slice(&bytes) {
        Ok(json) => Some(json),
        Err(error) => {
            let at = Value::from(path).to_string();
            seen.gap(Gap::new(table, GapKind::Damaged, error.to_string()).at(at));
            None
        }
    }
}

/// Returns the text at a pointer (`/Config/Image`, RFC 6901); empty if there is none.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// Returns the texts of a list at a pointer.
pub(crate) fn texts<'a>(json: &'a Json, pointer: &str) -> impl Iterator<Item = &'a str> {
    json.pointer(pointer).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// Returns texts joined.
pub(crate) fn joined<'a>(texts: impl Iterator<Item = &'a str>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}

/// Returns names of variables without their values, which may be secrets.
pub(crate) fn variable_names<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    joined(texts.map(|text| text.split('=').next().unwrap_or_default()), ", ")
}
