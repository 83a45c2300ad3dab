//! A Debian package as a file: what it is called, and what it brings.
//!
//! Source: deb(5): an `ar` archive with `debian-binary`, `control.tar.*` and `data.tar.*`, in that
//! order; deb-control(5). Both tars may be compressed in any way that their first bytes tell.

use std::io::{self, BufRead, Read};

use md5::Digest as _;

use super::dpkg;
use super::shipped::Md5;
use crate::decompress;
use stanch_machine::tar::{self, Kind};

/// The largest control file; the longest descriptions have a few kilobytes.
const CONTROL: u64 = 1 << 20;

/// Which package it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) package: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) architecture: Vec<u8>,
}

/// A file, directory or link that it brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) path: Vec<u8>,
    /// Permission bits.
    pub(crate) mode: u32,
    /// The digest of a file.
    pub(crate) md5: Option<Md5>,
}

/// Reads a package. `wants` is asked once its name is known; if it does not, nothing more is read
/// and nothing is returned.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(
    source: &mut dyn BufRead,
    wants: &mut dyn FnMut(&Name) -> bool,
) -> io::Result<Option<(Name, Vec<Brought>)>> {
    read_with(source, wants, data)
}

/// Reads a package whose name is wanted, and its files as they are asked for.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_with<T>(
    source: &mut dyn BufRead,
    wants: &mut dyn FnMut(&Name) -> bool,
    data: impl FnOnce(&mut dyn BufRead) -> io::Result<T>,
) -> io::Result<Option<(Name, T)>> {
    let mut magic = [0; 8];
    source.read_exact(&mut magic)?;
    if &magic != b"!<arch>\n" {
        return Err(io::Error::other("not an `ar` archive"));
    }
    let mut name = None;
    // Signatures and the like may stand beside the three members.
    for _ in 0..16 {
        let mut header = [0; 60];
        if source.fill_buf()?.is_empty() {
            break;
        }
        source.read_exact(&mut header)?;
        let (member, size) = member(&header)?;
        let mut content = (&mut *source).take(size);
        if member.starts_with(b"control.tar") && name.is_none() {
            let found = control(&mut content)?;
            if !wants(&found) {
                return Ok(None);
            }
            name = Some(found);
        } else if member.starts_with(b"data.tar") {
            let name = name.ok_or_else(|| io::Error::other("files before their package's name"))?;
            let brought = data(&mut content)?;
            // Nothing at all would pass for a package without files.
            io::copy(&mut content, &mut io::sink())?;
            if content.limit() > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(Some((name, brought)));
        }
        // Members begin at even places.
        let rest = content.limit().saturating_add(size & 1);
        io::copy(&mut (&mut *source).take(rest), &mut io::sink())?;
    }
    Err(io::Error::other("no files in it"))
}

/// Returns a member's name and size.
fn member(header: &[u8; 60]) -> io::Result<(&[u8], u64)> {
    let part = |range| header.get(range).unwrap_or_default();
    let size = std::str::from_utf8(part(48..58)).ok().and_then(|text| text.trim_end().parse().ok());
    match (size, part(58..60)) {
        (Some(size), b"`\n") => Ok((part(0..16), size)),
        _ => Err(io::Error::other("a member's header is damaged")),
    }
}

fn control(source: &mut dyn BufRead) -> io::Result<Name> {
    let mut found = None;
    let mut reader = decompress::reader(source)?;
    tar::each(&mut reader, &mut |entry, content| {
        if entry.path == b"/control" && found.is_none() {
            let mut text = Vec::new();
            content.take(CONTROL).read_to_end(&mut text)?;
            let paragraph = dpkg::paragraphs(&text).next().unwrap_or_default();
            found = Some(Name {
                package: paragraph.field("Package").to_vec(),
                version: paragraph.field("Version").to_vec(),
                architecture: paragraph.field("Architecture").to_vec(),
            });
        }
        Ok(())
    })?;
    found.ok_or_else(|| io::Error::other("no control file"))
}

/// A file with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// In seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) bytes: Vec<u8>,
}

/// Files with their contents, and wanted names of other files (hard links) with what they name: it
/// came before them, and was not kept if it was not wanted too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) files: Vec<Content>,
    pub(crate) links: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads the contents of some files out of `data.tar`, of all together at most `cap` bytes: nobody
/// has vouched for them yet.
pub(crate) fn contents(
    source: &mut dyn BufRead,
    paths: &[&[u8]],
    cap: u64,
) -> io::Result<Contents> {
    let (mut found, mut links): (Vec<Content>, _) = (Vec::new(), Vec::new());
    let mut left = cap;
    let mut reader = decompress::reader(source)?;
    tar::each(&mut reader, &mut |entry, content| {
        if entry.kind == Kind::HardLink && paths.contains(&&*entry.path) {
            match found.iter().find(|file: &&Content| file.path == entry.target).cloned() {
                Some(file) if file.bytes.len() as u64 <= left => {
                    left = left.saturating_sub(file.bytes.len() as u64);
                    found.push(Content { path: entry.path, ..file });
                }
                Some(_) => return Err(io::Error::other("what is wanted of it is too large")),
                None => links.push((entry.path, entry.target)),
            }
            return Ok(());
        }
        if entry.kind != Kind::File || !paths.contains(&&*entry.path) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        content.take(left.saturating_add(1)).read_to_end(&mut bytes)?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| io::Error::other("what is wanted of it is too large"))?;
        let (mode, owner, modified) = (entry.mode, entry.owner, entry.modified);
        found.push(Content { path: entry.path, mode, owner, modified, bytes });
        Ok(())
    })?;
    Ok(Contents { files: found, links })
}

