//! The order of it all: pages in the order in which things vanish, each within its budget.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_facts::{Snapshot, recorded};
use stanch_ledger::{Head, LedgerError, Record, chain};
use stanch_machine::Stat;
use stanch_rules::{Artifact, Profile};
use stanch_words::{Both, Gap, GapKind, Value};

use crate::capture::{CaptureOrder, Captured, Capturing};
use crate::files::Wants;
use crate::manifest::{Item, Status, rfc3339};
use crate::packing::Packing;
use crate::seal::{Seal, digest};
use crate::taking::As;

/// What only the collector can take, by the names that pages use.
pub const NATIVE: [&str; 8] = [
    "bodyfile",
    "deleted_open_files",
    "kernel_log",
    "named_histories",
    "network_files",
    "own_process",
    "process_files",
    "process_programs",
];

/// How a file of ours reads.
const TEXT: &str = "0644";

/// What becomes of passwords and private keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// They are named, with their digests: so that is known what has to be changed.
    #[default]
    Digests,
    /// They are taken as all else is.
    Contents,
}

/// What is taken.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much in all.
    pub profile: Profile,
    /// A person's own list in place of the profile: ids of pages.
    pub own_list: Option<Vec<String>>,
    /// Pages of the person's own, after ours.
    pub more: Vec<Artifact>,
    /// Files of logs and the like that did not change since then are left out: seconds since 1970.
    pub since: Option<i64>,
    /// Patterns of paths that are left out.
    pub exclude: Vec<String>,
    /// The largest file that is taken.
    pub largest: u64,
    /// What becomes of passwords and private keys.
    pub secrets: Secrets,
    /// What of the network is captured.
    pub capture: Option<CaptureOrder>,
    /// Files that are ours, by device and inode: what is being written now.
    pub ours: Vec<(u64, u64)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Triage,
            own_list: None,
            more: Vec::new(),
            since: None,
            exclude: Vec::new(),
            largest: 256 << 20,
            secrets: Secrets::Digests,
            capture: None,
            ours: Vec::new(),
        }
    }
}

impl Options {
    /// Returns the pages that are taken, in their order.
    fn chosen<'a>(&'a self, artifacts: &'a [Artifact]) -> Vec<&'a Artifact> {
        let is_chosen = |one: &&Artifact| match &self.own_list {
            Some(own) => own.contains(&one.id),
            None => one.profile <= self.profile,
        };
        artifacts.iter().filter(is_chosen).chain(&self.more).collect()
    }
}

/// Who collects, with what.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The program and version.
    pub tool: String,
    /// SHA-256 of the program's own file.
    pub tool_sha256: Option<String>,
    /// The person or account.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// The last entry of the open case's ledger: its number and hash.
    pub case_head: Option<String>,
    /// What people noted in the case: time, who, text.
    pub notes: Vec<(String, String, String)>,
}

/// Why a bundle could not be written to its end.
#[derive(Debug, thiserror::Error)]
pub enum PreserveError {
    /// What was written to does not take more.
    #[error("the bundle could not be written on after {items} items")]
    Write {
        /// How many items are whole.
        items: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// The pages that came with the binary are broken.
    #[error("content pages are broken: {}", .0.join("; "))]
    Content(Vec<String>),
    /// The record of custody could not be made.
    #[error("the record of custody could not be made")]
    Custody(#[from] LedgerError),
}

/// What was collected.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The seal.
    pub seal: Seal,
    /// Bytes of content.
    pub content: u64,
    /// Bytes of the bundle.
    pub packed: u64,
    /// What became of each page.
    pub taken: Vec<TakenOf>,
    /// What could not be taken.
    pub gaps: Vec<Gap>,
}

/// What became of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenOf {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: Both,
    /// Items with content.
    pub taken: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Items that changed while they were read, or were cut.
    pub not_whole: u64,
    /// Items that could not be read.
    pub missed: u64,
    /// Items that were left out on purpose.
    pub left_out: u64,
}

