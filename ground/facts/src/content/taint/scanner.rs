//! Cuts code into tokens, by a description of how a language is spelled.
//!
//! Every step takes at least one byte, and what is put into texts is cut at most [`NESTED`] deep,
//! so that no bytes can make it hang.

use super::token::{MOST, PUT_IN, Token, sign};

/// How deep texts within values within texts are cut.
const NESTED: usize = 4;

/// How a language is spelled.
#[derive(Debug)]
pub(crate) struct Spelling {
    /// What begins a comment that ends with its line.
    pub(crate) line_comments: &'static [&'static str],
    /// What begins and ends other comments.
    pub(crate) comments: &'static [(&'static str, &'static str)],
    /// Texts, longest mark first.
    pub(crate) quotes: &'static [Quote],
    /// Letters that may stand before a quote and change what it means, as Python's `rb`.
    pub(crate) prefixes: &'static [u8],
    /// Bytes that names may hold besides letters, digits and `_`.
    pub(crate) name_bytes: &'static [u8],
    /// Whether a statement ends with its line.
    pub(crate) line_ends: bool,
    /// What at the end of a line continues it.
    pub(crate) continues: &'static str,
    /// Whether blocks are told by how far lines are indented.
    pub(crate) is_indented: bool,
    /// Whether case means nothing.
    pub(crate) is_folded: bool,
    /// Whether `/…/` is a text where a value may stand.
    pub(crate) has_patterns: bool,
}

/// How a kind of text is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote {
    /// What opens and closes it.
    pub(crate) mark: &'static str,
    /// What closes it, if not the same.
    pub(crate) close: &'static str,
    /// How its own mark is written in it.
    pub(crate) escape: Escape,
    /// What puts values in: `${`, `#{` or nothing.
    pub(crate) puts_in: &'static str,
    /// A name that gets the text as its argument: what backticks mean.
    pub(crate) call: &'static str,
}

/// How a text holds what it could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// By a backslash.
    Backslash,
    /// By writing the mark twice.
    Doubled,
    /// Not at all.
    Never,
}

impl Quote {
    /// Returns a text with backslashes.
    pub(crate) const fn plain(mark: &'static str) -> Self {
        Self { mark, close: mark, escape: Escape::Backslash, puts_in: "", call: "" }
    }

    /// Returns a text that values are put into.
    pub(crate) const fn putting(mark: &'static str, puts_in: &'static str) -> Self {
        Self { puts_in, ..Self::plain(mark) }
    }

    /// Returns a text without backslashes, in which the mark is written twice.
    pub(crate) const fn doubled(mark: &'static str) -> Self {
        Self { escape: Escape::Doubled, ..Self::plain(mark) }
    }
}

/// Adds the tokens of code, which begins at `base` of its file, to others.
pub(crate) fn cut(spelling: &Spelling, code: &[u8], base: usize, out: &mut Vec<(Token, usize)>) {
    let mut scanner = Scanner { spelling, bytes: code, at: 0, base, out, open: 0, nested: 0 };
    scanner.lines();
}

