//! What is known of a value: its bytes, or where they come from.

use super::decode;

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The request's part that it is made of.
    pub(super) tainted: Option<String>,
    /// Its bytes, if all of it is constant.
    pub(super) text: Option<Vec<u8>>,
    /// The function that unpacked or fetched it.
    pub(super) decoded: Option<String>,
    /// Whether something constant stands before what is tainted.
    pub(super) has_head: bool,
    /// Elements, of an array that is written out.
    pub(super) elements: Option<Vec<Value>>,
}

impl Value {
    pub(super) fn text(bytes: &[u8]) -> Self {
        Self { text: Some(bytes.to_vec()), ..Self::default() }
    }

    pub(super) fn tainted(by: &str) -> Self {
        Self { tainted: Some(by.to_owned()), ..Self::default() }
    }

    pub(super) fn name(&self) -> Option<String> {
        let text = self.text.as_ref().filter(|text| text.len() < 64)?;
        Some(String::from_utf8_lossy(text).trim_start_matches('\\').to_ascii_lowercase())
    }

    /// Returns a value made of both, of which nothing is known but where it comes from.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            tainted: self.tainted.or_else(|| other.tainted.clone()),
            decoded: self.decoded.or_else(|| other.decoded.clone()),
            has_head: self.has_head || other.has_head,
            ..Self::default()
        }
    }

    pub(super) fn then(self, other: &Self) -> Self {
        let text = match (&self.text, &other.text) {
            (Some(a), Some(b)) if a.len().saturating_add(b.len()) <= decode::LONGEST => {
                Some([a.as_slice(), b].concat())
            }
            _ => None,
        };
        let has_text = self.text.as_ref().is_none_or(|text| !text.is_empty());
        let has_head = self.has_head || (self.tainted.is_none() && has_text);
        Self { text, ..Self { has_head, ..self.and(other) } }
    }

    /// A bare word is a text only where PHP took it for one; before `::` it is a class.
    pub(super) fn without_text_if_class(self) -> Self {
        Self { text: self.text.filter(|text| text.len() < 64), ..self }
    }
}
/// An array of these elements.
pub(super) fn array(elements: Vec<Value>) -> Value {
    let all = elements.iter().fold(Value::default(), |all, one| all.and(one));
    Value { elements: Some(elements), ..all }
}

/// What stands at an index of a value; `name` is the variable it belongs to.
pub(super) fn element(name: Option<&str>, value: Value, index: &Value) -> Value {
    match name {
        Some("_SERVER" | "_ENV") if value.tainted.is_none() => {
            let told = index.name().unwrap_or_default();
            let is_request = told.starts_with("http_") && told != "http_host"
                || ["query_string", "path_info", "php_auth_user", "php_auth_pw"]
                    .contains(&told.as_str());
            if is_request {
                Value::tainted(&format!("$_SERVER[{}]", told.to_ascii_uppercase()))
            } else {
                Value::default()
            }
        }
        Some("_FILES") => Value::default(),
        _ => {
            let place = index
                .text
                .as_ref()
                .and_then(|text| String::from_utf8_lossy(text).parse::<usize>().ok());
            if let (Some(elements), Some(place)) = (&value.elements, place) {
                return elements.get(place).cloned().unwrap_or_default();
            }
            // A letter of a constant text.
            if let (Some(text), Some(place)) = (&value.text, place) {
                return text
                    .get(place..place.saturating_add(1))
                    .map(Value::text)
                    .unwrap_or_default();
            }
            Value { text: None, elements: None, ..value }
        }
    }
}

/// What a function fetches from the address or file that its first argument names.
pub(super) fn fetched(name: &str, first: &Value) -> Value {
    match first.text.as_deref() {
        Some(b"php://input") => Value::tainted("php://input"),
        Some(text)
            if text.starts_with(b"http://")
                || text.starts_with(b"https://")
                || text.starts_with(b"ftp://") =>
        {
            Value { decoded: Some(name.to_owned()), ..Value::default() }
        }
        _ if first.tainted.as_deref() == Some("php://input") => Value::tainted("php://input"),
        _ if name == "fopen"
            || name == "fread"
            || name == "stream_get_contents"
            || name == "curl_exec" =>
        {
            Value { decoded: first.decoded.clone(), ..Value::default() }
        }
        _ => Value::default(),
    }
}

/// What `implode` makes of a constant array.
pub(super) fn joined(arguments: &[Value]) -> Option<Value> {
    let elements = arguments.iter().find_map(|one| one.elements.as_ref())?;
    let glue = arguments.iter().find_map(|one| one.text.clone()).unwrap_or_default();
    let parts: Option<Vec<&[u8]>> = elements.iter().map(|one| one.text.as_deref()).collect();
    Some(Value::text(&parts?.join(glue.as_slice())))
}

/// What `str_replace` makes of constant texts.
pub(super) fn replaced(arguments: &[Value]) -> Option<Value> {
    let [from, to, subject, ..] = arguments else { return None };
    let (from, to, subject) = (from.text.as_ref()?, to.text.as_ref()?, subject.text.as_ref()?);
    if from.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = subject.as_slice();
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(rest.get(..at)?);
        out.extend_from_slice(to);
        rest = rest.get(at.saturating_add(from.len())..)?;
        if out.len() > decode::LONGEST {
            return None;
        }
    }
    out.extend_from_slice(rest);
    Some(Value::text(&out))
}
