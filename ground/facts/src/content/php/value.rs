//! What is known of a value of PHP: which constants it may be, what an array or object of it holds,
//! and which part of a request it is made of.

use std::rc::Rc;

use super::run::Closure;
use crate::content::taint::decode::LONGEST;

/// How many texts, objects or functions a value may be.
const SEVERAL: usize = 8;
/// How much of the end of a text is kept when what stands before it is not known.
const TAIL: usize = 24;
/// How many elements of an array are kept apart.
const APART: usize = 1024;

/// How deep arrays within arrays are kept apart.
const DEEP: u8 = 5;
/// How many elements of two arrays are told apart when either may be the case.
const EITHER: usize = 24;

/// What is known of a value; nothing at all if all is empty. What is large is shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// The request's part that it is made of.
    pub(super) tainted: Option<Rc<str>>,
    /// The function that unpacked or fetched it.
    pub(super) decoded: Option<Rc<str>>,
    /// Whether something stands before what is tainted.
    pub(super) has_head: bool,
    /// Whether it was looked at and holds nothing but letters and digits.
    pub(super) is_word: bool,
    /// The constants that it may be.
    pub(super) texts: Option<Rc<Vec<Rc<[u8]>>>>,
    /// Whether it may be something else than what is told.
    pub(super) is_open: bool,
    pub(super) is_number: bool,
    /// How it begins, if not all of it is known.
    pub(super) head: Option<Rc<[u8]>>,
    /// How it ends.
    pub(super) tail: Option<Rc<[u8]>>,
    pub(super) array: Option<Rc<Array>>,
    pub(super) objects: Option<Rc<Vec<usize>>>,
    pub(super) functions: Option<Rc<Vec<Rc<Closure>>>>,
    /// What it is besides: the path of an upload, a file that is open.
    pub(super) path: Option<Rc<str>>,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.texts, &other.texts)
            && is_same(&self.array, &other.array)
            && self.tainted == other.tainted
            && self.decoded == other.decoded
            && (self.has_head, self.is_word, self.is_open, self.is_number)
                == (other.has_head, other.is_word, other.is_open, other.is_number)
            && is_same(&self.objects, &other.objects)
            && is_same(&self.functions, &other.functions)
            && self.path == other.path
            && self.head == other.head
            && self.tail == other.tail
    }
}

/// Whether both are the same thing, or alike.
fn is_same<T: PartialEq>(one: &Option<Rc<T>>, other: &Option<Rc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Rc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        _ => false,
    }
}

/// A key and what stands there.
pub(super) type Entry = (Rc<[u8]>, Value);

/// What is known of an array.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Array {
    pub(super) entries: Vec<Entry>,
    /// What may stand under any key.
    pub(super) rest: Option<Value>,
    pub(super) next: i64,
    /// Whether it may hold more, or less, than is known.
    pub(super) is_open: bool,
    /// How deep arrays in it are.
    pub(super) depth: u8,
}

impl Array {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known.as_ref() == key).map(|(_, value)| value)
    }

    /// Puts an element under its key, or under the next number.
    pub(super) fn put(&mut self, key: Option<&[u8]>, value: Value) {
        let value = self.deeper(value);
        let number = key.map_or(Some(self.next), |key| {
            std::str::from_utf8(key).ok().and_then(|key| key.parse::<i64>().ok())
        });
        if let Some(number) = number {
            self.next = self.next.max(number.saturating_add(1));
        }
        let key: Rc<[u8]> = match (key, number) {
            (Some(key), _) => key.into(),
            (None, number) => number.unwrap_or(0).to_string().into_bytes().into(),
        };
        if let Some((_, known)) = self.entries.iter_mut().find(|(known, _)| *known == key) {
            *known = value;
        } else if self.entries.len() < APART {
            self.entries.push((key, value));
        } else {
            self.put_anywhere(&value);
        }
    }

    /// Puts an element under a key that is not known.
    pub(super) fn put_anywhere(&mut self, value: &Value) {
        let value = self.deeper(value.clone());
        self.rest = Some(match self.rest.take() {
            Some(known) => known.or(&value),
            None => value,
        });
        self.is_open = true;
    }

    /// A value to put in: of what is too deep only its source is kept.
    fn deeper(&mut self, value: Value) -> Value {
        let depth = value.array.as_ref().map_or(0, |array| array.depth).saturating_add(1);
        if depth > DEEP {
            return Value { is_open: true, ..value.gathered() };
        }
        self.depth = self.depth.max(depth);
        value
    }

    /// All elements, if they are all that there are.
    pub(super) fn whole(&self) -> Option<&[Entry]> {
        (!self.is_open && self.rest.is_none()).then_some(self.entries.as_slice())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.entries.iter().map(|(_, value)| value).chain(self.rest.iter())
    }

    fn or(&self, other: &Self) -> Self {
        if self.entries.len().max(other.entries.len()) > EITHER {
            // Of many only what any of them may be is kept.
            let (large, small) = match self.entries.len() >= other.entries.len() {
                true => (self, other),
                false => (other, self),
            };
            let mut both = Self { is_open: true, ..large.clone() };
            for value in small.values().take(EITHER) {
                let source = value.gathered();
                if source.tainted.is_some() || source.decoded.is_some() || small.rest.is_some() {
                    both.put_anywhere(value);
                }
            }
            return both;
        }
        let mut both = self.clone();
        both.is_open |= other.is_open || self.entries.len() != other.entries.len();
        for (key, value) in &other.entries {
            let new = match both.get(key) {
                Some(known) => known.clone().or(value),
                None => value.clone(),
            };
            both.put(Some(key), new);
        }
        if let Some(rest) = &other.rest {
            both.put_anywhere(rest);
        }
        both
    }
}

