//! What a request fills.

use super::super::tree::Name;
use super::super::value::Value;
use super::Runner;

/// The path of what a visitor sent as a file.
pub(super) const UPLOAD: &str = "an upload";
/// Where the page lies, as far as it asks.
const FOLDER: &[u8] = b"/the/page";
pub(super) const FILE: &[u8] = b"/the/page/itself.php";

/// Variables that a request fills.
const REQUEST: [&str; 8] = [
    "_GET",
    "_POST",
    "_REQUEST",
    "_COOKIE",
    "HTTP_RAW_POST_DATA",
    "HTTP_POST_VARS",
    "HTTP_GET_VARS",
    "HTTP_COOKIE_VARS",
];
/// Keys of `$_SERVER`, besides headers, that a visitor chooses.
const SERVER: [&str; 8] = [
    "query_string",
    "path_info",
    "orig_path_info",
    "php_auth_user",
    "php_auth_pw",
    "php_auth_digest",
    "content_type",
    "request_uri",
];

/// Whether a request fills a variable.
pub(super) fn is_request(name: &str) -> bool {
    REQUEST.contains(&name)
}

/// Whether a visitor chooses what stands under a key of `$_SERVER`.
pub(super) fn is_sent(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    (key.starts_with("http_") && key != "http_host") || SERVER.contains(&key.as_str())
}

/// What stands at an index of what PHP itself fills.
pub(super) fn element(of: &Value, key: Option<&[u8]>) -> Option<Value> {
    match of.path.as_deref()? {
        "$_SERVER" => {
            let Some(key) = key else { return Some(Value::tainted("$_SERVER")) };
            let key = String::from_utf8_lossy(key).into_owned();
            let is_sent = is_sent(&key);
            let told = || Value::tainted(&format!("$_SERVER[{}]", key.to_ascii_uppercase()));
            Some(if is_sent { told() } else { Value::default() })
        }
        // The name is the visitor's; where the upload lies is not, but what lies there is.
        "$_FILES" => Some(match key {
            Some(b"tmp_name") => Value::path(UPLOAD),
            Some(b"name" | b"full_path") => Value::tainted("$_FILES[name]"),
            Some(b"type") => Value::tainted("$_FILES[type]"),
            Some(b"size" | b"error") => Value::default(),
            _ => Value::path("$_FILES"),
        }),
        UPLOAD => Some(of.clone()),
        _ => None,
    }
}

impl Runner<'_> {
    /// What a variable holds.
    pub(super) fn variable(&mut self, name: &Name) -> Value {
        if name.as_ref() == "this" {
            return self.now.this.map(Value::object).unwrap_or_default();
        }
        let place = match self.now.aliases.get(name) {
            Some(place) => place.clone(),
            None if name.as_ref() == "_SESSION" => super::places::Place::Static(name.to_string()),
            None if name.starts_with('_') && is_request(name) => {
                super::places::Place::Variable(0, Name::clone(name))
            }
            None => match self.now.variables.get(name) {
                Some(value) => return value.clone(),
                None => return self.unset_variable(name),
            },
        };
        self.read(&place)
    }

    /// What a variable holds that nothing was assigned to.
    pub(super) fn unset_variable(&mut self, name: &Name) -> Value {
        match name.as_ref() {
            "_SERVER" | "_ENV" | "HTTP_SERVER_VARS" => Value::path("$_SERVER"),
            "_FILES" | "HTTP_POST_FILES" => Value::path("$_FILES"),
            "GLOBALS" => Value::path("GLOBALS"),
            name if is_request(name) => Value::tainted(&format!("${name}")),
            _ => match &self.now.extracted {
                Some(by) => Value::tainted(by),
                None => Value::default(),
            },
        }
    }

    /// What a constant is; a bare word that is none was a text until PHP 8.
    pub(super) fn constant(&mut self, name: &str) -> Value {
        if let Some(value) = self.constants.get(name) {
            return value.clone();
        }
        let function = || self.now.function.as_ref().map(|it| it.name.to_string());
        let class = || self.now.class.as_deref().unwrap_or_default().to_owned();
        match name {
            "true" => Value::truth(true),
            "false" | "null" => Value::truth(false),
            "__dir__" => Value::text(FOLDER),
            "__file__" => Value::text(FILE),
            "__line__" => Value::default(),
            "__function__" => Value::text(function().unwrap_or_default().as_bytes()),
            "__class__" => Value::text(class().as_bytes()),
            "__method__" => {
                let name = format!("{}::{}", class(), function().unwrap_or_default());
                Value::text(name.as_bytes())
            }
            "php_eol" => Value::text(b"\n"),
            "directory_separator" => Value::text(b"/"),
            "path_separator" => Value::text(b":"),
            "__compiler_halt_offset__" => {
                let at = memchr::memmem::find(self.page, b"__halt_compiler");
                let end = at.and_then(|at| {
                    let rest = self.page.get(at..)?;
                    memchr::memchr(b';', rest).map(|end| at.saturating_add(end).saturating_add(1))
                });
                end.and_then(|end| i64::try_from(end).ok()).map(Value::number).unwrap_or_default()
            }
            // Those that PHP has, and that are numbers.
            _ if name.starts_with("e_")
                || name.starts_with("php_")
                || name.starts_with("m_")
                || name.contains('_') && !super::sinks::is_sink(name) =>
            {
                Value::default()
            }
            _ => Value { is_open: true, ..Value::text(name.as_bytes()) },
        }
    }
}
