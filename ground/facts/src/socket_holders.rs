//! Which processes hold a socket, with their names: for the tables of unusual sockets.

use std::path::Path;
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Seen, Value};

use crate::Host;
use crate::descriptors::{Descriptors, SocketIndex};

/// Holders of all sockets.
pub(crate) struct Holders {
    descriptors: Arc<Descriptors>,
    by_inode: SocketIndex,
}

/// The first holder of a socket, and all of their pids.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    pub(crate) pid: Option<i64>,
    pub(crate) pids: String,
    pub(crate) name: Value,
    pub(crate) path: Value,
}

impl Holders {
    /// Returns the holders; what could not be seen is a gap of the table.
    pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> Self {
        let descriptors = Descriptors::all(host);
        for gap in &descriptors.gaps {
            seen.gap(stanch_words::Gap { what: table.to_owned(), ..gap.clone() });
        }
        let by_inode = descriptors.sockets();
        Self { descriptors, by_inode }
    }

    /// Returns who holds a socket.
    pub(crate) fn get(&self, host: &Host, inode: u64) -> Holder {
        let held = self.descriptors.holders(&self.by_inode, inode);
        let mut pids: Vec<i64> = held.map(|descriptor| descriptor.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        let Some(&pid) = pids.first() else { return Holder::default() };
        let (name, path) = program(host, pid);
        Holder { pid: Some(pid), pids: joined(&pids), name, path }
    }
}

/// Returns a process's name and program, empty once it has ended.
pub(crate) fn program(host: &Host, pid: i64) -> (Value, Value) {
    let machine = host.machine();
    let comm = machine.read(Path::new(&format!("/proc/{pid}/comm")), limits::PSEUDO_FILE);
    let exe = machine.read_link(Path::new(&format!("/proc/{pid}/exe")));
    (
        comm.ok().map(|text| Value::bytes(text.bytes.trim_ascii_end())).into(),
        exe.ok().as_deref().map(Value::from).into(),
    )
}

/// Returns numbers joined by commas.
pub(crate) fn joined<N: ToString>(numbers: &[N]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
