//! JSON of one log line, borrowed from it where nothing is escaped.
//!
//! A line is capped by the stream and the depth by `serde_json` (128), so that neither can be
//! used against us.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'l> {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(Cow<'l, str>),
    /// A list.
    List(Vec<Json<'l>>),
    /// Names and values, in the order of the line.
    Map(Vec<(Cow<'l, str>, Json<'l>)>),
}

impl<'l> Json<'l> {
    /// Reads an object; nothing if the text is none.
    pub fn object(text: &'l str) -> Option<Self> {
        let text = text.trim();
        if !text.starts_with('{') || !text.ends_with('}') {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// Returns a member of an object; the first of that name.
    pub fn get(&self, name: &str) -> &Self {
        match self {
            Self::Map(members) => {
                members.iter().find(|(other, _)| other == name).map_or(&Self::Null, |(_, v)| v)
            }
            _ => &Self::Null,
        }
    }

    /// Returns the value at a path of names.
    pub fn at(&self, path: &[&str]) -> &Self {
        path.iter().fold(self, |value, name| value.get(name))
    }

    /// Returns the text, empty if it is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// Returns the whole number, or the number that a text holds.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Float(float) => micros(*float).map(|micros| micros / 1_000_000),
            _ => None,
        }
    }

    /// Returns a time in seconds since 1970, whole or not, as microseconds.
    pub fn seconds(&self) -> Option<i64> {
        match self {
            Self::Number(seconds) => seconds.checked_mul(1_000_000),
            Self::Float(seconds) => micros(*seconds),
            _ => None,
        }
    }

    /// Returns a port.
    pub fn port(&self) -> Option<u16> {
        self.number().and_then(|port| port.try_into().ok())
    }

    /// Returns the members of a list.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// Returns whether there is a member of that name.
    pub fn has(&self, name: &str) -> bool {
        matches!(self, Self::Map(members) if members.iter().any(|(other, _)| other == name))
    }
}

/// Returns seconds as microseconds, if they are near enough to 1970 for that.
fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round();
    // 2^53: beyond it a float knows no single microseconds.
    #[expect(clippy::cast_possible_truncation, reason = "it is within 53 bits")]
    (micros.abs() < 9_007_199_254_740_992.0).then_some(micros as i64)
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Number))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Json::Float(value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Json::Map(members))
    }
}

/// A member's name, borrowed where it can be (serde's own `Cow` is always owned).
struct Name<'l>(Cow<'l, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lists_and_numbers() {
        let json = Json::object(
            r#" {"a":{"b":["x","y\n"]},"n":12,"f":1.5,"t":"7","u":18446744073709551615} "#,
        )
        .unwrap();
        let list = json.at(&["a", "b"]).list();
        assert!(matches!(&list[0], Json::Text(Cow::Borrowed("x"))));
        assert_eq!(list[1].text(), "y\n");
        assert_eq!((json.get("n").number(), json.get("t").number()), (Some(12), Some(7)));
        assert_eq!((json.get("f").seconds(), json.get("u").seconds()), (Some(1_500_000), None));
        assert_eq!((json.get("z").text(), json.at(&["a", "b", "c"]).number()), ("", None));
    }

    #[test]
    fn what_is_too_deep_or_torn_is_no_json() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for bad in [deep.as_str(), "{", "{}x", "[1]", "", "{\"a\":}", "{\"a\":1e999}"] {
            assert_eq!(Json::object(bad), None, "{}", cut(bad));
        }
    }

    fn cut(text: &str) -> &str {
        super::super::cut::clip(text, 20)
    }
}
