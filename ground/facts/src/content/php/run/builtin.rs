//! Functions of PHP: what they run, what they fill, and what comes of them.

use super::super::tree::{Argument, Expression, Name};
use super::super::value::{Array, Value};
use super::Runner;
use super::places::Place;
use crate::content::taint::decode;

mod arrays;
mod forms;
pub(super) mod numbers;
mod texts;

/// Functions whose answer is made of what they get.
const PASSING: [&str; 82] = [
    "parse_ini_string",
    "yaml_parse",
    "str_getcsv",
    "preg_split",
    "urldecode",
    "rawurldecode",
    "stripslashes",
    "stripcslashes",
    "trim",
    "rtrim",
    "ltrim",
    "chop",
    "substr",
    "mb_substr",
    "mb_strcut",
    "iconv_substr",
    "substr_replace",
    "str_replace",
    "str_ireplace",
    "preg_replace",
    "preg_filter",
    "implode",
    "join",
    "explode",
    "sprintf",
    "vsprintf",
    "strval",
    "strtr",
    "html_entity_decode",
    "htmlspecialchars_decode",
    "unserialize",
    "json_decode",
    "str_split",
    "mb_str_split",
    "chr",
    "iconv",
    "mb_convert_encoding",
    "utf8_decode",
    "utf8_encode",
    "mb_convert_case",
    "strtolower",
    "strtoupper",
    "mb_strtolower",
    "mb_strtoupper",
    "ucfirst",
    "lcfirst",
    "ucwords",
    "strstr",
    "stristr",
    "strrchr",
    "strpbrk",
    "strtok",
    "nl2br",
    "wordwrap",
    "chunk_split",
    "str_pad",
    "str_repeat",
    "addslashes",
    "quotemeta",
    "strip_tags",
    "parse_url",
    "pathinfo",
    "print_r",
    "var_export",
    "json_encode",
    "serialize",
    "base64_encode",
    "bin2hex",
    "simplexml_load_string",
    "simplexml_load_file",
    "unpack",
    "sscanf",
    "money_format",
    "escape",
    "mb_decode_mimeheader",
    "iconv_mime_decode",
    "imap_base64",
    "imap_qprint",
    "quoted_printable_decode",
    "convert_uuencode",
    "ctype",
    "settype",
];
/// Functions that make code of what looks like none.
const UNPACKING: [&str; 16] = [
    "base64_decode",
    "str_rot13",
    "strrev",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "hex2bin",
    "pack",
    "convert_uudecode",
    "zlib_decode",
    "openssl_decrypt",
    "mcrypt_decrypt",
    "sodium_crypto_secretbox_open",
    "bzdecompress",
    "lzf_decompress",
    "mcrypt_cbc",
];

