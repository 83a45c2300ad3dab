//! The timeline of a machine: gathered, shown, and kept in a file.

use std::io::{self, Write};
use std::path::Path;

use stanch_investigate::timeline;
pub use stanch_investigate::timeline::{MadeOf, Shown, Timeline, Wanted};
use stanch_ledger::LedgerError;
use stanch_ledger::kept::{Keeping, Older};

use crate::Incident;
use crate::evidence::ours;

/// Why a timeline could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    /// The file could not be made, or not be finished.
    #[error("the file could not be kept")]
    Kept(#[source] LedgerError),
    /// It could not be written to its end.
    #[error("the file could not be written")]
    Write(#[source] io::Error),
}

/// Shows a timeline on what is written to.
pub type Show<'s> = dyn FnMut(Timeline, &mut dyn Write) -> io::Result<(Shown, MadeOf)> + 's;

impl Incident {
    /// Gathers the timeline of the machine. Nothing is written.
    pub fn timeline(&self, wanted: &Wanted) -> Timeline {
        let mut timeline = timeline::gather(&self.snapshot, wanted);
        timeline.of.gaps.extend(self.strange.iter().cloned());
        timeline
    }

    /// Gathers the timeline and shows it in a file, which must not be there yet and is no part of
    /// it.
    ///
    /// # Errors
    /// [`TimelineError`]; then there is no such file.
    pub fn timeline_into(
        &self,
        wanted: &Wanted,
        path: &Path,
        show: &mut Show<'_>,
    ) -> Result<(Shown, MadeOf), TimelineError> {
        let mut keeping = Keeping::begin(path, Older::Refused).map_err(TimelineError::Kept)?;
        let wanted = Wanted { ours: ours(keeping.file()), ..wanted.clone() };
        let shown = show(self.timeline(&wanted), &mut keeping).map_err(TimelineError::Write)?;
        keeping.finish(Older::Refused).map_err(TimelineError::Kept)?;
        Ok(shown)
    }
}
