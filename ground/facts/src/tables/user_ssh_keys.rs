//! Private keys lying in homes: what an intruder could take along. The key itself is never kept.
//!
//! Source: PROTOCOL.key of OpenSSH; RFC 7468, RFC 8017 (PKCS #1), RFC 5208 (PKCS #8), RFC 1421
//! (`Proc-Type`).

use std::path::Path;

use stanch_machine::FileKind;
use stanch_words::{Ask, Row, Seen, table_spec};

use crate::accounts::homes;
use crate::config_lines::numbered;
use crate::reach::Reach;
use crate::{Host, base64, ssh_keys};

table_spec! {
    /// Private keys in homes.
    pub static SPEC, col = "user_ssh_keys": Files, "Private keys in the .ssh directories of all accounts; never a key.";
    uid BigInt Index "The account in whose home it lies.";
    path Text Index "File.";
    encrypted Integer Plain "1 if a passphrase is needed.";
    key_type Text Plain "rsa, dsa, ec or ed25519; empty if it cannot be told without the passphrase.";
    key_group_name Text Plain "Curve of an ec key.";
    key_length Integer Plain "Length in bits, -1 if it cannot be told.";
    key_security_bits Integer Plain "Security bits after NIST SP 800-57, -1 if they cannot be told.";
    username Text Plain "The account's name.";
    mode Text Plain "Permission bits, in octal.";
}

/// A private key file is small: RSA with 16,384 bits has 13 KB.
const KEY_FILE: u64 = 64 << 10;

/// Looks into the `.ssh` of every account.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    for home in homes(host, SPEC.name, ask.equal(col::uid), seen) {
        let folder = home.path.join(".ssh");
        for entry in reach.list(&folder, seen) {
            if !matches!(entry.kind, FileKind::Regular | FileKind::Symlink) {
                continue;
            }
            let path = folder.join(&entry.name);
            // Anything may lie here; a large file is no key and no gap.
            let bytes = match host.machine().read(&path, KEY_FILE) {
                Ok(contents) => contents.bytes,
                Err(miss) => {
                    reach.note(&miss, seen);
                    continue;
                }
            };
            let Some(row) = parse(&bytes, &path) else { continue };
            let mode = host.machine().stat(&path).ok().map(|stat| stat.mode & 0o7777);
            for owner in &home.owners {
                let mut row = row.clone();
                row.put(col::uid, owner.uid)
                    .put(col::username, std::sync::Arc::clone(&owner.name))
                    .put(col::mode, mode.map(|mode| format!("{mode:04o}")));
                seen.push(row);
            }
        }
    }
    reach.finish(seen);
}

/// What can be told of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    kind: &'static str,
    curve: &'static str,
    bits: Option<u32>,
}

/// Parses a private key; a file that is none gives none.
pub fn parse(bytes: &[u8], path: &Path) -> Option<Row> {
    let mut label: Option<&[u8]> = None;
    let (mut body, mut encrypted) = (Vec::new(), false);
    for (_, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if let Some(rest) = line.strip_prefix(b"-----BEGIN ") {
            let name = rest.strip_suffix(b"-----")?;
            if label.is_some() || !name.ends_with(b"PRIVATE KEY") {
                continue;
            }
            label = Some(name);
        } else if label.is_some() && line.starts_with(b"-----END ") {
            break;
        } else if label.is_some() && line.contains(&b':') {
            encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
        } else if label.is_some() {
            body.extend_from_slice(line);
        }
    }
    let label = label?;
    encrypted |= label == b"ENCRYPTED PRIVATE KEY";
    let body = base64::decode(&body).unwrap_or_default();
    let told = match label {
        b"OPENSSH PRIVATE KEY" => {
            let (told, locked) = openssh(&body).unwrap_or_default();
            encrypted |= locked;
            told
        }
        b"RSA PRIVATE KEY" if encrypted => Told { kind: "rsa", ..Told::default() },
        b"RSA PRIVATE KEY" => Told { kind: "rsa", bits: rsa_bits(&body), ..Told::default() },
        b"DSA PRIVATE KEY" => Told { kind: "dsa", bits: rsa_bits(&body), ..Told::default() },
        b"EC PRIVATE KEY" => Told { kind: "ec", ..curve(&body) },
        b"PRIVATE KEY" => pkcs8(&body),
        _ => Told::default(),
    };
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::encrypted, encrypted)
        .put(col::key_type, told.kind)
        .put(col::key_group_name, told.curve)
        .put(col::key_length, told.bits.map_or(-1, i64::from))
        .put(col::key_security_bits, security_bits(told));
    Some(row)
}

