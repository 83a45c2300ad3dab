//! What is known of a value: its bytes, or where they come from.

use std::rc::Rc;

use super::decode;

/// What is known of a value. Texts and elements are shared, so that copies cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// The request's part that it is made of.
    pub(crate) tainted: Option<Rc<str>>,
    /// Its bytes, if all of it is constant.
    pub(crate) text: Option<Rc<[u8]>>,
    /// The function that unpacked or fetched it.
    pub(crate) decoded: Option<Rc<str>>,
    /// Whether something constant stands before what is tainted.
    pub(crate) has_head: bool,
    /// Elements, of an array that is written out.
    pub(crate) elements: Option<Rc<Vec<Value>>>,
    /// What it names or was made by: `os.system`, `Runtime.getRuntime`.
    pub(crate) path: Option<Rc<str>>,
    /// Whether its text is a number's.
    pub(crate) is_number: bool,
    /// Under which key an array holds it.
    pub(crate) key: Option<Rc<[u8]>>,
}

impl Value {
    pub(crate) fn text(bytes: &[u8]) -> Self {
        Self { text: Some(bytes.into()), ..Self::default() }
    }

    pub(crate) fn number(number: i64) -> Self {
        Self { is_number: true, ..Self::text(number.to_string().as_bytes()) }
    }

    pub(crate) fn tainted(by: &str) -> Self {
        Self { tainted: Some(by.into()), ..Self::default() }
    }

    /// Returns a value of which only its name, or what made it, is known.
    pub(crate) fn named(path: &str) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// Returns its text as a number, however it is written.
    pub(crate) fn as_number(&self) -> Option<i64> {
        let text = self.text.as_ref().filter(|text| text.len() < 20)?;
        std::str::from_utf8(text).ok()?.trim().parse().ok()
    }

    /// Returns a value made of both, of which nothing is known but where it comes from.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            tainted: self.tainted.or_else(|| other.tainted.clone()),
            decoded: self.decoded.or_else(|| other.decoded.clone()),
            has_head: self.has_head || other.has_head,
            ..Self::default()
        }
    }

    /// Returns a value of which it is not known which of both it is.
    pub(crate) fn or(self, other: &Self) -> Self {
        if self == *other {
            return self;
        }
        let only = |a: &Option<Rc<[u8]>>, b: &Option<Rc<[u8]>>| match (a, b) {
            (Some(text), None) | (None, Some(text)) => Some(Rc::clone(text)),
            _ => None,
        };
        let is_tainted = self.tainted.is_some() || other.tainted.is_some();
        let text = if is_tainted { None } else { only(&self.text, &other.text) };
        let path = self.path.clone().or_else(|| other.path.clone());
        let has_head = match (&self.tainted, &other.tainted) {
            (Some(_), None) => self.has_head,
            (None, Some(_)) => other.has_head,
            _ => self.has_head && other.has_head,
        };
        Self { text, path, ..Self { has_head, ..self.and(other) } }
    }

    /// Returns both, one after the other.
    pub(crate) fn then(self, other: &Self) -> Self {
        let text = match (&self.text, &other.text) {
            (Some(a), Some(b)) if a.len().saturating_add(b.len()) <= decode::LONGEST => {
                Some([a.as_ref(), b].concat().into())
            }
            _ => None,
        };
        let has_text = self.text.as_ref().is_none_or(|text| !text.is_empty());
        let has_head = self.has_head || (self.tainted.is_none() && has_text);
        Self { text, ..Self { has_head, ..self.and(other) } }
    }

    /// Returns it without what is known of its bytes and parts.
    pub(crate) fn source(self) -> Self {
        Self { text: None, elements: None, is_number: false, ..self }
    }
}

/// An array of these elements.
pub(crate) fn array(elements: Vec<Value>) -> Value {
    let all = elements.iter().fold(Value::default(), |all, one| all.and(one));
    Value { elements: Some(Rc::new(elements)), ..all }
}

/// Returns the element that an array holds under a key.
pub(crate) fn under(elements: &[Value], key: &[u8]) -> Option<Value> {
    let one = elements.iter().find(|one| one.key.as_deref() == Some(key))?;
    Some(Value { key: None, ..one.clone() })
}

/// What `implode` makes of a constant array.
pub(crate) fn joined(arguments: &[Value]) -> Option<Value> {
    let elements = arguments.iter().find_map(|one| one.elements.as_ref())?;
    let glue = arguments.iter().find_map(|one| one.text.clone()).unwrap_or_else(|| [].into());
    let parts: Option<Vec<&[u8]>> = elements.iter().map(|one| one.text.as_deref()).collect();
    Some(Value::text(&parts?.join(&*glue)))
}

/// What `str_replace` makes of constant texts.
pub(crate) fn replaced(arguments: &[Value]) -> Option<Value> {
    let [from, to, subject, ..] = arguments else { return None };
    let (from, to, subject) = (from.text.as_ref()?, to.text.as_ref()?, subject.text.as_ref()?);
    if from.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let mut rest: &[u8] = subject;
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
