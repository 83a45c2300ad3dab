//! STIX patterns, as far as one file can fulfil them: AND, OR and NOT over its digests, name and
//! size (STIX 2.1, chapter 9).
//!
//! What one file cannot tell (where it came from, what else was seen) is unknown, and an unknown
//! thing is neither fulfilled nor its contrary; a pattern that can never be fulfilled so is refused.

use stanch_words::{Algorithm, Both, Digested};

/// How deep brackets are followed, and how long a pattern may be.
const DEPTH: usize = 32;
const LONGEST: usize = 64 << 10;

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Expression);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Digest(Algorithm, String),
    Name(String),
    Size(u64),
    Unknown,
}

impl Pattern {
    /// Returns whether a file fulfils it.
    pub fn is_fulfilled_by(&self, file: &Digested) -> bool {
        self.0.of(file) == Some(true)
    }

    /// Returns the digests that a file may have to fulfil it.
    pub fn digests(&self) -> Vec<(Algorithm, &str)> {
        let mut found = Vec::new();
        self.0.digests(true, &mut found);
        found
    }
}

impl Expression {
    fn of(&self, file: &Digested) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.of(file)).collect();
                if parts.contains(&Some(false)) {
                    return Some(false);
                }
                (!parts.contains(&None)).then_some(true)
            }
            Self::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.of(file)).collect();
                if parts.contains(&Some(true)) {
                    return Some(true);
                }
                (!parts.contains(&None)).then_some(false)
            }
            Self::Not(part) => part.of(file).map(|is| !is),
            Self::Digest(algorithm, digest) => {
                let own = file.digests.iter().find(|(own, _)| own == algorithm)?;
                Some(own.1 == *digest)
            }
            Self::Name(name) => Some(file.name == *name),
            Self::Size(size) => Some(file.size == *size),
            Self::Unknown => None,
        }
    }

    /// Returns whether some file could make it what is wanted.
    fn can_be(&self, wanted: bool) -> bool {
        match self {
            Self::All(parts) if wanted => parts.iter().all(|part| part.can_be(true)),
            Self::All(parts) => parts.iter().any(|part| part.can_be(false)),
            Self::Any(parts) if wanted => parts.iter().any(|part| part.can_be(true)),
            Self::Any(parts) => parts.iter().all(|part| part.can_be(false)),
            Self::Not(part) => part.can_be(!wanted),
            Self::Digest(..) | Self::Name(_) | Self::Size(_) => true,
            Self::Unknown => false,
        }
    }

    fn digests<'e>(&'e self, wanted: bool, found: &mut Vec<(Algorithm, &'e str)>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.digests(wanted, found));
            }
            Self::Not(part) => part.digests(!wanted, found),
            Self::Digest(algorithm, digest) if wanted => found.push((*algorithm, digest)),
            Self::Digest(..) | Self::Name(_) | Self::Size(_) | Self::Unknown => {}
        }
    }

    /// Returns whether it can be fulfilled without any of its digests.
    fn is_without_digest(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_without_digest),
            Self::Any(parts) => parts.iter().any(Self::is_without_digest),
            Self::Digest(..) => false,
            Self::Not(_) | Self::Name(_) | Self::Size(_) => true,
            // Never fulfilled at all.
            Self::Unknown => false,
        }
    }
}

/// Reads a pattern.
///
/// # Errors
/// Why it is not taken.
pub fn parse(text: &str) -> Result<Pattern, Both> {
    if text.len() > LONGEST {
        return Err(Both::new("it is too long", "过长"));
    }
    let mut reader = Reader { words: words(text)?, at: 0 };
    let expression = reader.observations(0)?;
    if reader.peek().is_some() {
        return Err(wrong("what stands after its end"));
    }
    if !expression.can_be(true) {
        return Err(Both::new("a file alone cannot fulfil it", "仅凭单个文件无法满足其条件"));
    }
    if expression.is_without_digest() {
        return Err(Both::new(
            "it can be fulfilled without a digest, by far too many files",
            "不含摘要也能满足，会命中过多文件",
        ));
    }
    Ok(Pattern(expression))
}

