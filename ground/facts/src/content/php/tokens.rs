//! PHP as tokens: enough of the language to follow values, and nothing that could hang on any
//! bytes.
//!
//! Source: the PHP manual, "Language Reference", and `Zend/zend_language_scanner.l`.

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `$name`, without the dollar sign.
    Variable(String),
    /// A name or keyword, in lower case, without namespaces before it.
    Name(String),
    /// A string, decoded, and the variables that it puts in.
    Text(Vec<u8>, Vec<String>),
    /// What stands between backticks, and the variables in it.
    Command(Vec<String>),
    /// A number.
    Number(i64),
    /// An operator or other sign.
    Sign(&'static str),
}

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
    let mut reader = Reader { bytes, at: 0, out: Vec::new() };
    while reader.at < bytes.len() && reader.out.len() < MOST {
        let Some(open) = reader.rest().windows(2).position(|two| two == b"<?") else { break };
        reader.at = reader.at.saturating_add(open).saturating_add(2);
        if reader.rest().starts_with(b"xml") {
            continue;
        }
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
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token, at: usize) {
        self.out.push((token, at));
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
                b'#' if !self.rest().starts_with(b"#[") => self.line_comment(),
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
                b'0'..=b'9' => {
                    let word = self.word();
                    let number = match word.get(..2) {
                        Some("0x" | "0X") => {
                            i64::from_str_radix(word.get(2..).unwrap_or_default(), 16).ok()
                        }
                        _ => word.parse().ok(),
                    };
                    self.push(Token::Number(number.unwrap_or(0)), at);
                }
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
        let token = match quote {
            b'\'' => Token::Text(plain(raw), Vec::new()),
            b'`' => Token::Command(variables(raw)),
            _ => Token::Text(escaped(raw), variables(raw)),
        };
        self.push(token, at);
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
        let raw = rest.get(..end).unwrap_or_default().to_vec();
        self.at = self.at.saturating_add(end);
        let skip = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at = self.at.saturating_add(skip).saturating_add(label.len()).min(self.bytes.len());
        let put_in = if is_raw { Vec::new() } else { variables(&raw) };
        let text = if is_raw { raw } else { escaped(&raw) };
        self.push(Token::Text(text, put_in), at);
    }
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
            b'x' => match digits(after, 16, 2) {
                (Some(number), length) => (number.to_le_bytes()[0], length.saturating_add(1)),
                _ => (b'x', 1),
            },
            b'0'..=b'7' => {
                let (number, length) = digits(rest, 8, 3);
                (number.unwrap_or(0).to_le_bytes()[0], length)
            }
            other => (other, 1),
        };
        out.push(byte);
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// Returns the variables that a text puts in: `$name`, `{$name…}`, `${name}`.
fn variables(raw: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for at in memchr::memchr_iter(b'$', raw) {
        if at > 0 && raw.get(at.saturating_sub(1)) == Some(&b'\\') {
            continue;
        }
        let after = raw.get(at.saturating_add(1)..).unwrap_or_default();
        let after = after.strip_prefix(b"{").unwrap_or(after);
        let length = after.iter().take_while(|&&byte| is_name(byte)).count();
        let name = after.get(..length).filter(|name| !name.is_empty());
        found.extend(name.map(|name| String::from_utf8_lossy(name).into_owned()));
    }
    found
}
