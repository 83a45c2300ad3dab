//! What runs code or commands, or writes pages, and what reaches it.

use super::super::functions::{CALLERS, CODE, COMMANDS, FETCHING, is_evaluated, is_sink};
use super::super::places::{UPLOAD, WRITTEN};
use super::super::tokens::Token;
use super::{KEPT, Reader};
use crate::content::taint::Flow;
use crate::content::taint::value::Value;

/// Endings of pages that PHP runs.
const PAGES: [&str; 6] = [".php", ".phtml", ".php5", ".php7", ".inc", ".phar"];
/// Functions by which a page that takes files asks what they are, or is part of something larger.
const ASKING: [&str; 25] = [
    "in_array",
    "pathinfo",
    "preg_match",
    "getimagesize",
    "mime_content_type",
    "finfo_open",
    "finfo_file",
    "finfo",
    "exif_imagetype",
    "session_start",
    "include",
    "include_once",
    "require",
    "require_once",
    "class",
    "namespace",
    "array_key_exists",
    "strrchr",
    "array_search",
    "end",
    "use",
    "imagecreatefromjpeg",
    "imagecreatefromstring",
    "defined",
    "const",
];

impl Reader<'_> {
    pub(super) fn sinks(&mut self, name: &str, arguments: &[Value], first: &Value, offset: usize) {
        match name {
            _ if CODE.contains(&name) => {
                let code =
                    if name == "create_function" { arguments.get(1) } else { arguments.first() };
                self.runs(name, &code.cloned().unwrap_or_default(), 95, offset);
            }
            _ if COMMANDS.contains(&name) => {
                let score = if first.has_head { 70 } else { 90 };
                self.runs_request(name, first, score, offset);
            }
            "preg_replace" | "preg_filter" | "mb_ereg_replace" | "mb_eregi_replace" => {
                let runs = first.text.as_ref().is_some_and(|pattern| is_evaluated(pattern))
                    || arguments
                        .get(3)
                        .and_then(Value::name)
                        .is_some_and(|options| options.contains('e'));
                if runs || (first.tainted.is_some() && !first.has_head) {
                    for one in arguments {
                        self.runs("preg_replace /e", one, 85, offset);
                    }
                }
            }
            "file_put_contents" | "fwrite" | "fputs" => self.written_to(arguments, first, offset),
            "move_uploaded_file" | "copy" | "rename" => self.moved(name, arguments, first, offset),
            "unserialize" if arguments.len() == 1 && !first.has_head => {
                self.runs_request("unserialize", first, 55, offset);
            }
            _ => self.callers(name, arguments, offset),
        }
    }

    /// A file that is included: bad if a request names it or brought it.
    pub(super) fn included(&mut self, name: &str, value: &Value, offset: usize) {
        let text = value.text.as_deref().or_else(|| self.text_before(b"data:"));
        let begins = |mark: &[u8]| text.is_some_and(|text| text.starts_with(mark));
        if begins(b"php://input") {
            return self.flow(offset, 95, format!("php://input reaches {name}"), true);
        }
        let is_request = value.tainted.is_some();
        let is_told = is_request || value.text.is_some();
        let is_address = ["http://", "https://", "ftp://", "data:"];
        if is_told && is_address.iter().any(|it| begins(it.as_bytes())) {
            self.flow(
                offset,
                if is_request { 90 } else { 75 },
                format!("{name} of an address"),
                is_request,
            );
        }
        if value.path.as_deref() == Some(UPLOAD) {
            return self.flow(offset, 95, format!("an upload reaches {name}"), true);
        }
        let score = if value.has_head { 40 } else { 75 };
        self.runs_request(name, value, score, offset);
    }

    /// A text just before that begins so.
    fn text_before(&self, mark: &[u8]) -> Option<&[u8]> {
        let recent = self.tokens.get(self.at.saturating_sub(12)..self.at)?;
        recent.iter().find_map(|(token, _)| match token {
            Token::Text(text, _) if text.starts_with(mark) => Some(text.as_slice()),
            _ => None,
        })
    }

    /// Data that is written to a file.
    fn written_to(&mut self, arguments: &[Value], first: &Value, offset: usize) {
        let Some(data) = arguments.get(1) else { return };
        let is_named = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).to_ascii_lowercase();
            PAGES.iter().any(|ending| text.ends_with(ending))
        };
        let call = self.tokens.get(self.call_from..self.at).unwrap_or_default();
        let has = |what: &dyn Fn(&[u8]) -> bool| {
            call.iter().any(|(token, _)| matches!(token, Token::Text(text, _) if what(text)))
        };
        let is_page = first.text.as_ref().is_some_and(|path| is_named(path))
            || (first.tainted.is_some() && has(&is_named));
        let opens = has(&|text| text.starts_with(b"<?"));
        let any_name =
            (first.tainted.is_some() && !first.has_head) || first.path.as_deref() == Some(WRITTEN);
        if is_page || opens {
            self.runs_request("a page that it writes", data, 80, offset);
        } else if any_name && data.tainted.is_some() {
            let score = if self.asks() { 40 } else { 70 };
            self.runs_request("a file of any name that it writes", data, score, offset);
        }
    }

    /// A file that a visitor sent, put where its own name says.
    fn moved(&mut self, name: &str, arguments: &[Value], first: &Value, offset: usize) {
        let is_upload = first.path.as_deref() == Some(UPLOAD)
            || (name == "copy" && first.tainted.is_some() && !first.has_head);
        let Some(to) = arguments.get(1).filter(|_| is_upload) else { return };
        if self.asks() {
            return;
        }
        self.runs_request(
            "the name that an upload gets",
            to,
            if to.has_head { 60 } else { 70 },
            offset,
        );
    }

    /// Whether the page asks what it is given, or is part of something larger.
    pub(super) fn asks(&self) -> bool {
        self.tokens.len() > 3_000
            || self.tokens.iter().any(
                |(token, _)| matches!(token, Token::Name(name) if ASKING.contains(&name.as_str())),
            )
    }

    /// Functions that call what they are given.
    fn callers(&mut self, name: &str, arguments: &[Value], offset: usize) {
        let Some((_, place)) = CALLERS.iter().find(|(caller, _)| *caller == name) else { return };
        let Some(called) = arguments.get(*place).filter(|one| one.elements.is_none()) else {
            return;
        };
        if let Some(by) = &called.tainted
            && !called.has_head
        {
            let detail = format!("{by} names the function that {name}() calls");
            self.flow(offset, 85, detail, true);
        }
        let rest: Vec<Value> = arguments
            .iter()
            .enumerate()
            .filter(|(at, _)| at != place)
            .map(|(_, one)| one.clone())
            .collect();
        let own = called.path.clone().filter(|path| path.starts_with('#'));
        if let Some(own) = own.map(|own| own.to_string()).or_else(|| called.name()) {
            for one in &rest {
                let one = Value { text: None, elements: None, ..one.clone() };
                let _result = self.own_call(&own, std::slice::from_ref(&one));
            }
        }
        if let Some(sink) = called.name().filter(|name| is_sink(name)) {
            for one in &rest {
                self.runs(&format!("{sink}() by {name}()"), one, 90, offset);
            }
        }
    }

    /// A value that is run as code: bad if a request sends it, odd if it was packed.
    pub(super) fn runs(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if value.tainted.is_some() {
            return self.runs_request(by, value, score, offset);
        }
        if let Some(text) =
            value.text.as_ref().filter(|text| text.len() > 3 && self.inner.len() < KEPT)
        {
            self.inner.push((text.to_vec(), offset));
        }
        if let Some(how) = &value.decoded {
            let is_fetched = FETCHING.contains(&&**how);
            let detail = if is_fetched {
                format!("{by} runs what {how}() fetches")
            } else {
                format!("{by} runs what {how}() unpacks")
            };
            self.flow(offset, if is_fetched { 70 } else { 60 }, detail, false);
        }
    }

    pub(super) fn runs_request(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if let Some(from) = &value.tainted {
            let through =
                value.decoded.as_ref().map_or_else(String::new, |how| format!(" through {how}()"));
            let detail = format!("{from}{through} reaches {by}");
            self.flow(offset, score, detail, true);
        }
    }

    pub(super) fn flow(
        &mut self,
        offset: usize,
        score: i64,
        detail: String,
        is_from_request: bool,
    ) {
        if self.flows.len() < KEPT {
            self.flows.push(Flow { offset, score, detail, is_from_request });
        }
    }
}