fn wrong(what: &str) -> Both {
    Both::new(format!("not understood: {what}"), format!("无法理解：{what}"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Mark(&'static str),
    Text(String),
    /// A path of an object, a number, or a word of the language.
    Plain(String),
}

/// Takes a pattern apart.
fn words(text: &str) -> Result<Vec<Word>, Both> {
    const MARKS: [&str; 12] = ["[", "]", "(", ")", ",", "!=", "<>", "<=", ">=", "=", "<", ">"];
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            words.push(Word::Mark(mark));
            rest = rest.get(mark.len()..).unwrap_or_default().trim_start();
            continue;
        }
        if first == '\'' {
            let (value, after) = quoted(rest).ok_or_else(|| wrong("a text that does not end"))?;
            words.push(Word::Text(value));
            rest = after.trim_start();
            continue;
        }
        // `file:hashes.'SHA-256'` is one path.
        let mut plain = String::new();
        while let Some(c) = rest.chars().next() {
            if matches!(c, '\'' | '"') {
                let (value, after) =
                    quoted(rest).ok_or_else(|| wrong("a text that does not end"))?;
                plain.push_str(&value);
                rest = after;
            } else if c.is_whitespace() || MARKS.iter().any(|mark| rest.starts_with(*mark)) {
                // `list[*]` would begin an observation.
                break;
            } else {
                plain.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        words.push(Word::Plain(plain));
        rest = rest.trim_start();
    }
    Ok(words)
}

/// Returns a text in quotation marks, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mark = text.chars().next()?;
    let mut value = String::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            _ if c == mark => return Some((value, text.get(at.checked_add(1)?..)?)),
            _ => value.push(c),
        }
    }
    None
}