/// A collection under way.
pub(crate) struct Collector<'a> {
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) options: &'a Options,
    pub(crate) packing: Packing<'a>,
    /// The page that is being taken.
    pub(crate) artifact: String,
    pub(crate) known: BTreeSet<PathBuf>,
    /// What the list of all files met of patterns that may fit anywhere.
    pub(crate) anywhere: BTreeMap<String, Vec<(PathBuf, Stat)>>,
    pub(crate) patterns_anywhere: Vec<String>,
    gaps: Vec<Gap>,
    budget: Left,
    taken: Vec<TakenOf>,
}

/// What is left of a budget.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    bytes: u64,
    files: u64,
    until: Option<u64>,
    is_told: bool,
}

/// Collects, and writes a sealed bundle.
///
/// # Errors
/// [`PreserveError`]; what was written by then tells of all whole items in it.
pub fn collect(
    snapshot: &Arc<Snapshot>,
    options: &Options,
    about: &About,
    to: &mut dyn Write,
) -> Result<Collected, PreserveError> {
    let artifacts = stanch_rules::content::artifacts().map_err(|errors| {
        PreserveError::Content(errors.iter().map(ToString::to_string).collect())
    })?;
    let mut collector = Collector {
        snapshot,
        options,
        packing: Packing::begin(to),
        artifact: String::new(),
        known: BTreeSet::new(),
        anywhere: BTreeMap::new(),
        patterns_anywhere: Vec::new(),
        gaps: Vec::new(),
        budget: Left::default(),
        taken: Vec::new(),
    };
    let begun = collector.now();
    let written = collector.all(&artifacts, about, begun);
    let items = collector.packing.so_far().0;
    let failed = |source| PreserveError::Write { items, source };
    written.map_err(failed)?;
    collector.finish(about, begun)
}

