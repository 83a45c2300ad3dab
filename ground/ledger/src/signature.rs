//! Signatures that minisign reads and makes: Ed25519 over the BLAKE2b of a file, detached.
//!
//! ```text
//!   secret key   "Ed" | kdf | "B2" | salt | limits | key id, key, checksum      (without a password)
//!   public key   "Ed" | key id | key
//!   signature    "ED" | key id | signature of BLAKE2b-512(file)
//!                trusted comment, and the signature of (signature | trusted comment)
//! ```
//!
//! A key with a password stays with minisign: `minisign -S` signs as well as we do.
//!
//! Source: minisign's manual, "Signature format" and "Secret key format".

use blake2::Digest as _;
use ed25519_compact as ed25519;

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";
/// The length of a secret key's bytes.
const SECRET: usize = 158;
/// Where the key's id begins in them.
const KEY_AT: usize = 54;

/// Takes a file's bytes as they come, to be signed or verified.
#[derive(Clone, Debug, Default)]
pub struct Digesting(blake2::Blake2b512);

impl Digesting {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest.
    pub fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

/// Why a key or a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no public key.
    #[error("it is no public key of minisign")]
    NoPublicKey,
    /// It is no secret key.
    #[error("it is no secret key of minisign")]
    NoSecretKey,
    /// It needs a password.
    #[error("the secret key has a password; sign with `minisign -S` instead")]
    Password,
    /// It is no signature.
    #[error("it is no signature of minisign")]
    NoSignature,
    /// It was made with the other way of signing, over the bytes themselves.
    #[error("it is a signature of the old kind; sign anew with `minisign -S -H`")]
    OldKind,
    /// Another key made it.
    #[error("another key made the signature")]
    OtherKey,
    /// It is not of this file, or was altered.
    #[error("the signature does not fit the file")]
    Wrong,
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    id: [u8; 8],
    key: [u8; 32],
}

/// A key that signs. It is not shown.
pub struct SecretKey {
    id: [u8; 8],
    key: ed25519::SecretKey,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", shown(&self.id))
    }
}

/// Returns a key's id as minisign shows it.
fn shown(id: &[u8; 8]) -> String {
    format!("{:016X}", u64::from_le_bytes(*id))
}

/// Returns the second line of a text, or the only one.
fn body(text: &str) -> &str {
    let mut lines = text.lines().filter(|line| !line.starts_with(UNTRUSTED));
    lines.next().unwrap_or_default().trim()
}

impl PublicKey {
    /// Reads a key: the file of it, or the one line that counts.
    ///
    /// # Errors
    /// [`SignatureError::NoPublicKey`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let bytes = decode(body(text)).ok_or(SignatureError::NoPublicKey)?;
        let whole: [u8; 42] = bytes.try_into().map_err(|_other| SignatureError::NoPublicKey)?;
        let key = whole.strip_prefix(b"Ed").and_then(|rest| {
            Some(Self { id: *rest.first_chunk()?, key: *rest.get(8..)?.first_chunk()? })
        });
        key.ok_or(SignatureError::NoPublicKey)
    }

    /// Returns the key as a file.
    pub fn text(&self) -> String {
        let bytes = [&b"Ed"[..], &self.id, &self.key].concat();
        format!("{UNTRUSTED}minisign public key {}\n{}\n", shown(&self.id), encode(&bytes))
    }

    /// Returns the key's id as minisign shows it.
    pub fn id(&self) -> String {
        shown(&self.id)
    }

    /// Verifies a signature over a file's digest and returns its trusted comment.
    ///
    /// # Errors
    /// [`SignatureError`] if it is none, or not of this key and this file.
    pub fn verify(&self, signature: &str, digest: &[u8; 64]) -> Result<String, SignatureError> {
        let mut lines = signature.lines();
        let first = lines.next().filter(|line| line.starts_with(UNTRUSTED));
        let made = first.and_then(|_| decode(lines.next()?.trim()));
        let made: [u8; 74] =
            made.and_then(|bytes| bytes.try_into().ok()).ok_or(SignatureError::NoSignature)?;
        let comment = lines.next().and_then(|line| line.strip_prefix(TRUSTED));
        let whole = comment.and_then(|_| decode(lines.next()?.trim()));
        let whole: Option<[u8; 64]> = whole.and_then(|bytes| bytes.try_into().ok());
        let (Some(comment), Some(whole)) = (comment, whole) else {
            return Err(SignatureError::NoSignature);
        };
        match made.first_chunk::<2>() {
            Some(b"ED") => {}
            Some(b"Ed") => return Err(SignatureError::OldKind),
            _ => return Err(SignatureError::NoSignature),
        }
        if made.get(2..10) != Some(&self.id[..]) {
            return Err(SignatureError::OtherKey);
        }
        let key = ed25519::PublicKey::new(self.key);
        let one = made.get(10..).unwrap_or_default();
        let holds = |message: &[u8], signature: &[u8]| {
            let signature = ed25519::Signature::from_slice(signature);
            signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
        };
        let commented = [one, comment.as_bytes()].concat();
        if !holds(digest, one) || !holds(&commented, &whole) {
            return Err(SignatureError::Wrong);
        }
        Ok(comment.to_owned())
    }
}

