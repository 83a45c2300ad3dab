//! One piece before all judges, and the rows that come of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stanch_words::{About, Algorithm, ByteHit, Digested, Gap, GapKind, Row, Value, text};

use super::piece::{Piece, State};
use super::{Archives, Counts, Intact, Scan};
use crate::archives;
use crate::content::{self, Kind, Oddity};
use crate::digest::{self, Digest};
use crate::tables::content_matches::{SPEC, col};

/// How many lines of a match are told.
const LINES: usize = 12;

/// What is judged at once: a piece of a file, or of a member of an archive.
struct Part<'p> {
    piece: &'p Piece,
    state: &'static str,
    /// The member of the archive; empty for the file itself.
    member: &'p str,
    name: &'p str,
    kind: Kind,
    bytes: &'p [u8],
    /// The same, where they may be kept by a rule that takes too long over them.
    kept: Option<&'p Arc<Vec<u8>>>,
    offset: u64,
    is_whole: bool,
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
        let state = state(piece);
        if state == "intact" && self.scope.intact == Intact::Counted && piece.process.is_none() {
            return Counts::add(&self.counts.intact, 1);
        }
        let file_name = piece.path.file_name().unwrap_or_default();
        let file_name = text::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(file_name));
        let name = match piece.member.rsplit('/').next() {
            Some(own) if !piece.member.is_empty() => own,
            _ => &file_name,
        };
        let mut part = Part {
            piece,
            state,
            member: &piece.member,
            name,
            kind: if piece.offset == 0 { content::kind(&piece.bytes, name) } else { Kind::Data },
            bytes: &piece.bytes,
            kept: Some(&piece.bytes),
            offset: piece.offset,
            is_whole: piece.is_whole,
            sha256: None,
        };
        self.part(&mut part);
        let Kind::Archive(format) = part.kind else { return };
        if !piece.is_whole || !piece.member.is_empty() || self.scope.archives == Archives::AsTheyLie
        {
            return;
        }
        let each = &mut |member: archives::Member<'_>| {
            let name = member.name.rsplit('/').next().unwrap_or(member.name);
            let kind =
                if member.offset == 0 { content::kind(member.bytes, name) } else { Kind::Data };
            let (bytes, offset, is_whole) = (member.bytes, member.offset, member.is_whole);
            let member = member.name;
            let sha256 = None;
            self.part(&mut Part {
                piece,
                state,
                member,
                name,
                kind,
                bytes,
                kept: None,
                offset,
                is_whole,
                sha256,
            });
        };
        for gap in self.walked(&piece.path, &piece.bytes.as_slice(), format, each) {
            self.gap(gap);
        }
    }

    fn part(&self, part: &mut Part<'_>) {
        if part.offset == 0 || part.piece.process.is_some() {
            Counts::add(&self.counts.judged, 1);
        }
        Counts::add(&self.counts.bytes, part.bytes.len() as u64);
        let is_memory = part.piece.process.as_ref().is_some_and(|process| process.is_memory);
        self.known(part);
        self.by_rules(part, is_memory);
        if part.offset == 0 && !is_memory {
            let (oddities, caps) = content::look(part.bytes, part.kind, part.name);
            for cap in caps {
                self.gap(Gap::new(self.table, GapKind::Truncated, cap).at(source(part)));
            }
            for oddity in oddities {
                self.odd(part, oddity);
            }
            if part.kind == Kind::Elf && part.member.is_empty() {
                let path = &part.piece.path;
                let strange = self.strange_libraries(path, part.state, part.bytes);
                strange.into_iter().for_each(|oddity| self.odd(part, oddity));
            }
        }
    }

    fn by_rules(&self, part: &mut Part<'_>, is_memory: bool) {
        let Some(rules) = &self.scope.rules else { return };
        let directory = part.piece.path.parent().map(|path| Value::from(path).to_string());
        let about = About {
            name: part.name.to_owned(),
            directory: directory.unwrap_or_default(),
            kind: part.kind.name().to_owned(),
            owner: part.piece.owner.to_string(),
            is_memory,
        };
        let judged = match part.kept {
            Some(bytes) => rules.judge_kept(bytes, &about),
            None => rules.judge(part.bytes, &about),
        };
        if judged.not_asked > 0 {
            self.found().not_asked.add(judged.not_asked, &part.piece.path);
        }
        if judged.timed_out {
            let detail = "rules took too long over it; others may match";
            let gap = Gap::new(self.table, GapKind::TimedOut, detail);
            self.gap(gap.at(Value::from(part.piece.path.as_path()).to_string()));
        }
        if let Some(why) = judged.failed {
            let gap = Gap::new(self.table, GapKind::Bug, format!("rules failed over it: {why}"));
            self.gap(gap.at(Value::from(part.piece.path.as_path()).to_string()));
        }
        for hit in judged.hits {
            self.hit(part, hit);
        }
    }

    /// Looks for the digests of a file or member among those that are known to be bad.
    fn known(&self, part: &mut Part<'_>) {
        let Some(known) = self.scope.digests.as_ref().filter(|_| part.is_whole) else { return };
        let digests = known.wanted().iter().map(|&algorithm| {
            let digest = match algorithm {
                Algorithm::Md5 => Digest::Md5,
                Algorithm::Sha1 => Digest::Sha1,
                Algorithm::Sha256 => Digest::Sha256,
                Algorithm::Blake3 => Digest::Blake3,
            };
            (algorithm, digest::of_bytes(digest, part.bytes))
        });
        let digested = Digested {
            name: part.name.to_owned(),
            size: part.bytes.len() as u64,
            digests: digests.collect(),
        };
        for hit in known.find(&digested) {
            let mut row = row(part);
            row.put(col::kind, "hash")
                .put(col::rule, hit.digest)
                .put(col::what, hit.what)
                .put(col::file, hit.file)
                .put(col::score, 100);
            self.push(row);
        }
    }

    fn hit(&self, part: &mut Part<'_>, hit: ByteHit) {
        let source = source(part);
        let lines = hit.met.iter().map(|(name, offset, excerpt)| {
            serde_json::json!({
                "source": source,
                "offset": part.offset.saturating_add(*offset),
                "excerpt": format!("${name}: {excerpt}"),
            })
        });
        let lines: Vec<serde_json::Value> = lines.collect();
        let offset = hit.met.first().map(|(_, offset, _)| part.offset.saturating_add(*offset));
        let mut row = row(part);
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

    fn odd(&self, part: &mut Part<'_>, oddity: Oddity) {
        let source = source(part);
        let lines = oddity.lines.iter().take(LINES).map(
            |(line, text)| serde_json::json!({ "source": source, "line": line, "excerpt": text }),
        );
        let lines: Vec<serde_json::Value> = lines.collect();
        let mut row = row(part);
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
}

/// Returns what is known of who shipped a file, by its digest where that decides.
fn state(piece: &Piece) -> &'static str {
    match &piece.state {
        State::Known(state) => state,
        State::Owned(algorithm, expected) if piece.is_whole => {
            let is_intact = digest::of_bytes(*algorithm, &piece.bytes) == *expected;
            if is_intact { "intact" } else { "altered" }
        }
        State::Owned(..) => "unverified",
    }
}

