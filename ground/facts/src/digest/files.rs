//! Digests of files by their paths, several side by side.

use std::path::Path;

use stanch_machine::{Machine, Miss, OpenFile, Stat};

use super::lanes::Algorithm;
use super::streams::{self, Next, Under, Wants, read_each};

/// What a file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held<D> {
    /// Its digest.
    pub(crate) digest: D,
    /// Its first bytes, with zeros after them if there were not so many.
    pub(crate) head: [u8; 8],
    /// How many bytes there were.
    pub(crate) size: u64,
}

/// A file to be read: a name for it, its path, and how it was described.
pub(crate) type Wanted<N> = (N, Box<Path>, Option<Stat>);

/// Reads files until there is no next one, and says of each what it held; several threads may take
/// from one list.
pub(crate) fn digest_each<A: Algorithm, N>(
    machine: &dyn Machine,
    next: &mut dyn FnMut() -> Option<Wanted<N>>,
    done: &mut dyn FnMut(N, Result<Held<A::Digest>, Miss>),
) {
    read_each(&mut Listed { machine, next, done, _algorithm: std::marker::PhantomData::<A> });
}

struct Listed<'m, 'f, A: Algorithm, N> {
    machine: &'m dyn Machine,
    next: &'f mut dyn FnMut() -> Option<Wanted<N>>,
    done: &'f mut dyn FnMut(N, Result<Held<A::Digest>, Miss>),
    _algorithm: std::marker::PhantomData<A>,
}

impl<'m, A: Algorithm, N> Wants<'m, A> for Listed<'m, '_, A, N> {
    /// With the first bytes, once they were read.
    type Name = (N, Option<[u8; 8]>);

    fn next(&mut self, _under: Under) -> Next<'m, Self::Name> {
        loop {
            let Some((name, path, stat)) = (self.next)() else { return Next::End };
            let opened = match stat {
                Some(stat) => self.machine.open_described(&path, &stat),
                None => self.machine.open(&path),
            };
            match opened {
                Ok(file) => return Next::File((name, None), file, u64::MAX),
                Err(miss) => (self.done)(name, Err(miss)),
            }
        }
    }

    fn piece(&mut self, (_, head): &mut Self::Name, bytes: &[u8]) {
        if head.is_none() {
            let mut first = [0; 8];
            for (to, from) in first.iter_mut().zip(bytes) {
                *to = *from;
            }
            *head = Some(first);
        }
    }

    fn done(
        &mut self,
        (name, head): Self::Name,
        _file: &dyn OpenFile,
        held: Result<streams::Held<A::Digest>, Miss>,
    ) {
        let with_head = |streams::Held { digest, size }| {
            let head = head.unwrap_or_default();
            Held { digest, head, size }
        };
        (self.done)(name, held.map(with_head));
    }
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use stanch_machine::Pretend;

    use super::super::lanes::{Md5, Sha256};
    use super::*;

    /// All lengths around a block's and a piece's end, and enough to fill the lanes many times.
    fn lengths<A: Algorithm>() -> Vec<usize> {
        let around = |middle: usize| middle - 10..middle + 10;
        let pieces = around(A::PIECE).chain(around(A::PIECE * 2)).chain([A::PIECE * 4 + 3]);
        (0..140).chain(pieces).collect()
    }

    fn told<A: Algorithm>(bytes: &[u8]) -> Vec<(usize, Held<A::Digest>)> {
        let mut machine = Pretend::new();
        let mut left = lengths::<A>();
        for length in &left {
            machine = machine.file(format!("/f/{length}"), &bytes[..*length]);
        }
        let mut next = || {
            let length = left.pop()?;
            Some((length, Path::new(&format!("/f/{length}")).into(), None))
        };
        let mut told = Vec::new();
        digest_each::<A, _>(&machine, &mut next, &mut |length, held| {
            told.push((length, held.unwrap()));
        });
        assert_eq!(told.len(), lengths::<A>().len());
        told
    }

    #[test]
    fn files_of_every_length_have_the_digest_that_each_alone_has() {
        let bytes: Vec<u8> = (0..Sha256::PIECE * 5).map(|n| (n * 31 + n / 253) as u8).collect();
        for (length, held) in told::<Md5>(&bytes) {
            let expected: [u8; 16] = md5::Md5::digest(&bytes[..length]).into();
            assert_eq!(held.digest, expected, "{length}");
            let mut head = [0; 8];
            head[..length.min(8)].copy_from_slice(&bytes[..length.min(8)]);
            assert_eq!((held.head, held.size), (head, length as u64));
        }
        for (length, held) in told::<Sha256>(&bytes) {
            let expected: [u8; 32] = sha2::Sha256::digest(&bytes[..length]).into();
            assert_eq!(held.digest, expected, "{length}");
        }
    }

    #[test]
    fn what_cannot_be_opened_is_said_and_does_not_disturb_the_others() {
        let machine = Pretend::new().file("/a", "abc").file("/b", "abc").denied("/b");
        let mut left = vec!["/a", "/b", "/none"];
        let mut next = || left.pop().map(|path| (path, Path::new(path).into(), None));
        let mut told = Vec::new();
        digest_each::<Md5, _>(&machine, &mut next, &mut |path, held| {
            told.push((path, held.is_ok_and(|held| held.digest[..2] == [0x90, 0x01])));
        });
        told.sort_unstable();
        assert_eq!(told, [("/a", true), ("/b", false), ("/none", false)]);
    }
}
