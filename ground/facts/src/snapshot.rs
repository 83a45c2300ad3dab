//! Tables of one machine at one time: each is read at most once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use stanch_machine::{Machine, Stalls, Watched, limits};
use stanch_words::{Ask, ColumnSet, Constraint, Gap, GapKind, Role, Seen, Sees, TableSpec, Tables};

use crate::{Host, Table, recorded, tables};

/// How often a table's reading starts anew without a path that hangs.
const TRIES: usize = 24;

/// The tables of one machine. What was read once is given again, so that all signs and all
/// queries of a run judge the same state.
#[derive(Debug)]
pub struct Snapshot {
    host: Arc<Host>,
    stalls: Stalls,
    wanted: Mutex<HashMap<String, ColumnSet>>,
    kept: Mutex<BTreeMap<Key, Vec<Kept>>>,
}

/// A table's name and the values that narrowed its reading (none: read whole).
type Key = (String, String);

#[derive(Debug)]
struct Kept {
    columns: ColumnSet,
    seen: Arc<Seen>,
}

impl Snapshot {
    /// Returns the tables of a machine. `stalls` is the machine's own watch over hanging paths.
    pub fn new(machine: Arc<dyn Machine>, stalls: Stalls) -> Self {
        Self {
            host: Arc::new(Host::new(machine)),
            stalls,
            wanted: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// Says beforehand which columns of a table will be asked for in all, so that its one reading
    /// serves everybody.
    pub fn want(&self, table: &str, columns: ColumnSet) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let all = wanted.entry(table.to_owned()).or_insert(ColumnSet::NONE);
        *all = all.union(columns);
    }

    /// Returns the host that the tables share.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Returns how many tables were read so far and how many rows they gave.
    pub fn counts(&self) -> (usize, usize) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = kept.values().flatten().map(|kept| kept.seen.rows.len()).sum();
        let tables: std::collections::BTreeSet<&String> =
            kept.keys().map(|(name, _)| name).collect();
        (tables.len(), rows)
    }

    /// Returns all gaps of what was read so far, in order and without repetitions.
    pub fn gaps(&self) -> Vec<Gap> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gaps: Vec<Gap> =
            kept.values().flatten().flat_map(|kept| kept.seen.gaps.iter().cloned()).collect();
        gaps.sort();
        gaps.dedup();
        gaps
    }

    fn kept(&self, table: &str, ask: &Ask) -> Option<Arc<Seen>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        [Vec::new(), ask.constraints.clone()].into_iter().find_map(|constraints| {
            kept.get(&(table.to_owned(), key(&constraints)))?
                .iter()
                .find(|kept| kept.columns.covers(ask.columns))
                .map(|kept| Arc::clone(&kept.seen))
        })
    }

    fn keep(&self, table: &str, ask: &Ask, seen: Arc<Seen>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (table.to_owned(), key(&ask.constraints));
        kept.entry(key).or_default().push(Kept { columns: ask.columns, seen });
    }

    /// Does a piece of work that looks at the machine in a thread that may be left behind if the
    /// machine does not answer; the gaps say what was left out, under a name.
    pub fn watched<T: Send + 'static>(
        &self,
        name: &str,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> (Option<T>, Vec<Gap>) {
        let (done, left_out, mut gaps) = match self.stalls.watch(limits::STALL, TRIES, work) {
            Watched::Done(done, left_out) => (Some(done), left_out, Vec::new()),
            Watched::Panicked(message) => {
                (None, Vec::new(), vec![Gap::new(name, GapKind::Bug, message)])
            }
            Watched::GivenUp(left_out) => {
                let detail = "too much did not answer in time; this was not read";
                (None, left_out, vec![Gap::new(name, GapKind::TimedOut, detail)])
            }
        };
        gaps.extend(left_out.into_iter().map(|path| {
            let path = stanch_words::Value::from(path.as_path()).to_string();
            Gap::new(name, GapKind::TimedOut, "no answer in time, or no end").at(path)
        }));
        (done, gaps)
    }

    /// Reads a table in a thread that may be left behind if the machine does not answer.
    fn look(&self, table: &'static Table, ask: &Ask) -> Seen {
        let name = table.spec.name;
        let mut seen = Seen::default();
        // What a running machine told is more than what can be told from its files later.
        let gaps = || self.host.once(|host| recorded::Gaps::of(host.machine()));
        if let Some(kept) = recorded::read(self.host.machine(), table.spec, gaps) {
            return kept;
        }
        if table.spec.sees == Sees::Live && self.host.machine().kernel().is_none() {
            seen.gap(Gap::new(name, GapKind::NotHere, "only a running machine has this"));
            return seen;
        }
        let (host, ask) = (Arc::clone(&self.host), ask.clone());
        let (done, gaps) = self.watched(name, move || {
            let mut seen = Seen::default();
            (table.read)(&host, &ask, &mut seen);
            seen
        });
        seen = done.unwrap_or(seen);
        // What several tables share leaves its gaps without a table's name.
        for gap in seen.gaps.iter_mut().filter(|gap| gap.what.is_empty()) {
            gap.what = name.to_owned();
        }
        seen.gaps.extend(gaps);
        seen
    }
}

fn key(constraints: &[Constraint]) -> String {
    if constraints.is_empty() { String::new() } else { format!("{constraints:?}") }
}

impl Tables for Snapshot {
    fn specs(&self) -> Vec<&'static TableSpec> {
        tables::ALL.iter().map(|table| table.spec).collect()
    }

    fn read(&self, table: &str, ask: &Ask) -> Arc<Seen> {
        if let Some(seen) = self.kept(table, ask) {
            return seen;
        }
        let Some(found) = tables::find(table) else { return Arc::default() };
        let mut ask = ask.clone();
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = wanted.get(table).copied();
        let keyed = found.spec.columns.iter().any(|column| column.role == Role::Required);
        if let Some(wanted) = wanted {
            // A judgement over the whole snapshot: everything asked for at once.
            ask.columns = ask.columns.union(wanted);
            if !keyed {
                ask.constraints.clear();
            }
        }
        let seen = Arc::new(self.look(found, &ask));
        self.keep(table, &ask, Arc::clone(&seen));
        seen
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;
    use stanch_words::{Op, Value};

    use super::*;

    fn snapshot(machine: Pretend) -> Snapshot {
        Snapshot::new(Arc::new(machine), Stalls::default())
    }

    #[test]
    fn a_table_that_was_wanted_is_read_once_and_whole() {
        let snapshot = snapshot(Pretend::new().file("/etc/hosts", "127.0.0.1 a\n::1 b\n"));
        snapshot.want("etc_hosts", ColumnSet(1));
        snapshot.want("etc_hosts", ColumnSet(2));
        let value = Value::from("127.0.0.1");
        let constraints = vec![Constraint { column: 0, op: Op::Equal, value }];
        let first = snapshot.read("etc_hosts", &Ask { columns: ColumnSet(1), constraints });
        assert_eq!(first.rows.len(), 2);
        for columns in [ColumnSet(1), ColumnSet(2), ColumnSet(3)] {
            let again = snapshot.read("etc_hosts", &Ask { columns, constraints: Vec::new() });
            assert!(Arc::ptr_eq(&first, &again), "{columns:?} was read anew");
        }
        assert_eq!(snapshot.counts(), (1, 2));
    }

    #[test]
    fn a_table_of_the_kernel_is_a_gap_without_one() {
        let seen = snapshot(Pretend::new()).read("processes", &Ask::all());
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
        assert_eq!(seen.gaps[0].kind, GapKind::NotHere);
    }
}