impl Value {
    pub(super) fn text(bytes: &[u8]) -> Self {
        Self { texts: Some(Rc::new(vec![bytes.into()])), ..Self::default() }
    }

    pub(super) fn number(number: i64) -> Self {
        Self { is_number: true, ..Self::text(number.to_string().as_bytes()) }
    }

    pub(super) fn truth(truth: bool) -> Self {
        Self::text(if truth { b"1" } else { b"" })
    }

    pub(super) fn tainted(by: &str) -> Self {
        Self { tainted: Some(by.into()), ..Self::default() }
    }

    pub(super) fn path(path: &str) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    pub(super) fn array(array: Array) -> Self {
        Self { array: Some(Rc::new(array)), ..Self::default() }
    }

    pub(super) fn list(values: impl IntoIterator<Item = Self>) -> Self {
        let mut array = Array::default();
        for value in values {
            array.put(None, value);
        }
        Self::array(array)
    }

    pub(super) fn object(object: usize) -> Self {
        Self { objects: Some(Rc::new(vec![object])), ..Self::default() }
    }

    pub(super) fn function(closure: Rc<Closure>) -> Self {
        Self { functions: Some(Rc::new(vec![closure])), ..Self::default() }
    }

    /// Whether nothing is known of what it is.
    pub(super) fn is_unknown(&self) -> bool {
        self.texts.is_none()
            && self.array.is_none()
            && self.objects.is_none()
            && self.functions.is_none()
            && self.tainted.is_none()
            && self.path.is_none()
    }