/// Returns what the public half says and whether a cipher is named (PROTOCOL.key).
fn openssh(body: &[u8]) -> Option<(Told, bool)> {
    let rest = body.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, rest) = ssh_keys::string(rest)?;
    let (_derivation, rest) = ssh_keys::string(rest)?;
    let (_options, rest) = ssh_keys::string(rest)?;
    let (_count, rest) = rest.split_at_checked(4)?;
    let (public, _) = ssh_keys::string(rest)?;
    let key = ssh_keys::public_key(public);
    let told = key.map_or_else(Told::default, |key| {
        let name = &*key.algorithm;
        let kind = match name {
            _ if name.contains("ed25519") => "ed25519",
            _ if name.contains("ecdsa") => "ec",
            _ if name.starts_with("ssh-rsa") => "rsa",
            _ if name.starts_with("ssh-dss") => "dsa",
            _ => "",
        };
        let curve = match key.bits {
            Some(256) if kind == "ec" => "prime256v1",
            Some(384) if kind == "ec" => "secp384r1",
            Some(521) if kind == "ec" => "secp521r1",
            _ => "",
        };
        Told { kind, curve, bits: key.bits }
    });
    Some((told, cipher != b"none"))
}

/// Returns tag, content and what follows of a DER element.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Returns the bits of the first number after the version: RSA's modulus, DSA's prime.
fn rsa_bits(body: &[u8]) -> Option<u32> {
    let (0x30, content, _) = element(body)? else { return None };
    let (2, _version, rest) = element(content)? else { return None };
    let (2, modulus, _) = element(rest)? else { return None };
    Some(ssh_keys::bits(modulus))
}

/// Returns what the algorithm's identifier in PKCS #8 says.
fn pkcs8(body: &[u8]) -> Told {
    let inner = || {
        let (_, content, _) = element(body)?;
        let (_, _version, rest) = element(content)?;
        let (_, algorithm, rest) = element(rest)?;
        let (_, key, _) = element(rest)?;
        Some((algorithm, key))
    };
    let Some((algorithm, key)) = inner() else { return Told::default() };
    let has = |id: &[u8]| algorithm.windows(id.len()).any(|part| part == id);
    // 1.2.840.113549.1.1.1, 1.2.840.10045.2.1, 1.3.101.112 and 1.2.840.10040.4.1.
    if has(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01") {
        Told { kind: "rsa", bits: rsa_bits(key), ..Told::default() }
    } else if has(b"\x2a\x86\x48\xce\x3d\x02\x01") {
        Told { kind: "ec", ..curve(algorithm) }
    } else if has(b"\x2b\x65\x70") {
        Told { kind: "ed25519", bits: Some(256), ..Told::default() }
    } else if has(b"\x2a\x86\x48\xce\x38\x04\x01") {
        Told { kind: "dsa", ..Told::default() }
    } else {
        Told::default()
    }
}

/// Finds the curve's identifier (RFC 5480).
fn curve(bytes: &[u8]) -> Told {
    let has = |id: &[u8]| bytes.windows(id.len()).any(|part| part == id);
    let (curve, bits) = if has(b"\x2a\x86\x48\xce\x3d\x03\x01\x07") {
        ("prime256v1", Some(256))
    } else if has(b"\x2b\x81\x04\x00\x22") {
        ("secp384r1", Some(384))
    } else if has(b"\x2b\x81\x04\x00\x23") {
        ("secp521r1", Some(521))
    } else {
        ("", None)
    };
    Told { kind: "", curve, bits }
}

