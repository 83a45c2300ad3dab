//! What is known after a condition: that a value is one of some, a number, or only letters.

use super::super::tree::{Argument, Expression};
use super::super::value::Value;
use super::Runner;
use super::sources::UPLOAD;

impl Runner<'_> {
    /// Keeps in mind what a condition says of what it looks at, if it is so.
    pub(super) fn looked_at(&mut self, condition: &Expression, is_true: bool) {
        match condition {
            Expression::Unary("!", inner) => self.looked_at(inner, !is_true),
            Expression::Binary("&&" | "and", one, other) if is_true => {
                self.looked_at(one, true);
                self.looked_at(other, true);
            }
            Expression::Binary("||" | "or", one, other) if !is_true => {
                self.looked_at(one, false);
                self.looked_at(other, false);
            }
            Expression::Binary("==" | "===", one, other) if is_true => {
                self.is_equal(one, other);
            }
            Expression::Binary("!=" | "!==" | "<>", one, other) if !is_true => {
                self.is_equal(one, other);
            }
            // `… === false`, `… === 0`
            Expression::Binary("==" | "===", one, other) => self.fails(one, other),
            Expression::Binary("!=" | "!==" | ">", one, other) => self.fails(one, other),
            Expression::Isset(all) if is_true => {
                for one in all {
                    self.is_key(one);
                }
            }
            Expression::Empty(one) if !is_true => self.is_key(one),
            Expression::Call(name, arguments, _) if is_true => {
                if let Expression::Constant(name) = name.as_ref() {
                    self.holds(name, arguments);
                }
            }
            Expression::Assign(_, value) => self.looked_at(value, is_true),
            Expression::Element(..) if is_true => self.is_key(condition),
            _ => {}
        }
    }

    /// `f(…) !== false`, where `f` is a test.
    fn fails(&mut self, one: &Expression, other: &Expression) {
        let is_false = |it: &Expression| match it {
            Expression::Constant(name) => name.as_ref() == "false",
            Expression::Number(number) => *number == 0,
            _ => false,
        };
        if is_false(other) {
            self.looked_at(one, true);
        } else if is_false(one) {
            self.looked_at(other, true);
        }
    }

    /// Both are the same: one is a constant.
    fn is_equal(&mut self, one: &Expression, other: &Expression) {
        for (one, other) in [(one, other), (other, one)] {
            if !is_place(one) {
                // `strlen($x) === 5` and the like say nothing; `preg_match(…) === 1` does.
                if matches!(other, Expression::Number(1))
                    || matches!(other, Expression::Constant(name) if name.as_ref() == "true")
                {
                    self.looked_at(one, true);
                }
                continue;
            }
            let known = self.value(one);
            let constant = self.value(other);
            if known.tainted.is_some() && constant.tainted.is_none() && !constant.told().is_empty()
            {
                self.assign(one, Value { decoded: None, ..constant });
            }
        }
    }

    /// An element is there: its key is one of those that a table of the page has.
    fn is_key(&mut self, element: &Expression) {
        let Expression::Element(of, Some(index)) = element else { return };
        if !is_place(index) {
            return;
        }
        let key = self.value(index);
        if key.tainted.is_none() {
            return;
        }
        let of = self.value(of);
        if of.tainted.is_some() || of.path.is_some() || super::sources::is_request("") {
            return;
        }
        let keys = of.array.as_ref().filter(|array| array.rest.is_none() && !array.is_open);
        let mut new = Value { is_open: true, ..Value::default() };
        if let Some(array) = keys.filter(|array| array.entries.len() <= 8) {
            let all: Vec<_> =
                array.entries.iter().map(|(key, _)| std::rc::Rc::clone(key)).collect();
            if !all.is_empty() {
                new = Value { texts: Some(std::rc::Rc::new(all)), ..Value::default() };
            }
        }
        self.assign(index, new);
    }

    /// A test holds for what it looks at.
    fn holds(&mut self, name: &str, arguments: &[Argument]) {
        let at = |place: usize| arguments.get(place).map(|one| &one.value);
        match name {
            "in_array" | "array_key_exists" | "key_exists" | "array_search" => {
                let (Some(subject), Some(table)) = (at(0), at(1)) else { return };
                self.is_of_table(subject, table, name);
            }
            "preg_match" => {
                let (Some(pattern), Some(subject)) = (at(0), at(1)) else { return };
                let pattern = self.value(pattern);
                if pattern.exact().is_some_and(|pattern| is_strict(pattern)) {
                    self.is_word(subject);
                }
            }
            "ctype_alnum" | "ctype_alpha" | "ctype_lower" | "ctype_upper" | "ctype_xdigit" => {
                if let Some(subject) = at(0) {
                    self.is_word(subject);
                }
            }
            "ctype_digit" | "is_numeric" | "is_int" | "is_integer" | "is_float" | "is_bool"
            | "checkdate" | "is_array" | "filter_var" => {
                let Some(subject) = at(0).filter(|it| is_place(it)) else { return };
                if name == "is_array" || (name == "filter_var" && arguments.len() < 2) {
                    return;
                }
                let known = self.value(subject);
                if known.tainted.is_some() {
                    self.assign(subject, Value { is_open: true, ..Value::default() });
                }
            }
            "isset" | "hash_equals" => {}
            _ => {}
        }
    }

    fn is_of_table(&mut self, subject: &Expression, table: &Expression, name: &str) {
        if !is_place(subject) {
            return;
        }
        let known = self.value(subject);
        let table = self.value(table);
        if known.tainted.is_none() || table.gathered().tainted.is_some() || table.path.is_some() {
            return;
        }
        let mut all: Option<Value> = None;
        if let Some(array) = table.array.as_ref().filter(|array| array.entries.len() <= 8) {
            for (key, value) in &array.entries {
                let one = if name.contains("key") { Value::text(key) } else { value.clone() };
                all = Some(all.map_or(one.clone(), |all| all.or(&one)));
            }
        }
        self.assign(subject, all.unwrap_or(Value { is_open: true, ..Value::default() }));
    }

    fn is_word(&mut self, subject: &Expression) {
        if !is_place(subject) {
            return;
        }
        let known = self.value(subject);
        if known.tainted.is_some() && known.array.is_none() {
            self.assign(subject, Value { is_word: true, ..known });
        }
    }

    /// Whether a function looks at what an upload is called or holds.
    pub(super) fn looks_at_upload(&mut self, name: &str, given: &[Value]) {
        const LOOKING: [&str; 19] = [
            "in_array",
            "array_search",
            "array_key_exists",
            "preg_match",
            "preg_match_all",
            "strcmp",
            "strcasecmp",
            "getimagesize",
            "mime_content_type",
            "finfo_file",
            "exif_imagetype",
            "imagecreatefromjpeg",
            "imagecreatefrompng",
            "imagecreatefromgif",
            "imagecreatefromstring",
            "strpos",
            "stripos",
            "str_ends_with",
            "fnmatch",
        ];
        if LOOKING.contains(&name) && given.iter().any(is_of_upload) {
            self.has_checked = true;
        }
    }
}

/// Whether a value is what an upload is called, or where it lies.
pub(super) fn is_of_upload(value: &Value) -> bool {
    value.path.as_deref() == Some(UPLOAD)
        || value.gathered().tainted.is_some_and(|by| by.starts_with("$_FILES"))
}

/// Whether an expression is a place that something can be known of.
fn is_place(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Variable(_) | Expression::Element(..) | Expression::Property(..)
    )
}

/// Whether a pattern holds for a whole text, and for no text of any signs.
fn is_strict(pattern: &[u8]) -> bool {
    let Some((&open, rest)) = pattern.split_first() else { return false };
    let end = memchr::memrchr(if open == b'{' { b'}' } else { open }, rest).unwrap_or(0);
    let body = rest.get(..end).unwrap_or_default();
    let is_whole = body.starts_with(b"^") || body.starts_with(b"\\A");
    let ends = [b"$".as_slice(), b"\\z", b"\\Z", b"D"];
    let is_any = [b".*".as_slice(), b".+", b"[^", b"\\S", b"\\W"]
        .iter()
        .any(|any| memchr::memmem::find(body, any).is_some());
    is_whole && ends.iter().any(|end| body.ends_with(end)) && !is_any
}
