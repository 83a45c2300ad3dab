//! What a file's content gives away, whatever its name says.
//!
//! Everything here is pure: bytes go in, a [`Kind`] or [`Oddity`] comes out. Nothing is executed,
//! nothing is unpacked without a cap, and each part can be tried with any bytes.

pub mod elf;
mod images;
mod languages;
pub mod php;
mod scripts;
mod taint;
mod web_rules;

/// What a file is by its content; its name decides only between kinds of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ELF program or library.
    Elf,
    /// A program of another system (PE).
    Pe,
    /// Text that begins with `#!`, or whose name ends as a script's does.
    Script,
    /// PHP.
    Php,
    /// Java server pages.
    Jsp,
    /// Active server pages, with or without .NET.
    Asp,
    /// A picture.
    Image,
    /// Several files in one.
    Archive(Format),
    /// PDF.
    Pdf,
    /// Text of any other kind.
    Text,
    /// Anything else.
    Data,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// zip, and all that is built on it (jar, war, docx, apk).
    Zip,
    /// tar.
    Tar,
    /// ar: Debian's packages, static libraries.
    Ar,
    /// One compressed file, which may be a tar.
    Packed(crate::decompress::Compression),
}

impl Kind {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elf => "elf",
            Self::Pe => "pe",
            Self::Script => "script",
            Self::Php => "php",
            Self::Jsp => "jsp",
            Self::Asp => "asp",
            Self::Image => "image",
            Self::Archive(Format::Zip) => "zip",
            Self::Archive(Format::Tar) => "tar",
            Self::Archive(Format::Ar) => "ar",
            Self::Archive(Format::Packed(compression)) => compression.name(),
            Self::Pdf => "pdf",
            Self::Text => "text",
            Self::Data => "data",
        }
    }
}

/// How many bytes are looked at to tell text from data.
const LOOK: usize = 4096;

/// Returns what a file is, by its bytes and, between kinds of text, its name.
pub fn kind(bytes: &[u8], name: &str) -> Kind {
    let by_magic = match bytes {
        [0x7f, b'E', b'L', b'F', ..] => Some(Kind::Elf),
        [b'M', b'Z', ..] if bytes.len() > 64 => Some(Kind::Pe),
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] | [b'G', b'I', b'F', b'8', ..] => {
            Some(Kind::Image)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]
        | [0, 0, 1, 0, 1..=32, 0, ..] => Some(Kind::Image),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Kind::Archive(Format::Zip)),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Kind::Archive(Format::Ar)),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Kind::Pdf),
        _ if bytes.get(257..262) == Some(b"ustar") => Some(Kind::Archive(Format::Tar)),
        _ => crate::decompress::Compression::of(bytes)
            .map(|compression| Kind::Archive(Format::Packed(compression))),
    };
    by_magic.unwrap_or_else(|| text_kind(bytes, name))
}

fn text_kind(bytes: &[u8], name: &str) -> Kind {
    let head = bytes.get(..bytes.len().min(LOOK)).unwrap_or_default();
    if head.contains(&0) {
        return Kind::Data;
    }
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let begins = |mark: &[u8]| head.trim_ascii_start().starts_with(mark);
    let has = |mark: &[u8]| memchr::memmem::find(head, mark).is_some();
    match ending.as_str() {
        "jsp" | "jspx" | "jspf" | "jsw" | "jsv" => return Kind::Jsp,
        "asp" | "aspx" | "ashx" | "asmx" | "asa" | "cer" | "cshtml"
            if has(b"<%") || has(b"<script") =>
        {
            return Kind::Asp;
        }
        "php" | "php3" | "php4" | "php5" | "php7" | "php8" | "phtml" | "pht" | "phar" | "inc"
            if has(b"<?") =>
        {
            return Kind::Php;
        }
        _ => {}
    }
    if begins(b"#!") {
        return if has(b"php") && has(b"<?php") { Kind::Php } else { Kind::Script };
    }
    if php::opens(bytes) {
        return Kind::Php;
    }
    match ending.as_str() {
        "sh" | "bash" | "py" | "wsgi" | "pl" | "pm" | "cgi" | "rb" | "lua" | "js" | "mjs"
        | "cjs" | "pth" => Kind::Script,
        _ if head.iter().filter(|&&byte| byte < 9).count() == 0 => Kind::Text,
        _ => Kind::Data,
    }
}