/// Returns security bits after NIST SP 800-57 part 1, table 2.
fn security_bits(told: Told) -> i64 {
    match (told.kind, told.bits) {
        ("rsa" | "dsa", Some(bits)) => match bits {
            15360.. => 256,
            7680.. => 192,
            3072.. => 128,
            2048.. => 112,
            1024.. => 80,
            _ => 0,
        },
        ("ec", Some(bits)) => i64::from(bits / 2),
        ("ed25519", Some(_)) => 128,
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Keys made for this test with ssh-keygen(1) and openssl(1); they open nothing.
    const CASES: [(&str, &str); 6] = [
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\
             b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
             QyNTUxOQAAACBumiSykreDhU6tU6gJDcLtDeRWzEY1K2tDFzTEDjxj/AAAAIhBIUWvQSFF\n\
             rwAAAAtzc2gtZWQyNTUxOQAAACBumiSykreDhU6tU6gJDcLtDeRWzEY1K2tDFzTEDjxj/A\n\
             AAAEDRgCQNL5w5m4ikDtW1pFi9XF3LouhGq7xmg80h40m2v26aJLKSt4OFTq1TqAkNwu0N\n\
             5FbMRjUra0MXNMQOPGP8AAAAAXgBAgME\n\
             -----END OPENSSH PRIVATE KEY-----",
            "0 ed25519  256 128",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\
             b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBX2jtvDa\n\
             tp01rNHhOwzZkhAAAAEAAAAAEAAACIAAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlz\n\
             dHAzODQAAABhBApDUxtRRyoT0V94Lgq/h2pmBhQfqXAobewj4DQKspNx5du+VMBLxpqgRS\n\
             RYweeJKHrzgnoEjIUmgQv0FGz8BfVL3BAKAm0MR+9UHc/9orsdcXU+0eDRy134Ez8pIi7W\n\
             twAAANAA775MLehHsiPzN/JZRwzr6QgR+57PI9v8JJ8jjYCzxJE9zDm0YPIJo/oH6K2cFB\n\
             DNP8GVSEqg7lwZc9KxtuZXyetI0tFdL4NgzJaw/1YcsHCVzPFn3wba38Eq1jXomOCbXCCz\n\
             9I/nm21ZssfYlGKwJXxE8BTUFr3E6+RAN5nyqTDCjQQ8MNmKbNYAPuK1CKsc4mDehplzMn\n\
             VwRQ21yI60khjzINBNiD1YFaS+wlgZA6iXddz3LPvwB8zwc8DY4rLp9u+b+jLYr1WvXU45\n\
             5GXJ\n\
             -----END OPENSSH PRIVATE KEY-----",
            "1 ec secp384r1 384 192",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\n\
             MIICXQIBAAKBgQDjzzn1EEMaTMRsA4KiVJ2QItbhVgTwHLzgrEuAw3lLo2YRNU9u\n\
             BQl8FvdVqbs9S4CgFGojoLDtB7vRpnFlott7Hzsjb2HRCrfvTv4h8eTWTP+JeM3Z\n\
             bWRN752ZVRecX0VAuHSkoD8ndrBUTXl6Ae9E5jxHpZT2rxNtAHtkyZgU5wIDAQAB\n\
             AoGAAiCZRfSU69Xzr56IxcNMhWAN6aTH/wYFrYNuYRFyPIaWGWsKBtj9Ma91N9OR\n\
             8AyYcuY9539Ep7H+ywJm5LAUpJkvaXtQVaDdTpnTQQe/xtywrbcFYCqd9n9J2u8S\n\
             xpayzFoy4FJqM1CCSU5CbEQGqK1YLEp36cepiNpP3CHVrKECQQDydqHJCp0cMLR+\n\
             oM4lO+yH31jA29yP1LVwgszOy2iTLo0h3joQqvKP4uhDuPrLRLsO4OzYzaEWgZiy\n\
             e3iwcG9FAkEA8Icn1G47y9YYCiaXJQCAKbXFwl1poG9Wt9idSVjkikDtu7h/xb1Q\n\
             NnJPXYaNP3tlB4YshL7dTY/w0DYdleOwOwJBAI8K/helc1sWQOYT6Ip+9+SRF8Nv\n\
             8ofIbeKayEmYJ3HtnMXGXWtH7yKEM5MAprUVL2ZvvEuLxOWKP5PM1D8DliECQF5I\n\
             /Mn+9B2xLPc9rV3p1lODV6QbLf6f5mRm2zEXUW8IiKhfaGbBESJmqMnGprPN0Qqk\n\
             A+t9Tg7Lb+COdgZ9nGUCQQDYGJlEovWfTaJpp6a6d/et1BKDWPQs8FzNp1QpS214\n\
             wFiIhzRQy36YT3PdeFWwTttKI069t5ugouVocVfN4pG5\n\
             -----END RSA PRIVATE KEY-----",
            "0 rsa  1024 80",
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\n\
             MHcCAQEEIMlR9tIKNbUbRwIaVFdteciSq8y6BQzV1bvWbFKIm906oAoGCCqGSM49\n\
             AwEHoUQDQgAEeP9PDTDmtyzSRX1VD4TNAjliVKXOA6CgSWYzbpMxccNUeOi23QSm\n\
             8tWDtPyUdrYndsOIUv9Svo/xXdJexNciTA==\n\
             -----END EC PRIVATE KEY-----",
            "0 ec prime256v1 256 128",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\n\
             MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyVH20go1tRtHAhpU\n\
             V215yJKrzLoFDNXVu9ZsUoib3TqhRANCAAR4/08NMOa3LNJFfVUPhM0COWJUpc4D\n\
             oKBJZjNukzFxw1R46LbdBKby1YO0/JR2tid2w4hS/1K+j/Fd0l7E1yJM\n\
             -----END PRIVATE KEY-----",
            "0 ec prime256v1 256 128",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\
             MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh1IWmjAtbgEQICCAAw\n\
             DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMr1a8EbkZk4/lzAD08yCXsEgZCt\n\
             iAU6w5cv9ztSy6eL8/LaNjMH+NWp8hsGMiuFObAAN4AXNfSve5pDVu5dtQ41CkxG\n\
             BnRqa5SCglccwfxzxX7l3nvIxwH6N422hsXclp/BQ1ZGHOnc5eMLJfCs+KRvMvPS\n\
             nVjkq1F6mGT2ZgkxW1ePmBM3otW+wprModjeMFUkHBxgZmbcYfdp8CZ8r9GPiAw=\n\
             -----END ENCRYPTED PRIVATE KEY-----",
            "1   -1 -1",
        ),
    ];

    fn line(row: &Row) -> String {
        let cells = [
            col::encrypted,
            col::key_type,
            col::key_group_name,
            col::key_length,
            col::key_security_bits,
        ];
        cells.map(|c| row.get(c).to_string()).join(" ")
    }

    #[test]
    fn keys_of_every_format() {
        for (key, expected) in CASES {
            let row = parse(key.as_bytes(), Path::new("/k")).unwrap();
            assert_eq!(line(&row), expected, "{key}");
        }
    }

    #[test]
    fn a_key_cut_anywhere_is_a_key_of_unknown_kind_or_none() {
        for (key, _) in CASES {
            for cut in 0..key.len() {
                let row = parse(&key.as_bytes()[..cut], Path::new("/k"));
                let begun = key.find("KEY-----").is_some_and(|at| cut >= at + 8);
                assert_eq!(row.is_some(), begun, "{cut} of {key}");
            }
        }
        assert_eq!(parse(b"Host x\n", Path::new("/k")), None);
    }
}
