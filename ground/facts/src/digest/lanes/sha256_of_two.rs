//! SHA-256 of two streams by the processor's SHA instructions, of which each waits four cycles for
//! the last one's result, and another stream's can begin meanwhile: 1.6 times as fast as one after
//! the other.
//!
//! Source: FIPS 180-4, section 6.2.2; Intel's "SHA Extensions" (2013) for how the state and the
//! schedule lie in the registers. Each lane is what the crate `sha2` does with one stream.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use super::Block;

type State = [u32; 8];

/// The first 32 bits of the fractions of the cube roots of the first 64 primes, four a step.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// A stream's registers: words `a b e f`, words `c d g h`, and the sixteen words of the schedule.
#[derive(Clone, Copy)]
struct Lane {
    abef: __m128i,
    cdgh: __m128i,
    words: [__m128i; 4],
}

/// Returns whether the processor has the instructions.
pub(super) fn is_possible() -> bool {
    std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("sse4.1")
        && std::arch::is_x86_feature_detected!("ssse3")
}

/// One step of the schedule and four rounds of all lanes: all begin before any goes on.
macro_rules! step {
    ($step:literal $($lane:ident)+) => {
        if $step >= 4 {
            $($lane.words[$step % 4] = next_words(
                $lane.words[$step % 4],
                $lane.words[($step + 1) % 4],
                $lane.words[($step + 2) % 4],
                $lane.words[($step + 3) % 4],
            );)+
        }
        let [k0, k1, k2, k3] = K[$step];
        let numbers = _mm_set_epi32(
            k3.cast_signed(),
            k2.cast_signed(),
            k1.cast_signed(),
            k0.cast_signed(),
        );
        $($lane.cdgh = _mm_sha256rnds2_epu32(
            $lane.cdgh,
            $lane.abef,
            _mm_add_epi32($lane.words[$step % 4], numbers),
        );)+
        $($lane.abef = _mm_sha256rnds2_epu32(
            $lane.abef,
            $lane.cdgh,
            _mm_shuffle_epi32::<0x0e>(_mm_add_epi32($lane.words[$step % 4], numbers)),
        );)+
    };
}

/// One block of each lane. The steps are written out, so that no register is moved.
macro_rules! one_block {
    ($($lane:ident $old:ident $block:ident),+) => {
        $(
            let $old = $lane;
            $lane.words = words_of($block);
        )+
        step!(0 $($lane)+);
        step!(1 $($lane)+);
        step!(2 $($lane)+);
        step!(3 $($lane)+);
        step!(4 $($lane)+);
        step!(5 $($lane)+);
        step!(6 $($lane)+);
        step!(7 $($lane)+);
        step!(8 $($lane)+);
        step!(9 $($lane)+);
        step!(10 $($lane)+);
        step!(11 $($lane)+);
        step!(12 $($lane)+);
        step!(13 $($lane)+);
        step!(14 $($lane)+);
        step!(15 $($lane)+);
        $(
            $lane.abef = _mm_add_epi32($lane.abef, $old.abef);
            $lane.cdgh = _mm_add_epi32($lane.cdgh, $old.cdgh);
        )+
    };
}

/// Takes blocks into one state.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) fn one(state: &mut State, blocks: &[Block]) {
    let mut lane = lane_of(state);
    for block in blocks {
        one_block!(lane old block);
    }
    put_back(state, &lane);
}

/// Takes blocks into two states, from each stream as many as the shorter has.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) fn two([a, b]: [&mut State; 2], [first, second]: [&[Block]; 2]) {
    let (mut lane, mut other) = (lane_of(a), lane_of(b));
    for (block, its) in first.iter().zip(second) {
        one_block!(lane old block, other before its);
    }
    put_back(a, &lane);
    put_back(b, &other);
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn lane_of(state: &State) -> Lane {
    let [a, b, c, d, e, f, g, h] = *state;
    let four = |w: u32, x: u32, y: u32, z: u32| {
        _mm_set_epi32(w.cast_signed(), x.cast_signed(), y.cast_signed(), z.cast_signed())
    };
    Lane { abef: four(a, b, e, f), cdgh: four(c, d, g, h), words: [_mm_setzero_si128(); 4] }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn put_back(state: &mut State, lane: &Lane) {
    let (abef, cdgh) = (lane.abef, lane.cdgh);
    *state = [
        _mm_extract_epi32::<3>(abef).cast_unsigned(),
        _mm_extract_epi32::<2>(abef).cast_unsigned(),
        _mm_extract_epi32::<3>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<2>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<1>(abef).cast_unsigned(),
        _mm_extract_epi32::<0>(abef).cast_unsigned(),
        _mm_extract_epi32::<1>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<0>(cdgh).cast_unsigned(),
    ];
}

/// The sixteen words of a block.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn words_of(block: &Block) -> [__m128i; 4] {
    let [a, b, c, d] = block.as_chunks::<16>().0 else { return [_mm_setzero_si128(); 4] };
    [four_words(a), four_words(b), four_words(c), four_words(d)]
}

/// Four words, whose bytes stand with the highest first.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn four_words(bytes: &[u8; 16]) -> __m128i {
    let [low, high] = bytes.as_chunks::<8>().0 else { return _mm_setzero_si128() };
    let turned = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    _mm_shuffle_epi8(_mm_set_epi64x(i64::from_le_bytes(*high), i64::from_le_bytes(*low)), turned)
}

/// The four words of the schedule that follow sixteen (FIPS 180-4, section 6.2.2, step 1).
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn next_words(w0: __m128i, w1: __m128i, w2: __m128i, w3: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
    _mm_sha256msg2_epu32(sum, w3)
}
