//! Lists of digests that are known to be bad: plain, CSV, STIX 2.1 and MISP.
//!
//! A digest is told by its length: 32 digits are MD5, 40 SHA-1, 64 SHA-256. STIX keeps them in
//! patterns (`file:hashes.'SHA-256' = '…'`) and in file objects (`hashes`), MISP in attributes
//! whose type is `md5` or `filename|md5` (STIX 2.1, 10.7; MISP core format, 2.4).

use std::collections::HashMap;

use serde_json::Value as Json;
use stanch_words::{Both, KnownDigests};

use crate::sigma::{Complaint, Harm};

/// How deep JSON is looked into.
const DEPTH: usize = 64;
/// How many complaints one file gives.
const COMPLAINTS: usize = 100;

/// Digests that are known to be bad: lower-case hexadecimal, what each is known as, and its list.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    known: HashMap<String, (String, usize)>,
    files: Vec<String>,
    /// Lengths of the digests, each once.
    lengths: Vec<usize>,
    /// How many digests were read, those told twice too.
    read: usize,
}

impl Digests {
    /// Reads lists, each a path and its bytes. A bad line is a complaint, never the end of others.
    pub fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Self, Vec<Complaint>) {
        let mut digests = Self::default();
        let mut complaints = Vec::new();
        for (file, bytes) in files {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}');
            digests.files.push(file.clone());
            let before = digests.read;
            if text.trim_start().starts_with(['{', '[']) {
                match serde_json::from_str::<Json>(text) {
                    Ok(json) => digests.json(&json, "", 0),
                    Err(error) => {
                        let line = u64::try_from(error.line()).ok();
                        complaints.push(lost(&file, line, "it is not JSON", "不是合法的 JSON"));
                        continue;
                    }
                }
            } else {
                complaints.extend(digests.lines(&file, text));
            }
            if digests.read == before {
                complaints.push(lost(&file, None, "it gives no digest", "其中没有摘要"));
            }
        }
        (digests, complaints)
    }

    fn add(&mut self, digest: &str, what: &str) {
        let at = self.files.len().saturating_sub(1);
        self.read = self.read.saturating_add(1);
        if !self.lengths.contains(&digest.len()) {
            self.lengths.push(digest.len());
        }
        let entry = self.known.entry(digest.to_ascii_lowercase());
        entry.or_insert_with(|| (what.trim().to_owned(), at));
    }

    fn lines(&mut self, file: &str, text: &str) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (line, number) in text.lines().zip(1_u64..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let is_mark = |c: char| matches!(c, ',' | ';' | '\t' | '|') || c.is_whitespace();
            let fields: Vec<&str> = if line.contains([',', ';', '\t']) {
                line.split([',', ';', '\t']).collect()
            } else {
                line.splitn(2, is_mark).collect()
            };
            let fields = fields.into_iter().map(|f| f.trim().trim_matches('"').trim());
            let (found, other): (Vec<&str>, Vec<&str>) = fields.partition(|f| is_digest(f));
            let what = other.into_iter().find(|f| !f.is_empty()).unwrap_or_default();
            for digest in &found {
                self.add(digest, what.trim_start_matches('*'));
            }
            // The first line of a CSV names its columns.
            if found.is_empty() && number > 1 && complaints.len() < COMPLAINTS {
                let (en, zh) = ("no MD5, SHA-1 or SHA-256 in it", "其中没有 MD5、SHA-1 或 SHA-256");
                complaints.push(lost(file, Some(number), en, zh));
            }
        }
        complaints
    }

    fn json(&mut self, json: &Json, name: &str, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match json {
            Json::Array(items) => {
                items.iter().for_each(|item| self.json(item, name, depth.saturating_add(1)));
            }
            Json::Object(object) => {
                let text = |key: &str| object.get(key).and_then(Json::as_str);
                let name = ["name", "info", "comment"].into_iter().find_map(text).unwrap_or(name);
                if let Some(pattern) = text("pattern").filter(|it| it.contains("hashes")) {
                    pattern.split('\'').filter(|it| is_digest(it)).for_each(|d| self.add(d, name));
                }
                let is_attribute = text("type").and_then(|kind| kind.rsplit('|').next());
                if is_attribute.is_some_and(|kind| matches!(kind, "md5" | "sha1" | "sha256")) {
                    let value = text("value").and_then(|value| value.rsplit('|').next());
                    value.filter(|it| is_digest(it)).into_iter().for_each(|d| self.add(d, name));
                }
                if let Some(Json::Object(hashes)) = object.get("hashes") {
                    let values = hashes.values().filter_map(Json::as_str);
                    values.filter(|it| is_digest(it)).for_each(|d| self.add(d, name));
                }
                for inner in object.values().filter(|it| it.is_object() || it.is_array()) {
                    self.json(inner, name, depth.saturating_add(1));
                }
            }
            _ => {}
        }
    }
}

impl KnownDigests for Digests {
    fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    fn find(&self, digest: &str) -> Option<(String, String)> {
        let (what, file) = self.known.get(digest)?;
        Some((what.clone(), self.files.get(*file).cloned().unwrap_or_default()))
    }
}

fn is_digest(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn lost(file: &str, line: Option<u64>, en: &str, zh: &str) -> Complaint {
    let (file, why) = (file.to_owned(), Both::new(en, zh));
    Complaint { file, line, rule: None, harm: Harm::Lost, why, help: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "44d88612fea8a8f36de82e1278abb02f";

    fn load(text: &str) -> (Digests, Vec<Complaint>) {
        Digests::load([("list".to_owned(), text.as_bytes().to_vec())])
    }

    #[test]
    fn every_form_gives_the_digest_and_its_name() {
        for text in [
            format!("# list\n{} EICAR\n", MD5.to_uppercase()),
            format!("md5,name\n\"{MD5}\",\"EICAR\"\n"),
            format!(
                r#"{{"objects":[{{"name":"EICAR","pattern":"[file:hashes.MD5 = '{MD5}']"}}]}}"#
            ),
            format!(
                r#"{{"Event":{{"info":"EICAR","Attribute":[{{"type":"filename|md5","value":"x|{MD5}"}}]}}}}"#
            ),
        ] {
            let (digests, complaints) = load(&text);
            assert_eq!(complaints, [], "{text}");
            assert_eq!(digests.find(MD5), Some(("EICAR".into(), "list".into())), "{text}");
            assert_eq!(digests.lengths(), [32]);
        }
    }

    #[test]
    fn a_bad_line_is_told_and_the_rest_counts() {
        let (digests, complaints) = load(&format!("{MD5}\n{}\n", MD5.trim_start_matches('4')));
        assert_eq!(digests.known.len(), 1);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].line, Some(2));
        assert_eq!(load("{\"a\":\n").1[0].line, Some(2));
    }
}
