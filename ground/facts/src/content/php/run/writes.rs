//! Files that are written: pages of the request's, and uploads put where their own names say.

use super::super::value::Value;
use super::Runner;
use super::sources::{FILE, UPLOAD};
use crate::content::taint::Flow;

/// Endings of pages that PHP runs, and of files that say what it runs.
const PAGES: [&str; 13] = [
    ".php",
    ".phtml",
    ".php3",
    ".php4",
    ".php5",
    ".php7",
    ".php8",
    ".pht",
    ".phps",
    ".inc",
    ".phar",
    ".htaccess",
    ".user.ini",
];
/// What stands before the path of a file that is open for writing.
pub(super) const OPEN: &str = "open for writing: ";
/// The path of what a shell reads.
pub(super) const SHELL: &str = "a shell's input";
/// The path of a file that is open for writing under a name of the request's.
pub(super) const WRITTEN: &str = "a file of any name";

impl Runner<'_> {
    /// What `fopen` gives: a file of the request's name if it may be written to.
    pub(super) fn opened(&mut self, given: &[Value]) -> Value {
        let first = given.first().cloned().unwrap_or_default();
        let mode = given.get(1).and_then(Value::name).unwrap_or_default();
        if mode.contains(['w', 'a', 'x', 'c', '+']) {
            if first.tainted.is_some() && !first.has_head && !first.is_word {
                if first.ends_with(&|end| is_page(end)) {
                    return Value::path(&format!("{OPEN}any.php"));
                }
                return Value::path(WRITTEN);
            }
            if let Some(end) = first.tail.as_deref().or(first.told().first().map(AsRef::as_ref)) {
                let path = String::from_utf8_lossy(end).into_owned();
                return Value::path(&format!("{OPEN}{path}"));
            }
        }
        let mut value = self.fetched("fopen", &first);
        if value.path.is_none() && first.path.as_deref() == Some(UPLOAD) {
            value.path = Some(UPLOAD.into());
        }
        value
    }

    /// Data that is written to a file.
    pub(super) fn written_to(&mut self, path: &Value, data: &Value, offset: usize) {
        if path.path.as_deref() == Some(SHELL) {
            return self.runs_request("what a shell reads", &data.gathered(), 90, offset);
        }
        let open = path.path.as_deref().and_then(|path| path.strip_prefix(OPEN));
        let path = match open {
            Some(open) => Value::text(open.as_bytes()),
            None => path.clone(),
        };
        let gathered = data.gathered();
        for place in path.told() {
            let known = self.written.remove(place).unwrap_or_default();
            let new = if known.is_unknown() { data.clone() } else { known.or(data) };
            if self.written.len() < 64 {
                self.written.insert(std::rc::Rc::clone(place), new);
            }
        }
        let is_page = path.ends_with(&|end| is_page(end));
        let opens = data.begins(b"<?");
        // A page that the page writes may be a shell itself.
        if opens && (is_page || path.tainted.is_some()) {
            for text in data.told().to_vec().iter().take(2) {
                let _ran = self.run_text(text, offset);
            }
        }
        let any_name = (path.tainted.is_some() && !path.has_head && !path.is_word)
            || path.path.as_deref() == Some(WRITTEN);
        if is_page || opens {
            // What a large program writes into a page of its own is a setting as a rule.
            let score = if self.is_part && gathered.has_head { 40 } else { 80 };
            self.runs_request("a page that it writes", &gathered, score, offset);
        } else if any_name && gathered.tainted.is_some() {
            let score = if self.is_part { 40 } else { 70 };
            self.runs_request("a file of any name that it writes", &gathered, score, offset);
        }
    }

    /// A file that is put elsewhere: what a visitor sent, where its own name says.
    pub(super) fn moved(&mut self, name: &str, given: &[Value], offset: usize) {
        let [from, to, ..] = given else { return };
        let is_address = name == "copy" && from.tainted.is_some() && !from.has_head;
        let is_upload = from.path.as_deref() == Some(UPLOAD) || is_address;
        if name == "copy" && from.told().iter().any(|path| path.as_ref() == b"php://input") {
            return self.written_to(to, &Value::tainted("php://input"), offset);
        }
        // What was written under one name is a page by another.
        if name == "rename" || name == "copy" {
            for place in from.told().to_vec() {
                if let Some(data) = self.written.get(&place).cloned() {
                    self.written_to(to, &data, offset);
                }
            }
        }
        if !is_upload || to.is_word || self.is_part {
            return;
        }
        let is_page = to.ends_with(&|end| is_page(end));
        let by = match (&to.tainted, is_page) {
            (Some(by), _) => by.to_string(),
            (None, true) => "an upload".to_owned(),
            (None, false) => return,
        };
        let is_fixed = !is_page
            && to.tail.as_deref().is_some_and(|end| {
                memchr::memrchr(b'.', end).is_some_and(|at| at.saturating_add(2) < end.len())
            });
        if is_fixed {
            return;
        }
        let detail = format!("{by} reaches the name that an upload gets");
        let score = if to.has_head { 60 } else { 70 };
        self.unless_checked.push(Flow { offset, score, detail, is_from_request: true });
    }

    /// An archive that a visitor sent, unpacked as it is.
    pub(super) fn unpacked_archive(
        &mut self,
        object: usize,
        name: &str,
        first: &Value,
        offset: usize,
    ) {
        if name != "extractto" {
            return self.filled(object, first);
        }
        let made = self.made_with(object, 0).unwrap_or_default();
        let held = made.any();
        if !self.is_part && (held.path.as_deref() == Some(UPLOAD) || made.path.is_some()) {
            let detail = "an archive that a visitor sent is unpacked as it is".to_owned();
            self.unless_checked.push(Flow { offset, score: 55, detail, is_from_request: true });
        }
    }

    /// What a function fetches from the address or file that its first argument names.
    pub(super) fn fetched(&mut self, name: &str, first: &Value) -> Value {
        if first.path.as_deref() == Some(UPLOAD) {
            return Value::tainted("$_FILES");
        }
        let open = first.path.as_deref().and_then(|path| path.strip_prefix(OPEN));
        if let Some(known) = open.and_then(|open| self.written.get(open.as_bytes())) {
            return known.clone();
        }
        for text in first.told() {
            if text.starts_with(b"php://input") || text.ends_with(b"resource=php://input") {
                return Value::tainted("php://input");
            }
            if [b"http://".as_slice(), b"https://", b"ftp://"].iter().any(|it| text.starts_with(it))
            {
                return Value { decoded: Some(name.into()), ..Value::default() };
            }
            if text.as_ref() == FILE && self.page.len() < 1 << 20 {
                return Value { decoded: Some(name.into()), ..Value::text(self.page) };
            }
            if let Some(data) = text.strip_prefix(b"data:") {
                let at = memchr::memchr(b',', data).map_or(0, |at| at.saturating_add(1));
                let (head, body) = data.split_at(at.min(data.len()));
                let is_packed = memchr::memmem::find(head, b"base64").is_some();
                let how = if is_packed { "base64_decode" } else { "urldecode" };
                let body = crate::content::taint::decode::decoded(how, body).unwrap_or_default();
                return Value { decoded: Some(name.into()), ..Value::text(&body) };
            }
            if let Some(known) = self.written.get(text) {
                return known.clone();
            }
        }
        if first.tainted.is_some() && !first.has_head && !first.is_word {
            return Value { path: None, ..first.source() };
        }
        if first.path.as_deref() == Some("a web address") || name == "curl_exec" {
            return Value { decoded: Some(name.into()), ..Value::default() };
        }
        match name {
            "fopen" => Value { path: first.path.clone(), ..first.source() },
            "fread" | "fgets" | "stream_get_contents" => {
                Value { decoded: first.decoded.clone(), ..Value::default() }
            }
            _ => Value::default(),
        }
    }
}

/// Whether PHP runs a file of this name.
pub(super) fn is_page(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    PAGES.iter().any(|ending| name.ends_with(ending))
}
