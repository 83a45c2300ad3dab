//! The hashes by which a journal file finds its data: of no use against somebody who can count,
//! but whoever changes a line with an editor of bytes leaves the old hash behind.
//!
//! Source: Bob Jenkins, lookup3.c (2006), `hashlittle2`; SipHash-2-4 (Aumasson, Bernstein 2012).

use super::header::u64_at;

/// How a file hashes its data.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    /// Jenkins lookup3.
    Plain,
    /// SipHash-2-4 with the file's number as its key.
    Keyed(u64, u64),
}

impl Hash {
    /// Returns the hash of a file: keyed by its number if it says so.
    pub(super) fn new(file_id: Option<&[u8; 16]>) -> Self {
        file_id.map_or(Self::Plain, |id| Self::Keyed(u64_at(id, 0), u64_at(id, 8)))
    }

    /// Returns the hash of a payload.
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Plain => lookup3(bytes),
            Self::Keyed(first, second) => {
                #[expect(deprecated, reason = "the standard's 2-4 rounds are what journals have")]
                let mut hasher = std::hash::SipHasher::new_with_keys(first, second);
                std::hash::Hasher::write(&mut hasher, bytes);
                std::hash::Hasher::finish(&hasher)
            }
        }
    }
}

/// Returns both halves of `hashlittle2` with zero seeds, the first one above.
fn lookup3(bytes: &[u8]) -> u64 {
    let length = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(0);
    let seed = 0xdead_beef_u32.wrapping_add(length);
    let mut state = [seed; 3];
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, after) = rest.split_at(12);
        add(&mut state, block);
        mix(&mut state);
        rest = after;
    }
    if !rest.is_empty() {
        add(&mut state, rest);
        finish(&mut state);
    }
    let [_, b, c] = state;
    u64::from(c) << 32 | u64::from(b)
}

/// Adds up to 12 bytes, as three little-endian words padded with zeros.
fn add(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks(4)) {
        let mut four = [0_u8; 4];
        for (to, from) in four.iter_mut().zip(bytes) {
            *to = *from;
        }
        *word = word.wrapping_add(u32::from_le_bytes(four));
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    for [one, two] in [[4, 6], [16, 19]] {
        a = a.wrapping_sub(c) ^ c.rotate_left(one);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(two);
        a = a.wrapping_add(c);
        let three = if one == 4 { 8 } else { 4 };
        c = c.wrapping_sub(b) ^ b.rotate_left(three);
        b = b.wrapping_add(a);
    }
    *state = [a, b, c];
}

fn finish(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *state = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples at the end of lookup3.c (`driver5`), first with both seeds zero.
    #[test]
    fn lookup3_gives_its_authors_numbers() {
        assert_eq!(lookup3(b""), 0xdead_beef_dead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }

    /// The vector of the SipHash paper's appendix.
    #[test]
    fn siphash_gives_its_authors_number() {
        let key = Hash::Keyed(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(key.of(&input), 0xa129_ca61_49be_45e5);
    }
}
