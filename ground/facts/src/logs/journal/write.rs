//! A small writer of journal files, for tests: every form that systemd has written.

use std::collections::HashMap;

use super::hashes::Hash;
use super::header::{SIGNATURE, incompatible};

/// Writes a journal file into memory.
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    compact: bool,
    hash: Hash,
    /// The compression's bit in an object's flags; 0 for none.
    compression: u8,
    data: HashMap<Vec<u8>, u64>,
    entries: Vec<u64>,
    /// The first array, the last, its capacity and how much of it is used.
    arrays: (u64, u64, u64, u64),
    pub(crate) seqnum: u64,
    head: u64,
    times: (u64, u64),
    objects: u64,
    tail: u64,
}

pub(crate) const FILE_ID: [u8; 16] = [0xf1; 16];
pub(crate) const BOOT: [u8; 16] = [0xb0; 16];
pub(crate) const SEQNUM_ID: [u8; 16] = [0x5e; 16];

impl Writer {
    pub(crate) fn new(flags: u32) -> Self {
        let mut bytes = vec![0; 264];
        bytes[..8].copy_from_slice(&SIGNATURE);
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        bytes[24..40].copy_from_slice(&FILE_ID);
        bytes[40..56].copy_from_slice(&[0x3a; 16]);
        bytes[72..88].copy_from_slice(&SEQNUM_ID);
        let key = u64::from_le_bytes([0xf1; 8]);
        let mut writer = Self {
            bytes,
            compact: flags & incompatible::COMPACT != 0,
            hash: if flags & incompatible::KEYED_HASH != 0 {
                Hash::Keyed(key, key)
            } else {
                Hash::Plain
            },
            compression: match flags {
                _ if flags & incompatible::LZ4 != 0 => 2,
                _ if flags & incompatible::ZSTD != 0 => 4,
                _ => 0,
            },
            data: HashMap::new(),
            entries: Vec::new(),
            arrays: (0, 0, 0, 0),
            seqnum: 0,
            head: 0,
            times: (0, 0),
            objects: 0,
            tail: 0,
        };
        writer.put_u64(88, 264);
        writer.object(4, 0, &[0; 64]);
        writer.object(5, 0, &[0; 32]);
        writer
    }

    pub(crate) fn put_u64(&mut self, at: u64, value: u64) {
        let at = at as usize;
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&[kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend_from_slice(&(body.len() as u64 + 16).to_le_bytes());
        self.bytes.extend_from_slice(body);
        self.objects += 1;
        self.tail = offset;
        offset
    }

    fn data(&mut self, payload: &[u8]) -> u64 {
        if let Some(&offset) = self.data.get(payload) {
            return offset;
        }
        let mut body = vec![0; if self.compact { 56 } else { 48 }];
        body[..8].copy_from_slice(&self.hash.of(payload).to_le_bytes());
        body[40] = 1;
        let mut flags = 0;
        if payload.len() >= 512 && self.compression != 0 {
            flags = self.compression;
            if flags == 2 {
                body.extend_from_slice(&(payload.len() as u64).to_le_bytes());
                body.extend_from_slice(&lz4_flex::block::compress(payload));
            } else {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                body.extend_from_slice(&ruzstd::encoding::compress_to_vec(payload, level));
            }
        } else {
            body.extend_from_slice(payload);
        }
        let offset = self.object(1, flags, &body);
        self.data.insert(payload.to_vec(), offset);
        offset
    }

    /// Appends an entry and returns where it lies.
    pub(crate) fn entry(&mut self, realtime: u64, fields: &[&[u8]]) -> u64 {
        let offset = self.unlinked_entry(realtime, fields);
        self.link(offset);
        offset
    }

    /// Appends an entry that no array names.
    pub(crate) fn unlinked_entry(&mut self, realtime: u64, fields: &[&[u8]]) -> u64 {
        let items: Vec<u64> = fields.iter().map(|field| self.data(field)).collect();
        self.seqnum += 1;
        if self.head == 0 {
            (self.head, self.times.0) = (self.seqnum, realtime);
        }
        self.times.1 = realtime;
        let mut body = Vec::new();
        for number in [self.seqnum, realtime, realtime % 1_000_000_000] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&BOOT);
        body.extend_from_slice(&[0; 8]);
        for item in items {
            if self.compact {
                body.extend_from_slice(&u32::try_from(item).unwrap().to_le_bytes());
            } else {
                body.extend_from_slice(&item.to_le_bytes());
                body.extend_from_slice(&[0; 8]);
            }
        }
        self.object(3, 0, &body)
    }

    fn link(&mut self, entry: u64) {
        let width = if self.compact { 4 } else { 8 };
        if self.arrays.3 == self.arrays.2 {
            let capacity = (self.arrays.2 * 2).max(4);
            let array = self.object(6, 0, &vec![0; (8 + capacity * width) as usize]);
            match self.arrays.1 {
                0 => self.arrays.0 = array,
                last => self.put_u64(last + 16, array),
            }
            self.arrays = (self.arrays.0, array, capacity, 0);
        }
        let at = (self.arrays.1 + 24 + self.arrays.3 * width) as usize;
        self.bytes[at..at + width as usize].copy_from_slice(&entry.to_le_bytes()[..width as usize]);
        self.arrays.3 += 1;
        self.entries.push(entry);
    }

    /// Writes the header and returns the file, archived as after a rotation.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.bytes[16] = 2;
        let arena = self.bytes.len() as u64 - 264;
        let (seqnum, head, (first, last)) = (self.seqnum, self.head, self.times);
        let entries = self.entries.len() as u64;
        let numbers = [
            arena,
            0,
            0,
            0,
            0,
            self.tail,
            self.objects,
            entries,
            seqnum,
            head,
            self.arrays.0,
            first,
            last,
        ];
        for (at, number) in (96..).step_by(8).zip(numbers) {
            self.put_u64(at, number);
        }
        // Space allotted ahead.
        self.bytes.resize(self.bytes.len() + 4096, 0);
        self.bytes
    }
}
