//! Walks a tree as an image, with the metadata of every file, and prints CPU time and peak memory:
//! the walk of `odd_names`, `odd_times` and `locked_files`, which serves all of them.
//!
//! ```text
//! cargo bench -p stanch-facts --bench walk -- 3 /tmp/tree
//! ```
//!
//! The peer, of the same fields: `find /tmp/tree -printf '%p %y %i %n %m %U %G %s %b %A@ %T@ %C@ %B@\n'`.

use std::path::PathBuf;
use std::sync::Arc;

use stanch_facts::scan::Scope;
use stanch_facts::{Host, tables};
use stanch_machine::Image;
use stanch_words::{Ask, Seen};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() {
    let mut times = 3_u32;
    for argument in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        if let Ok(number) = argument.parse() {
            times = number;
            continue;
        }
        let Ok(image) = Image::open(&PathBuf::from(&argument)) else {
            println!("{argument}: no such folder");
            continue;
        };
        let image = Arc::new(image);
        for _ in 0..times {
            let before = cpu();
            let host = Host::new(image.clone());
            // The whole tree, as `detect --deep` asks for.
            host.give(Arc::new(Scope { roots: vec!["/".into()], ..Scope::default() }));
            let mut seen = Seen::default();
            if let Some(table) = tables::find("odd_names") {
                (table.read)(&host, &Ask::all(), &mut seen);
            }
            let microseconds = cpu() - before;
            println!(
                "{argument}: {} odd names, {} gaps, {}.{:03} s of CPU, {} KiB at most",
                seen.rows.len(),
                seen.gaps.len(),
                microseconds / 1_000_000,
                microseconds / 1000 % 1000,
                peak()
            );
        }
    }
}

/// Returns the microseconds of CPU that this process has used.
fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

/// Returns the most memory that this process has held, in KiB.
#[expect(clippy::disallowed_methods, reason = "a bench is a program of its own")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
