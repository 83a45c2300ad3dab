//! Text that a person reads, written in both languages.

/// A language that Stanch speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (simplified).
    Zh,
}

impl Lang {
    /// Returns the language that a POSIX locale name (`zh_CN.UTF-8`, `C`, …) stands for.
    pub fn from_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("zh") { Self::Zh } else { Self::En }
    }
}

/// One text in both languages. Each is written, not translated word by word.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Both {
    /// English.
    pub en: String,
    /// Chinese (simplified).
    pub zh: String,
}

impl Both {
    /// Returns a text from its two wordings.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// Returns the wording for a language.
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}
