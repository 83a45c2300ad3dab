//! How wide text is on a terminal, and where it may be cut or broken.
//!
//! Chinese characters take two cells, combining marks none (Unicode's EastAsianWidth.txt, classes
//! W and F; ambiguous ones take one, as terminals outside of legacy locales do).

/// Blocks whose characters take two cells.
const WIDE: [(u32, u32); 15] = [
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xa000, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe10, 0xfe19),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Blocks whose characters take no cell of their own.
const NONE: [(u32, u32); 8] = [
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x064b, 0x065f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0xfe20, 0xfe2f),
];

/// Punctuation that may not begin a line in Chinese.
const CLOSING: &str = "，。；：！？、）》」』”’…％";
/// Punctuation that may not end a line in Chinese.
const OPENING: &str = "（《「『“‘";

/// Returns how many cells a character takes.
pub fn of_char(c: char) -> usize {
    let point = u32::from(c);
    let within = |blocks: &[(u32, u32)]| blocks.iter().any(|&(a, b)| (a..=b).contains(&point));
    if point < 0x300 {
        usize::from(!c.is_control())
    } else if within(&NONE) {
        0
    } else if within(&WIDE) {
        2
    } else {
        1
    }
}

/// Returns how many cells a text takes.
pub fn of(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// Returns text followed by spaces up to a width.
pub fn padded(text: &str, width: usize) -> String {
    let spaces = width.saturating_sub(of(text));
    format!("{text}{}", " ".repeat(spaces))
}

/// Returns text preceded by spaces up to a width.
pub fn padded_left(text: &str, width: usize) -> String {
    let spaces = width.saturating_sub(of(text));
    format!("{}{text}", " ".repeat(spaces))
}

/// Returns text cut to a width, with `…` where something was cut.
pub fn cut(text: &str, width: usize) -> String {
    if of(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += of_char(c);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Breaks text into lines of at most a width. It breaks at spaces and between Chinese characters;
/// a longer word (a path, a command) stays whole, so that it can be copied.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for piece in pieces(text) {
        let bare = piece.trim_end();
        if used > 0 && used + of(bare) > width {
            if let Some(line) = lines.last_mut() {
                line.truncate(line.trim_end().len());
            }
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&piece);
        }
        used += of(&piece);
    }
    if let Some(line) = lines.last_mut() {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// Cuts text into what must stay together, each piece with the space behind it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let (mut earlier, mut before): (Option<char>, Option<char>) = (None, None);
    for c in text.chars() {
        // In Chinese a number stays with its measure word: `7 项`.
        let counts = before == Some(' ')
            && of_char(c) == 2
            && earlier.is_some_and(|digit| digit.is_ascii_digit());
        if (may_break(before, c) && !counts) || pieces.is_empty() {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
        (earlier, before) = (before, Some(c));
    }
    pieces
}

fn may_break(before: Option<char>, c: char) -> bool {
    let Some(before) = before else { return true };
    if before == ' ' {
        return c != ' ';
    }
    let chinese = of_char(before) == 2 || of_char(c) == 2;
    chinese && c != ' ' && !CLOSING.contains(c) && !OPENING.contains(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_cells_and_a_combining_mark_none() {
        assert_eq!((of("止血"), of("e\u{301}"), of("ab")), (4, 1, 2));
        assert_eq!(padded("止", 4), "止  ");
        assert_eq!(cut("止血了", 5), "止血…");
        assert_eq!(cut("止血了", 4), "止…");
        assert_eq!(cut("止血", 4), "止血");
    }

    #[test]
    fn lines_break_at_spaces_and_between_chinese_but_not_before_a_full_stop() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("先断网，再取证。", 8), ["先断网，", "再取证。"]);
        assert_eq!(wrapped("只见到 7 项。", 10), ["只见到", "7 项。"]);
        assert_eq!(wrapped("看看断网。", 8), ["看看断", "网。"]);
        assert_eq!(wrapped("see /a/very/long/path now", 8), ["see", "/a/very/long/path", "now"]);
        assert_eq!(wrapped("", 8), [""]);
    }
}
