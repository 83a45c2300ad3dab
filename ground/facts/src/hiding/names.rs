//! Names that are made to be overlooked.

use std::os::unix::ffi::OsStrExt as _;

/// What is odd about a name: words joined by commas, empty for nothing.
pub(crate) fn oddities(name: &[u8]) -> Vec<&'static str> {
    let mut found = Vec::new();
    // Nearly every name: letters, digits and signs, no blank, no dot in front.
    if name.first() != Some(&b'.') && name.iter().all(|byte| (33..127).contains(byte)) {
        return found;
    }
    if name.iter().all(|&byte| byte == b'.' || byte == b' ') && name != b"." && name != b".." {
        found.push("only dots and blanks");
    } else if name.first() == Some(&b' ') || name.last() == Some(&b' ') {
        found.push("blank at an end");
    }
    if name.iter().any(|byte| *byte < 32 || *byte == 127) {
        found.push("control character");
    }
    let Ok(text) = std::str::from_utf8(name) else { return found };
    if text.is_ascii() {
        return found;
    }
    if text.chars().any(turns) {
        found.push("turns the direction of writing");
    }
    if has_unseen(text) {
        found.push("character that is not seen");
    }
    if is_mixed(text) {
        found.push("foreign letters that look like Latin ones");
    }
    found
}

/// Marks that turn the direction of what follows (Unicode Standard Annex 9).
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

/// Characters without a shape of their own. The joiners belong to scripts and pictures, so they
/// count only between letters of ASCII.
fn has_unseen(text: &str) -> bool {
    let mut before = 'a';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let after = characters.peek().copied().unwrap_or('a');
        let joins = matches!(c, '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}');
        let unseen = matches!(
            c,
            '\u{80}'..='\u{9f}'
                | '\u{a0}' | '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
                | '\u{2000}'..='\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}'
                | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{e0000}'..='\u{e007f}'
        );
        if unseen || joins && before.is_ascii() && after.is_ascii() {
            return true;
        }
        before = c;
    }
    false
}

/// Returns whether a word of a name mixes Latin letters with foreign ones, all of which look like
/// Latin ones. A foreign word beside a Latin one (`тест.txt`) is ordinary.
fn is_mixed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        let mut foreign = word.chars().filter(|c| !c.is_ascii()).peekable();
        foreign.peek().is_some()
            && word.chars().any(|c| c.is_ascii())
            && foreign.all(|c| latin(c).is_some())
    })
}

/// Returns the Latin letter that a foreign one looks like (Unicode's confusables.txt, the ones that
/// fonts draw alike).
fn latin(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'е' => 'e',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'с' | 'ϲ' => 'c',
        'у' => 'y',
        'х' => 'x',
        'і' | 'ı' => 'i',
        'ј' => 'j',
        'ѕ' => 's',
        'һ' => 'h',
        'ԁ' => 'd',
        'ԛ' => 'q',
        'ԝ' => 'w',
        'ν' => 'v',
        'ո' => 'n',
        'ս' => 'u',
        'ɡ' => 'g',
        'к' => 'k',
        'т' => 't',
        'м' => 'm',
        'ӏ' => 'l',
        _ => return None,
    })
}

/// Returns a name as the eye takes it: foreign letters as the Latin ones that they look like, and
/// one sign for all that are drawn alike.
pub(crate) fn as_seen(name: &std::ffi::OsStr) -> String {
    let text = String::from_utf8_lossy(name.as_bytes());
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii() { c } else { latin(c).unwrap_or(c) };
        match c {
            '1' | 'I' | '|' => seen.push('l'),
            '0' | 'O' => seen.push('o'),
            ' ' | '\u{a0}' | '\u{200b}' => {}
            c if turns(c) => {}
            c => seen.push(c),
        }
    }
    seen.replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trick_is_told_and_honest_names_are_not() {
        for (name, odd) in [
            ("...", "only dots and blanks"),
            (".. ", "only dots and blanks"),
            (" ", "only dots and blanks"),
            ("sshd ", "blank at an end"),
            ("a\u{7f}b", "control character"),
            ("cod\u{202e}gpj.sh", "turns the direction of writing"),
            ("ss\u{200b}hd", "character that is not seen"),
            ("\u{3164}", "character that is not seen"),
            ("crоn", "foreign letters that look like Latin ones"),
            ("passwd", ""),
            (".bashrc", ""),
            ("..data", ""),
            ("...slug].js", ""),
            ("My Documents", ""),
            ("документ", ""),
            ("отчёт-final.pdf", ""),
            ("тест.txt", ""),
            ("naïve", ""),
            ("می\u{200c}خواهم", ""),
            ("👩\u{200d}💻", ""),
            ("α", ""),
        ] {
            assert_eq!(oddities(name.as_bytes()).join(","), odd, "{name:?}");
        }
        assert_eq!(oddities(b"caf\xe9"), [""; 0]);
    }

    #[test]
    fn what_looks_alike_is_seen_alike() {
        for (one, other) in [("sysIogd", "syslogd"), ("crоn", "cron"), ("kworrner", "kwormer")] {
            assert_eq!(as_seen(one.as_ref()), as_seen(other.as_ref()));
        }
        assert_ne!(as_seen("cat".as_ref()), as_seen("cut".as_ref()));
    }
}
