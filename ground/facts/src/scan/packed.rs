//! Archives on their way to the judges: the caps of time, and what was left out as gaps.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use stanch_machine::OpenFile;
use stanch_words::{Gap, Seen, Value};

use super::Scan;
use super::piece::Piece;
use crate::archives::{self, Caps, File, Left, Member, Source};
use crate::content::{self, Format, Kind};

/// How many seconds one archive may take, its members' judging included.
const SECONDS: i64 = 120;
/// As many bytes tell whether it is an archive.
const HEAD: usize = 512;

impl Scan<'_> {
    /// Goes through an archive, and returns the gaps that it leaves.
    pub(super) fn walked(
        &self,
        path: &Path,
        source: &dyn Source,
        format: Format,
        each: &mut dyn FnMut(Member<'_>),
    ) -> Vec<Gap> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let end = self.host.machine().now().saturating_add(SECONDS);
        let is_over = || self.is_over() || self.host.machine().now() > end;
        let left = archives::walk(source, format, &name, Caps::USUAL, &is_over, each);
        left.iter().map(|left| self.left(path, left)).collect()
    }

    fn left(&self, path: &Path, left: &Left) -> Gap {
        let path = Value::from(path).to_string();
        let place = if left.member.is_empty() { path } else { format!("{path}!/{}", left.member) };
        let why = match left.count {
            0 | 1 => left.why.clone(),
            many => format!("{} ({many} times)", left.why),
        };
        Gap::new(self.table, left.kind, why).at(place)
    }

    /// Hands the members of an archive that is too large for one piece to the judges.
    pub(super) fn members(
        &self,
        file: &dyn OpenFile,
        path: &Path,
        size: u64,
        sender: &SyncSender<Piece>,
        seen: &mut Seen,
        made: &dyn Fn(Arc<Vec<u8>>, u64, bool) -> Piece,
    ) {
        let mut head = vec![0; HEAD];
        let Ok(read) = file.read_at(0, &mut head) else { return };
        head.truncate(read);
        let Kind::Archive(format) = content::kind(&head, "") else { return };
        let each = &mut |member: Member<'_>| {
            let mut piece = made(Arc::new(member.bytes.to_vec()), member.offset, member.is_whole);
            member.name.clone_into(&mut piece.member);
            // Who judges is gone only if it died, and then the walk ends soon.
            let _gone = sender.send(piece);
        };
        seen.gaps.extend(self.walked(path, &File { file, size }, format, each));
    }
}
