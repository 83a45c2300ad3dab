//! PHP: what a request sends, followed to what runs it.
//!
//! Values are followed through assignments, concatenation, decoding and functions of the file
//! itself; constant texts are computed, so that a function's name put together from pieces is known.
//! It is a reading, not a run: nothing is executed, every loop ends with the tokens.

mod functions;
mod places;
mod taint;
mod tokens;

use super::Oddity;
use super::taint::{LARGEST, gravest};

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
    gravest(bytes, &|code, is_whole| {
        if is_whole || code.starts_with(b"<?") {
            taint::flows(&tokens::tokens(code))
        } else {
            taint::flows(&tokens::tokens(&[b"<?php ".as_slice(), code].concat()))
        }
    })
}
