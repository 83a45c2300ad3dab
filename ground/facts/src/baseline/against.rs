//! A machine set against a baseline that was given to its host.

use std::io::Read;
use std::sync::mpsc::{Receiver, sync_channel};

use stanch_words::{Gap, GapKind, Seen};

use super::{
    Collected, Compared, Damage, Explained, Header, NAME, Owners, Reader, Scope, collect, compare,
    explain,
};
use crate::Host;

/// How many batches wait between those who look and who compares.
const WAITING: usize = 64;

/// Opens the baseline from its beginning.
type Open = Box<dyn Fn() -> std::io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// A baseline that a host is given, so that its tables can be set against it.
pub struct Given(Open);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given")
    }
}

impl Given {
    /// Returns a baseline that can be read again and again: what hangs is begun anew.
    pub fn new(
        open: impl Fn() -> std::io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(open))
    }

    /// Opens the baseline.
    ///
    /// # Errors
    /// [`Damage`] if it cannot be read or is none.
    pub fn open(&self) -> Result<Reader<Box<dyn Read + Send>>, Damage> {
        Reader::open((self.0)().map_err(Damage::Unread)?)
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Against {
    /// What the baseline says of itself.
    pub header: Header,
    /// The differences, with what explains them.
    pub explained: Explained,
    /// How much was compared; its differences are in `explained`.
    pub compared: Compared,
}

/// Returns the scope in which a machine is compared with a baseline.
pub(crate) fn scope_of(header: &Header) -> Scope {
    Scope { digests: header.scope.digests.quickest(), ..header.scope.clone() }
}

impl Against {
    /// Looks at all that the baseline covers, and compares.
    pub(crate) fn look(host: &Host, given: &Given, seen: &mut Seen) -> Option<Self> {
        let damage = |damage: &Damage| Gap::new(NAME, GapKind::Damaged, damage.to_string());
        let mut reader = match given.open() {
            Ok(reader) => reader,
            Err(what) => {
                seen.gap(damage(&what));
                return None;
            }
        };
        let header = reader.header().clone();
        let scope = scope_of(&header);
        let collected = Collected::default();
        let (sender, receiver) = sync_channel(WAITING);
        // This thread looks, so that it is watched; the other only compares.
        let compared = std::thread::scope(|threads| {
            let merge = threads.spawn(move || {
                let mut items = items(&receiver);
                compare(&mut reader, &mut items, &|| true)
            });
            collect(host, &scope, Owners::LeftOut, &collected, &|items| sender.send(items).is_ok());
            drop(sender);
            merge.join()
        });
        seen.gaps.extend(collected.gaps());
        match compared {
            Ok(Ok(mut compared)) => {
                let differences = std::mem::take(&mut compared.differences);
                let explained = explain(host, header.time, differences, seen);
                Some(Self { header, explained, compared })
            }
            Ok(Err(what)) => {
                seen.gap(damage(&what));
                None
            }
            Err(_panicked) => {
                seen.gap(Gap::new(NAME, GapKind::Bug, "the comparison failed"));
                None
            }
        }
    }
}

/// Returns what is told, item by item, until nobody tells any more.
fn items(receiver: &Receiver<Vec<super::Item>>) -> impl Iterator<Item = super::Item> {
    receiver.iter().flatten()
}
