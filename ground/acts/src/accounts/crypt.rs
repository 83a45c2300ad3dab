//! A password's hash as every Linux of the last fifteen years checks it (`$6$`).
//!
//! Source: crypt(5), "sha512crypt"; Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512".

use sha2::{Digest as _, Sha512};

/// How often the digest is turned over unless the hash says otherwise.
const ROUNDS: u32 = 5000;
/// The letters of six bits each (`crypt`'s own base 64).
const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns the hash of a password with a salt of at most 16 letters.
pub(crate) fn sha512(password: &str, salt: &str) -> String {
    let (word, salt) = (password.as_bytes(), salt.as_bytes());
    let salt = salt.get(..16).unwrap_or(salt);
    let other = Sha512::new().chain_update(word).chain_update(salt).chain_update(word).finalize();
    let mut first = Sha512::new().chain_update(word).chain_update(salt);
    first.update(stretched(&other, word.len()));
    let mut bits = word.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(other)
        } else {
            first.update(word)
        }
        bits >>= 1;
    }
    let mut turned = first.finalize();
    let words = word.iter().fold(Sha512::new(), |digest, _letter| digest.chain_update(word));
    let words = stretched(&words.finalize(), word.len());
    let count = turned.first().map_or(0, |&byte| usize::from(byte)).saturating_add(16);
    let salts = (0..count).fold(Sha512::new(), |digest, _time| digest.chain_update(salt));
    let salts = stretched(&salts.finalize(), salt.len());
    for round in 0..ROUNDS {
        let is_odd = round % 2 == 1;
        let mut next = Sha512::new();
        if is_odd {
            next.update(&words)
        } else {
            next.update(turned)
        }
        if round % 3 != 0 {
            next.update(&salts);
        }
        if round % 7 != 0 {
            next.update(&words);
        }
        if is_odd {
            next.update(turned)
        } else {
            next.update(&words)
        }
        turned = next.finalize();
    }
    format!("$6${}${}", String::from_utf8_lossy(salt), letters(&turned))
}

/// Returns a digest over and over, as long as wanted.
fn stretched(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

/// Writes 64 bytes in the order and letters of `crypt`: three bytes are four letters, each three 21
/// apart, and the last one alone is two.
fn letters(bytes: &[u8]) -> String {
    let at = |place: usize| bytes.get(place).copied().map_or(0, u32::from);
    let mut text = String::with_capacity(86);
    let mut put = |mut bits: u32, count: u32| {
        for _letter in 0..count {
            let place = usize::try_from(bits & 63).unwrap_or(0);
            text.push(LETTERS.get(place).copied().map_or('.', char::from));
            bits >>= 6;
        }
    };
    let (mut a, mut b, mut c) = (0_usize, 21_usize, 42_usize);
    for _three in 0..21 {
        put(at(a) << 16 | at(b) << 8 | at(c), 4);
        (a, b, c) = (b.saturating_add(1), c.saturating_add(1), a.saturating_add(1));
    }
    put(at(63), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `crypt` of glibc 2.36 and `openssl passwd -6` make them.
    #[test]
    fn a_hash_is_the_one_that_crypt_makes() {
        assert_eq!(
            sha512("Hello world!", "saltstring"),
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        );
        let long = sha512(
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            "toolongsaltstringx",
        );
        assert_eq!(
            long,
            "$6$toolongsaltstrin$d83lI1f8Dmg5G54BIEUCk.d1wzcvMvHiDIygj5z1mZBp8sK1sb1wb5GVvQ7hgyXszzhH1BdryFoyDxA5CIFdb1"
        );
    }
}
