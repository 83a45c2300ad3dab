//! Keys and signatures that GnuPG 2.2 made, and every way to spoil them.

use super::*;

/// A primary key and a subkey, RSA with 2,048 bits; `gpg --export`, `--export --armor`.
const KEYRING: &[u8] = include_bytes!("../../fixtures/archive/keyring.gpg");
const ARMOURED: &[u8] = include_bytes!("../../fixtures/archive/keyring.asc");
/// `gpg --clearsign` with SHA-512, `gpg --detach-sign` with SHA-256.
const CLEARSIGNED: &[u8] = include_bytes!("../../fixtures/archive/InRelease");
const RELEASE: &[u8] = include_bytes!("../../fixtures/archive/Release");
const DETACHED: &[u8] = include_bytes!("../../fixtures/archive/Release.gpg");

fn by(keyring: &Keyring, clearsigned: &[u8]) -> Option<Fingerprint> {
    let text = cleartext(clearsigned)?;
    keyring.verify(&Signed::Text(&text), &text.signatures).map(|key| key.fingerprint)
}

#[test]
fn a_keyring_gives_the_fingerprints_that_gpg_prints() {
    let keyring = Keyring::parse(KEYRING);
    let hex: Vec<String> =
        keyring.keys.iter().map(|key| stanch_words::text::hex(&key.fingerprint)).collect();
    assert_eq!(hex, FINGERPRINTS);
    assert_eq!(Keyring::parse(ARMOURED), keyring);
    assert_eq!(Keyring::parse(b"nothing"), Keyring::default());
}

#[test]
fn a_clearsigned_text_and_a_detached_signature_hold() {
    let keyring = Keyring::parse(KEYRING);
    assert!(by(&keyring, CLEARSIGNED).is_some());
    assert!(keyring.verify(&Signed::Bytes(RELEASE), DETACHED).is_some());
    assert_eq!(cleartext(CLEARSIGNED).unwrap().text, RELEASE);
    // The signature of the one says nothing of the other.
    let text = cleartext(CLEARSIGNED).unwrap();
    assert!(keyring.verify(&Signed::Bytes(RELEASE), &text.signatures).is_none());
    assert!(keyring.verify(&Signed::Text(&text), DETACHED).is_none());
}

#[test]
fn without_the_key_nothing_holds() {
    let mut keyring = Keyring::parse(KEYRING);
    let signer = by(&keyring, CLEARSIGNED).unwrap();
    keyring.keys.retain(|key| key.fingerprint != signer);
    assert_eq!(by(&keyring, CLEARSIGNED), None);
    // A key with the right name and another modulus.
    let mut forged = keyring.keys[0].clone();
    forged.fingerprint = signer;
    keyring.keys.push(forged);
    assert_eq!(by(&keyring, CLEARSIGNED), None);
}

#[test]
fn any_changed_byte_of_the_text_or_the_signature_is_found() {
    let keyring = Keyring::parse(KEYRING);
    let begin = memchr::memmem::find(CLEARSIGNED, b"Origin").unwrap();
    let end = memchr::memmem::find(CLEARSIGNED, b"-----BEGIN PGP SIGNATURE").unwrap();
    for at in begin..end - 1 {
        let mut bent = CLEARSIGNED.to_vec();
        bent[at] ^= 1;
        assert_eq!(by(&keyring, &bent), None, "{at}");
    }
    let value = DETACHED.len() - 100;
    for at in (0..DETACHED.len()).step_by(9).chain([value]) {
        let mut bent = DETACHED.to_vec();
        bent[at] ^= 1;
        // What stands in the part that is not signed may change.
        let holds = keyring.verify(&Signed::Bytes(RELEASE), &bent).is_some();
        assert!(!holds || (40..52).contains(&at), "{at}");
    }
}

#[test]
fn what_stands_around_the_signed_text_is_left_out() {
    let around = [b"Suite: forged\n", CLEARSIGNED, b"\nSuite: forged\n"].concat();
    assert_eq!(cleartext(&around), cleartext(CLEARSIGNED));
    assert_eq!(cleartext(b"Suite: forged\n"), None);
    let cut = &CLEARSIGNED[..CLEARSIGNED.len() - 40];
    assert_eq!(cleartext(cut), None);
}

#[test]
fn a_signature_over_sha1_is_refused() {
    let bent: Vec<u8> = DETACHED
        .iter()
        .enumerate()
        .map(|(place, &byte)| if place == 6 && byte == 8 { 2 } else { byte })
        .collect();
    assert_ne!(bent, DETACHED);
    let keyring = Keyring::parse(KEYRING);
    assert!(keyring.verify(&Signed::Bytes(RELEASE), &bent).is_none());
}

#[test]
fn packets_cut_anywhere_or_flipped_neither_die_nor_lie() {
    let whole = Keyring::parse(KEYRING);
    for end in 0..KEYRING.len() {
        let found = Keyring::parse(&KEYRING[..end]);
        assert!(found.keys.iter().all(|key| whole.keys.contains(key)), "{end}");
    }
    for at in 0..KEYRING.len() {
        let mut bent = KEYRING.to_vec();
        bent[at] ^= 0xff;
        assert!(Keyring::parse(&bent).keys.len() <= 3);
    }
}

const FINGERPRINTS: [&str; 2] =
    ["255ad9aebe618be6732d63e1b9de34a1503998ef", "58d234b182ef319b1b53b8d0be1a132084f8a0a4"];
