//! OpenPGP signatures, verified: keys and signatures as archives of packages use them, and no more.
//!
//! ```text
//! keyring ─▶ RSA keys by fingerprint ─┐
//! signed text ─▶ digest as signed ────┴▶ does one key say that this very text is its own?
//! ```
//!
//! Only public numbers are computed with, so that nothing here needs to be kept from an onlooker.
//! Signatures of other algorithms than RSA are counted and not believed; MD5 and SHA-1 are refused.
//!
//! Source: RFC 4880 and RFC 9580 (packets, sections 4 and 5; cleartext signatures, section 7),
//! RFC 8017 section 8.2.2 (RSASSA-PKCS1-v1_5).

mod armour;
mod rsa;

use sha2::Digest as _;

pub(crate) use armour::{Cleartext, cleartext, unarmoured};

/// A key's fingerprint: SHA-1 of its public part.
pub(crate) type Fingerprint = [u8; 20];

/// Most keys of a keyring, and most signatures of a text.
const MOST: usize = 4096;

/// A public key of the one kind that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) fingerprint: Fingerprint,
    modulus: Vec<u8>,
    exponent: u32,
}

/// Keys that may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keyring {
    pub(crate) keys: Vec<Key>,
    /// Keys of kinds that are not understood.
    pub(crate) others: usize,
}

/// A packet's tag and body.
type Packet<'a> = (u8, &'a [u8]);

/// Splits bytes into packets; ends at what is none.
fn packets(bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        let new = first & 0x40 != 0;
        let (length, after) = match (first & 0x80 != 0, new) {
            (false, _) => return None,
            (true, true) => new_length(after)?,
            (true, false) => old_length(first & 3, after)?,
        };
        let (body, after) = after.split_at_checked(length)?;
        rest = after;
        let tag = if new { first & 0x3f } else { first >> 2 & 0xf };
        Some((tag, body))
    })
}

/// A length of RFC 4880, section 4.2.2; partial ones belong to data, not to keys and signatures.
fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..192 => Some((usize::from(first), rest)),
        192..224 => {
            let (&second, rest) = rest.split_first()?;
            let high = usize::from(first).saturating_sub(192) << 8;
            Some((high.saturating_add(usize::from(second)).saturating_add(192), rest))
        }
        255 => big_endian(4, rest),
        224..255 => None,
    }
}

/// A length of section 4.2.1.
fn old_length(kind: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    match kind {
        0 => big_endian(1, bytes),
        1 => big_endian(2, bytes),
        2 => big_endian(4, bytes),
        _ => Some((bytes.len(), bytes)),
    }
}

fn big_endian(width: usize, bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_at_checked(width)?;
    let number = number.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
    Some((usize::try_from(number).ok()?, rest))
}

/// A number of many digits (section 3.2): its bits, then its bytes.
fn long_number(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (bits, rest) = big_endian(2, bytes)?;
    rest.split_at_checked(bits.div_ceil(8))
}

impl Keyring {
    /// Parses keyrings, binary or in armour.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let plain = unarmoured(bytes);
        for (tag, body) in packets(plain.as_deref().unwrap_or(bytes)).take(MOST) {
            // A public key, or a subkey.
            if matches!(tag, 6 | 14) {
                match Key::parse(body) {
                    Some(key) => found.keys.push(key),
                    None => found.others = found.others.saturating_add(1),
                }
            }
        }
        found
    }

    /// Adds the keys of another.
    pub(crate) fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.others = self.others.saturating_add(other.others);
    }

    /// Returns the key that signed something, if one did. `signatures` are packets; several may
    /// have signed, and one that is known is enough.
    pub(crate) fn verify(&self, signed: &Signed<'_>, signatures: &[u8]) -> Option<&Key> {
        let all = packets(signatures).filter(|packet| packet.0 == 2).take(MOST);
        let all = all.filter_map(|packet| Signature::parse(packet.1));
        all.take(16).find_map(|signature| {
            let digest = signature.digest(signed)?;
            self.keys.iter().find(|key| signature.is_by(key) && signature.verifies(key, &digest))
        })
    }
}

