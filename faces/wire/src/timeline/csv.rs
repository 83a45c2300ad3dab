//! Comma-separated values that no spreadsheet computes.
//!
//! Source: RFC 4180; OWASP, "CSV Injection": what begins with `=`, `+`, `-`, `@`, a tab or a line
//! end is a formula to a spreadsheet. Such a cell gets an apostrophe before it; every cell of text
//! stands in quotes, so that no other separator divides it, and no control character is in it.

use stanch_words::{Happened, Moment, text};

use super::{description, more, numbers, said, texts};
use crate::event::{Date, Places};
use crate::json;

/// The names of the columns; the first four are Timesketch's.
pub(super) const HEADING: [&str; 31] = [
    "message",
    "timestamp",
    "datetime",
    "timestamp_desc",
    "kind",
    "clock",
    "trust",
    "host",
    "program",
    "user",
    "target",
    "source_ip",
    "method",
    "command",
    "path",
    "tty",
    "session",
    "unit",
    "pid",
    "ppid",
    "uid",
    "source_port",
    "more",
    "macb",
    "link_target",
    "mode",
    "gid",
    "inode",
    "size",
    "source_file",
    "source_line",
];

/// Adds a moment.
pub(super) fn put(line: &mut Vec<u8>, moment: &Moment<'_>, date: &mut Date) {
    let micros = moment.time.div_euclid(1000);
    cell(line, &said(moment));
    line.push(b',');
    json::number(line, micros);
    line.push(b',');
    let _beyond_all_years = date.put_in(line, micros, "+00:00", Places::All);
    line.push(b',');
    cell(line, &description(moment));
    line.push(b',');
    cell(line, moment.what.kind());
    match moment.what {
        Happened::Event(event) => {
            next(line, event.clock.name());
            next(line, event.trust.name());
            for (_, text) in texts(event) {
                next(line, text);
            }
            for (_, number) in numbers(event) {
                line.push(b',');
                if let Some(number) = number {
                    json::number(line, number);
                }
            }
            next(line, &more(event, &[]));
            line.extend_from_slice(b",,,,,,");
            next(line, event.place.file);
            line.push(b',');
            json::unsigned(line, event.place.line);
        }
        Happened::Times(file) => {
            line.extend_from_slice(b",,,,,,,,,");
            next(line, &text::from_bytes(&file.path));
            line.extend_from_slice(b",,,,,,");
            json::unsigned(line, file.uid.into());
            line.extend_from_slice(b",,");
            next(line, &text::from_bytes(&file.letters(moment.time)));
            next(line, &file.target.as_deref().map(text::from_bytes).unwrap_or_default());
            // `-rw-r--r--` would be a formula.
            next(line, &format!("{:06o}", file.mode));
            for number in [file.gid.into(), file.inode, file.size] {
                line.push(b',');
                json::unsigned(line, number);
            }
            line.extend_from_slice(b",,");
        }
    }
    line.extend_from_slice(b"\r\n");
}

fn next(line: &mut Vec<u8>, text: &str) {
    line.push(b',');
    cell(line, text);
}

/// Adds a cell of text that no spreadsheet computes; an empty text is an empty cell.
pub fn cell(line: &mut Vec<u8>, content: &str) {
    if content.is_empty() {
        return;
    }
    line.push(b'"');
    let content = text::escaped(content);
    // Spreadsheets pass over blanks before a formula; the wide forms are formulas in Asian ones.
    let begins = content.trim_start().chars().next();
    if begins.is_some_and(|first| "=+-@＝＋－＠".contains(first)) {
        line.push(b'\'');
    }
    for byte in content.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}