fn data(source: &mut dyn BufRead) -> io::Result<Vec<Brought>> {
    let mut found: Vec<Brought> = Vec::new();
    let mut links: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut reader = decompress::reader(source)?;
    tar::each(&mut reader, &mut |entry, content| {
        let md5 = match entry.kind {
            Kind::File => Some(digest(content, &mut buffer)?),
            Kind::HardLink => {
                links.push((found.len(), entry.target));
                None
            }
            _ => None,
        };
        found.push(Brought { path: entry.path, mode: entry.mode, md5 });
        Ok(())
    })?;
    drop(reader);
    for (place, target) in links {
        let md5 = found.iter().find(|brought| brought.path == target).and_then(|b| b.md5);
        if let Some(link) = found.get_mut(place) {
            link.md5 = md5;
        }
    }
    Ok(found)
}

fn digest(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<Md5> {
    let mut digest = md5::Md5::new();
    loop {
        match content.read(buffer)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns an archive of some files: name, mode, content.
    fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, mode, content) in files {
            let (name, size) = (name.as_bytes(), content.len() as u64);
            let member = tar::Member { name, kind: b'0', mode: *mode, size, ..Default::default() };
            archive.extend(tar::headers(&member));
            archive.extend_from_slice(content);
            archive.extend_from_slice(tar::padding(size));
        }
        archive.resize(archive.len() + 1024, 0);
        archive
    }

    /// Returns a package file that brings some files: path, mode, content.
    pub(crate) fn made(name: &str, version: &str, files: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let control = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
        let control = archive(&[("./control", 0o644, control.as_bytes())]);
        let data = archive(files);
        let zstd =
            ruzstd::encoding::compress_to_vec(&*data, ruzstd::encoding::CompressionLevel::Fastest);
        let mut package = b"!<arch>\n".to_vec();
        for (member, content) in [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", gzip(&control)),
            ("data.tar.zst", zstd),
        ] {
            package.extend(format!("{member:<16}{:<32}{:<10}`\n", 0, content.len()).into_bytes());
            package.extend(&content);
            if content.len() % 2 == 1 {
                package.push(b'\n');
            }
        }
        package
    }

    #[test]
    fn a_package_tells_its_name_and_the_digests_of_what_it_brings() {
        let package = made("tool", "1:2-3", &[("./usr/bin/tool", 0o755, b"abc")]);
        let (name, brought) = read(&mut &*package, &mut |_| true).unwrap().unwrap();
        let expected = Name {
            package: b"tool".to_vec(),
            version: b"1:2-3".to_vec(),
            architecture: b"amd64".to_vec(),
        };
        assert_eq!(name, expected);
        let md5 = super::super::shipped::unhex(b"900150983cd24fb0d6963f7d28e17f72");
        let expected = Brought { path: b"/usr/bin/tool".to_vec(), mode: 0o755, md5 };
        assert_eq!(brought, [expected]);
    }

    #[test]
    fn what_dpkg_made_is_read() {
        // dpkg-deb --build --root-owner-group -Zxz of a folder with two files and a hard link.
        let package = include_bytes!("../../fixtures/archive/probe_1.0_all.deb");
        let (name, brought) = read(&mut &package[..], &mut |_| true).unwrap().unwrap();
        assert_eq!(name.package, b"probe");
        let paths: Vec<String> = brought
            .iter()
            .filter_map(|b| {
                Some(format!("{} {:o}", String::from_utf8_lossy(&b.path), b.md5.map(|_| b.mode)?))
            })
            .collect();
        assert_eq!(
            paths,
            ["/usr/bin/probe 755", "/usr/bin/probe-again 755", "/usr/share/probe/data 644"]
        );
        assert_eq!(brought.iter().filter(|b| b.md5.is_some()).count(), 3);
    }

    #[test]
    fn another_name_of_a_file_has_its_content_once_the_file_is_wanted_too() {
        let package = include_bytes!("../../fixtures/archive/probe_1.0_all.deb");
        let taken = |paths: &[&[u8]]| {
            let read =
                read_with(&mut &package[..], &mut |_| true, |data| contents(data, paths, 1 << 20));
            read.unwrap().unwrap().1
        };
        let (first, second) = (&b"/usr/bin/probe"[..], &b"/usr/bin/probe-again"[..]);
        let all = taken(&[first, second]);
        assert_eq!((all.files.len(), all.links.len()), (2, 0));
        assert_eq!(all.files[0].bytes, all.files[1].bytes);
        let link = [first, second].into_iter().find(|path| !taken(&[path]).links.is_empty());
        let link = taken(&[link.unwrap()]);
        assert_eq!(link.files, []);
        assert!([first, second].contains(&&*link.links[0].1), "{link:?}");
    }

    #[test]
    fn a_package_that_nobody_wants_is_not_read_on() {
        let package = made("tool", "1", &[]);
        assert_eq!(read(&mut &*package, &mut |_| false).unwrap(), None);
    }

    #[test]
    fn a_package_cut_anywhere_is_refused() {
        let package = made("tool", "1", &[("./usr/bin/tool", 0o755, &[7; 3000])]);
        for end in (0..package.len().saturating_sub(8)).step_by(5) {
            assert!(read(&mut &package[..end], &mut |_| true).is_err(), "{end}");
        }
    }
}