impl Runner<'_> {
    pub(super) fn builtin(
        &mut self,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        self.looks_at_upload(name, given);
        if let Some(value) = self.sinks(name, given, offset) {
            return value;
        }
        let written = name == "array_walk" || name == "usort";
        if let Some(value) = self.callers(name, given, offset)
            && !(written && value.is_unknown())
        {
            return value;
        }
        if let Some(value) = self.special(name, given, arguments, offset) {
            return value;
        }
        if let Some(value) = arrays::computed(name, given) {
            self.changed(name, given, arguments);
            return value;
        }
        if let Some(value) = texts::computed(name, given) {
            return value;
        }
        self.passed(name, given)
    }

    /// What comes of a function of which only the way is known.
    fn passed(&mut self, name: &str, given: &[Value]) -> Value {
        let first = given.first().cloned().unwrap_or_default();
        let all = || given.iter().fold(Value::default(), |all, one| all.and(one));
        match name {
            // A letter that is made of something: whoever calls a function named so hides its name.
            "chr" if first.tainted.is_none() => Value { decoded: Some(name.into()), ..all() },
            _ if PASSING.contains(&name) => {
                let value = all();
                let keeps_word = ["strtolower", "strtoupper", "ucfirst", "trim", "substr"];
                let is_word = first.is_word && keeps_word.contains(&name);
                // The tail of a text stays where only its letters change.
                let tail = first.tail.clone().filter(|_| is_word);
                let has_head = match name {
                    "sprintf" | "vsprintf" => !first.begins(b"%"),
                    "substr" | "mb_substr" | "strstr" | "strrchr" | "explode" | "json_decode"
                    | "unserialize" | "preg_split" | "str_split" => false,
                    "str_replace" | "str_ireplace" | "preg_replace" | "preg_filter" => {
                        given.get(2).is_some_and(|subject| subject.has_head)
                    }
                    _ => first.has_head,
                };
                Value { is_word, tail, has_head, ..value }
            }
            _ if UNPACKING.contains(&name) => {
                let value = all();
                let decoded = value.decoded.clone().or_else(|| Some(name.into()));
                Value { decoded, has_head: false, is_word: false, ..value }
            }
            "basename" if super::checks::is_of_upload(&first) => Value { has_head: false, ..all() },
            _ => Value::default(),
        }
    }

    /// Functions that have to do with the page itself, with requests and with files.
    fn special(
        &mut self,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Option<Value> {
        let first = given.first().cloned().unwrap_or_default();
        Some(match name {
            "compact" | "func_get_args" | "func_get_arg" | "get_defined_vars" => {
                self.of_frame(name, given)
            }
            "define" => {
                if let (Some(constant), Some(value)) = (first.name(), given.get(1)) {
                    self.constants.insert(constant.into(), value.clone());
                }
                Value::truth(true)
            }
            "constant" => {
                let told = first.name()?;
                match told.split_once("::") {
                    Some((class, constant)) => {
                        let class = Expression::Constant(class.into());
                        self.class_constant(&class, &Name::from(constant))
                    }
                    None => self.constant(&told),
                }
            }
            "getallheaders"
            | "apache_request_headers"
            | "filter_input"
            | "filter_input_array"
            | "http_get_request_body"
            | "http_get_request_headers" => {
                let is_checked = given.get(2).is_some_and(|how| how.exact().is_some());
                if is_checked { Value::default() } else { Value::tainted(&format!("{name}()")) }
            }
            "getenv" | "apache_getenv" => {
                let is_sent = first.names().iter().any(|key| super::sources::is_sent(key));
                if is_sent { Value::tainted(&format!("{name}()")) } else { Value::default() }
            }
            "filter_var" => match given.get(1) {
                None => first,
                Some(_) => Value::default(),
            },
            "fopen" | "gzopen" | "bzopen" => self.opened(given),
            "tempnam" | "tmpfile" | "stream_get_meta_data" => temporary(name, &first, offset),
            "sys_get_temp_dir" => Value::text(b"/tmp"),
            "dirname" => match first.exact() {
                Some(path) => {
                    let end = memchr::memrchr(b'/', path).unwrap_or(0);
                    Value::text(path.get(..end).unwrap_or_default())
                }
                None => Value::default(),
            },
            "realpath" => first,
            "curl_init" => match first.told().first() {
                Some(_) => Value::path("a web address"),
                None => first.source(),
            },
            _ if super::sinks::is_fetching(name) => self.fetched(name, &first),
            _ => return self.writing(name, given, arguments, offset),
        })
    }

    /// `parse_str`: variables by the names that a text has.
    fn parsed(&mut self, first: &Value, arguments: Option<&[Argument]>) {
        match arguments.and_then(|all| all.get(1)) {
            Some(target) => {
                let mut array = Array::default();
                array.put_anywhere(&first.source());
                let tainted = first.tainted.clone();
                self.assign(&target.value, Value { tainted, ..Value::array(array) });
            }
            None if first.tainted.is_some() => self.fills_all(first, false),
            None => {}
        }
    }

    /// Functions that write or move files, and those that fill what they are given.
    fn writing(
        &mut self,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Option<Value> {
        let first = given.first().cloned().unwrap_or_default();
        match name {
            "extract" | "import_request_variables" => self.extract(name, given),
            "parse_str" | "mb_parse_str" => self.parsed(&first, arguments),
            "file_put_contents" | "fwrite" | "fputs" | "fputcsv" | "gzwrite" => {
                let data = given.get(1)?.clone();
                self.written_to(&first, &data, offset);
            }
            "fsockopen" | "pfsockopen" | "stream_socket_client" => {
                return Some(Value::path("a web address"));
            }
            "error_log" => {
                let path = given.get(2)?.clone();
                self.written_to(&path, &first, offset);
            }
            "stream_copy_to_stream" => {
                let path = given.get(1)?.clone();
                let data = self.fetched(name, &first);
                self.written_to(&path, &data.or(&first.gathered()), offset);
            }
            "move_uploaded_file" | "copy" | "rename" | "symlink" | "link" => {
                self.moved(name, given, offset);
                return Some(Value::default());
            }
            "trigger_error" | "user_error" => self.handled(&first, offset),
            "class_exists" | "spl_autoload_call" | "is_a" | "is_subclass_of"
                if first.tainted.is_some() =>
            {
                self.handled(&first, offset);
            }
            "get_defined_functions" | "get_class_methods" | "get_defined_constants" => {
                return Some(Value { decoded: Some(name.into()), ..Value::default() });
            }
            "session_id" => return Some(Value { is_word: true, ..Value::tainted("session_id()") }),
            _ => return self.filling(name, given, arguments, offset),
        }
        Some(Value::default())
    }

    /// Functions that fill what they are given, and those that call what is in an array.
    fn filling(
        &mut self,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Option<Value> {
        let first = given.first().cloned().unwrap_or_default();
        match name {
            "proc_open" | "popen" => {
                if !super::sinks::is_shell(&first) {
                    return Some(Value::default());
                }
                let input = Value::path(super::writes::SHELL);
                if let Some(target) = arguments.and_then(|all| all.get(2)) {
                    self.assign(&target.value, Value::list([input.clone()]));
                }
                Some(input)
            }
            "preg_match" | "preg_match_all" | "mb_ereg" | "ereg" => {
                let subject = given.get(1)?.gathered();
                let target = arguments.and_then(|all| all.get(2))?;
                let mut array = Array::default();
                array.put_anywhere(&Value { has_head: false, ..subject });
                self.assign(&target.value, Value::array(array));
                Some(Value::default())
            }
            "preg_replace_callback_array" => {
                let subject = given.get(1).map(Value::gathered).unwrap_or_default();
                let mut array = Array::default();
                array.put_anywhere(&Value { has_head: false, ..subject.clone() });
                let matches = Value::array(array);
                let all: Vec<Value> =
                    first.array.iter().flat_map(|it| it.values()).cloned().collect();
                for one in all {
                    let given = [matches.clone()];
                    let _new = self.called(&one, &given, None, offset);
                }
                Some(subject)
            }
            _ => None,
        }
    }

    /// `extract`: variables by the names that an array has.
    fn extract(&mut self, name: &str, given: &[Value]) {
        let first = match name {
            "extract" => given.first().cloned().unwrap_or_default(),
            _ => Value::tainted("import_request_variables()"),
        };
        if let Some(array) = first.array.as_ref().filter(|_| first.tainted.is_none()) {
            for (key, value) in &array.entries {
                let name: Name = String::from_utf8_lossy(key).into_owned().into();
                let place = Place::Variable(self.below.len(), name);
                self.write(&place, value.clone());
            }
            if let Some(rest) = array.rest.as_ref().filter(|rest| rest.tainted.is_some()) {
                let rest = rest.clone();
                self.fills_all(&rest, given.len() > 1);
            }
            return;
        }
        if first.tainted.is_some() {
            self.fills_all(&first, given.len() > 1);
        }
    }

    /// All variables may be what a request says, unless only new ones are made.
    fn fills_all(&mut self, by: &Value, only_new: bool) {
        let Some(told) = by.tainted.clone() else { return };
        if !only_new {
            let sent = Value { has_head: false, ..by.source() };
            for (name, value) in &mut self.now.variables {
                if name.as_ref() != "_SESSION" {
                    *value = std::mem::take(value).or(&sent);
                }
            }
        }
        self.now.extracted = Some(told);
    }

    /// Functions that change the array they are given.
    fn changed(&mut self, name: &str, given: &[Value], arguments: Option<&[Argument]>) {
        let Some(target) = arguments.and_then(|all| all.first()) else { return };
        let is_place = matches!(
            target.value,
            Expression::Variable(_)
                | Expression::Element(..)
                | Expression::Property(..)
                | Expression::StaticProperty(..)
        );
        if let Some(new) = arrays::changed(name, given).filter(|_| is_place) {
            self.assign(&target.value, new);
        }
    }
}

/// What a decoder makes of a constant text.
fn decoded(name: &str, text: &[u8]) -> Option<Vec<u8>> {
    decode::decoded(name, text)
}

/// A file without a name of the page's, and what is known of an open one.
fn temporary(name: &str, first: &Value, offset: usize) -> Value {
    let path = format!("/tmp/{name}{offset}");
    match name {
        "tempnam" => Value::text(path.as_bytes()),
        "tmpfile" => Value::path(&format!("{}{path}", super::writes::OPEN)),
        _ => {
            let path = first.path.as_deref().and_then(|it| it.strip_prefix(super::writes::OPEN));
            let path = path.map(|path| Value::text(path.as_bytes())).unwrap_or_default();
            let mut array = Array::default();
            array.put(Some(b"uri"), path);
            Value::array(array)
        }
    }
}