struct Scanner<'a> {
    spelling: &'a Spelling,
    bytes: &'a [u8],
    at: usize,
    base: usize,
    out: &'a mut Vec<(Token, usize)>,
    /// Brackets that are open: within them a line's end ends nothing.
    open: usize,
    nested: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token, at: usize) {
        if self.out.len() < MOST {
            self.out.push((token, self.base.saturating_add(at)));
        }
    }

    fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    fn is_name(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || byte == b'_'
            || byte >= 0x80
            || self.spelling.name_bytes.contains(&byte)
    }

    fn lines(&mut self) {
        let mut indents: Vec<usize> = vec![0];
        let mut is_start = self.spelling.is_indented;
        while self.at < self.bytes.len() && self.out.len() < MOST {
            if is_start && self.open == 0 {
                self.indent(&mut indents);
                is_start = false;
                continue;
            }
            is_start = self.one() && self.spelling.is_indented;
        }
        self.push(Token::End, self.at);
        for _ in 1..indents.len() {
            self.push(Token::Sign("}"), self.at);
        }
    }

    /// Blocks that begin or end with this line.
    fn indent(&mut self, indents: &mut Vec<usize>) {
        let width = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.step(width);
        if matches!(self.rest().first(), None | Some(b'\n' | b'\r' | b'#')) {
            return;
        }
        while indents.len() > 1 && indents.last().is_some_and(|&known| known > width) {
            indents.pop();
            self.push(Token::Sign("}"), self.at);
        }
        if indents.last().is_some_and(|&known| known < width) && indents.len() < 100 {
            indents.push(width);
            self.push(Token::Sign("{"), self.at);
        }
    }

    /// Takes one token; returns whether a line ended.
    fn one(&mut self) -> bool {
        let Some(&byte) = self.rest().first() else { return false };
        let at = self.at;
        if byte == b'\n' {
            self.step(1);
            if self.spelling.line_ends && self.open == 0 {
                self.push(Token::End, at);
            }
            return true;
        }
        if byte.is_ascii_whitespace() || byte == 0 {
            self.step(1);
            return false;
        }
        if self.continued() || self.comment() || self.prefixed() {
            return false;
        }
        let spelling = self.spelling;
        if let Some(quote) =
            spelling.quotes.iter().find(|q| self.rest().starts_with(q.mark.as_bytes()))
        {
            self.text(quote, false);
            return false;
        }
        if byte.is_ascii_digit() {
            self.number();
        } else if self.is_name(byte) {
            let name = self.word();
            self.push(Token::Name(name), at);
        } else if byte == b'/' && spelling.has_patterns && self.may_begin_value() {
            self.pattern();
        } else {
            self.sign();
        }
        false
    }

    fn continued(&mut self) -> bool {
        let mark = self.spelling.continues.as_bytes();
        if mark.is_empty() || !self.rest().starts_with(mark) {
            return false;
        }
        let after = self.rest().get(mark.len()..).unwrap_or_default();
        let blank = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        let ends = after.get(blank) == Some(&b'\n');
        if ends {
            self.step(mark.len().saturating_add(blank).saturating_add(1));
        }
        ends
    }

    fn comment(&mut self) -> bool {
        let spelling = self.spelling;
        for (open, close) in spelling.comments {
            if self.rest().starts_with(open.as_bytes()) {
                self.step(open.len());
                let length = memchr::memmem::find(self.rest(), close.as_bytes())
                    .map_or(self.rest().len(), |end| end.saturating_add(close.len()));
                self.step(length);
                return true;
            }
        }
        for open in spelling.line_comments {
            let begins = self
                .rest()
                .get(..open.len())
                .is_some_and(|mark| mark.eq_ignore_ascii_case(open.as_bytes()));
            if begins {
                let length = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
                self.step(length.max(1));
                return true;
            }
        }
        false
    }

    /// A text with letters before it: raw, of bytes, or with values in braces.
    fn prefixed(&mut self) -> bool {
        let spelling = self.spelling;
        let prefixes = spelling.prefixes;
        let length = self.rest().iter().take(3).take_while(|b| prefixes.contains(b)).count();
        if length == 0 || length > 2 {
            return false;
        }
        let (letters, after) = self.rest().split_at(length);
        let Some(quote) = spelling.quotes.iter().find(|q| after.starts_with(q.mark.as_bytes()))
        else {
            return false;
        };
        let has = |letters: &[u8], any: &[u8]| letters.iter().any(|byte| any.contains(byte));
        let (is_raw, puts) = (has(letters, b"rR@"), has(letters, b"fF$"));
        let is_verbatim = has(letters, b"@");
        let escape = match (is_raw, is_verbatim) {
            (_, true) => Escape::Doubled,
            (true, false) => Escape::Never,
            _ => quote.escape,
        };
        let quote = Quote { escape, puts_in: if puts { "{" } else { "" }, ..*quote };
        self.step(length);
        self.text(&quote, is_raw);
        true
    }

    fn text(&mut self, quote: &Quote, is_raw: bool) {
        let at = self.at;
        self.step(quote.mark.len());
        let start = self.at;
        let mark = quote.close.as_bytes();
        let is_short = mark.len() == 1 && self.spelling.line_ends && mark != b"`";
        let mut parts: Vec<(usize, usize, bool)> = Vec::new();
        let mut from = start;
        // Nothing else ends or changes a text.
        let first = mark.first().copied().unwrap_or(b'\\');
        let telling = [first, b'\\', b'\n', quote.puts_in.bytes().next().unwrap_or(first)];
        loop {
            let plain = self.rest().iter().take_while(|byte| !telling.contains(byte)).count();
            self.step(plain);
            let Some(&byte) = self.rest().first() else { break };
            if self.rest().starts_with(mark) {
                let doubled = self.rest().get(mark.len()..).unwrap_or_default().starts_with(mark);
                if quote.escape == Escape::Doubled && doubled {
                    self.step(mark.len().saturating_mul(2));
                    continue;
                }
                break;
            }
            if byte == b'\\' && quote.escape == Escape::Backslash {
                self.step(2);
            } else if is_short && byte == b'\n' {
                break;
            } else if !quote.puts_in.is_empty()
                && self.rest().starts_with(quote.puts_in.as_bytes())
                && self.nested < NESTED
            {
                parts.push((from, self.at, false));
                self.step(quote.puts_in.len());
                let length = braces(self.rest());
                parts.push((self.at, self.at.saturating_add(length), true));
                self.step(length.saturating_add(1));
                from = self.at;
            } else {
                self.step(1);
            }
        }
        parts.push((from, self.at, false));
        if self.rest().starts_with(mark) {
            self.step(mark.len());
        }
        self.parts(quote, is_raw, &parts, at);
    }

    fn parts(&mut self, quote: &Quote, is_raw: bool, parts: &[(usize, usize, bool)], at: usize) {
        if !quote.call.is_empty() {
            self.push(Token::Name(quote.call.to_owned()), at);
            self.push(Token::Sign("("), at);
        }
        let is_chain = parts.len() > 1;
        if is_chain {
            self.push(Token::Sign("("), at);
        }
        for (number, &(from, to, is_value)) in parts.iter().enumerate() {
            if number > 0 {
                self.push(Token::Sign(PUT_IN), from);
            }
            let part = self.bytes.get(from..to.min(self.bytes.len())).unwrap_or_default();
            if is_value {
                self.push(Token::Sign("("), from);
                let base = self.base.saturating_add(from);
                let nested = self.nested.saturating_add(1);
                let (spelling, out) = (self.spelling, &mut *self.out);
                let mut inner =
                    Scanner { spelling, bytes: part, at: 0, base, out, open: 1, nested };
                while inner.at < part.len() && inner.out.len() < MOST {
                    inner.one();
                }
                self.push(Token::Sign(")"), to);
            } else {
                let text = match quote.escape {
                    Escape::Backslash if !is_raw => unescaped(part),
                    Escape::Doubled => undoubled(part, quote.mark.as_bytes()),
                    _ => part.to_vec(),
                };
                self.push(Token::Text(text), at);
            }
        }
        if is_chain {
            self.push(Token::Sign(")"), self.at);
        }
        if !quote.call.is_empty() {
            self.push(Token::Sign(")"), self.at);
        }
    }

    fn number(&mut self) {
        let at = self.at;
        let length = self.rest().iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let word = String::from_utf8_lossy(self.rest().get(..length).unwrap_or_default());
        let word = word.trim_end_matches(['l', 'L']);
        let number = match word.get(..2) {
            Some("0x" | "0X") => i64::from_str_radix(word.get(2..).unwrap_or_default(), 16),
            Some("0o") => i64::from_str_radix(word.get(2..).unwrap_or_default(), 8),
            _ => word.parse(),
        };
        let number = number.unwrap_or(0);
        self.step(length.max(1));
        self.push(Token::Number(number), at);
    }

    fn word(&mut self) -> String {
        let length = self.rest().iter().take_while(|&&byte| self.is_name(byte)).count();
        let word = self.rest().get(..length).unwrap_or_default();
        let mut word = String::from_utf8_lossy(word).into_owned();
        if self.spelling.is_folded {
            word.make_ascii_lowercase();
        }
        self.step(length.max(1));
        word
    }

    /// Returns whether what stands before leaves room for a value.
    fn may_begin_value(&self) -> bool {
        match self.out.last() {
            None => true,
            Some((Token::Sign(sign), _)) => ![")", "]", "}"].contains(sign),
            Some((Token::Name(name), _)) => name == "return" || name == "if" || name == "and",
            Some((Token::End, _)) => true,
            Some(_) => false,
        }
    }

    fn pattern(&mut self) {
        let at = self.at;
        self.step(1);
        let start = self.at;
        let mut in_class = false;
        while let Some(&byte) = self.rest().first() {
            match byte {
                b'\\' => self.step(1),
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                b'\n' => break,
                _ => {}
            }
            self.step(1);
        }
        let text = self.bytes.get(start..self.at).unwrap_or_default().to_vec();
        self.step(1);
        let flags = self.rest().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        self.step(flags);
        self.push(Token::Text(text), at);
    }

    fn sign(&mut self) {
        let at = self.at;
        match sign(self.rest()) {
            Some(found) => {
                match found {
                    "(" | "[" => self.open = self.open.saturating_add(1),
                    "{" if self.spelling.is_indented => self.open = self.open.saturating_add(1),
                    ")" | "]" => self.open = self.open.saturating_sub(1),
                    "}" if self.spelling.is_indented => self.open = self.open.saturating_sub(1),
                    _ => {}
                }
                self.step(found.len());
                let is_end = found == ";" || (found == ":" && self.spelling.is_folded);
                self.push(if is_end { Token::End } else { Token::Sign(found) }, at);
            }
            None => self.step(1),
        }
    }
}