struct Reader {
    words: Vec<Word>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at = self.at.saturating_add(1);
        word
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let is = match self.peek() {
            Some(Word::Mark(mark)) => *mark == wanted,
            Some(Word::Plain(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Word::Text(_)) | None => false,
        };
        self.at = self.at.saturating_add(usize::from(is));
        is
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Both> {
        if self.takes(wanted) { Ok(()) } else { Err(wrong(&format!("`{wanted}` is missing"))) }
    }

    /// Reads observations, of which one file is one.
    fn observations(&mut self, depth: usize) -> Result<Expression, Both> {
        let mut any = vec![self.observation(depth)?];
        loop {
            if self.takes("OR") {
                any.push(self.observation(depth)?);
            } else if self.takes("AND") || self.takes("FOLLOWEDBY") {
                let other = self.observation(depth)?;
                // Two sightings, of which one file is at most one.
                drop(other);
                any.pop();
                any.push(Expression::Unknown);
            } else {
                return Ok(Expression::Any(any));
            }
        }
    }

    fn observation(&mut self, depth: usize) -> Result<Expression, Both> {
        if depth > DEPTH {
            return Err(Both::new("its brackets are too deep", "括号嵌套过深"));
        }
        let inner = if self.takes("(") {
            let inner = self.observations(depth.saturating_add(1))?;
            self.expect(")")?;
            inner
        } else {
            self.expect("[")?;
            let inner = self.comparisons(depth.saturating_add(1))?;
            self.expect("]")?;
            inner
        };
        // How often and when it was seen: a file that is there was seen once.
        while self.takes("WITHIN") || self.takes("START") || self.takes("STOP") {
            self.next();
            self.takes("SECONDS");
        }
        if self.takes("REPEATS") {
            let many = self.next() != Some(Word::Plain("1".to_owned()));
            self.expect("TIMES")?;
            if many {
                return Ok(Expression::Unknown);
            }
        }
        Ok(inner)
    }

    fn comparisons(&mut self, depth: usize) -> Result<Expression, Both> {
        let mut any = Vec::new();
        loop {
            let mut all = vec![self.comparison(depth)?];
            while self.takes("AND") {
                all.push(self.comparison(depth)?);
            }
            any.push(Expression::All(all));
            if !self.takes("OR") {
                return Ok(Expression::Any(any));
            }
        }
    }

    fn comparison(&mut self, depth: usize) -> Result<Expression, Both> {
        if depth > DEPTH {
            return Err(Both::new("its brackets are too deep", "括号嵌套过深"));
        }
        if self.takes("NOT") {
            return Ok(Expression::Not(Box::new(self.comparison(depth.saturating_add(1))?)));
        }
        if self.takes("(") {
            let inner = self.comparisons(depth.saturating_add(1))?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.takes("EXISTS") {
            self.next();
            return Ok(Expression::Unknown);
        }
        let path = match self.next() {
            Some(Word::Plain(path)) => path,
            _ => return Err(wrong("where an object should be named")),
        };
        let is_not = self.takes("NOT");
        let (compared, is_contrary) = match self.next() {
            Some(Word::Mark("=")) => (vec![self.value()?], false),
            Some(Word::Mark("!=" | "<>")) => (vec![self.value()?], true),
            Some(Word::Plain(word)) if word.eq_ignore_ascii_case("IN") => (self.values()?, false),
            // Other comparisons are for what is no digest.
            Some(Word::Mark(_) | Word::Plain(_)) => {
                self.value()?;
                return Ok(Expression::Unknown);
            }
            _ => return Err(wrong("where a comparison should be")),
        };
        let any: Result<Vec<Expression>, Both> =
            compared.iter().map(|value| atom(&path, value)).collect();
        let any = Expression::Any(any?);
        Ok(if is_not == is_contrary { any } else { Expression::Not(Box::new(any)) })
    }

    fn value(&mut self) -> Result<String, Both> {
        match self.next() {
            // A time stands as t'…', and has become one word.
            Some(Word::Text(value) | Word::Plain(value)) => Ok(value),
            _ => Err(wrong("where a value should be")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, Both> {
        self.expect("(")?;
        let mut values = vec![self.value()?];
        while self.takes(",") {
            values.push(self.value()?);
        }
        self.expect(")")?;
        Ok(values)
    }
}

/// Returns what a path and a value ask of a file.
fn atom(path: &str, value: &str) -> Result<Expression, Both> {
    if let Some(kind) = path.strip_prefix("file:hashes.") {
        // SHA-512 and ssdeep are digests that are not taken here.
        let Some(algorithm) = super::named(kind) else { return Ok(Expression::Unknown) };
        let value = value.to_ascii_lowercase();
        if !super::is_digest(algorithm, &value) {
            let name = super::name(algorithm);
            let shown: String = value.chars().take(80).collect();
            let (en, zh) = (format!("`{shown}` is no {name}"), format!("`{shown}` 不是 {name}"));
            return Err(Both::new(en, zh));
        }
        return Ok(Expression::Digest(algorithm, value));
    }
    Ok(match (path, value.parse()) {
        ("file:name", _) => Expression::Name(value.to_owned()),
        ("file:size", Ok(size)) => Expression::Size(size),
        _ => Expression::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "44d88612fea8a8f36de82e1278abb02f";
    const SHA256: &str = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";

    fn file() -> Digested {
        Digested {
            name: "eicar.com".to_owned(),
            size: 68,
            digests: vec![(Algorithm::Md5, MD5.to_owned()), (Algorithm::Sha256, SHA256.to_owned())],
        }
    }

    fn fulfilled(pattern: &str) -> bool {
        let pattern = pattern.replace("MINE", MD5).replace("LONG", SHA256);
        let other = "0".repeat(31) + "1";
        let pattern = pattern.replace("OTHER", &other);
        parse(&pattern)
            .unwrap_or_else(|why| panic!("{pattern}: {}", why.en))
            .is_fulfilled_by(&file())
    }

    #[test]
    fn and_or_and_not_are_obeyed() {
        for (pattern, is) in [
            ("[file:hashes.MD5 = 'MINE']", true),
            ("[file:hashes.MD5 = 'OTHER']", false),
            ("[file:hashes.'SHA-256' = 'LONG' AND file:hashes.MD5 = 'MINE']", true),
            ("[file:hashes.\"SHA-256\" = 'LONG' AND file:hashes.MD5 = 'OTHER']", false),
            ("[file:hashes.MD5 = 'OTHER' OR file:hashes.'SHA-256' = 'LONG']", true),
            ("[file:hashes.'SHA-256' = 'LONG' AND file:hashes.MD5 NOT = 'MINE']", false),
            ("[file:hashes.'SHA-256' = 'LONG' AND file:hashes.MD5 != 'OTHER']", true),
            ("[file:hashes.MD5 IN ('OTHER', 'MINE')]", true),
            ("[file:hashes.MD5 = 'MINE' AND file:name = 'eicar.com']", true),
            ("[file:hashes.MD5 = 'MINE' AND file:name = 'other']", false),
            ("[file:hashes.MD5 = 'MINE' AND (file:size = 68 OR file:size = 69)]", true),
            ("[file:hashes.MD5 = 'OTHER'] OR [file:hashes.MD5 = 'MINE']", true),
            ("([file:hashes.MD5 = 'MINE'] OR [ipv4-addr:value = '192.0.2.1'])", true),
            ("[file:hashes.MD5 = 'MINE' OR file:parent_directory_ref.path = '/tmp']", true),
            (
                "[file:hashes.MD5 = 'MINE'] START t'2020-01-01T00:00:00Z' STOP t'2030-01-01T00:00:00Z'",
                true,
            ),
        ] {
            assert_eq!(fulfilled(pattern), is, "{pattern}");
        }
    }

    #[test]
    fn what_a_file_cannot_fulfil_or_all_files_do_is_refused() {
        for pattern in [
            format!("[file:hashes.MD5 = '{MD5}' AND process:pid = 1]"),
            format!("[file:hashes.MD5 = '{MD5}'] AND [file:hashes.MD5 = '{MD5}']"),
            format!("[file:hashes.MD5 = '{MD5}'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.1']"),
            format!("[file:hashes.MD5 != '{MD5}']"),
            format!("[file:hashes.MD5 = '{MD5}' OR file:name = 'sh']"),
            "[file:hashes.MD5 = 'short']".to_owned(),
            format!("[file:hashes.MD5 = '{MD5}'"),
            format!("[file:hashes.MD5 = '{MD5}"),
            format!("[file:hashes.MD5 '{MD5}']"),
            "[".repeat(1000),
            "(".repeat(1000),
            "[NOT ".repeat(1000),
            String::new(),
        ] {
            assert!(parse(&pattern).is_err(), "{pattern}");
        }
    }
}
