//! Public keys of SSH: kind, length, fingerprint.
//!
//! Source: RFC 4253 section 6.6, RFC 5656, RFC 8709; PROTOCOL.u2f of OpenSSH.

use sha2::{Digest as _, Sha256};

use crate::base64;

/// What a public key's blob says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: String,
    pub(crate) bits: Option<u32>,
}

/// Returns what a blob says, if it is a public key.
pub(crate) fn public_key(blob: &[u8]) -> Option<PublicKey> {
    let (name, rest) = string(blob)?;
    let algorithm = std::str::from_utf8(name).ok()?.to_owned();
    // A certificate has a nonce before the key's parts (PROTOCOL.certkeys of OpenSSH).
    let (plain, rest) = match algorithm.strip_suffix("-cert-v01@openssh.com") {
        Some(plain) => (plain, string(rest)?.1),
        None => (algorithm.trim_end_matches("@openssh.com"), rest),
    };
    let bits = match plain {
        "ssh-rsa" => string(string(rest)?.1).map(|(modulus, _)| bits(modulus)),
        "ssh-dss" => string(rest).map(|(prime, _)| bits(prime)),
        "ssh-ed25519" | "sk-ssh-ed25519" => Some(256),
        "ecdsa-sha2-nistp256" | "sk-ecdsa-sha2-nistp256" => Some(256),
        "ecdsa-sha2-nistp384" => Some(384),
        "ecdsa-sha2-nistp521" => Some(521),
        _ => None,
    };
    Some(PublicKey { algorithm, bits })
}

/// Splits off a length-prefixed string (RFC 4251 section 5).
pub(crate) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// Returns the bits of a positive number.
pub(crate) fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let high = number.first().map_or(0, |byte| byte.leading_zeros());
    u32::try_from(number.len()).unwrap_or(u32::MAX).saturating_mul(8).saturating_sub(high)
}

/// Returns the fingerprint as ssh-keygen(1) shows it.
pub(crate) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", base64::encode_bare(&Sha256::digest(blob)))
}
