//! PHP.

use super::Oddity;

/// Returns whether bytes hold PHP anywhere.
pub fn opens(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"<?php").is_some() || memchr::memmem::find(bytes, b"<?=").is_some()
}

/// Returns what is odd.
pub fn judge(_bytes: &[u8]) -> Option<Oddity> {
    None
}
