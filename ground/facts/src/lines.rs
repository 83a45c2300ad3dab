//! Lines of configuration as words: what the small files of `/etc` share.

/// Returns the words of a line before its comment (`#`).
pub(crate) fn uncommented(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = line.split(|&b| b == b'#').next().unwrap_or_default();
    words(line)
}

/// Returns the words of a line, split at blanks.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Returns a line's comment without its `#`, empty if it has none.
pub(crate) fn comment(line: &[u8]) -> &[u8] {
    let at = line.iter().position(|&b| b == b'#');
    at.and_then(|at| line.get(at..)).and_then(|rest| rest.get(1..)).unwrap_or_default().trim_ascii()
}

/// Returns words as one text, joined by spaces.
pub(crate) fn text_of<'a>(words: impl Iterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&stanch_words::text::from_bytes(word));
    }
    text
}

/// Returns a decimal number.
pub(crate) fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}
