//! Digests of several streams side by side, in one thread: an instruction of one goes on while
//! another's waits for its last result.
//!
//! Each lane is what the crates `md-5` and `sha2` do with one stream; the tests compare them.

#[cfg(all(target_arch = "x86_64", any(test, not(debug_assertions))))]
mod md5_of_sixteen;
#[cfg(all(target_arch = "x86_64", any(test, not(debug_assertions))))]
mod sha256_of_two;

/// A block of a stream.
pub(super) type Block = [u8; 64];

/// The most streams that any algorithm takes side by side.
pub(super) const MOST: usize = 16;

/// A digest algorithm whose streams go side by side. Each pads as MD5 does (RFC 1321, sections 3.1
/// and 3.2).
pub(crate) trait Algorithm {
    /// The state of one stream.
    type State: Copy;
    /// What the state is at the end.
    type Digest;
    /// The state before the first block.
    const START: Self::State;
    /// How many streams go side by side; at most [`MOST`].
    const LANES: usize;
    /// Fewer than this are faster one after the other.
    const FEW: usize;
    /// How much of a stream is held at a time. All lanes' fit into a processor's second cache.
    const PIECE: usize;

    /// Takes blocks into the state of one stream.
    fn one(state: &mut Self::State, blocks: &[Block]);
    /// Takes equally many blocks into some states.
    fn many(states: &mut [Self::State], blocks: &[&[Block]]);
    /// Returns how the count of bits is written at the end.
    fn count(bits: u64) -> [u8; 8];
    /// Returns the digest.
    fn digest(state: &Self::State) -> Self::Digest;
}

fn each_alone<A: Algorithm>(states: &mut [A::State], blocks: &[&[Block]]) {
    for (state, blocks) in states.iter_mut().zip(blocks) {
        A::one(state, blocks);
    }
}

/// MD5 (RFC 1321), sixteen streams side by side.
pub(crate) struct Md5;

impl Algorithm for Md5 {
    type State = [u32; 4];
    type Digest = [u8; 16];
    const START: Self::State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    const LANES: usize = 16;
    const FEW: usize = 5;
    const PIECE: usize = 32 << 10;

    fn one(state: &mut Self::State, blocks: &[Block]) {
        md5::block_api::compress(state, blocks);
    }

    fn many(states: &mut [Self::State], blocks: &[&[Block]]) {
        // Without optimisation the vectors are slower than the crate, which is always optimised.
        #[cfg(all(target_arch = "x86_64", any(test, not(debug_assertions))))]
        if std::arch::is_x86_feature_detected!("avx2") {
            use md5_of_sixteen::{LANES, with_avx2};
            static IDLE: [Block; (Md5::PIECE >> 6) + 2] = [[0; 64]; (Md5::PIECE >> 6) + 2];
            let most = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or(0);
            let mut all = [Self::START; LANES];
            let mut streams: [&[Block]; LANES] = [IDLE.get(..most).unwrap_or_default(); LANES];
            for ((to, from), (slot, blocks)) in
                all.iter_mut().zip(&*states).zip(streams.iter_mut().zip(blocks))
            {
                (*to, *slot) = (*from, *blocks);
            }
            #[expect(
                unsafe_code,
                reason = "the processor was asked whether it has the instructions"
            )]
            // SAFETY: the function needs AVX2 and nothing else, and AVX2 was found above.
            unsafe {
                with_avx2(&mut all, streams);
            }
            for (to, from) in states.iter_mut().zip(all) {
                *to = from;
            }
            return;
        }
        each_alone::<Self>(states, blocks);
    }

    fn count(bits: u64) -> [u8; 8] {
        bits.to_le_bytes()
    }

    fn digest(state: &Self::State) -> Self::Digest {
        let mut digest = [0; 16];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *to = word.to_le_bytes();
        }
        digest
    }
}

/// SHA-256 (FIPS 180-4), two streams side by side.
pub(crate) struct Sha256;

impl Algorithm for Sha256 {
    type State = [u32; 8];
    type Digest = [u8; 32];
    const START: Self::State = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    const LANES: usize = 2;
    const FEW: usize = 1;
    const PIECE: usize = 128 << 10;