/// Returns how far it is to the brace that closes.
pub(crate) fn braces(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(10_000) {
        match byte {
            b'{' => depth = depth.saturating_add(1),
            b'}' if depth == 0 => return at,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    bytes.len().min(10_000)
}

/// Returns a text with what backslashes stand for.
pub(crate) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let Some((&next, after)) = rest.split_first().filter(|_| byte == b'\\') else {
            out.push(byte);
            continue;
        };
        let digits = |bytes: &[u8], radix: u32, most: usize| {
            let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
            let length = bytes.iter().take(most).take_while(is_digit).count();
            let text = bytes.get(..length).and_then(|text| std::str::from_utf8(text).ok());
            (u32::from_str_radix(text.unwrap_or_default(), radix).ok(), length)
        };
        let (number, taken) = match next {
            b'n' => (Some(10), 1),
            b't' => (Some(9), 1),
            b'r' => (Some(13), 1),
            b'\n' => (None, 1),
            b'x' | b'u' => {
                let (number, length) = digits(after, 16, if next == b'x' { 2 } else { 4 });
                (number.or(Some(u32::from(next))), length.saturating_add(1))
            }
            b'0'..=b'7' => digits(rest, 8, 3),
            other => (Some(u32::from(other)), 1),
        };
        out.extend(number.map(|number| number.to_le_bytes()[0]));
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

fn undoubled(raw: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        out.push(byte);
        let twice = mark.first() == Some(&byte) && after.first() == Some(&byte);
        rest = if twice { after.get(1..).unwrap_or_default() } else { after };
    }
    out
}
