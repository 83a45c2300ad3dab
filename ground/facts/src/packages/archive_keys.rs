//! The keys that distributions sign their archives with, by fingerprint.
//!
//! A key that is found on the machine itself is believed only if it is one of these: an intruder
//! can put another key into a keyring, but not one with the same fingerprint.
//!
//! Source: the packages `debian-archive-keyring` 2023.3+deb12u2 and `ubuntu-keyring`; for each key
//! the primary one and those that it lets sign, as `gpg --show-keys --with-subkey-fingerprint`
//! prints them.

use crate::openpgp::Fingerprint;

// list: fingerprints.
const KNOWN: [&str; 15] = [
    // Debian 11, 12 and 13: archive, security archive, stable releases.
    "1f89983e0081fde018f3cc9673a4f27b8dd47936",
    "a7236886f3cccaad148a27f80e98404d386fa1d9",
    "ac530d520f2f3269f5e98313a48449044aad5c5d",
    "ed541312a33f1128f10b1c6c54404762bbb6e853",
    "a4285295fc7b1a81600062a9605c66f00d6c9793",
    "b8b80b5b623eab6ad8775c45b7c5d7d6350947f8",
    "4cb50190207b4758a3f73a796ed0e7b82643e131",
    "05ab90340c0c5e797f44a8c8254cf3b5aec0a8f0",
    "b0cab9266e8c3929798b3eeebde6d2b9216ec7a8",
    "04b54c3cdca79751b16bc6b5225629df75b188bd",
    "b8e5f13176d2a7a75220028078dba3bc47ef2265",
    "5e04a1e3223a19a20706e20f9904613d4cce68c6",
    "89c87acea5dd6b8e6a7068808e9f831205b4ba95",
    // Ubuntu: 2012 and 2018.
    "790bc7277767219c42c86f933b4fe6acc0b21f32",
    "f6ecb3762474eda9d21b7022871920d1991bc93c",
];

/// Returns whether a distribution signs its archive with a key.
pub(super) fn is_known(key: &Fingerprint) -> bool {
    let hex = stanch_words::text::hex(key);
    KNOWN.contains(&&*hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_forty_digits_and_stands_once() {
        let mut all = KNOWN.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), KNOWN.len());
        for known in KNOWN {
            assert!(known.len() == 40 && known.bytes().all(|b| b.is_ascii_hexdigit()), "{known}");
        }
        assert!(!is_known(&[0; 20]));
    }
}
