//! Perl: CGI programs, and what mod_perl and PSGI run.
//!
//! Source: perlop, "Quote and Quote-like Operators"; perlfunc; the manual of CGI.pm.

use crate::content::taint::scanner::unescaped;
use crate::content::taint::token::{COMMAND, MOST, PUT_IN, Token, sign};
use crate::content::taint::{Beside, By, Language, Runs, Sink, Source};

/// How deep texts within values within texts are cut.
const NESTED: usize = 3;
/// How far the end of a text is looked for.
const LONGEST: usize = 1 << 20;

fn tokens(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    Scanner { bytes: code, at: 0, base: 0, nested: 0, out: &mut out, heredocs: Vec::new() }.all();
    out.push((Token::End, code.len()));
    out
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
    nested: usize,
    out: &'a mut Vec<(Token, usize)>,
    /// Texts that begin on the next line: what ends them, and whether values are put in.
    heredocs: Vec<(Vec<u8>, bool)>,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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

    fn all(&mut self) {
        while self.at < self.bytes.len() && self.out.len() < MOST {
            let from = self.at;
            if !self.one() {
                break;
            }
            self.at = self.at.max(from.saturating_add(1));
        }
    }

    /// Takes one token; returns whether the code goes on.
    fn one(&mut self) -> bool {
        let Some(&byte) = self.rest().first() else { return false };
        let at = self.at;
        match byte {
            b'\n' => self.line(),
            b'#' => self.skip_line(),
            b'$' | b'@' | b'%' if self.sigil() => {}
            b'"' => self.quoted(b'"', true, ""),
            b'\'' => self.quoted(b'\'', false, ""),
            b'`' => self.quoted(b'`', true, COMMAND),
            b'0'..=b'9' => self.number(),
            b'/' if self.may_begin_value() => self.quoted(b'/', false, "m"),
            b'<' if self.rest().starts_with(b"<<") && self.heredoc() => {}
            b';' => {
                self.step(1);
                self.push(Token::End, at);
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => return self.word(),
            byte if byte.is_ascii_whitespace() => self.step(1),
            _ => match sign(self.rest()) {
                Some(found) => {
                    self.step(found.len());
                    self.push(Token::Sign(found), at);
                }
                None => self.step(1),
            },
        }
        true
    }

    fn skip_line(&mut self) {
        let length = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
        self.step(length);
    }

    /// A new line: the texts that begin here, and documentation.
    fn line(&mut self) {
        self.step(1);
        for (mark, puts_in) in std::mem::take(&mut self.heredocs) {
            let (start, mut end) = (self.at, self.at);
            while end < self.bytes.len() {
                let rest = self.bytes.get(end..).unwrap_or_default();
                let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let line = rest.get(..length).unwrap_or_default();
                if line.trim_ascii() == mark.as_slice() {
                    self.at = end.saturating_add(length);
                    break;
                }
                end = end.saturating_add(length).saturating_add(1);
                self.at = end.min(self.bytes.len());
            }
            // What stands in it is a value of its own: nothing that is looked for takes it.
            let body =
                self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default().to_vec();
            if puts_in && memchr::memmem::find(&body, b"@{[").is_some() {
                self.put_in(&body, start);
            }
        }
        if self.rest().starts_with(b"=") && self.rest().get(1).is_some_and(u8::is_ascii_alphabetic)
        {
            let length = memchr::memmem::find(self.rest(), b"\n=cut");
            self.step(length.map_or(self.rest().len(), |length| length.saturating_add(5)));
            self.skip_line();
        }
    }

    /// `$name`, `@name`, `%name`, `$name::b`, `@{…}`, `$$name`: all by the one name `$name`.
    fn sigil(&mut self) -> bool {
        let at = self.at;
        let after = self.rest().get(1..).unwrap_or_default();
        let first = after.first().copied().unwrap_or_default();
        let is_modulo = self.rest().first() == Some(&b'%') && !self.may_begin_value();
        if is_modulo {
            return false;
        }
        if first == b'{' {
            self.step(1);
            // `@{$name}` is `$name`; the braces are read as parentheses.
            return true;
        }
        if first == b'$' {
            self.step(1);
            return true;
        }
        let length = after.iter().take_while(|&&byte| is_name(byte) || byte == b':').count();
        let length = if length == 0 && !first.is_ascii_whitespace() && !b"=(),;".contains(&first) {
            1
        } else {
            length
        };
        if length == 0 {
            return false;
        }
        let name = String::from_utf8_lossy(after.get(..length).unwrap_or_default());
        let name = format!("${}", name.trim_start_matches("main::").trim_end_matches(':'));
        self.step(length.saturating_add(1));
        self.push(Token::Name(name), at);
        true
    }

    fn number(&mut self) {
        let at = self.at;
        let length = self.rest().iter().take_while(|&&byte| is_name(byte)).count();
        let word =
            String::from_utf8_lossy(self.rest().get(..length).unwrap_or_default()).replace('_', "");
        let number = match word.get(..2) {
            Some("0x" | "0X") => i64::from_str_radix(word.get(2..).unwrap_or_default(), 16),
            _ => word.parse(),
        };
        let number = number.unwrap_or(0);
        self.step(length.max(1));
        self.push(Token::Number(number), at);
    }

    fn word(&mut self) -> bool {
        let at = self.at;
        let rest = self.rest();
        let mut length = 0;
        while let Some(&byte) = rest.get(length) {
            if is_name(byte) {
                length = length.saturating_add(1);
            } else if rest.get(length..).is_some_and(|it| it.starts_with(b"::")) {
                length = length.saturating_add(2);
            } else {
                break;
            }
        }
        let word =
            String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).replace("::", ".");
        if word == "__END__" || word == "__DATA__" {
            return false;
        }
        let is_key = matches!(self.out.last(), Some((Token::Sign("->"), _)))
            || rest.get(length..).unwrap_or_default().trim_ascii_start().starts_with(b"=>")
            || (matches!(self.out.last(), Some((Token::Sign("{"), _)))
                && rest.get(length) == Some(&b'}'));
        if is_key {
            self.step(length);
            let is_member = matches!(self.out.last(), Some((Token::Sign("->"), _)));
            let token = if is_member { Token::Name(word) } else { Token::Text(word.into_bytes()) };
            self.push(token, at);
            return true;
        }
        let operator = match word.as_str() {
            "q" | "qq" | "qx" | "qw" | "qr" | "m" | "s" | "tr" | "y" => word.as_str(),
            _ => "",
        };
        let space = rest.get(length..).unwrap_or_default();
        let blank = space.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let open = space.get(blank).copied().unwrap_or_default();
        let is_other = b",;)".contains(&open)
            || (open == b'=' && matches!(operator, "s" | "y" | "m" | "q"))
            || (open == b'#' && blank > 0);
        let is_quote = !operator.is_empty() && open.is_ascii_punctuation() && !is_other;
        self.step(length);
        if is_quote {
            self.step(blank);
            self.operator(&word, open, at);
        } else {
            self.push(Token::Name(word), at);
        }
        true
    }

    fn operator(&mut self, operator: &str, open: u8, at: usize) {
        match operator {
            "q" => self.quoted(open, false, ""),
            "qq" => self.quoted(open, true, ""),
            "qx" => self.quoted(open, open != b'\'', COMMAND),
            "m" | "qr" => self.quoted(open, false, "m"),
            "qw" => {
                let (start, end) = self.between(open);
                let words = self.bytes.get(start..end).unwrap_or_default().to_vec();
                self.push(Token::Sign("("), at);
                for word in words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                    self.push(Token::Text(word.to_vec()), at);
                    self.push(Token::Sign(","), at);
                }
                self.push(Token::Sign(")"), at);
            }
            _ => self.substitution(operator, open, at),
        }
    }

    /// `s/…/…/e` runs its second part.
    fn substitution(&mut self, operator: &str, open: u8, at: usize) {
        let _pattern = self.between(open);
        let (start, end) = if closing(open) == open {
            self.step_back();
            self.between(open)
        } else {
            let blank = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.step(blank);
            let open = self.rest().first().copied().unwrap_or_default();
            self.between(open)
        };
        let flags = self.rest().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let runs =
            self.rest().get(..flags).unwrap_or_default().iter().filter(|&&b| b == b'e').count();
        self.step(flags);
        self.push(Token::Text(Vec::new()), at);
        if operator != "s" || runs == 0 || self.nested >= NESTED {
            return;
        }
        self.push(Token::Sign(","), at);
        if runs > 1 {
            self.push(Token::Name("eval".to_owned()), at);
        }
        let part = self.bytes.get(start..end).unwrap_or_default().to_vec();
        self.inner(&part, start);
    }

    fn step_back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Code within a text, in parentheses.
    fn inner(&mut self, code: &[u8], start: usize) {
        self.push(Token::Sign("("), start);
        let base = self.base.saturating_add(start);
        let nested = self.nested.saturating_add(1);
        Scanner { bytes: code, at: 0, base, nested, out: self.out, heredocs: Vec::new() }.all();
        self.push(Token::Sign(")"), start);
    }

    /// Returns where what stands between marks begins and ends, and goes past it.
    fn between(&mut self, open: u8) -> (usize, usize) {
        self.step(1);
        let (start, close) = (self.at, closing(open));
        let mut depth = 0_usize;
        while let Some(&byte) = self.rest().first() {
            if byte == b'\\' {
                self.step(2);
                continue;
            }
            if byte == close && depth == 0 {
                break;
            }
            if byte == open && open != close {
                depth = depth.saturating_add(1);
            } else if byte == close {
                depth = depth.saturating_sub(1);
            }
            if self.at.saturating_sub(start) > LONGEST {
                break;
            }
            self.step(1);
        }
        let end = self.at;
        self.step(1);
        (start, end)
    }

    fn quoted(&mut self, open: u8, puts_in: bool, call: &'static str) {
        let at = self.at;
        let (start, end) = self.between(open);
        let raw = self.bytes.get(start..end).unwrap_or_default().to_vec();
        if call == "m" {
            let flags = self.rest().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            self.step(flags);
            return self.push(Token::Text(raw), at);
        }
        if !call.is_empty() {
            self.push(Token::Name(call.to_owned()), at);
            self.push(Token::Sign("("), at);
        }
        if puts_in && raw.iter().any(|byte| matches!(byte, b'$' | b'@')) && self.nested < NESTED {
            self.put_in(&raw, start);
        } else {
            let text = if puts_in { unescaped(&raw) } else { raw };
            self.push(Token::Text(text), at);
        }
        if !call.is_empty() {
            self.push(Token::Sign(")"), at);
        }
    }

    /// A text that variables are put into.
    fn put_in(&mut self, raw: &[u8], start: usize) {
        self.push(Token::Sign("("), start);
        let (mut from, mut at) = (0, 0);
        let mut is_first = true;
        while at < raw.len() {
            let byte = raw.get(at).copied().unwrap_or_default();
            let after = raw.get(at.saturating_add(1)..).unwrap_or_default();
            let begins = matches!(byte, b'$' | b'@')
                && after.first().is_some_and(|&next| is_name(next) || matches!(next, b'{' | b'$'));
            if byte == b'\\' {
                at = at.saturating_add(2);
            } else if begins {
                let length = variable(after).saturating_add(1);
                let text = raw.get(from..at).unwrap_or_default();
                if !text.is_empty() || is_first {
                    self.joined(&mut is_first, start);
                    self.push(Token::Text(unescaped(text)), start.saturating_add(from));
                }
                self.joined(&mut is_first, start);
                let part = raw.get(at..at.saturating_add(length)).unwrap_or_default();
                self.inner(part, start.saturating_add(at));
                at = at.saturating_add(length);
                from = at;
            } else {
                at = at.saturating_add(1);
            }
        }
        let text = raw.get(from..).unwrap_or_default();
        if !text.is_empty() {
            self.joined(&mut is_first, start);
            self.push(Token::Text(unescaped(text)), start.saturating_add(from));
        }
        self.push(Token::Sign(")"), start.saturating_add(raw.len()));
    }

    fn joined(&mut self, is_first: &mut bool, at: usize) {
        if !std::mem::take(is_first) {
            self.push(Token::Sign(PUT_IN), at);
        }
    }

    fn heredoc(&mut self) -> bool {
        let at = self.at;
        let mut after = self.rest().get(2..).unwrap_or_default();
        after = after.strip_prefix(b"~").unwrap_or(after);
        let (quote, word) = match after.split_first() {
            Some((quote @ (b'"' | b'\''), rest)) => (*quote, rest),
            _ => (0, after),
        };
        let length = word.iter().take_while(|&&byte| is_name(byte)).count();
        let mark = word.get(..length).unwrap_or_default().to_vec();
        if length == 0 || mark.first().is_some_and(u8::is_ascii_digit) {
            return false;
        }
        let quotes = if quote == 0 { 0 } else { 2 };
        let skipped = self.rest().len().saturating_sub(after.len());
        self.step(skipped.saturating_add(length).saturating_add(quotes));
        self.heredocs.push((mark, quote != b'\''));
        self.push(Token::Text(Vec::new()), at);
        true
    }

    fn may_begin_value(&self) -> bool {
        match self.out.last() {
            None | Some((Token::End, _)) => true,
            Some((Token::Sign(sign), _)) => ![")", "]", "}"].contains(sign),
            Some((Token::Name(name), _)) => [
                "split", "if", "unless", "and", "or", "not", "return", "grep", "map", "my", "keys",
                "values", "each", "foreach", "scalar", "local", "our", "while", "push",
            ]
            .contains(&name.as_str()),
            Some(_) => false,
        }
    }
}