impl Collector<'_> {
    pub(crate) fn now(&self) -> i64 {
        self.snapshot.host().machine().now()
    }

    fn monotonic(&self) -> u64 {
        self.snapshot.host().machine().kernel().map_or(0, |kernel| kernel.monotonic())
    }

    fn all(&mut self, artifacts: &[Artifact], about: &About, begun: i64) -> io::Result<()> {
        self.begin(about, begun)?;
        let capturing = self.listen();
        let (before, during) = match self.options.capture.as_ref().is_some_and(|one| one.alone) {
            true => (capturing.map(Capturing::end), None),
            false => (None, capturing),
        };
        let chosen: Vec<&Artifact> = self.options.chosen(artifacts);
        let patterns = chosen.iter().flat_map(|one| &one.paths);
        self.patterns_anywhere =
            patterns.filter(|path| path.starts_with("/**/")).cloned().collect();
        for artifact in chosen {
            self.one(artifact)?;
        }
        if let Some(captured) = before.or_else(|| during.map(Capturing::end)) {
            self.captured(captured)?;
        }
        "meta".clone_into(&mut self.artifact);
        let mut gaps = std::mem::take(&mut self.gaps);
        gaps.extend(self.snapshot.gaps());
        gaps.sort();
        gaps.dedup();
        let mut bytes = Vec::new();
        recorded::write_gaps(&gaps, &mut bytes)?;
        self.gaps = gaps;
        self.ours("live/gaps.jsonl", "what could not be seen", &bytes)
    }

    /// Begins to listen to the network, if that is asked for.
    fn listen(&self) -> Option<Capturing> {
        let order = self.options.capture.as_ref()?;
        Some(Capturing::begin(self.snapshot.host(), order))
    }

    /// Takes what was captured meanwhile.
    fn captured(&mut self, captured: Captured) -> io::Result<()> {
        "capture".clone_into(&mut self.artifact);
        let title = Both::new("packets of the network", "网络数据包");
        self.taken.push(TakenOf { id: self.artifact.clone(), title, ..TakenOf::default() });
        self.gaps.extend(captured.gaps);
        if captured.bytes.is_empty() {
            return Ok(());
        }
        let method = format!("packet(7): {}", captured.told);
        self.ours("live_response/network/capture.pcapng", &method, &captured.bytes)
    }

    /// The first item says what this is, so that one that is cut off tells it too.
    fn begin(&mut self, about: &About, begun: i64) -> io::Result<()> {
        "meta".clone_into(&mut self.artifact);
        let begin = serde_json::json!({
            "schema": "stanch.bundle/1",
            "host": about.host,
            "begun": rfc3339(begun.saturating_mul(1_000_000_000)),
            "tool": about.tool,
            "tool_sha256": about.tool_sha256,
            "who": about.who,
            "machine": self.snapshot.host().machine().kind(),
            "profile": self.options.own_list.as_ref().map_or(self.options.profile.name(), |_| "own"),
            "pages": self.options.own_list,
            "more": self.options.more.iter().map(|page| &page.id).collect::<Vec<_>>(),
            "exclude": self.options.exclude,
            "since": self.options.since.map(|time| rfc3339(time.saturating_mul(1_000_000_000))),
            "largest_file": self.options.largest,
        });
        let text = format!("{begin:#}\n");
        self.ours("meta/begin.json", "told by the collector", text.as_bytes())
    }

    fn one(&mut self, artifact: &Artifact) -> io::Result<()> {
        artifact.id.clone_into(&mut self.artifact);
        self.taken.push(TakenOf {
            id: artifact.id.clone(),
            title: artifact.title.clone(),
            ..TakenOf::default()
        });
        let budget = artifact.budget;
        let time = budget.seconds.saturating_mul(1_000_000_000);
        let until = self.snapshot.host().machine().kernel().map(|_| self.monotonic());
        self.budget = Left {
            bytes: budget.bytes,
            files: budget.files,
            until: until.map(|now| now.saturating_add(time)),
            is_told: false,
        };
        for table in &artifact.tables {
            self.table(table)?;
        }
        for native in &artifact.native {
            self.native(native, artifact)?;
        }
        for path in &artifact.paths {
            self.paths(path, artifact, Wants::Files)?;
        }
        for place in &artifact.places {
            self.paths(place, artifact, Wants::Directories)?;
        }
        for (what, why) in &artifact.not_done {
            self.gap(GapKind::NotDone, why, Some(Path::new(what)));
        }
        Ok(())
    }

    /// Returns when the page's time ends, by the monotonic clock.
    pub(crate) fn until(&self) -> Option<u64> {
        self.budget.until
    }

    /// Takes what only we can take; the names are those of [`NATIVE`].
    fn native(&mut self, name: &str, of: &Artifact) -> io::Result<()> {
        match name {
            "process_files" => self.process_files(),
            "process_programs" => self.process_programs(),
            "deleted_open_files" => self.deleted_open_files(),
            "network_files" => self.network_files(),
            "bodyfile" => self.bodyfile(),
            "own_process" => self.own_process(),
            "kernel_log" => self.kernel_log(),
            "named_histories" => self.named_histories(of),
            other => {
                self.gap(GapKind::Bug, &format!("nothing takes `{other}`"), None);
                Ok(())
            }
        }
    }

    /// Adds a file that we make ourselves.
    pub(crate) fn ours(&mut self, name: &str, method: &str, bytes: &[u8]) -> io::Result<()> {
        let item = self.item(&As { name: name.as_bytes().to_vec(), method });
        self.take_bytes(item, bytes, false)
    }

    /// Begins an item that is read now.
    pub(crate) fn item(&mut self, named: &As<'_>) -> Item {
        let now = self.now();
        self.packing.at(now);
        let time = rfc3339(now.saturating_mul(1_000_000_000));
        let item = Item {
            artifact: self.artifact.clone(),
            method: named.method.to_owned(),
            mode: TEXT.to_owned(),
            mtime: time.clone(),
            read_at: time,
            ..Item::default()
        };
        item.named(&named.name)
    }

    /// Leaves a gap.
    pub(crate) fn gap(&mut self, kind: GapKind, detail: &str, path: Option<&Path>) {
        let gap = Gap::new(&self.artifact, kind, detail);
        self.gaps.push(match path {
            Some(path) => gap.at(Value::from(path).to_string()),
            None => gap,
        });
    }

    /// Returns why the budget has no room for so many bytes more.
    pub(crate) fn over_budget(&self, bytes: u64) -> Option<&'static str> {
        match &self.budget {
            left if left.files == 0 => Some("the budget of files is used up"),
            left if left.bytes < bytes => Some("the budget of bytes is used up"),
            left if left.until.is_some_and(|until| self.monotonic() > until) => {
                Some("the budget of time is used up")
            }
            _ => None,
        }
    }

    /// Leaves one gap for all that the budget has no room for.
    pub(crate) fn budget_is_used_up(&mut self, why: &str) {
        if !std::mem::replace(&mut self.budget.is_told, true) {
            self.gap(GapKind::Truncated, why, None);
        }
    }

    pub(crate) fn tally(&mut self, item: &Item) {
        if item.status.is_taken() {
            self.budget.bytes = self.budget.bytes.saturating_sub(item.size);
            self.budget.files = self.budget.files.saturating_sub(1);
        }
        let Some(of) = self.taken.last_mut() else { return };
        let count = match item.status {
            Status::Whole | Status::Described => None,
            Status::Changed | Status::Truncated => Some(&mut of.not_whole),
            Status::LeftOut => Some(&mut of.left_out),
            _ => Some(&mut of.missed),
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        if item.status.is_taken() {
            of.taken = of.taken.saturating_add(1);
            of.bytes = of.bytes.saturating_add(item.size);
        }
    }

    fn finish(mut self, about: &About, begun: i64) -> Result<Collected, PreserveError> {
        let (items, content) = self.packing.so_far();
        let failed = |source| PreserveError::Write { items, source };
        let ended = self.now();
        let sums = self.packing.tell().map_err(failed)?;
        let counts = serde_json::json!({
            "items": items, "merkle_root": sums.merkle_root, "gaps": self.gaps.len(),
        });
        let (custody, head) = custody(about, begun, ended, &counts)?;
        let time = |seconds: i64| rfc3339(seconds.saturating_mul(1_000_000_000));
        let seal = Seal {
            schema: Seal::SCHEMA.to_owned(),
            host: about.host.clone(),
            begun: time(begun),
            ended: time(ended),
            tool: about.tool.clone(),
            tool_sha256: about.tool_sha256.clone(),
            items,
            merkle_root: sums.merkle_root,
            manifest_sha256: sums.manifest_sha256,
            sums_sha256: sums.sums_sha256,
            custody_sha256: digest(&custody),
            chain_head: head.hash,
            case_head: about.case_head.clone(),
        };
        let sealed = serde_json::to_vec_pretty(&seal).unwrap_or_default();
        let packed = self.packing.end(&custody, &sealed).map_err(failed)?;
        Ok(Collected { seal, content, packed, taken: self.taken, gaps: self.gaps })
    }
}

/// Returns the record of who had the bundle in hand: a chain in the format of the ledger.
fn custody(
    about: &About,
    begun: i64,
    ended: i64,
    counts: &serde_json::Value,
) -> Result<(Vec<u8>, Head), PreserveError> {
    let record = |time, what: &str, body| Record {
        time,
        who: about.who.clone(),
        tool: about.tool.clone(),
        what: what.to_owned(),
        body,
    };
    let mut records = vec![record(
        begun,
        "preserve.begun",
        serde_json::json!({ "host": about.host, "case_head": about.case_head }),
    )];
    records.extend(about.notes.iter().map(|(time, who, note)| {
        let body = serde_json::json!({ "noted": time, "by": who, "text": note });
        record(ended, "preserve.note", body)
    }));
    records.push(record(ended, "preserve.sealed", counts.clone()));
    let (mut bytes, mut head) = (Vec::new(), Head::none());
    for record in &records {
        let (line, entry) = chain::line(record, &head)?;
        bytes.extend_from_slice(&line);
        head = entry.head;
    }
    Ok((bytes, head))
}
