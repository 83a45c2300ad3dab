//! PHP as tokens: enough of the language to follow values, and nothing that could hang on any
//! bytes.
//!
//! Source: the PHP manual, "Language Reference", and `Zend/zend_language_scanner.l`.

/// One token. Texts that put values in come as a chain in parentheses: text, `.`, value, `.` …
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `$name`, without the dollar sign.
    Variable(String),
    /// A name or keyword, in lower case, without namespaces before it.
    Name(String),
    /// A string, decoded.
    Text(Vec<u8>),
    /// A number.
    Number(i64),
    /// An operator or other sign.
    Sign(&'static str),
}

/// Precedes, in parentheses, what stands between backticks: a name no page can hold.
pub(crate) const COMMAND: &str = "`…`";
/// How deep texts within texts are cut.
const NESTED: usize = 4;

/// The most tokens that are looked at: no honest file has so many.
const MOST: usize = 400_000;

/// Signs, longest first.
const SIGNS: [&str; 52] = [
    "<=>", "===", "!==", "**=", "...", "<<=", ">>=", "??=", "?->", "==", "!=", "<>", "<=", ">=",
    "&&", "||", "??", ".=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "=>", "->", "::", "++",
    "--", "<<", ">>", "**", "=", "<", ">", "!", ".", "(", ")", "[", "]", "{", "}", ";", ",", "?",
    ":", "@", "&", "$",
];
const MORE_SIGNS: [&str; 8] = ["+", "-", "*", "/", "%", "|", "^", "~"];

