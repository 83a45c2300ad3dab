//! How much is read at most. Each number is a cap on hostile input; reaching it is a gap.

/// A pseudo file of the kernel (/proc, /sys): larger than any honest one that we read whole.
pub const PSEUDO_FILE: u64 = 16 << 20;
/// A process's command line or environment. Linux allows 6 MiB for both together (`ARG_MAX` and
/// the stack limit, execve(2)); 1 MiB of it tells enough.
pub const ARGUMENTS: u64 = 1 << 20;
/// Command lines (or environments) of all processes together.
pub const ALL_ARGUMENTS: u64 = 16 << 20;
/// A configuration file.
pub const CONFIG_FILE: u64 = 8 << 20;
/// A database that is read whole (dpkg status, rpmdb.sqlite).
pub const DATABASE: u64 = 512 << 20;
/// A log or history that is read whole.
pub const LOG_FILE: u64 = 64 << 20;
/// A file that is hashed: 4 GiB.
pub const HASHED_FILE: u64 = 4 << 30;
/// Entries of one directory.
pub const ENTRIES: usize = 1_000_000;
/// How long one operation on the machine may take before it is given up as hanging.
pub const STALL: std::time::Duration = std::time::Duration::from_secs(3);
/// How many operations may hang for [`STALL`]; those after them are given up sooner.
pub const LONG_STALLS: usize = 4;
/// How long an operation may take once [`LONG_STALLS`] have hung.
pub const SHORT_STALL: std::time::Duration = std::time::Duration::from_millis(500);
/// After how many that hung everything is left out that may hang, asked before or not.
pub const MANY_STALLS: usize = 12;
/// After how many that hung a table that meets one more is given up. Each leaves a thread behind.
pub const STALLS: usize = 24;
