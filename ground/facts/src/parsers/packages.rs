//! Every parser of package databases, package files and what signs for them.
// list: one entry a parser, in the order of their names.

use stanch_words::Seen;

use super::{Parser, understood};
use crate::decompress;
use crate::openpgp::{Keyring, Signed, cleartext};
use crate::packages::{deb, dpkg, rpm, rpm_database, rpm_file, signed_index};
use crate::system_files::overrides;

/// All parsers.
pub static ALL: &[Parser] = &[
    Parser { name: "packages berkeley", parse: berkeley, seed: include_bytes!("../../fixtures/rpm-berkeley.db") },
    Parser { name: "packages cleartext", parse: signature, seed: include_bytes!("../../fixtures/archive/InRelease") },
    Parser { name: "packages deb", parse: package_file, seed: include_bytes!("../../fixtures/archive/probe_1.0_all.deb") },
    Parser { name: "packages diversions", parse: diversions, seed: b"/usr/bin/a\n/usr/bin/a.orig\nb\n/x\n/y\n:\n" },
    Parser { name: "packages keyring", parse: keyring, seed: include_bytes!("../../fixtures/archive/keyring.gpg") },
    Parser { name: "packages lz4", parse: lz4, seed: include_bytes!("../../fixtures/lines-linked.lz4") },
    Parser { name: "packages ndb", parse: ndb, seed: b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0Slot\x01\0\0\0\x04\0\0\0\x02\0\0\0\x53\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0BlbS\x01\0\0\0\x01\0\0\0\x04\0\0\0head" },
    Parser { name: "packages overrides", parse: overridden, seed: b"root messagebus 4754 /usr/lib/a b\n" },
    Parser { name: "packages release", parse: release, seed: include_bytes!("../../fixtures/archive/Release") },
    Parser { name: "packages rpm file", parse: rpm_package, seed: include_bytes!("../../fixtures/archive/probe-1.0-1.noarch.rpm") },
    Parser { name: "packages rpm header", parse: rpm_header, seed: include_bytes!("../../fixtures/rpm-header.bin") },
    Parser { name: "packages status", parse: status, seed: b"Package: a\nStatus: install ok installed\nConffiles:\n /etc/a 0123456789abcdef0123456789abcdef obsolete\n\n" },
];

/// Says that something was understood, if so.
fn said(was: bool, seen: &mut Seen) {
    if was {
        understood(seen);
    }
}

fn berkeley(bytes: &[u8], seen: &mut Seen) {
    said(
        rpm_database::berkeley(bytes.to_vec(), &mut |blob| rpm_header(blob, &mut Seen::default()))
            .is_ok(),
        seen,
    );
}

fn ndb(bytes: &[u8], seen: &mut Seen) {
    let mut any = false;
    let read = rpm_database::ndb(bytes.to_vec(), &mut |blob| {
        any = true;
        rpm_header(blob, &mut Seen::default());
    });
    said(read.is_ok() || any, seen);
}

fn rpm_header(bytes: &[u8], seen: &mut Seen) {
    said(rpm::try_header(bytes), seen);
}

fn rpm_package(bytes: &[u8], seen: &mut Seen) {
    let keys = Keyring::parse(include_bytes!("../../fixtures/archive/keyring.gpg"));
    let file = rpm_file::parse(bytes);
    if let Some(file) = &file {
        let _signed = file.is_signed(&keys);
        rpm_header(&file.header, &mut Seen::default());
    }
    said(file.is_some(), seen);
}

fn package_file(mut bytes: &[u8], seen: &mut Seen) {
    said(deb::read(&mut bytes, &mut |_| true).is_ok_and(|read| read.is_some()), seen);
}

fn signature(bytes: &[u8], seen: &mut Seen) {
    let keys = Keyring::parse(include_bytes!("../../fixtures/archive/keyring.gpg"));
    let text = cleartext(bytes);
    if let Some(text) = &text {
        let _by = keys.verify(&Signed::Text(text), &text.signatures);
    }
    said(text.is_some(), seen);
}

fn keyring(bytes: &[u8], seen: &mut Seen) {
    said(!Keyring::parse(bytes).keys.is_empty(), seen);
}

fn release(bytes: &[u8], seen: &mut Seen) {
    said(!signed_index::indexes(bytes).is_empty(), seen);
}

fn status(bytes: &[u8], seen: &mut Seen) {
    for paragraph in dpkg::paragraphs(bytes) {
        said(paragraph.config().count() > 0, seen);
    }
}

fn diversions(bytes: &[u8], seen: &mut Seen) {
    said(!dpkg::diversions(bytes).0.is_empty(), seen);
}

fn overridden(bytes: &[u8], seen: &mut Seen) {
    said(!overrides::parse(bytes).0.is_empty(), seen);
}

fn lz4(mut bytes: &[u8], seen: &mut Seen) {
    let mut unfolded = 0;
    if let Ok(reader) = decompress::reader(&mut bytes) {
        unfolded = std::io::copy(&mut std::io::Read::take(reader, 1 << 20), &mut std::io::sink())
            .unwrap_or(0);
    }
    said(unfolded > 0, seen);
}