fn closing(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'{' => b'}',
        b'[' => b']',
        b'<' => b'>',
        other => other,
    }
}

/// Returns how long a variable put into a text is, after its sign, with its elements.
fn variable(after: &[u8]) -> usize {
    let mut length = match after.first() {
        Some(b'{') => return within(after),
        Some(b'$') => 1_usize.saturating_add(variable_name(after.get(1..).unwrap_or_default())),
        _ => variable_name(after),
    };
    for _ in 0..4 {
        let rest = after.get(length..).unwrap_or_default();
        let arrow = if rest.starts_with(b"->{") || rest.starts_with(b"->[") { 2_usize } else { 0 };
        let rest = rest.get(arrow..).unwrap_or_default();
        if !matches!(rest.first(), Some(b'{' | b'[')) {
            break;
        }
        length = length.saturating_add(arrow).saturating_add(within(rest));
    }
    length
}

fn variable_name(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_name(byte)).count()
}

/// Returns the length of what brackets hold, with them.
fn within(bytes: &[u8]) -> usize {
    let Some(&open) = bytes.first() else { return 0 };
    let close = closing(open);
    let mut depth = 0_usize;
    for (at, &byte) in bytes.iter().enumerate().take(4096) {
        if byte == open {
            depth = depth.saturating_add(1);
        } else if byte == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at.saturating_add(1);
            }
        }
    }
    1
}