/// Returns where bytes are from: the file, and the member after `!/`.
fn source(part: &Part<'_>) -> String {
    let path = Value::from(part.piece.path.as_path()).to_string();
    if part.member.is_empty() { path } else { format!("{path}!/{}", part.member) }
}

/// Returns a row with all that is known of the bytes; their digest is taken once.
fn row(part: &mut Part<'_>) -> Row {
    if part.sha256.is_none() && part.is_whole {
        part.sha256 = Some(digest::of_bytes(Digest::Sha256, part.bytes));
    }
    let stat = &part.piece.stat;
    let mut row = SPEC.row();
    row.put(col::path, part.piece.path.as_path())
        .put(col::member, part.member)
        .put(col::content, part.kind.name())
        .put(col::state, part.state)
        .put(col::size, stat.size)
        .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
        .put(col::ctime, stat.changed.div_euclid(1_000_000_000))
        .put(col::uid, stat.uid)
        .put(col::gid, stat.gid)
        .put(col::owner, &*part.piece.owner)
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777));
    if let Some(sha256) = &part.sha256 {
        row.put(col::sha256, sha256.as_str());
    }
    if let Some(process) = &part.piece.process {
        row.put(col::pid, process.pid)
            .put(col::start_ticks, process.start)
            .put(col::memory, process.is_memory);
    }
    row
}
