//! A new key of the machine's own, as sshd reads it.
//!
//! Source: OpenSSH's PROTOCOL.key (openssh-key-v1, unencrypted), RFC 8709 (ssh-ed25519), RFC 4648.

use ed25519_compact::{KeyPair, Seed};
use sha2::{Digest as _, Sha256};
use stanch_words::sealed::Sealed;

/// What every such key is called.
const KIND: &[u8] = b"ssh-ed25519";
/// The word behind the key: it says nothing of the machine.
const COMMENT: &str = "stanch";
/// Letters of a line, as ssh-keygen breaks them.
const LINE: usize = 70;

/// A new Ed25519 key.
#[derive(Clone, Debug)]
pub struct NewHostKey {
    private: Sealed<String>,
    public: String,
    fingerprint: String,
}

impl NewHostKey {
    /// Makes it of random bytes.
    pub fn of(mut seed: [u8; 32]) -> Self {
        // The crate panics on a seed of nothing but zeros, which no honest randomness gives.
        if seed == [0; 32] {
            seed = [1; 32];
        }
        let pair = KeyPair::from_seed(Seed::new(seed));
        let mut blob = Vec::new();
        put(&mut blob, KIND);
        put(&mut blob, &*pair.pk);
        // Twice the same number tells that decrypting worked; it need not be secret.
        let check: Vec<u8> = Sha256::digest(&blob).iter().copied().take(4).collect();
        let mut sealed = [&*check, &*check].concat();
        put(&mut sealed, KIND);
        put(&mut sealed, &*pair.pk);
        put(&mut sealed, &*pair.sk);
        put(&mut sealed, COMMENT.as_bytes());
        for filler in 1..=8_u8 {
            if sealed.len().is_multiple_of(8) {
                break;
            }
            sealed.push(filler);
        }
        let mut whole = b"openssh-key-v1\0".to_vec();
        for word in ["none", "none", ""] {
            put(&mut whole, word.as_bytes());
        }
        whole.extend(1_u32.to_be_bytes());
        put(&mut whole, &blob);
        put(&mut whole, &sealed);
        let letters = base64(&whole, Padding::Yes);
        let mut lines = vec!["-----BEGIN OPENSSH PRIVATE KEY-----".to_owned()];
        let letters: Vec<char> = letters.chars().collect();
        lines.extend(letters.chunks(LINE).map(|line| line.iter().collect::<String>()));
        lines.push("-----END OPENSSH PRIVATE KEY-----\n".to_owned());
        Self {
            private: Sealed::new(lines.join("\n")),
            public: format!("ssh-ed25519 {} {COMMENT}\n", base64(&blob, Padding::Yes)),
            fingerprint: format!("SHA256:{}", base64(&Sha256::digest(&blob), Padding::No)),
        }
    }

    /// Returns the file of the private half.
    pub(crate) fn private(&self) -> &str {
        self.private.open()
    }

    /// Returns the file of the public half.
    pub(crate) fn public(&self) -> &str {
        &self.public
    }

    /// Returns its fingerprint, as ssh shows it when it meets the machine.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl PartialEq for NewHostKey {
    fn eq(&self, other: &Self) -> bool {
        self.public == other.public
    }
}

impl Eq for NewHostKey {}

/// Puts a string of the protocol: its length, then its bytes.
fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    to.extend(length.to_be_bytes());
    to.extend(bytes);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Yes,
    No,
}

fn base64(bytes: &[u8], padding: Padding) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            if place <= three.len() {
                let letter = usize::try_from(bits >> shift & 63).unwrap_or(0);
                text.push(char::from(LETTERS.get(letter).copied().unwrap_or(b'A')));
            } else if padding == Padding::Yes {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes(), Padding::Yes), text);
        }
        assert_eq!(base64(b"f", Padding::No), "Zg");
    }

    #[test]
    fn a_key_is_the_one_that_its_seed_gives_and_its_private_half_is_not_shown() {
        // RFC 8032, 7.1, test 1.
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let key = NewHostKey::of(seed);
        // The public half begins with its kind: `AAAAC3NzaC1lZDI1NTE5AAAAI`.
        assert!(key.public().starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv"));
        assert!(key.private().lines().all(|line| line.len() <= 70));
        assert!(key.fingerprint().starts_with("SHA256:"));
        assert!(!format!("{key:?}").contains("BEGIN"), "{key:?}");
        assert_eq!(key, NewHostKey::of(seed));
        assert_ne!(key, NewHostKey::of([0; 32]));
    }
}