    /// Its bytes, if they are constant.
    pub(super) fn exact(&self) -> Option<&Rc<[u8]>> {
        if self.is_open || self.tainted.is_some() || self.array.is_some() {
            return None;
        }
        match self.texts.as_ref()?.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The constants that it may be.
    pub(super) fn told(&self) -> &[Rc<[u8]>] {
        self.texts.as_ref().map_or(&[], |all| all.as_slice())
    }

    /// The constants that it may be, as names.
    pub(super) fn names(&self) -> Vec<String> {
        let told = self.told().iter().filter(|text| text.len() < 80);
        told.map(|text| String::from_utf8_lossy(text).to_ascii_lowercase())
            .map(|name| name.rsplit('\\').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// Its name, if it is one constant.
    pub(super) fn name(&self) -> Option<String> {
        self.exact()?;
        self.names().pop()
    }

    pub(super) fn as_number(&self) -> Option<i64> {
        let text = self.exact().filter(|text| text.len() < 20)?;
        if text.is_empty() {
            return Some(0);
        }
        std::str::from_utf8(text).ok()?.trim().parse().ok()
    }

    /// Whether it holds for an `if`, where that is known.
    pub(super) fn is_true(&self) -> Option<bool> {
        if let Some(text) = self.exact() {
            return Some(!matches!(text.as_ref(), b"" | b"0"));
        }
        if self.is_open || self.tainted.is_some() || self.texts.is_some() {
            return None;
        }
        if let Some(array) = &self.array {
            return array.whole().map(|all| !all.is_empty());
        }
        (self.objects.is_some() || self.functions.is_some()).then_some(true)
    }

    /// What of it is told by its source alone.
    pub(super) fn source(&self) -> Self {
        Self {
            tainted: self.tainted.clone(),
            decoded: self.decoded.clone(),
            has_head: self.has_head,
            is_word: self.is_word,
            ..Self::default()
        }
    }

    /// Returns a value made of both, of which nothing is known but where it comes from.
    pub(super) fn and(&self, other: &Self) -> Self {
        let (one, two) = (self.gathered(), other.gathered());
        Self {
            has_head: one.has_head || two.has_head,
            is_word: one.is_harmless() && two.is_harmless(),
            tainted: one.tainted.or(two.tainted),
            decoded: one.decoded.or(two.decoded),
            ..Self::default()
        }
    }

    fn is_harmless(&self) -> bool {
        self.tainted.is_none() || self.is_word
    }

    /// Where it, or any part of it, comes from.
    pub(super) fn gathered(&self) -> Self {
        let Some(array) = &self.array else { return self.source() };
        let mut all = self.source();
        for value in array.values().take(64) {
            let value = value.gathered();
            all.is_word = all.is_harmless() && value.is_harmless();
            all.has_head |= value.has_head;
            all.tainted = all.tainted.or(value.tainted);
            all.decoded = all.decoded.or(value.decoded);
        }
        all
    }

    /// Returns a value of which it is not known which of both it is.
    pub(super) fn or(self, other: &Self) -> Self {
        if self == *other {
            return self;
        }
        let has_head = match (&self.tainted, &other.tainted) {
            (Some(_), None) => self.has_head,
            (None, Some(_)) => other.has_head,
            _ => self.has_head && other.has_head,
        };
        let is_open = self.is_open || other.is_open || self.is_unknown() || other.is_unknown();
        let array = match (self.array.clone(), &other.array) {
            (Some(one), Some(two)) => Some(Rc::new(one.or(two))),
            (one, two) => one.or_else(|| two.clone()).map(|one| match one.is_open {
                true => one,
                false => Rc::new(Array { is_open: true, ..one.as_ref().clone() }),
            }),
        };
        let texts = both(&self.texts, &other.texts, |a, b| a == b);
        let is_lost = texts.is_none() && (self.texts.is_some() || other.texts.is_some());
        Self {
            has_head,
            is_word: self.is_harmless() && other.is_harmless(),
            is_open: is_open || is_lost,
            is_number: self.is_number && other.is_number,
            texts,
            array,
            objects: both(&self.objects, &other.objects, |a, b| a == b),
            functions: both(&self.functions, &other.functions, |a, b| a == b),
            tainted: self.tainted.or_else(|| other.tainted.clone()),
            decoded: self.decoded.or_else(|| other.decoded.clone()),
            head: self.head.or_else(|| other.head.clone()),
            tail: self.tail.or_else(|| other.tail.clone()),
            path: self.path.or_else(|| other.path.clone()),
        }
    }

    /// Returns both, one after the other.
    pub(super) fn then(&self, other: &Self) -> Self {
        let mut new = self.and(other);
        let is_empty = self.exact().is_some_and(|text| text.is_empty());
        new.has_head =
            if self.tainted.is_some() { self.has_head } else { !is_empty || other.has_head };
        let (one, two) = (self.written(), other.written());
        let mut all = Vec::new();
        for a in one.iter().flat_map(|all| all.iter()) {
            for b in two.iter().flat_map(|all| all.iter()) {
                if all.len() < SEVERAL && a.len().saturating_add(b.len()) <= LONGEST {
                    all.push([a.as_ref(), b].concat().into());
                }
            }
        }
        if new.tainted.is_none() && !all.is_empty() {
            new.texts = Some(Rc::new(all));
            new.is_open = self.is_open || other.is_open;
        } else {
            new.head = match self.exact().filter(|text| !text.is_empty()) {
                Some(text) => text.get(..text.len().min(TAIL)).map(Into::into),
                None if is_empty => other.head.clone(),
                None => self.head.clone(),
            };
            new.tail = match two.as_deref().map(Vec::as_slice) {
                Some([text]) => {
                    let before = self.tail.as_deref().or(self.exact().map(AsRef::as_ref));
                    let whole = [before.unwrap_or_default(), text].concat();
                    let from = whole.len().saturating_sub(TAIL);
                    whole.get(from..).map(Into::into)
                }
                _ => other.tail.clone(),
            };
        }
        new
    }

    /// Its bytes in a text: of an array, what PHP writes for it.
    fn written(&self) -> Option<Rc<Vec<Rc<[u8]>>>> {
        match &self.texts {
            None if self.array.is_some() && self.tainted.is_none() => {
                Some(Rc::new(vec![b"Array".as_slice().into()]))
            }
            texts => texts.clone(),
        }
    }

    /// What stands at a key of which nothing is known: any of its elements.
    pub(super) fn any(&self) -> Self {
        let Some(array) = &self.array else {
            return Self { path: self.path.clone(), ..self.source() };
        };
        let mut all = array.values().take(256);
        let first = all.next().cloned();
        let mut found = all.fold(first.unwrap_or_default(), |all, one| all.or(one));
        if self.tainted.is_some() {
            found = found.or(&self.source());
        }
        found
    }

    /// Whether it may begin so.
    pub(super) fn begins(&self, mark: &[u8]) -> bool {
        self.told().iter().any(|text| text.starts_with(mark))
            || self.head.as_deref().is_some_and(|head| head.starts_with(mark))
    }

    /// Whether it may end so.
    pub(super) fn ends_with(&self, ends: &dyn Fn(&[u8]) -> bool) -> bool {
        self.told().iter().any(|text| ends(text)) || self.tail.as_deref().is_some_and(ends)
    }
}

/// What of two lists is in either.
fn both<T: Clone>(
    one: &Option<Rc<Vec<T>>>,
    two: &Option<Rc<Vec<T>>>,
    is_same: fn(&T, &T) -> bool,
) -> Option<Rc<Vec<T>>> {
    match (one, two) {
        (Some(a), Some(b)) => {
            let mut all = a.as_ref().clone();
            for new in b.iter() {
                if !all.iter().any(|known| is_same(known, new)) {
                    all.push(new.clone());
                }
            }
            (all.len() <= SEVERAL).then(|| Rc::new(all))
        }
        (one, two) => one.clone().or_else(|| two.clone()),
    }
}
