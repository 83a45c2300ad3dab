//! Code within pictures: an upload folder takes a picture, and a careless server runs it.
//!
//! Source: the formats' own marks (PNG, third edition; JPEG, ITU-T T.81; GIF89a). A picture shows
//! whatever stands behind its end or in its comments, so that code hides there.

use super::{Oddity, line_at, php};

/// How far a picture is looked at.
pub(super) const LARGEST: usize = 16 << 20;
/// How much text must follow an opening mark of three letters: chance makes those.
const READABLE: usize = 12;

/// Marks of code that are long enough not to come by chance, and what they are.
const MARKS: [(&[u8], &str, i64); 8] = [
    (b"<?php", "PHP", 70),
    (b"<?PHP", "PHP", 70),
    (b"<script language=\"php\"", "PHP", 80),
    (b"<%@ page", "Java server pages", 75),
    (b"<%@ Page", "active server pages", 75),
    (b"<script runat=\"server\"", "active server pages", 75),
    (b"#!/bin/", "a script", 70),
    (b"#!/usr/bin/", "a script", 70),
];

/// Returns the code within a picture.
pub(super) fn judge(bytes: &[u8]) -> Vec<Oddity> {
    let bytes = bytes.get(..bytes.len().min(LARGEST)).unwrap_or_default();
    let mut best: Option<(usize, &str, i64)> = None;
    let mut found = |at: usize, what, score| {
        if best.is_none_or(|(_, _, known)| score > known) {
            best = Some((at, what, score));
        }
    };
    for (mark, what, score) in MARKS {
        if let Some(at) = memchr::memmem::find(bytes, mark) {
            found(at, what, score);
        }
    }
    for at in memchr::memmem::find_iter(bytes, b"<?=") {
        let code = bytes.get(at..at.saturating_add(READABLE)).unwrap_or_default();
        if code.len() == READABLE && code.iter().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t')) {
            found(at, "PHP", 60);
        }
    }
    for at in memchr::memmem::find_iter(bytes, b"\x7fELF") {
        let is_program = bytes.get(at..).and_then(super::elf::Program::parse);
        if is_program.is_some_and(|program| !program.segments.is_empty() || program.kind == 1) {
            found(at, "an ELF program", 80);
        }
    }
    let Some((at, what, mut score)) = best else { return Vec::new() };
    let mut detail = format!("{what} in a picture, {} bytes from its beginning", at);
    if what == "PHP"
        && let Some(inner) = bytes.get(at..).and_then(php::judge)
    {
        score = score.max(inner.score);
        detail = format!("{detail}: {}", inner.detail);
    }
    vec![Oddity { what: "code-in-image", score, detail, lines: vec![line_at(bytes, at)] }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Vec<(i64, String)> {
        judge(bytes).into_iter().map(|odd| (odd.score, odd.detail)).collect()
    }

    const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00;";

    #[test]
    fn code_behind_a_picture_or_in_its_comment_is_told() {
        let php = [PICTURE, b"<?php echo 'hello'; ?>"].concat();
        assert_eq!(told(&php).len(), 1);
        let shell = [PICTURE, b"<?php ev", b"al($_PO", b"ST['x']); ?>"].concat();
        let [(score, detail)] = &*told(&shell) else { panic!() };
        assert!(*score >= 90 && detail.contains("$_POST"), "{score} {detail}");
        let comment =
            [b"\xff\xd8\xff\xfe\x00\x20<?= `$_GET[0]`; ?>".as_slice(), b"\xff\xd9"].concat();
        assert_eq!(told(&comment).len(), 1);
        let script = [PICTURE, b"#!/bin/sh\nid\n"].concat();
        assert!(told(&script)[0].1.starts_with("a script"));
        let mut program = PICTURE.to_vec();
        program.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0");
        program.resize(program.len() + 64, 0);
        assert!(told(&program)[0].1.starts_with("an ELF program"));
    }

    #[test]
    fn what_pictures_hold_by_nature_is_not_told() {
        let metadata = [PICTURE, b"<?xpacket begin='x' id='W5M0MpCehiHzreSzNTczkc9d'?>"].concat();
        assert_eq!(told(&metadata), []);
        assert_eq!(told(&[PICTURE, b"<?=\x01\x02\x03chance"].concat()), []);
        assert_eq!(told(&[PICTURE, b"\x7fELF by chance"].concat()), []);
    }
}
