//! PHP: what a request sends, followed to what runs it.
//!
//! A page is read as a tree ([`parser`]) and followed as PHP would go through it ([`run`]), with
//! values of which only something is known ([`value`]): constants are computed, so that a
//! function's name put together from pieces is known, and what a request sends is followed through
//! variables, arrays, objects, functions and closures to what runs it.
//! It is a reading, not a run: nothing is executed, and all is counted.

mod look;
mod parser;
mod run;
mod tokens;
mod tree;
mod value;

use super::Oddity;
use super::taint::{LARGEST, gravest};
use tokens::Token;

/// From how many tokens on a page is taken for part of something larger.
const LARGE: usize = 3_000;

/// Returns whether bytes hold PHP anywhere.
pub fn opens(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..bytes.len().min(LARGEST)).unwrap_or_default();
    memchr::memmem::find(bytes, b"<?php").is_some()
        || memchr::memmem::find(bytes, b"<?PHP").is_some()
        || (memchr::memmem::find(bytes, b"<?=").is_some() && !bytes.contains(&0))
}

/// Returns what is odd: the gravest of all flows, with its line.
pub fn judge(bytes: &[u8]) -> Option<Oddity> {
    let bytes = bytes.get(..bytes.len().min(LARGEST))?;
    gravest(bytes, &|code, _is_whole| {
        let tokens = tokens::tokens(code);
        if !look::may_run(&tokens) {
            return (Vec::new(), Vec::new());
        }
        let is_part = tokens.len() > LARGE || tokens.iter().any(|(token, _)| is_of_larger(token));
        (run::flows(code, parser::page(&tokens), is_part), Vec::new())
    })
}

/// Whether a word says that a page is part of something larger.
fn is_of_larger(token: &Token) -> bool {
    matches!(token, Token::Name(name) if matches!(name.as_str(), "namespace" | "defined" | "extends"))
}
