//! RSA, the half of it that anybody may compute: is this signature's power the padded digest?
//!
//! Source: RFC 8017, sections 5.2.2 and 9.2.

/// Keys shorter than this prove nothing any more; longer ones than the second nobody uses.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A number, its lowest 32 bits first.
type Number = Vec<u32>;

/// Returns whether a signature is that of a digest (with its prefix) by a key.
pub(super) fn verifies(modulus: &[u8], exponent: u32, signature: &[u8], digest: &[u8]) -> bool {
    let modulus = trimmed(modulus);
    let signature = trimmed(signature);
    let length = modulus.len();
    // Each of 1, 3 and 5 is too easy, and an even exponent has no signature.
    let is_sound = BITS.contains(&length.saturating_mul(8))
        && exponent % 2 == 1
        && exponent > 5
        && modulus.last().is_some_and(|last| last % 2 == 1);
    let Some(padding) = length.checked_sub(digest.len().saturating_add(3)).filter(|&n| n >= 8)
    else {
        return false;
    };
    let (base, by) = (number(signature, length), number(modulus, length));
    if !is_sound || signature.len() > length || !is_less(&base, &by) {
        return false;
    }
    let expected = [&[0, 1], &*vec![0xff; padding], &[0], digest].concat();
    power(&base, exponent, &by) == number(&expected, length)
}

/// Returns bytes without zeros before them.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Returns the number of big-endian bytes, with room for `length` bytes.
fn number(bytes: &[u8], length: usize) -> Number {
    let mut found: Number = bytes
        .rchunks(4)
        .map(|four| four.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
        .collect();
    found.resize(length.div_ceil(4), 0);
    found
}

fn is_less(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// Takes `b` from `a`.
fn take(a: &mut [u32], b: &[u32]) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (once, first) = a.overflowing_sub(*b);
        let (twice, second) = once.overflowing_sub(u32::from(borrow));
        (*a, borrow) = (twice, first | second);
    }
}

/// Adds `b` to `a`, both less than the modulus.
fn add(a: &mut [u32], b: &[u32], modulus: &[u32]) {
    let mut carry = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (once, first) = a.overflowing_add(*b);
        let (twice, second) = once.overflowing_add(u32::from(carry));
        (*a, carry) = (twice, first | second);
    }
    // What was carried out of the last place is taken away again with the modulus.
    if carry || !is_less(a, modulus) {
        take(a, modulus);
    }
}

/// Multiplies bit by bit: a few million steps a signature, and nothing to get wrong.
fn times(a: &[u32], b: &[u32], modulus: &[u32]) -> Number {
    let mut product = vec![0; a.len()];
    for word in a.iter().rev() {
        for bit in (0..32).rev() {
            let twice = product.clone();
            add(&mut product, &twice, modulus);
            if word >> bit & 1 == 1 {
                add(&mut product, b, modulus);
            }
        }
    }
    product
}

fn power(base: &[u32], exponent: u32, modulus: &[u32]) -> Number {
    let mut result = base.to_vec();
    let top = 31_u32.saturating_sub(exponent.leading_zeros());
    for bit in (0..top).rev() {
        result = times(&result, &result, modulus);
        if exponent >> bit & 1 == 1 {
            result = times(&result, base, modulus);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_a_calculator() {
        // python3 -c 'print(pow(0x123456789abcdef, 65537, 0xfedcba9876543211))'
        let of = |n: u64| number(&n.to_be_bytes(), 8);
        let found = power(&of(0x0123_4567_89ab_cdef), 65537, &of(0xfedc_ba98_7654_3211));
        assert_eq!(found, of(POWER));
        assert_eq!(power(&of(7), 17, &of(1_000_003)), of(7_u64.pow(17) % 1_000_003));
    }

    const POWER: u64 = 0x24ac_b0ef_8050_885f;

    #[test]
    fn a_short_key_a_small_exponent_and_a_signature_too_large_are_refused() {
        assert!(!verifies(&[0xff; 128], 65537, &[1; 128], &[0; 51]));
        assert!(!verifies(&[0xff; 256], 3, &[1; 256], &[0; 51]));
        assert!(!verifies(&[0x7f; 256], 65537, &[0xff; 256], &[0; 51]));
        assert!(!verifies(&[0xff; 256], 65537, &[], &[0; 51]));
        assert!(!verifies(&[], 65537, &[], &[]));
    }
}
