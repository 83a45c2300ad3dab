//! Secrets that must not leak into a log, a page or a panic.

use std::fmt;

/// A secret or a victim's datum. `Debug` and `Display` print a mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed<T>(T);

impl<T> Sealed<T> {
    /// Seals a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Opens the seal. Each use should be easy to defend in review.
    pub fn open(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

impl<T> fmt::Display for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

#[cfg(test)]
mod tests {
    use super::Sealed;

    #[test]
    fn a_secret_is_masked_in_debug_and_display() {
        let secret = Sealed::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[sealed] [sealed]");
        assert_eq!(*secret.open(), "hunter2");
    }
}
