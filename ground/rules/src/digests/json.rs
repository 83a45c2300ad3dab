//! STIX bundles and MISP events, as JSON.

use serde_json::Value as Json;

use super::{Digests, named};

/// How deep JSON is looked into.
const DEPTH: usize = 64;

pub(super) fn read(digests: &mut Digests, json: &Json, name: &str, depth: usize) {
    if depth > DEPTH {
        return;
    }
    let object = match json {
        Json::Array(items) => {
            return items.iter().for_each(|it| read(digests, it, name, depth.saturating_add(1)));
        }
        Json::Object(object) => object,
        _ => return,
    };
    let text = |key: &str| object.get(key).and_then(Json::as_str);
    let is = |key: &str| object.get(key).and_then(Json::as_bool);
    // Taken back by who wrote it (STIX), or not meant to find anything by (MISP).
    if is("revoked") == Some(true) || is("deleted") == Some(true) || is("to_ids") == Some(false) {
        return;
    }
    let name = ["name", "info", "comment"].into_iter().find_map(text).unwrap_or(name);
    let is_stix = text("pattern_type").is_none_or(|kind| kind == "stix");
    if let Some(pattern) = text("pattern").filter(|it| is_stix && it.contains("hashes")) {
        digests.indicator(pattern, name);
    }
    // `filename|md5` holds both; a sample is told by its name and MD5.
    let kind = text("type").and_then(|kind| kind.rsplit('|').next());
    let algorithm =
        kind.and_then(|kind| named(if kind == "malware-sample" { "md5" } else { kind }));
    if let (Some(algorithm), Some(value)) = (algorithm, text("value")) {
        digests.add(algorithm, value.rsplit('|').next().unwrap_or(value), name, None);
    }
    if let Some(Json::Object(hashes)) = object.get("hashes") {
        for (key, value) in hashes {
            if let (Some(algorithm), Some(value)) = (named(key), value.as_str()) {
                digests.add(algorithm, value, name, None);
            }
        }
    }
    for (key, inner) in object {
        if key != "hashes" && (inner.is_object() || inner.is_array()) {
            read(digests, inner, name, depth.saturating_add(1));
        }
    }
}
