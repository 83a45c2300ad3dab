//! One cell of a table.

use std::sync::Arc;

/// One cell of a table: SQLite's storage classes without blobs.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Not known, or not asked for.
    #[default]
    Null,
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// Text; bytes that are not UTF-8 are escaped by [`crate::text::from_bytes`].
    Text(Arc<str>),
}

impl Value {
    /// Returns text from bytes found on the machine.
    pub fn bytes(bytes: &[u8]) -> Self {
        // Nearly always valid: one copy then, not two.
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_escape) => Self::Text(crate::text::from_bytes(bytes).into()),
        }
    }

    /// Returns the number, if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            Self::Null | Self::Real(_) | Self::Text(_) => None,
        }
    }

    /// Returns the text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Integer(_) | Self::Real(_) => None,
        }
    }

    /// Returns whether nothing is known.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(n) => n.fmt(f),
            Self::Real(n) => n.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

macro_rules! from_integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Value {
            fn from(n: $kind) -> Self {
                // A number beyond i64 (a u64 inode or address) keeps its bits, as osquery's
                // UNSIGNED_BIGINT does when SQLite stores it.
                #[expect(clippy::allow_attributes, reason = "one macro for many integer kinds")]
                #[allow(clippy::cast_possible_wrap, clippy::cast_lossless, reason = "see above")]
                Self::Integer(n as i64)
            }
        }
    )*};
}
from_integers!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }
}
impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Real(n)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}
impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}
impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::bytes(bytes)
    }
}
impl From<&std::path::Path> for Value {
    fn from(path: &std::path::Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        Self::bytes(path.as_os_str().as_bytes())
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