impl SecretKey {
    /// Makes a key of bytes that nobody can guess.
    pub fn of_random(random: &[u8; 40]) -> Self {
        let id = random.first_chunk().copied().unwrap_or_default();
        let seed = random.last_chunk().copied().unwrap_or_default();
        Self { id, key: ed25519::KeyPair::from_seed(ed25519::Seed::new(seed)).sk }
    }

    /// Reads a key without a password, as `minisign -G -W` makes it.
    ///
    /// # Errors
    /// [`SignatureError::NoSecretKey`], or [`SignatureError::Password`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let bytes = decode(body(text)).ok_or(SignatureError::NoSecretKey)?;
        let whole: [u8; SECRET] = bytes.try_into().map_err(|_other| SignatureError::NoSecretKey)?;
        match whole.first_chunk::<6>() {
            Some(b"Ed\0\0B2") => {}
            Some(b"EdScB2") => return Err(SignatureError::Password),
            _ => return Err(SignatureError::NoSecretKey),
        }
        let rest = whole.get(KEY_AT..).unwrap_or_default();
        let id = rest.first_chunk().copied();
        let key = rest.get(8..72).and_then(|key| ed25519::SecretKey::from_slice(key).ok());
        let (Some(id), Some(key)) = (id, key) else { return Err(SignatureError::NoSecretKey) };
        let key = Self { id, key };
        // A damaged key would make signatures that nobody can verify.
        // minisign leaves the checksum out where there is no password.
        let told = rest.get(72..).unwrap_or_default();
        let is_whole = *told == key.checksum() || told.iter().all(|&byte| byte == 0);
        let fits = ed25519::KeyPair::from_seed(key.key.seed()).sk[..] == key.key[..];
        if is_whole && fits { Ok(key) } else { Err(SignatureError::NoSecretKey) }
    }

    /// Returns the key as a file, without a password.
    pub fn text(&self) -> String {
        let mut bytes = b"Ed\0\0B2".to_vec();
        bytes.resize(KEY_AT, 0);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.key[..]);
        bytes.extend_from_slice(&self.checksum());
        format!("{UNTRUSTED}minisign secret key without a password\n{}\n", encode(&bytes))
    }

    fn checksum(&self) -> [u8; 32] {
        let mut running = blake2::Blake2b::<blake2::digest::consts::U32>::new();
        running.update(b"Ed");
        running.update(self.id);
        running.update(&self.key[..]);
        running.finalize().into()
    }

    /// Returns the key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey { id: self.id, key: *self.key.public_key() }
    }

    /// Signs a file's digest; the comment is signed with it.
    pub fn sign(&self, digest: &[u8; 64], comment: &str) -> String {
        let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
        let made = self.key.sign(digest, None);
        let whole = self.key.sign([&made[..], comment.as_bytes()].concat(), None);
        let bytes = [&b"ED"[..], &self.id, &made[..]].concat();
        format!(
            "{UNTRUSTED}signature made by stanch\n{}\n{TRUSTED}{comment}\n{}\n",
            encode(&bytes),
            encode(&whole[..])
        )
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns bytes in base64 (RFC 4648).
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4_usize {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            let digit = DIGITS.get(digit).copied().unwrap_or(b'=');
            text.push(if place > three.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// Returns the bytes that a text in base64 stands for; nothing if it is not written in the one way
/// that there is for them.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let digits = text.trim_end_matches('=').as_bytes();
    for four in digits.chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let value = match four.get(place) {
                Some(digit) => DIGITS.iter().position(|known| known == digit)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(three.get(..four.len().checked_sub(1)?)?);
    }
    (encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by minisign 0.11 itself over the text `abc`, with `minisign -G -W` and `minisign -S`.
    const PUBLIC: &str = include_str!("signature/minisign.pub");
    const SECRET_KEY: &str = include_str!("signature/minisign.key");
    const SIGNED: &str = include_str!("signature/abc.minisig");

    fn digest(bytes: &[u8]) -> [u8; 64] {
        let mut running = Digesting::default();
        running.update(bytes);
        running.finish()
    }

    #[test]
    fn what_minisign_made_is_read() {
        let public = PublicKey::parse(PUBLIC).unwrap();
        assert_eq!(public.verify(SIGNED, &digest(b"abc")).unwrap(), "made for a test");
        assert_eq!(public.verify(SIGNED, &digest(b"abd")), Err(SignatureError::Wrong));
        let secret = SecretKey::parse(SECRET_KEY).unwrap();
        assert_eq!(secret.public(), public);
        assert!(PUBLIC.contains(&public.id()));
        // Ed25519 signs the same thing in one way only.
        let again = secret.sign(&digest(b"abc"), "made for a test");
        assert_eq!(
            again.lines().skip(1).collect::<Vec<_>>(),
            SIGNED.lines().skip(1).collect::<Vec<_>>()
        );
    }

    #[test]
    fn keys_come_back_and_a_damaged_one_is_refused() {
        let secret = SecretKey::of_random(&std::array::from_fn(|place| place as u8));
        let text = secret.text();
        assert_eq!(SecretKey::parse(&text).unwrap().text(), text);
        let public = secret.public();
        assert_eq!(PublicKey::parse(&public.text()).unwrap(), public);
        let bare = public.text().lines().nth(1).unwrap().to_owned();
        assert_eq!(PublicKey::parse(&bare).unwrap(), public);
        let line = text.lines().nth(1).unwrap();
        for place in 0..line.len() {
            let mut damaged = line.as_bytes().to_vec();
            damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            // Salt and limits say nothing without a password; all else must fit.
            let is_told = !(8..72).contains(&place);
            assert_eq!(SecretKey::parse(&damaged).is_err(), is_told, "{place}");
        }
        let password = encode(&[&b"EdScB2"[..], &[0; 152]].concat());
        assert_eq!(SecretKey::parse(&password).unwrap_err(), SignatureError::Password);
    }

    #[test]
    fn another_key_another_comment_and_any_damage_are_refused() {
        let secret = SecretKey::of_random(&[7; 40]);
        let digest = digest(b"file");
        let signature = secret.sign(&digest, "a\nb");
        let public = secret.public();
        assert_eq!(public.verify(&signature, &digest).unwrap(), "ab");
        let other = SecretKey::of_random(&[8; 40]).public();
        assert_eq!(other.verify(&signature, &digest), Err(SignatureError::OtherKey));
        let comment = signature.replace("ab\n", "ac\n");
        assert_eq!(public.verify(&comment, &digest), Err(SignatureError::Wrong));
        let start = signature.find('\n').unwrap() + 1;
        for place in start..signature.len() - 1 {
            let mut damaged = signature.clone().into_bytes();
            damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(public.verify(&damaged, &digest).is_err(), "{place}");
        }
        for text in ["", "x", "untrusted comment: \nAAAA\n"] {
            assert_eq!(public.verify(text, &digest), Err(SignatureError::NoSignature));
        }
    }

    #[test]
    fn base64_has_one_way_of_writing() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v")] {
            assert_eq!((encode(bytes).as_str(), decode(text)), (text, Some(bytes.to_vec())));
        }
        for text in ["Zg", "Zh==", "Zm9v=", "Z", "Zm9v\n", "Zm!v"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
