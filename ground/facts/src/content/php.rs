//! PHP: what a request sends, followed to what runs it.
//!
//! Values are followed through assignments, concatenation, decoding and functions of the file
//! itself; constant texts are computed, so that a function's name put together from pieces is known.
//! It is a reading, not a run: nothing is executed, every loop ends with the tokens.

mod decode;
mod functions;
mod taint;
mod tokens;
mod value;

use super::Oddity;

/// The largest file that is read so; web shells are small, and so are honest pages.
const LARGEST: usize = 4 << 20;
/// How many layers of code within texts are unpacked.
const LAYERS: usize = 5;

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
    let mut best: Option<(taint::Flow, usize)> = None;
    layers(bytes, 0, None, &mut best);
    let (flow, offset) = best?;
    let what = if flow.is_from_request { "web-shell" } else { "decodes-and-runs" };
    let line = super::line_at(bytes, offset);
    Some(Oddity { what, score: flow.score, detail: flow.detail, lines: vec![line] })
}

fn layers(
    bytes: &[u8],
    depth: usize,
    outer: Option<usize>,
    best: &mut Option<(taint::Flow, usize)>,
) {
    let (flows, inner) = taint::flows(&tokens::tokens(bytes));
    for mut flow in flows {
        let offset = outer.unwrap_or(flow.offset);
        if outer.is_some() {
            flow.detail = format!("in code that a text unpacks to: {}", flow.detail);
        }
        if best.as_ref().is_none_or(|(known, _)| known.score < flow.score) {
            *best = Some((flow, offset));
        }
    }
    if depth >= LAYERS {
        return;
    }
    for (code, offset) in inner {
        let mut code = code;
        if !code.starts_with(b"<?") {
            code.splice(0..0, *b"<?php ");
        }
        layers(&code, depth.saturating_add(1), Some(outer.unwrap_or(offset)), best);
    }
}