/// Something about a file's content that a person should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oddity {
    /// What it is: `web-shell`, `decodes-and-runs`, `packed`, `web-rule` and so on.
    pub what: &'static str,
    /// How telling, 0 to 100.
    pub score: i64,
    /// What was seen, in words that name functions, variables and places.
    pub detail: String,
    /// The lines, from 1, that explain it, each with its text.
    pub lines: Vec<(u64, String)>,
}

/// Returns what is odd about a file's content; its name tells between languages.
pub fn oddities(bytes: &[u8], kind: Kind, name: &str) -> Vec<Oddity> {
    look(bytes, kind, name).0
}

/// Returns what is odd about a file's content, and which caps kept the rest from being read.
pub fn look(bytes: &[u8], kind: Kind, name: &str) -> (Vec<Oddity>, Vec<String>) {
    let mut caps = Vec::new();
    let most = match kind {
        Kind::Php | Kind::Jsp | Kind::Asp => taint::LARGEST,
        Kind::Script => scripts::LARGEST,
        Kind::Image => images::LARGEST,
        Kind::Text if web_rules::is_one(name) => web_rules::LARGEST,
        _ => usize::MAX,
    };
    if bytes.len() > most {
        caps.push(format!("only its first {} KiB were read as what it is", most / 1024));
    }
    (looked(bytes, kind, name, &mut caps), caps)
}

fn looked(bytes: &[u8], kind: Kind, name: &str, caps: &mut Vec<String>) -> Vec<Oddity> {
    match kind {
        Kind::Php => php::judge(bytes).into_iter().collect(),
        Kind::Jsp => languages::java_page(bytes).into_iter().collect(),
        Kind::Asp => languages::active_page(bytes).into_iter().collect(),
        Kind::Elf => elf::judge(bytes),
        Kind::Image => images::judge(bytes),
        Kind::Script => {
            let (flow, script) = (languages::script(bytes, name), scripts::judge(bytes, caps));
            // Both may see the same text being run: the one that knows its language says it.
            let script = script.filter(|it| flow.as_ref().is_none_or(|flow| flow.what != it.what));
            flow.into_iter().chain(script).collect()
        }
        Kind::Text if web_rules::is_one(name) => web_rules::judge(bytes).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The longest text of a line that is told.
const LINE: usize = 200;

/// Returns the number, from 1, and the text of the line at an offset.
pub(crate) fn line_at(bytes: &[u8], offset: usize) -> (u64, String) {
    let offset = offset.min(bytes.len());
    let (before, after) = bytes.split_at(offset);
    let number = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at.saturating_add(1));
    let end = memchr::memchr(b'\n', after).map_or(bytes.len(), |at| at.saturating_add(offset));
    let mut line = bytes.get(start..end).unwrap_or_default();
    // Of an endless line only the surroundings of the place.
    if line.len() > LINE {
        let from = offset.saturating_sub(LINE / 2).max(start);
        line = bytes.get(from..from.saturating_add(LINE).min(end)).unwrap_or_default();
    }
    let text = stanch_words::text::from_bytes(line.trim_ascii());
    (u64::try_from(number).unwrap_or(u64::MAX), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_a_name_only_between_kinds_of_text() {
        let of = |bytes: &[u8], name: &str| kind(bytes, name).name();
        assert_eq!(of(b"\x7fELF\x02\x01", "holiday.jpg"), "elf");
        assert_eq!(of(b"\xff\xd8\xff\xe0 <?php", "x.php"), "image");
        assert_eq!(of(b"#!/bin/sh\n", "x"), "script");
        assert_eq!(of(b"words <?php echo 1;", "x.txt"), "php");
        assert_eq!(of(b"<?xml version='1.0'?>", "x.xml"), "text");
        assert_eq!(of(b"<%@ page %>", "x.jsp"), "jsp");
        assert_eq!(of(b"<% Execute %>", "x.asp"), "asp");
        assert_eq!(of(b"PK\x03\x04", "x.jar"), "zip");
        assert_eq!(of(b"\x1f\x8b\x08\x00", "x"), "gzip");
        assert_eq!(of(b"a\0b", "x.php"), "data");
        assert_eq!(of(b"", ""), "text");
    }

    #[test]
    fn a_line_is_told_by_its_number_and_an_endless_one_in_part() {
        assert_eq!(line_at(b"one\n two \nthree", 5), (2, "two".to_owned()));
        let long = [b"x\n".as_slice(), &[b'y'; 10_000]].concat();
        let (number, text) = line_at(&long, 5000);
        assert_eq!((number, text.len()), (2, LINE));
    }
}
