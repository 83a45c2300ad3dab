//! Tables, as they are read now, kept as JSON lines.

use std::io;

use stanch_facts::{recorded, tables};
use stanch_words::{Ask, GapKind, Sees, Tables as _};

use crate::collect::Collector;
use crate::taking::As;

impl Collector<'_> {
    /// Keeps a table. One that only a running machine has is not kept of an image: there it would
    /// say that nothing ran.
    pub(crate) fn table(&mut self, name: &str) -> io::Result<()> {
        let Some(table) = tables::find(name) else {
            self.gap(GapKind::Bug, &format!("there is no table `{name}`"), None);
            return Ok(());
        };
        let machine = self.snapshot.host().machine();
        if table.spec.sees == Sees::Live && machine.kernel().is_none() {
            return Ok(());
        }
        let member = format!("live/{name}.jsonl").into_bytes();
        let item = self.item(&As { name: member, method: "table" });
        let seen = self.snapshot.read(name, &Ask::all());
        let mut bytes = Vec::new();
        recorded::write(table.spec, &seen.rows, &mut bytes)?;
        self.take_bytes(item, &bytes, false)
    }
}
