//! Writes documents so that nothing in them can drive a terminal.
//!
//! JSON must escape only what lies below U+0020. A terminal also obeys U+0080 to U+009F (C1
//! controls), and bidirectional overrides reorder what a person reads. All of these are written
//! as `\uXXXX`, which every JSON parser turns back into the same text.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use stanch_words::text as characters;

/// Writes a document over several lines, for a person or a script.
///
/// # Errors
/// An error of the writer.
pub fn pretty(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let safe = Safe(PrettyFormatter::new());
    document.serialize(&mut Serializer::with_formatter(&mut *out, safe))?;
    out.write_all(b"\n")
}

/// Writes a document on one line, for a stream.
///
/// # Errors
/// An error of the writer.
pub fn line(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // Put together first: a line is a hundred small writes.
    let mut line = Vec::with_capacity(2048);
    document.serialize(&mut Serializer::with_formatter(&mut line, Safe(CompactFormatter)))?;
    line.push(b'\n');
    out.write_all(&line)
}

/// Appends a text as JSON.
pub(crate) fn text(line: &mut Vec<u8>, text: &str) -> io::Result<()> {
    // Most of what logs hold is plain.
    if is_plain(text.as_bytes()) {
        line.reserve(text.len().saturating_add(2));
        line.push(b'"');
        line.extend_from_slice(text.as_bytes());
        line.push(b'"');
        return Ok(());
    }
    value(line, &text)
}

/// Returns whether a text is of printable ASCII that needs no escape. Eight bytes are looked at at
/// once, as one number: most texts of an event are short.
fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    let Some(last) = text.last_chunk() else { return text.iter().all(|&byte| plain(byte)) };
    let (words, _) = text.as_chunks();
    let marks = words.iter().fold(0, |marks, word| marks | special(u64::from_le_bytes(*word)));
    // The last eight lie over those before them where the length is no multiple.
    marks | special(u64::from_le_bytes(*last)) == 0
}

/// Returns a number that is 0 unless one of eight bytes is below U+0020, above U+007E, a quotation
/// mark or a backslash.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    const LOW: u64 = 0x7f * ONES;
    // A byte with its high bit set cannot borrow from, nor one without carry into, its neighbour.
    let from_blank = (word | HIGH).wrapping_sub(0x20 * ONES);
    let differs = |byte: u64| ((word ^ (byte * ONES)) & LOW).wrapping_add(LOW);
    let plain = from_blank & differs(0x7f) & differs(0x22) & differs(0x5c);
    (!plain | word) & HIGH
}

/// Appends a whole number.
pub(crate) fn number(line: &mut Vec<u8>, number: i64) {
    if number < 0 {
        line.push(b'-');
    }
    unsigned(line, number.unsigned_abs());
}

/// Appends a whole number that is not negative.
pub(crate) fn unsigned(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut used: usize = 0;
    for place in digits.iter_mut().rev() {
        *place = u8::try_from(number % 10).unwrap_or(0) | b'0';
        used = used.saturating_add(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(digits.len().saturating_sub(used)..).unwrap_or_default());
}

/// Appends a value as JSON.
pub(crate) fn value(line: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(line, Safe(CompactFormatter)))?;
    Ok(())
}

struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Most of what logs hold is plain: no need to look at each character by itself.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let unsafe_one = |c: char| c.is_control() || characters::is_invisible(c);
        let mut units = [0; 2];
        let mut rest = fragment;
        while let Some(at) = rest.find(unsafe_one) {
            let (head, tail) = rest.split_at(at);
            writer.write_all(head.as_bytes())?;
            let mut chars = tail.chars();
            for unit in chars.next().map(|c| c.encode_utf16(&mut units)).into_iter().flatten() {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_known_for_plain_or_not_at_every_place() {
        for length in 0..40 {
            let plain = vec![b'a'; length];
            assert!(is_plain(&plain));
            for at in 0..length {
                for byte in 0..=255 {
                    let mut text = plain.clone();
                    text[at] = byte;
                    let expected = (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
                    assert_eq!(is_plain(&text), expected, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for expected in [0, 7, 10, -1, 1_234_567_890, i64::MAX, i64::MIN] {
            let mut line = Vec::new();
            number(&mut line, expected);
            assert_eq!(String::from_utf8(line).unwrap(), expected.to_string());
        }
        let mut line = Vec::new();
        unsigned(&mut line, u64::MAX);
        assert_eq!(String::from_utf8(line).unwrap(), u64::MAX.to_string());
    }

    #[test]
    fn no_control_and_no_override_reaches_a_terminal_and_the_text_survives() {
        let hostile = "a\u{1b}[2J\n\u{9b}31m\u{202e}\u{e0041}\u{7f}止血\"\\";
        let mut out = Vec::new();
        line(&mut out, &hostile).unwrap();
        let written = String::from_utf8(out).unwrap();
        let expected = "\"a\\u001b[2J\\n\\u009b31m\\u202e\\udb40\\udc41\\u007f止血\\\"\\\\\"\n";
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    }
}
