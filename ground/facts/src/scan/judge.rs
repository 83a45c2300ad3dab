//! One piece before all judges, and the rows that come of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stanch_words::{About, ByteHit, Gap, GapKind, Row, Value, text};

use super::piece::{Piece, State};
use super::{Counts, Intact, Scan};
use crate::content::{self, Kind, Oddity};
use crate::digest::{self, Digest};
use crate::tables::content_matches::{SPEC, col};

/// How many lines of a match are told.
const LINES: usize = 12;

/// What is the same in all rows of a piece.
struct Common {
    state: &'static str,
    kind: Kind,
    sha256: Option<String>,
}

impl Scan<'_> {
    /// Judges a piece; a panic (a mistake of ours or of an engine) is a gap and ends nothing.
    pub(super) fn judge(&self, piece: &Piece) {
        let judged = catch_unwind(AssertUnwindSafe(|| self.look(piece)));
        if judged.is_err() {
            let gap = Gap::new(self.table, GapKind::Bug, "judging its content failed");
            self.gap(gap.at(Value::from(piece.path.as_path()).to_string()));
        }
    }

    fn look(&self, piece: &Piece) {
        let state = match &piece.state {
            State::Known(state) => state,
            State::Owned(algorithm, expected) if piece.is_whole => {
                if digest::of_bytes(*algorithm, &piece.bytes) == *expected {
                    "intact"
                } else {
                    "altered"
                }
            }
            State::Owned(..) => "unverified",
        };
        if state == "intact" && self.scope.intact == Intact::Counted && piece.process.is_none() {
            return Counts::add(&self.counts.intact, 1);
        }
        if piece.offset == 0 || piece.process.is_some() {
            Counts::add(&self.counts.judged, 1);
        }
        Counts::add(&self.counts.bytes, piece.bytes.len() as u64);
        let name = piece.path.file_name().unwrap_or_default();
        let name = text::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(name));
        let is_memory = piece.process.as_ref().is_some_and(|process| process.is_memory);
        let kind = if piece.offset == 0 { content::kind(&piece.bytes, &name) } else { Kind::Data };
        let mut common = Common { state, kind, sha256: None };
        self.known(piece, &mut common);
        self.by_rules(piece, &piece.bytes, "", &name, is_memory, &mut common);
        if piece.offset == 0 && !is_memory {
            for oddity in content::oddities(&piece.bytes, kind) {
                self.odd(piece, "", oddity, &mut common);
            }
        }
    }

    fn by_rules(
        &self,
        piece: &Piece,
        bytes: &[u8],
        member: &str,
        name: &str,
        is_memory: bool,
        common: &mut Common,
    ) {
        let Some(rules) = &self.scope.rules else { return };
        let directory = piece.path.parent().map(|path| Value::from(path).to_string());
        let about = About {
            name: name.to_owned(),
            directory: directory.unwrap_or_default(),
            kind: common.kind.name().to_owned(),
            owner: piece.owner.to_string(),
            is_memory,
        };
        let judged = rules.judge(bytes, &about);
        if judged.timed_out {
            let detail = "rules took too long over it; others may match";
            let gap = Gap::new(self.table, GapKind::TimedOut, detail);
            self.gap(gap.at(Value::from(piece.path.as_path()).to_string()));
        }
        for hit in judged.hits {
            self.hit(piece, member, hit, common);
        }
    }

    /// Looks for the piece's digests among those that are known to be bad.
    fn known(&self, piece: &Piece, common: &mut Common) {
        let Some(known) = self.scope.digests.as_ref().filter(|_| piece.is_whole) else { return };
        let asked = |it: &Digest| known.lengths().contains(&it.hexadecimal());
        for algorithm in [Digest::Md5, Digest::Sha1, Digest::Sha256].into_iter().filter(asked) {
            let digest = digest::of_bytes(algorithm, &piece.bytes);
            if let Some((what, file)) = known.find(&digest) {
                let mut row = self.row(piece, "", common);
                row.put(col::kind, "hash")
                    .put(col::rule, digest)
                    .put(col::what, what)
                    .put(col::file, file)
                    .put(col::score, 100);
                self.push(row);
            }
        }
    }

    fn hit(&self, piece: &Piece, member: &str, hit: ByteHit, common: &mut Common) {
        let source = Value::from(piece.path.as_path()).to_string();
        let lines = hit.met.iter().map(|(name, offset, excerpt)| {
            serde_json::json!({
                "source": source,
                "offset": piece.offset.saturating_add(*offset),
                "excerpt": format!("${name}: {excerpt}"),
            })
        });
        let lines: Vec<serde_json::Value> = lines.collect();
        let offset = hit.met.first().map(|(_, offset, _)| piece.offset.saturating_add(*offset));
        let mut row = self.row(piece, member, common);
        row.put(col::kind, "yara")
            .put(col::rule, hit.rule)
            .put(col::what, hit.what)
            .put(col::author, hit.author)
            .put(col::file, hit.file)
            .put(col::score, hit.score)
            .put(col::attack, hit.attack.join(","))
            .put(col::lines, serde_json::Value::from(lines).to_string());
        if let Some(offset) = offset {
            row.put(col::offset, offset);
        }
        self.push(row);
    }

    fn odd(&self, piece: &Piece, member: &str, oddity: Oddity, common: &mut Common) {
        let source = Value::from(piece.path.as_path()).to_string();
        let lines = oddity.lines.iter().take(LINES).map(
            |(line, text)| serde_json::json!({ "source": source, "line": line, "excerpt": text }),
        );
        let lines: Vec<serde_json::Value> = lines.collect();
        let mut row = self.row(piece, member, common);
        row.put(col::kind, "heuristic")
            .put(col::rule, oddity.what)
            .put(col::what, oddity.detail)
            .put(col::score, oddity.score)
            .put(col::lines, serde_json::Value::from(lines).to_string());
        if let Some((line, _)) = oddity.lines.first() {
            row.put(col::line, *line);
        }
        self.push(row);
    }

    fn row(&self, piece: &Piece, member: &str, common: &mut Common) -> Row {
        if common.sha256.is_none() && piece.is_whole {
            common.sha256 = Some(digest::of_bytes(Digest::Sha256, &piece.bytes));
        }
        let stat = &piece.stat;
        let mut row = SPEC.row();
        row.put(col::path, piece.path.as_path())
            .put(col::member, member)
            .put(col::content, common.kind.name())
            .put(col::state, common.state)
            .put(col::size, stat.size)
            .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
            .put(col::ctime, stat.changed.div_euclid(1_000_000_000))
            .put(col::uid, stat.uid)
            .put(col::gid, stat.gid)
            .put(col::owner, &*piece.owner)
            .put(col::mode, format!("{:04o}", stat.mode & 0o7777));
        if let Some(sha256) = &common.sha256 {
            row.put(col::sha256, sha256.as_str());
        }
        if let Some(process) = &piece.process {
            row.put(col::pid, process.pid)
                .put(col::start_ticks, process.start)
                .put(col::memory, process.is_memory);
        }
        row
    }
}