/// Perl.
pub(super) const LANGUAGE: Language = Language {
    file: tokens,
    code: tokens,
    chains: &["."],
    members: &["->"],
    beside: Beside::Argument,
    definers: &["sub"],
    keywords: &[
        "if", "elsif", "else", "unless", "while", "until", "do", "use", "no", "package", "my",
        "our", "local", "print", "printf", "say", "return", "and", "or", "not", "x", "last",
        "next", "die", "warn", "STDOUT", "STDERR",
    ],
    compares_with_equals: false,
    gives_last: true,
    sources: SOURCES,
    sinks: SINKS,
    namers: &[],
};

const SOURCES: &[Source] = &[
    Source::of("param"),
    Source::of("*.param"),
    Source::of("CGI.param"),
    Source::of("url_param"),
    Source::of("*.url_param"),
    Source::of("*.Vars"),
    Source { path: "query_parameters", needs: "Dancer" },
    Source { path: "body_parameters", needs: "Dancer" },
    Source::of("*.parameters"),
    Source::of("*.query_parameters"),
    Source::of("*.body_parameters"),
    Source::of("*.query_string"),
    Source::of("*.raw_cookie"),
    Source::of("*.http"),
    Source { path: "cookie", needs: "CGI" },
    Source { path: "*.cookie", needs: "CGI" },
    Source::of("$ENV.QUERY_STRING"),
    Source::of("$ENV.PATH_INFO"),
    Source::of("$ENV.REQUEST_URI"),
    Source::of("$ENV.HTTP_*"),
    Source::of("$env.QUERY_STRING"),
    Source::of("$env.PATH_INFO"),
    Source::of("$env.HTTP_*"),
    Source { path: "<STDIN>", needs: "CONTENT_LENGTH" },
    Source { path: "<STDIN>", needs: "ontent-" },
    Source { path: "$in", needs: "ReadParse" },
];

const SINKS: &[Sink] = &[
    Sink::by(COMMAND, Runs::Command, By::Any),
    Sink::by("system", Runs::Command, By::Any),
    Sink::by("exec", Runs::Command, By::Any),
    Sink::by("readpipe", Runs::Command, By::Any),
    Sink::by("open3", Runs::Command, By::Argument(3)),
    Sink::by("CORE.system", Runs::Command, By::Any),
    Sink::by("IPC.Open3.open3", Runs::Command, By::Any),
    Sink::by("open2", Runs::Command, By::Any),
    Sink::first("eval", Runs::Code),
    Sink::first("evalbytes", Runs::Code),
    Sink::first("do", Runs::Loads),
    Sink::first("require", Runs::Loads),
    Sink::by("open", Runs::Writes, By::Itself),
    Sink::first("*.reval", Runs::Code),
    Sink::first("Storable.thaw", Runs::Objects),
    Sink::first("thaw", Runs::Objects),
];
