//! What could not be seen. A gap is a first-class fact: it is shown, kept and counted.

use crate::Both;

/// Why something could not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    /// Permission denied; a run as root would see it.
    Denied,
    /// The kernel refused even root (lockdown, a hardening setting, a missing kernel option).
    Refused,
    /// This kind of machine has no such thing (an image has no processes).
    NotHere,
    /// It was asked for and is not done, on purpose: the detail says why.
    NotDone,
    /// It was larger than the cap; what lies past the cap was not read.
    Truncated,
    /// It changed or vanished while it was read.
    Changed,
    /// It did not answer in time (a hanging network or user-space file system).
    TimedOut,
    /// It was read but not understood (damaged or hostile content).
    Damaged,
    /// Reading failed in another way.
    Failed,
    /// A bug of ours: the tool failed here and went on.
    Bug,
}

impl GapKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Denied,
        Self::Refused,
        Self::NotHere,
        Self::NotDone,
        Self::Truncated,
        Self::Changed,
        Self::TimedOut,
        Self::Damaged,
        Self::Failed,
        Self::Bug,
    ];

    /// Returns the kind of a name used in JSON.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::NotHere => "not-here",
            Self::NotDone => "not-done",
            Self::Truncated => "truncated",
            Self::Changed => "changed",
            Self::TimedOut => "timed-out",
            Self::Damaged => "damaged",
            Self::Failed => "failed",
            Self::Bug => "bug",
        }
    }

    /// Returns whether the run counts as done only in part (exit code 3) because of this gap:
    /// whether another run (as root, later, with higher caps) could close it.
    pub fn is_partial(self) -> bool {
        match self {
            Self::Denied
            | Self::Truncated
            | Self::TimedOut
            | Self::Damaged
            | Self::Failed
            | Self::Bug => true,
            Self::Refused | Self::NotHere | Self::NotDone | Self::Changed => false,
        }
    }

    /// Returns what a person reads.
    pub fn text(self) -> Both {
        match self {
            Self::Denied => {
                Both::new("permission denied; run as root to see it", "权限不足；请以 root 运行")
            }
            Self::Refused => {
                Both::new("the kernel refuses it even to root", "内核拒绝，root 也不行")
            }
            Self::NotHere => Both::new(
                "not in an image or bundle, or not on this kind of machine",
                "映像或证据包里没有，或这类机器上没有",
            ),
            Self::NotDone => Both::new("not done, on purpose", "有意不做"),
            Self::Truncated => {
                Both::new("larger than the cap; the rest was not read", "超过读取上限，其余未读")
            }
            Self::Changed => {
                Both::new("changed or vanished while being read", "读取时发生变化或消失")
            }
            Self::TimedOut => Both::new("did not answer in time", "未在时限内应答"),
            Self::Damaged => Both::new("damaged, or not understood", "内容损坏或无法识别"),
            Self::Failed => Both::new("reading failed", "读取失败"),
            Self::Bug => Both::new("the tool failed here and went on", "本工具在此出错，已继续"),
        }
    }
}

/// Something that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// What was being looked at: a table's name.
    pub what: String,
    /// Why it could not be seen.
    pub kind: GapKind,
    /// The system's own words, or a measured limit; may be empty.
    pub detail: String,
    /// Where, when there is a path.
    pub path: Option<String>,
}

impl Gap {
    /// Returns a gap in a table.
    pub fn new(what: &str, kind: GapKind, detail: impl Into<String>) -> Self {
        Self { what: what.to_owned(), kind, detail: detail.into(), path: None }
    }

    /// Returns the same gap with a path.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_kind() {
        for kind in GapKind::ALL {
            assert_eq!(GapKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(GapKind::from_name("denie"), None);
    }
}