impl Key {
    /// Parses the body of a key's packet, version 4 (section 5.5.2).
    fn parse(body: &[u8]) -> Option<Self> {
        // Version, time, algorithm: RSA, or RSA that only signs.
        let (&[4, _, _, _, _, 1 | 3], numbers) = body.split_first_chunk()? else { return None };
        let (modulus, rest) = long_number(numbers)?;
        let (exponent, _) = long_number(rest)?;
        let (exponent, _) = big_endian(exponent.len().min(4), exponent)
            .filter(|_| (1..=4).contains(&exponent.len()))?;
        let length = u16::try_from(body.len()).ok()?;
        let mut digest = sha1::Sha1::new();
        digest.update([0x99]);
        digest.update(length.to_be_bytes());
        digest.update(body);
        Some(Self {
            fingerprint: digest.finalize().into(),
            modulus: modulus.to_vec(),
            exponent: u32::try_from(exponent).ok()?,
        })
    }
}

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signed<'a> {
    /// Bytes as they are.
    Bytes(&'a [u8]),
    /// A text, its lines ended as section 7.1 wants them.
    Text(&'a Cleartext),
}

/// A digest that a signature may be made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature by RSA, version 3 or 4 (section 5.2).
struct Signature<'a> {
    kind: u8,
    algorithm: Algorithm,
    /// What is digested after the signed bytes.
    trailer: Vec<u8>,
    /// The last eight bytes of the key's fingerprint, if it tells.
    issuer: Option<[u8; 8]>,
    /// The first two bytes of the digest.
    left: [u8; 2],
    value: &'a [u8],
}

impl<'a> Signature<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        match body.split_first()? {
            (4, _) => Self::fourth(body),
            (3, rest) => Self::third(rest),
            _ => None,
        }
    }

    fn fourth(body: &'a [u8]) -> Option<Self> {
        let (&[_, kind, 1 | 3, algorithm, high, low], rest) = body.split_first_chunk()? else {
            return None;
        };
        let (hashed, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        let (length, rest) = big_endian(2, rest)?;
        let (unhashed, rest) = rest.split_at_checked(length)?;
        let (&left, rest) = rest.split_first_chunk()?;
        let mut trailer = body.get(..hashed.len().saturating_add(6))?.to_vec();
        let length = u32::try_from(trailer.len()).ok()?;
        trailer.extend([4, 0xff]);
        trailer.extend(length.to_be_bytes());
        let issuer = issuer(hashed).or_else(|| issuer(unhashed));
        let value = long_number(rest)?.0;
        let algorithm = Algorithm::of(algorithm)?;
        Some(Self { kind, algorithm, trailer, issuer, left, value })
    }

    fn third(rest: &'a [u8]) -> Option<Self> {
        // Length of what is digested, kind, time, issuer, algorithms, two bytes of the digest.
        let (&[5, kind, a, b, c, d], rest) = rest.split_first_chunk()? else { return None };
        let (&issuer, rest) = rest.split_first_chunk::<8>()?;
        let (&[1 | 3, algorithm, left, right], rest) = rest.split_first_chunk()? else {
            return None;
        };
        let value = long_number(rest)?.0;
        let (algorithm, left) = (Algorithm::of(algorithm)?, [left, right]);
        let trailer = vec![kind, a, b, c, d];
        Some(Self { kind, algorithm, trailer, issuer: Some(issuer), left, value })
    }

    fn digest(&self, signed: &Signed<'_>) -> Option<Vec<u8>> {
        // A signature over bytes, or over a text.
        let bytes = match (signed, self.kind) {
            (Signed::Bytes(bytes), 0) => *bytes,
            (Signed::Text(text), 1) => &text.canonical,
            _ => return None,
        };
        let digest = self.algorithm.digest(&[bytes, &self.trailer]);
        digest.starts_with(&self.left).then_some(digest)
    }

    fn is_by(&self, key: &Key) -> bool {
        self.issuer.is_none_or(|issuer| key.fingerprint.ends_with(&issuer))
    }

    fn verifies(&self, key: &Key, digest: &[u8]) -> bool {
        let prefix = self.algorithm.prefix();
        rsa::verifies(&key.modulus, key.exponent, self.value, &[prefix, digest].concat())
    }
}

impl Algorithm {
    /// Returns the algorithm of a number (section 9.4), if a signature over it is still worth
    /// anything.
    fn of(number: u8) -> Option<Self> {
        match number {
            8 => Some(Self::Sha256),
            9 => Some(Self::Sha384),
            10 => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn of<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            digest.finalize().to_vec()
        }
        match self {
            Self::Sha256 => of::<sha2::Sha256>(parts),
            Self::Sha384 => of::<sha2::Sha384>(parts),
            Self::Sha512 => of::<sha2::Sha512>(parts),
        }
    }

    /// Returns what stands before the digest (RFC 8017, section 9.2, note 1).
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha384 => {
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
            }
            Self::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }
}

/// Returns the key that subpackets name (section 5.2.3): by fingerprint, or by its last bytes.
fn issuer(bytes: &[u8]) -> Option<[u8; 8]> {
    let mut rest = bytes;
    while let Some((length, after)) = new_length(rest) {
        let (subpacket, after) = after.split_at_checked(length)?;
        match subpacket {
            [33, 4, fingerprint @ ..] => return fingerprint.last_chunk().copied(),
            [16, key @ ..] => return key.first_chunk().copied(),
            _ => rest = after,
        }
    }
    None
}

#[cfg(test)]
mod tests;
