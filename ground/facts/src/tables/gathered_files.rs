//! What is gathered to be carried away, and what is left behind to be paid for.
//!
//! Source: shadow(5); PEM labels of RFC 7468 and OpenSSH's PROTOCOL.key; kubeconfig; the magic
//! numbers of archive formats (file(1)'s own list); reports on ransom notes, which lie in every
//! folder under one name and speak of decryption and of coins (T1486).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Stat};
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::walk::{Describe, Walk};

table_spec! {
    /// Files that were gathered or left.
    pub static SPEC, col = "gathered_files": Files, "Copies of secrets and large archives in temporary and public places, and notes that lie in many folders under one name.";
    path Text Plain "File; of a note, the first of them in the order of names.";
    kind Text Plain "secret, archive or note.";
    what Text Plain "Of a secret password-hashes, private-key, cluster-access or cloud-access; of an archive its format; of a note the words that tell it.";
    copies Integer Plain "In how many folders a note lies; 1 otherwise.";
    size BigInt Plain "Size in bytes.";
    uid BigInt Plain "Owner.";
    mode Text Plain "Permission bits, octal.";
    mtime BigInt Plain "Last change of the content, seconds since 1970: its owner can set it at will.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: nobody can set it.";
}

/// Where secrets and archives have nothing to do, and how deep is looked.
const OPEN: [(&str, usize); 4] = [("/tmp", 4), ("/var/tmp", 4), ("/dev/shm", 3), ("/var/www", 4)];
/// Where notes lie: among what people work with.
const PEOPLES: [(&str, usize); 4] = [("/home", 4), ("/root", 3), ("/srv", 4), ("/var/www", 4)];
/// Most entries that are looked at in one place.
const ENTRIES: usize = 50_000;
/// Most small files that are opened.
const OPENED: usize = 4_000;
/// Most rows of one kind.
const MOST: usize = 1_000;
/// The largest file whose beginning is looked at for a secret, and how much of it.
const SECRET: u64 = 256 << 10;
const HEAD: u64 = 4 << 10;
/// From here on an archive is large: what fits many mailboxes or a database.
const LARGE: u64 = 50 << 20;
/// In how many folders a note lies at least.
const FOLDERS: usize = 10;
/// The largest note.
const NOTE: u64 = 64 << 10;

/// Looks through the places.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut opened = 0_usize;
    each(host, &OPEN, seen, &mut |path, stat, seen| {
        let looked_at = stat.size >= LARGE || (stat.size > 16 && stat.size <= SECRET);
        if !looked_at {
            return;
        }
        opened = opened.saturating_add(1);
        if opened > OPENED || seen.rows.len() >= MOST {
            return;
        }
        let Ok(head) = host.machine().read(path, HEAD) else { return };
        if stat.size >= LARGE {
            if let Some(format) = archive(&head.bytes) {
                push("archive", format, 1, path, stat, seen);
            }
        } else if let Some(what) = secret(&head.bytes) {
            push("secret", what, 1, path, stat, seen);
        }
    });
    if opened > OPENED {
        let detail = format!("more than {OPENED} files; the rest was not opened");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
    }
    // By name and size, since a note is the same in each folder.
    let mut notes: BTreeMap<(String, u64), (PathBuf, Stat, usize)> = BTreeMap::new();
    each(host, &PEOPLES, seen, &mut |path, stat, _| {
        let name = Value::from(path.file_name().map_or(Path::new(""), Path::new)).to_string();
        if (64..=NOTE).contains(&stat.size) && is_called_like_a_note(&name) && notes.len() < ENTRIES
        {
            let found = notes.entry((name, stat.size)).or_insert_with(|| (path.into(), *stat, 0));
            found.2 = found.2.saturating_add(1);
            if path < found.0.as_path() {
                (found.0, found.1) = (path.into(), *stat);
            }
        }
    });
    for (path, stat, copies) in notes.into_values().filter(|(.., copies)| *copies >= FOLDERS) {
        let Ok(text) = host.machine().read(&path, NOTE) else { continue };
        if let Some(words) = note(&text.bytes) {
            push("note", &words, copies, &path, &stat, seen);
        }
    }
}