    fn one(state: &mut Self::State, blocks: &[Block]) {
        Self::many(std::slice::from_mut(state), &[blocks]);
    }

    fn many(states: &mut [Self::State], blocks: &[&[Block]]) {
        #[cfg(all(target_arch = "x86_64", any(test, not(debug_assertions))))]
        if sha256_of_two::is_possible() {
            for (states, blocks) in states.chunks_mut(2).zip(blocks.chunks(2)) {
                match (states, blocks) {
                    ([a, b], [first, second]) => {
                        #[expect(
                            unsafe_code,
                            reason = "the processor was asked whether it has the instructions"
                        )]
                        // SAFETY: it needs SHA, SSE4.1 and SSSE3, which were found above.
                        unsafe {
                            sha256_of_two::two([a, b], [first, second]);
                        }
                    }
                    ([state], [blocks]) => {
                        #[expect(
                            unsafe_code,
                            reason = "the processor was asked whether it has the instructions"
                        )]
                        // SAFETY: as above.
                        unsafe {
                            sha256_of_two::one(state, blocks);
                        }
                    }
                    _ => {}
                }
            }
            return;
        }
        for (state, blocks) in states.iter_mut().zip(blocks) {
            sha2::block_api::compress256(state, blocks);
        }
    }

    fn count(bits: u64) -> [u8; 8] {
        bits.to_be_bytes()
    }

    fn digest(state: &Self::State) -> Self::Digest {
        let mut digest = [0; 32];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

/// No digest: files are read, and who asked takes what they hold.
pub(crate) struct Nothing;

impl Algorithm for Nothing {
    type State = ();
    type Digest = [u8; 0];
    const START: Self::State = ();
    const LANES: usize = 1;
    const FEW: usize = 1;
    const PIECE: usize = 128 << 10;

    fn one((): &mut Self::State, _blocks: &[Block]) {}

    fn many(_states: &mut [Self::State], _blocks: &[&[Block]]) {}

    fn count(_bits: u64) -> [u8; 8] {
        [0; 8]
    }

    fn digest((): &Self::State) -> Self::Digest {
        []
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes streams of which each is a little different, all together and each alone.
    fn together_and_alone<A: Algorithm>() -> Vec<[Vec<A::State>; 2]> {
        let bytes: Vec<u8> = (0..64 * 5 * MOST as u32).map(|n| (n * 7 + n / 251) as u8).collect();
        let (all, _) = bytes.as_chunks::<64>();
        let of = |lanes: usize| {
            let streams: Vec<&[Block]> = (0..lanes).map(|lane| &all[lane * 5..][..5]).collect();
            let mut states = vec![A::START; lanes];
            A::many(&mut states, &streams);
            let alone = |blocks: &[Block]| {
                let mut state = A::START;
                blocks.iter().for_each(|block| A::one(&mut state, std::slice::from_ref(block)));
                state
            };
            [states, streams.into_iter().map(alone).collect()]
        };
        (1..=A::LANES).map(of).collect()
    }

    #[test]
    fn every_lane_does_what_one_stream_alone_does() {
        for [states, alone] in together_and_alone::<Md5>() {
            assert_eq!(states, alone);
        }
        for [states, alone] in together_and_alone::<Sha256>() {
            assert_eq!(states, alone);
        }
    }

    #[test]
    fn one_stream_does_what_the_crate_does() {
        let bytes: Vec<u8> = (0..64 * 9_u32).map(|n| (n * 13 + n / 17) as u8).collect();
        let (blocks, _) = bytes.as_chunks::<64>();
        let (mut ours, mut theirs) = (Sha256::START, Sha256::START);
        Sha256::one(&mut ours, blocks);
        sha2::block_api::compress256(&mut theirs, blocks);
        assert_eq!(ours, theirs);
        let mut two = [Sha256::START; 2];
        Sha256::many(&mut two, &[blocks, blocks]);
        assert_eq!(two, [theirs; 2]);
    }
}
