//! Files and processes whose content is known to be bad, or gives something away.
//!
//! What is looked at is said by a [`Scope`], which the host is given beforehand; without one it is
//! the usual places, for a short time and without rules.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::scan::{self, Archives, Scope};

table_spec! {
    /// Matches of content.
    pub static SPEC, col = "content_matches": Files, "Matches of YARA rules and of our own heuristics in the content of files and in the memory of processes; in a query, of what is not proven intact in temporary places, web roots, places of persistence and homes.";
    path Text Plain "Path; of memory, that of the program.";
    member Text Plain "Name within the archive at that path, with !/ between archives within archives; empty for the file itself.";
    kind Text Plain "yara or heuristic; hash where a list of digests was given.";
    rule Text Plain "The rule's name; the digest; or the heuristic's name (web-shell, decodes-and-runs, web-rule).";
    what Text Plain "What it finds, in the words of whoever wrote the rule.";
    score Integer Plain "How telling, 0 to 100.";
    content Text Plain "The kind of the file, or of the member, by its content: elf, script, php, jsp, asp, image, zip, text and others.";
    state Text Plain "What the package database says: unowned, altered, config, intact, unverified or unknown.";
    size BigInt Plain "Size of the file in bytes.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    owner Text Plain "The owner's account name.";
    mode Text Plain "Permission bits, octal.";
    sha256 Text Plain "SHA-256 of the file, or of the member; empty where it is too large to be judged in one piece.";
    pid BigInt Plain "The process whose program or memory it is.";
    start_ticks BigInt Plain "When that process started, in clock ticks since boot.";
    memory Integer Plain "1 if it is in memory.";
    offset BigInt Plain "Where the first matched string begins.";
    line BigInt Plain "The line that explains it, from 1.";
    lines Text Plain "What was met and where, as a JSON array.";
    author Text Plain "Who wrote the rule.";
    file Text Plain "The file that the rule or digest stands in.";
    attack Text Plain "ATT&CK technique ids, with commas, as far as the rule names them.";
}

/// How long content is read when nobody says otherwise, in seconds.
const SECONDS: i64 = 8;

/// Scans what the host's scope says.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let usual = || {
        let archives = Archives::AsTheyLie;
        std::sync::Arc::new(Scope { seconds: Some(SECONDS), archives, ..Scope::default() })
    };
    let scope = host.made::<Scope>().unwrap_or_else(usual);
    scan::scan(host, SPEC.name, &scope, seen);
}
