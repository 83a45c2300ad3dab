//! Files that a listing leaves out though another view shows them.
//!
//! Views beside the listing: the answer's own bytes, a directory's count of links, its blocks on
//! the device (ext4), names that packages, running programs and accounts know, and content past
//! the page cache. A view that could not be asked is a gap. See `hiding.rs`.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::hiding::{Doubt, Hiding, How, LOOKS};

table_spec! {
    /// Hidden files.
    pub static SPEC, col = "hidden_files": Live, "Directories and files about which views disagree, one row each; none where all agree.";
    path Text Plain "The directory that hides something, or the hidden file itself.";
    how Text Plain "answer (the kernel's answer was tampered with), links, blocks, name, content.";
    what Text Plain "What one view shows and the other does not.";
    seen_by Text Plain "The view that shows it.";
    missing_from Text Plain "The view that does not.";
    confirmed Integer Plain "How many looks agreed about the disagreement.";
}

/// Takes what the one walk found.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let hiding = Hiding::of(host, SPEC.name, seen);
    for doubt in &hiding.hidden {
        seen.push(row(doubt));
    }
}

fn row(doubt: &Doubt) -> stanch_words::Row {
    let (how, seen_by, missing_from) = match doubt.how {
        How::Answer => ("answer", "the bytes of the answer", "the listing"),
        How::Links => ("links", "the directory's count of links", "the listing"),
        How::Blocks => ("blocks", "the directory's blocks on the device", "the listing"),
        How::Name => ("name", "opening it by its name", "the listing"),
        How::Content => ("content", "the device below the cache", "an ordinary read"),
    };
    let mut row = SPEC.row();
    row.put(col::path, doubt.path.as_path())
        .put(col::how, how)
        .put(col::what, doubt.what.as_str())
        .put(col::seen_by, seen_by)
        .put(col::missing_from, missing_from)
        .put(col::confirmed, LOOKS);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_tells_both_views() {
        let doubt = Doubt { path: "/etc".into(), how: How::Links, what: "3 and 2".to_owned() };
        let row = row(&doubt);
        assert_eq!(row.get(col::how).as_text(), Some("links"));
        assert_eq!(row.get(col::missing_from).as_text(), Some("the listing"));
        assert_eq!(row.get(col::confirmed).as_integer(), Some(3));
    }
}
