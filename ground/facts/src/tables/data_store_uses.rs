//! Statements that lead out of a data store: to programs, libraries, files and other servers.
//!
//! Source: [`crate::history`]; the servers' own logs, their clients' histories, shell histories.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Dangerous uses of data stores.
    pub static SPEC, col = "data_store_uses": Files, "What databases, caches and container engines were told that leads out of them, from all logs and histories that survive.";
    store Text Plain "redis, mysql, postgresql, mongodb, docker, or the program's own name.";
    danger Text Plain "program, library, file-write, file-read, replication, account, erase, api-on-network, host-root or privileged.";
    command Text Plain "The statement or message, at most 500 characters.";
    user Text Plain "The account in the store, or of the history.";
    source_ip Text Plain "The client's address; empty if it is not known.";
    database Text Plain "The database, where the log names it.";
    path Text Plain "The file, where the log names it.";
    failed Integer Plain "1 if the store refused it each time.";
    witness Text Plain "The way it tells: text, journal, history ….";
    count BigInt Plain "How often.";
    first_time BigInt Plain "First time, in seconds since 1970 UTC; null if no record has one.";
    last_time BigInt Plain "Last time, in seconds since 1970 UTC.";
    file Text Plain "The file of the first record.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