/// Walks places and calls for each regular file.
fn each(
    host: &Host,
    places: &[(&str, usize)],
    seen: &mut Seen,
    call: &mut dyn FnMut(&Path, &Stat, &mut Seen),
) {
    for (place, depth) in places {
        let walk = Walk {
            table: SPEC.name,
            depth: *depth,
            most: ENTRIES,
            describe: Describe::Files,
            except: &[],
        };
        walk.entries(host, &[PathBuf::from(place)], seen, &mut |met, seen| {
            if let Some(stat) = met.stat.filter(|stat| stat.kind() == FileKind::Regular) {
                call(&met.path(), &stat, seen);
            }
        });
    }
}

fn push(kind: &str, what: &str, copies: usize, path: &Path, stat: &Stat, seen: &mut Seen) {
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::kind, kind)
        .put(col::what, what)
        .put(col::copies, i64::try_from(copies).unwrap_or(i64::MAX))
        .put(col::size, stat.size)
        .put(col::uid, stat.uid)
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
        .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
        .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
    seen.push(row);
}

/// Returns which secret a file holds, by its beginning.
fn secret(head: &[u8]) -> Option<&'static str> {
    let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    let hashes = ["$y$", "$6$", "$5$", "$1$", "$2b$", "$2y$", "$gy$"];
    // shadow(5): name, hash, seven numbers.
    let is_shadow = |line: &[u8]| {
        let mut parts = line.split(|&b| b == b':');
        let (Some(name), Some(hash)) = (parts.next(), parts.next()) else { return false };
        let hashed = hashes.iter().any(|mark| hash.starts_with(mark.as_bytes()));
        !name.is_empty() && hashed && parts.count() == 7
    };
    match () {
        () if head.split(|&b| b == b'\n').any(is_shadow) => Some("password-hashes"),
        () if has(b"-----BEGIN ") && has(b"PRIVATE KEY-----") => Some("private-key"),
        () if has(b"client-key-data:") && has(b"clusters:") => Some("cluster-access"),
        () if has(b"aws_secret_access_key") => Some("cloud-access"),
        () => None,
    }
}

/// Returns the format of an archive.
fn archive(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 7] = [
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!", "rar"),
    ];
    if head.get(257..262) == Some(b"ustar") {
        return Some("tar");
    }
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| *format)
}

fn is_called_like_a_note(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let text = [".txt", ".html", ".hta", ".htm", ".md"].iter().any(|end| lower.ends_with(end));
    let words = [
        "readme",
        "read_me",
        "recover",
        "decrypt",
        "restore",
        "how",
        "ransom",
        "unlock",
        "note",
        "help",
        "files",
        "important",
        "warning",
    ];
    text && words.iter().any(|word| lower.contains(word))
}

/// Returns the words that tell a note: at least one of what was done and one of what is wanted.
fn note(text: &[u8]) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let among = |words: &[&'static str]| -> Vec<&'static str> {
        let has = |word: &&&str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
        words.iter().filter(has).copied().collect()
    };
    let done = among(&["encrypted", "decrypt", "stolen"]);
    let wanted = among(&["bitcoin", "btc", "monero", ".onion", "tor browser", "tox id", "ransom"]);
    let all = [done.as_slice(), wanted.as_slice()].concat().join(" ");
    (!done.is_empty() && !wanted.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn copies_of_secrets_and_notes_in_many_folders_are_told_and_other_files_are_not() {
        let mut machine = Pretend::new()
            .file("/var/tmp/x", "root:$y$j9T$abc$def:19000:0:99999:7:::\n")
            .file("/tmp/k", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n")
            .file("/tmp/list", "root:x:0:0:root:/root:/bin/bash and more\n")
            .file(
                "/srv/0/readme.txt",
                "Run make decrypt to decrypt the encrypted test files, thank you all.",
            );
        for number in 0..12 {
            let path = format!("/home/ann/{number}/HOW_TO_RESTORE.txt");
            machine = machine
                .file(&path, "Your files were encrypted. Pay 1 BTC to get the key back from us.");
        }
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::path, col::kind, col::what, col::copies];
        let told: Vec<String> =
            seen.rows.iter().map(|row| cells.map(|c| row.get(c).to_string()).join("|")).collect();
        assert_eq!(
            told,
            [
                "/tmp/k|secret|private-key|1",
                "/var/tmp/x|secret|password-hashes|1",
                "/home/ann/0/HOW_TO_RESTORE.txt|note|encrypted btc|12",
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn archives_are_known_by_their_beginning() {
        let mut tar = vec![0; 512];
        tar.splice(257..262, *b"ustar");
        assert_eq!(archive(&tar), Some("tar"));
        assert_eq!((archive(b"PK\x03\x04x"), archive(b"\x7fELF")), (Some("zip"), None));
    }
}