/// Returns the tokens of a file with their offsets.
pub(crate) fn tokens(bytes: &[u8]) -> Vec<(Token, usize)> {
    let mut reader = Reader { bytes, at: 0, out: Vec::new(), base: 0, nested: 0 };
    while reader.at < bytes.len() && reader.out.len() < MOST {
        let Some(open) = reader.rest().windows(2).position(|two| two == b"<?") else { break };
        reader.at = reader.at.saturating_add(open).saturating_add(2);
        if reader.rest().starts_with(b"xml") {
            continue;
        }
        // What stands before the code is shown.
        reader.push(Token::Sign(";"), reader.at);
        if reader.rest().get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"php")) {
            reader.at = reader.at.saturating_add(3);
        } else if reader.rest().starts_with(b"=") {
            reader.at = reader.at.saturating_add(1);
            reader.push(Token::Name("echo".into()), reader.at);
        }
        reader.code();
        reader.push(Token::Sign(";"), reader.at.min(bytes.len()));
    }
    reader.out
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<(Token, usize)>,
    /// Where the bytes begin in the file.
    base: usize,
    nested: usize,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token, at: usize) {
        self.out.push((token, self.base.saturating_add(at)));
    }

    fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn skip_past(&mut self, mark: &[u8]) {
        let past = memchr::memmem::find(self.rest(), mark)
            .map_or(self.bytes.len(), |at| self.at.saturating_add(at).saturating_add(mark.len()));
        self.at = past;
    }

    fn code(&mut self) {
        while let Some(&byte) = self.rest().first() {
            if self.out.len() >= MOST {
                return;
            }
            let at = self.at;
            match byte {
                b'?' if self.rest().starts_with(b"?>") => {
                    self.at = self.at.saturating_add(2);
                    return;
                }
                b'#' if self.rest().starts_with(b"#[") => self.attribute(),
                b'#' => self.line_comment(),
                b'/' if self.rest().starts_with(b"//") => self.line_comment(),
                b'/' if self.rest().starts_with(b"/*") => {
                    self.at = self.at.saturating_add(2);
                    self.skip_past(b"*/");
                }
                b'\'' | b'"' | b'`' => self.string(byte),
                b'<' if self.rest().starts_with(b"<<<") => self.heredoc(),
                b'$' if self.rest().get(1).is_some_and(|&next| is_name(next)) => {
                    self.at = self.at.saturating_add(1);
                    let name = self.word();
                    self.push(Token::Variable(name), at);
                }
                b'0'..=b'9' => self.number(),
                b'\\' => self.at = self.at.saturating_add(1),
                byte if is_name(byte) => {
                    let mut name = self.word().to_ascii_lowercase();
                    while self.rest().first() == Some(&b'\\') {
                        self.at = self.at.saturating_add(1);
                        name = self.word().to_ascii_lowercase();
                    }
                    self.push(Token::Name(name), at);
                }
                _ => self.sign(),
            }
        }
    }

    fn sign(&mut self) {
        let found =
            SIGNS.iter().chain(&MORE_SIGNS).find(|sign| self.rest().starts_with(sign.as_bytes()));
        let at = self.at;
        match found {
            Some(sign) => {
                self.at = self.at.saturating_add(sign.len());
                self.push(Token::Sign(sign), at);
            }
            None => self.at = self.at.saturating_add(1),
        }
    }

    /// What is said of what follows, between `#[` and `]`.
    fn attribute(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.rest().first() {
            self.step(1);
            match byte {
                b'[' => depth = depth.saturating_add(1),
                b']' if depth <= 1 => return,
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn number(&mut self) {
        let at = self.at;
        let word: String = self.word().chars().filter(|&letter| letter != '_').collect();
        let digits = |from: usize, radix: u32| {
            i64::from_str_radix(word.get(from..).unwrap_or_default(), radix).ok()
        };
        let number = match word.get(..2) {
            Some("0x" | "0X") => digits(2, 16),
            Some("0b" | "0B") => digits(2, 2),
            _ if word.starts_with('0') && word.len() > 1 => digits(1, 8),
            _ => digits(0, 10),
        };
        let is_fraction = matches!(self.rest(), [b'.', digit, ..] if digit.is_ascii_digit());
        if is_fraction {
            self.step(1);
            let _fraction = self.word();
        }
        self.push(Token::Number(number.unwrap_or(0)), at);
    }

    /// A comment ends with the line, or with the code.
    fn line_comment(&mut self) {
        let rest = self.rest();
        let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let close = memchr::memmem::find(rest, b"?>").unwrap_or(rest.len());
        self.at = self.at.saturating_add(line.min(close)).max(self.at.saturating_add(1));
    }

    fn word(&mut self) -> String {
        let length = self.rest().iter().take_while(|&&byte| is_name(byte)).count();
        let word = self.rest().get(..length).unwrap_or_default();
        let word = String::from_utf8_lossy(word).into_owned();
        self.at = self.at.saturating_add(length);
        word
    }

    fn string(&mut self, quote: u8) {
        let at = self.at;
        self.at = self.at.saturating_add(1);
        let start = self.at;
        while let Some(&byte) = self.rest().first() {
            match byte {
                b'\\' => self.at = self.at.saturating_add(2),
                byte if byte == quote => break,
                _ => self.at = self.at.saturating_add(1),
            }
        }
        let end = self.at.min(self.bytes.len());
        let raw = self.bytes.get(start..end).unwrap_or_default();
        self.at = end.saturating_add(1);
        match quote {
            b'\'' => self.push(Token::Text(plain(raw)), at),
            b'`' => {
                self.push(Token::Name(COMMAND.to_owned()), at);
                self.push(Token::Sign("("), at);
                self.written(raw, start);
                self.push(Token::Sign(")"), end);
            }
            _ => self.written(raw, start),
        }
    }

    fn heredoc(&mut self) {
        let at = self.at;
        self.at = self.at.saturating_add(3);
        let line = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
        let label: Vec<u8> = self.rest().get(..line).unwrap_or_default().trim_ascii().to_vec();
        let is_raw = label.starts_with(b"'");
        let label: Vec<u8> = label.into_iter().filter(|&byte| is_name(byte)).collect();
        self.at = self.at.saturating_add(line).saturating_add(1);
        let rest = self.rest();
        let mut end = rest.len();
        let mut from = 0;
        for line in rest.split_inclusive(|&byte| byte == b'\n') {
            let text = line.trim_ascii_start();
            let ends = text.strip_prefix(label.as_slice());
            if !label.is_empty()
                && ends.is_some_and(|rest| !rest.first().is_some_and(|&b| is_name(b)))
            {
                end = from;
                break;
            }
            from = from.saturating_add(line.len());
        }
        let from = self.at;
        let raw = self.bytes.get(from..from.saturating_add(end)).unwrap_or_default();
        self.at = self.at.saturating_add(end);
        let skip = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at = self.at.saturating_add(skip).saturating_add(label.len()).min(self.bytes.len());
        // The line's end before the label is no part of the text.
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        if is_raw {
            self.push(Token::Text(raw.to_vec()), at);
        } else {
            self.written(raw, from);
        }
    }

    /// A text in double quotes: a text, or a chain of texts and of what is put into it.
    fn written(&mut self, raw: &[u8], base: usize) {
        let mut parts: Vec<(usize, usize, bool)> = Vec::new();
        let (mut at, mut from) = (0_usize, 0_usize);
        while let Some(&byte) = raw.get(at) {
            let rest = raw.get(at..).unwrap_or_default();
            let length = match byte {
                b'\\' => {
                    at = at.saturating_add(2);
                    continue;
                }
                b'$' => put_in(rest),
                b'{' if rest.get(1) == Some(&b'$') => {
                    let inside = rest.get(1..).unwrap_or_default();
                    Some(crate::content::taint::scanner::braces(inside).saturating_add(2))
                }
                _ => None,
            };
            match length {
                Some(length) => {
                    parts.push((from, at, false));
                    parts.push((at, at.saturating_add(length).min(raw.len()), true));
                    at = at.saturating_add(length);
                    from = at;
                }
                None => at = at.saturating_add(1),
            }
        }
        parts.push((from, raw.len(), false));
        let is_chain = parts.len() > 1;
        if is_chain {
            self.push(Token::Sign("("), base);
        }
        for (place, &(from, to, is_value)) in parts.iter().enumerate() {
            let part = raw.get(from..to).unwrap_or_default();
            let at = base.saturating_add(from);
            if place > 0 {
                self.push(Token::Sign("."), at);
            }
            match is_value {
                true => self.value_in_text(part, at),
                false => self.push(Token::Text(escaped(part)), at),
            }
        }
        if is_chain {
            self.push(Token::Sign(")"), base);
        }
    }

    /// `$name`, `$name[key]`, `$name->member`, `{$…}`, `${…}` within a text.
    fn value_in_text(&mut self, part: &[u8], at: usize) {
        if self.nested >= NESTED {
            return self.push(Token::Text(Vec::new()), at);
        }
        let is_braced = part.starts_with(b"{");
        let code = match is_braced {
            true => part.get(1..part.len().saturating_sub(1)).unwrap_or_default(),
            false => part,
        };
        let base = self.base.saturating_add(at).saturating_add(usize::from(is_braced));
        let nested = self.nested.saturating_add(1);
        let mut inner = Reader { bytes: code, at: 0, out: Vec::new(), base, nested };
        // `${name}` is `$name`.
        let name = code.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}"));
        if let Some(name) = name.filter(|name| name.iter().all(|&byte| is_name(byte))) {
            let name = String::from_utf8_lossy(name).into_owned();
            inner.push(Token::Variable(name), 0);
        } else {
            inner.code();
        }
        let mut tokens = inner.out;
        // A key without quotes is a text.
        if let (false, Some((key, _))) = (is_braced, tokens.get_mut(2))
            && let Token::Name(word) = &*key
        {
            let word = word.clone().into_bytes();
            if part.contains(&b'[') {
                let start = memchr::memchr(b'[', part).map_or(0, |at| at.saturating_add(1));
                let word = part.get(start..part.len().saturating_sub(1)).unwrap_or(&word);
                *key = Token::Text(word.to_vec());
            }
        }
        self.push(Token::Sign("("), at);
        self.out.append(&mut tokens);
        self.push(Token::Sign(")"), at);
    }
}

/// Returns how long a variable is that a text puts in without braces around it.
fn put_in(rest: &[u8]) -> Option<usize> {
    let after = rest.get(1..)?;
    if let Some(inside) = after.strip_prefix(b"{") {
        return Some(crate::content::taint::scanner::braces(inside).saturating_add(3));
    }
    let name = after.iter().take_while(|&&byte| is_name(byte)).count();
    if name == 0 || after.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let tail = after.get(name..).unwrap_or_default();
    let more = if tail.starts_with(b"[") {
        memchr::memchr(b']', tail.get(..tail.len().min(80))?)?.saturating_add(1)
    } else if tail.starts_with(b"->") {
        match tail.iter().skip(2).take_while(|&&byte| is_name(byte)).count() {
            0 => 0,
            length => length.saturating_add(2),
        }
    } else {
        0
    };
    Some(name.saturating_add(1).saturating_add(more))
}

/// Returns the text between single quotes.
fn plain(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(&&next @ (b'\\' | b'\''))) => {
                out.push(next);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    out
}

/// Returns the text between double quotes, with `\x41`, `\101` and the like decoded.
fn escaped(raw: &[u8]) -> Vec<u8> {
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
            let text =
                std::str::from_utf8(bytes.get(..length).unwrap_or_default()).unwrap_or_default();
            (u32::from_str_radix(text, radix).ok(), length)
        };
        let (byte, taken) = match next {
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'r' => (b'\r', 1),
            b'v' => (11, 1),
            b'e' => (27, 1),
            b'f' => (12, 1),
            b'u' if after.first() == Some(&b'{') => {
                let (number, length) = digits(after.get(1..).unwrap_or_default(), 16, 6);
                (number.unwrap_or(0).to_le_bytes()[0], length.saturating_add(3))
            }
            b'\\' | b'$' | b'"' | b'`' => (next, 1),
            b'x' => match digits(after, 16, 2) {
                (Some(number), length) => (number.to_le_bytes()[0], length.saturating_add(1)),
                _ => (b'\\', 0),
            },
            b'0'..=b'7' => {
                let (number, length) = digits(rest, 8, 3);
                (number.unwrap_or(0).to_le_bytes()[0], length)
            }
            // What stands for nothing stays as it is written.
            _ => (b'\\', 0),
        };
        out.push(byte);
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}
