//! One moment of a timeline: something that a log tells of, or a time that a file carries.

use std::borrow::Cow;

use crate::Event;

/// A moment, as it passes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment<'m> {
    /// When, in nanoseconds since 1970 UTC.
    pub time: i64,
    /// What happened then.
    pub what: Happened<'m>,
}

/// What happened at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened<'m> {
    /// What a log tells.
    Event(&'m Event<'m>),
    /// A file carries this time.
    Times(&'m FileTimes<'m>),
}

impl Happened<'_> {
    /// The name of what is no event of a log.
    pub const TIMES: &'static str = "file.times";

    /// Returns the dotted name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Event(event) => event.kind.name(),
            Self::Times(_) => Self::TIMES,
        }
    }
}

/// A file with the times that it carries, in nanoseconds since 1970 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTimes<'l> {
    /// Its path, any bytes.
    pub path: Cow<'l, [u8]>,
    /// Where it leads, if it is a symlink and this is known.
    pub target: Option<Cow<'l, [u8]>>,
    /// Inode number.
    pub inode: u64,
    /// Kind and permission bits (inode(7)).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// When its content was changed.
    pub modified: i64,
    /// When it was read.
    pub accessed: i64,
    /// When its inode was changed.
    pub changed: i64,
    /// When it was made, where the file system keeps it.
    pub born: Option<i64>,
}

impl FileTimes<'_> {
    /// Returns which of its times this is, as mactime(1) shows it: `macb`, with a dot for each
    /// that is another.
    pub fn letters(&self, time: i64) -> [u8; 4] {
        let letter = |own: Option<i64>, letter| if own == Some(time) { letter } else { b'.' };
        [
            letter(Some(self.modified), b'm'),
            letter(Some(self.accessed), b'a'),
            letter(Some(self.changed), b'c'),
            letter(self.born, b'b'),
        ]
    }

    /// Returns its times, each once.
    pub fn distinct(&self) -> impl Iterator<Item = i64> {
        let all = [Some(self.modified), Some(self.accessed), Some(self.changed), self.born];
        (0..all.len()).filter_map(move |at| {
            let time = all.get(at).copied().flatten()?;
            let is_new = !all.iter().take(at).any(|before| *before == Some(time));
            is_new.then_some(time)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_of_a_file_are_one_moment_with_several_letters() {
        let file = FileTimes {
            modified: 5,
            accessed: 9,
            changed: 5,
            born: Some(5),
            ..FileTimes::default()
        };
        assert_eq!(file.distinct().collect::<Vec<_>>(), [5, 9]);
        assert_eq!((&file.letters(5), &file.letters(9)), (b"m.cb", b".a.."));
        let unborn = FileTimes { born: None, ..file };
        assert_eq!(&unborn.letters(5), b"m.c.");
    }
}
