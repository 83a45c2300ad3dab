//! What every language is cut into before values are followed through it.

/// One token. Texts that put values in come as a chain: text, [`PUT_IN`], value, text …
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword; in lower case where the language knows no case; with its sign in Perl.
    Name(String),
    /// A text, decoded.
    Text(Vec<u8>),
    /// A number.
    Number(i64),
    /// An operator or other sign.
    Sign(&'static str),
    /// The end of a statement.
    End,
}

/// Tokens, and where each begins.
pub(crate) type Tokens = [(Token, usize)];

/// The most tokens that are looked at: no honest page has so many.
pub(crate) const MOST: usize = 400_000;

/// Joins a text and what is put into it.
pub(crate) const PUT_IN: &str = "<put in>";
/// Precedes, in parentheses, what stands between backticks: a name no language can hold.
pub(crate) const COMMAND: &str = "`…`";

/// Signs of all languages, longest first.
const SIGNS: [&str; 75] = [
    "<=>", "===", "!==", "**=", "...", "<<=", ">>=", "??=", "||=", "&&=", "//=", ">>>", "==", "!=",
    "<>", "<=", ">=", "&&", "||", "??", "?.", ".=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=",
    ":=", "=>", "->", "::", "++", "--", "<<", ">>", "**", "//", "=~", "!~", "..", "=", "<", ">",
    "!", ".", "(", ")", "[", "]", "{", "}", ",", "?", ":", "@", "&", "$", "+", "-", "*", "/", "%",
    "|", "^", "~", "\\", "#", "`", "'", "\"", "…", ";",
];

/// Returns the sign that bytes begin with.
pub(crate) fn sign(bytes: &[u8]) -> Option<&'static str> {
    let first = bytes.first()?;
    let begins = |sign: &&&str| sign.as_bytes().first() == Some(first);
    SIGNS.iter().filter(begins).find(|sign| bytes.starts_with(sign.as_bytes())).copied()
}
