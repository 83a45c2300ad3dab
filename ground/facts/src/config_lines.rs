//! Lines and words of configuration files.

/// Returns the lines with their numbers, from 1. The empty piece after the last newline is none.
pub(crate) fn numbered(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    (1_u64..).zip(bytes.split(|&b| b == b'\n'))
}

/// Returns whether a byte is a space or a tab.
pub(crate) fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Splits off the first word and returns it and the rest without the blanks between.
pub(crate) fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = skip_blanks(text);
    let end = text.iter().position(is_blank).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, skip_blanks(rest))
}

/// Returns the text without the blanks before it.
pub(crate) fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
    text.get(blanks..).unwrap_or_default()
}

/// Splits at the first of a byte, which is in neither half.
pub(crate) fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&b| b == at)?;
    Some((text.get(..place)?, text.get(place.saturating_add(1)..)?))
}

/// How many blanks in a row hide what follows them from a person at a terminal.
const HIDING_BLANKS: usize = 80;

/// Returns whether a line is made so that a terminal does not show all of it: control characters
/// (a carriage return lets the rest overwrite the beginning), invisible characters, or a long run
/// of blanks before more text.
pub(crate) fn is_hidden(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().any(|&b| b < b' ' && b != b'\t' || b == 0x7f) {
        return true;
    }
    let mut blanks = 0_usize;
    for byte in line.trim_ascii_end() {
        blanks = if is_blank(byte) { blanks.saturating_add(1) } else { 0 };
        if blanks > HIDING_BLANKS {
            return true;
        }
    }
    !line.is_ascii() && String::from_utf8_lossy(line).chars().any(stanch_words::text::is_invisible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_not_show_is_hidden() {
        let blanks = " ".repeat(81);
        for (line, hidden) in [
            (&b"0 5 * * * root /usr/bin/backup"[..], false),
            (b"0 5 * * * root /usr/bin/backup\r", false),
            (b"* * * * * root /tmp/x\r# harmless      ", true),
            (b"x \x1b[2K", true),
            (format!("# nothing{blanks}").as_bytes(), false),
            (format!("# nothing{blanks}x").as_bytes(), true),
            ("a\u{202e}b".as_bytes(), true),
            ("止血".as_bytes(), false),
        ] {
            assert_eq!(is_hidden(line), hidden, "{line:?}");
        }
    }

    #[test]
    fn words_and_lines() {
        assert_eq!(first_word(b"  a\t b c"), (&b"a"[..], &b"b c"[..]));
        assert_eq!(first_word(b""), (&b""[..], &b""[..]));
        assert_eq!(split_once(b"a=b=c", b'='), Some((&b"a"[..], &b"b=c"[..])));
        assert_eq!(numbered(b"a\n\nb\n").map(|(n, _)| n).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
