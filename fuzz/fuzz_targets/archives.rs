//! Archives of every kind, with small caps: whatever is packed, no more comes out than they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::archives::{Caps, walk};
use stanch_facts::content::{self, Kind};

fuzz_target!(|bytes: &[u8]| {
    let Kind::Archive(format) = content::kind(bytes, "") else { return };
    let caps = Caps { bytes: 4 << 20, free: 1 << 20, members: 1000, ..Caps::USUAL };
    let mut given = 0_u64;
    let left = walk(&bytes, format, "x.gz", caps, &|| false, &mut |member| {
        assert!(!member.bytes.is_empty());
        given += member.bytes.len() as u64;
    });
    // A cap is looked at before each read, and pieces overlap.
    assert!(given <= 2 * caps.bytes, "{given} bytes");
    assert!(left.len() <= 20, "{left:?}");
});
