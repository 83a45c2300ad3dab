//! Languages besides PHP in which pages and their programs are written: how each is spelled, what a
//! request fills in it, and what runs code.
//!
//! One language, one file; a new one is a file and a line in [`of`].

mod active;
mod java;
mod lua;
mod node;
mod perl;
mod python;
mod ruby;

use super::Oddity;
use super::taint::{self, Language};

pub(super) use active::page as active_page;
pub(super) use java::page as java_page;

/// Returns what is odd in a script, by the language that it is written in.
pub(super) fn script(bytes: &[u8], name: &str) -> Option<Oddity> {
    taint::judge(bytes, of(bytes, name)?)
}

/// Returns the language of a script: by the line that names its program, else by its name, else by
/// its first words.
fn of(bytes: &[u8], name: &str) -> Option<&'static Language> {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let has = |bytes: &[u8], word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    if line.starts_with(b"#!") {
        return match line {
            line if has(line, "python") => Some(&python::LANGUAGE),
            line if has(line, "perl") => Some(&perl::LANGUAGE),
            line if has(line, "ruby") => Some(&ruby::LANGUAGE),
            line if has(line, "node") => Some(&node::LANGUAGE),
            line if has(line, "lua") => Some(&lua::LANGUAGE),
            _ => None,
        };
    }
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "py" | "wsgi" | "pth" => Some(&python::LANGUAGE),
        "pl" | "pm" => Some(&perl::LANGUAGE),
        "rb" | "ru" | "erb" => Some(&ruby::LANGUAGE),
        "js" | "mjs" | "cjs" => Some(&node::LANGUAGE),
        "lua" => Some(&lua::LANGUAGE),
        "cgi" => {
            let is_perl = has(head, "use strict") || has(head, "use CGI") || has(head, "my $");
            Some(if is_perl { &perl::LANGUAGE } else { &python::LANGUAGE })
        }
        _ => None,
    }
}
