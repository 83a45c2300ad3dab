//! Reads tables of this machine several times and prints the CPU time of each reading.
//!
//! ```text
//! cargo bench -p stanch-facts --bench tables -- 5 processes:pid,parent,uid,name,cmdline hidden_processes
//! ```
//!
//! The word `rows` before a table prints what was read, too.

use std::sync::Arc;

use stanch_facts::{Host, tables};
use stanch_machine::Live;
use stanch_words::{Ask, ColumnSet, Seen};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() {
    let mut times = 5_u32;
    let mut shown = 0;
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    for argument in arguments {
        if let Ok(number) = argument.parse() {
            times = number;
            continue;
        }
        if argument == "rows" {
            shown = usize::MAX;
            continue;
        }
        let (name, columns) = argument.split_once(':').unwrap_or((&argument, ""));
        let Some(table) = tables::find(name) else {
            println!("{name}: no such table");
            continue;
        };
        let mut ask = Ask::all();
        if !columns.is_empty() {
            let positions = columns.split(',').filter_map(|column| table.spec.position(column));
            ask.columns = ColumnSet(positions.fold(0, |set, at| set | 1 << at.min(63)));
        }
        let live = Arc::new(Live::new());
        for _ in 0..times {
            let mut seen = Seen::default();
            let before = cpu();
            // A new host: nothing is remembered from the reading before.
            (table.read)(&Host::new(live.clone()), &ask, &mut seen);
            let microseconds = cpu() - before;
            println!(
                "{argument}: {} rows, {} gaps, {}.{:03} ms of CPU",
                seen.rows.len(),
                seen.gaps.len(),
                microseconds / 1000,
                microseconds % 1000
            );
            for row in seen.rows.iter().take(shown) {
                let cells: Vec<String> = row.0.iter().map(ToString::to_string).collect();
                println!("  {}", cells.join(" | "));
            }
            for gap in seen.gaps.iter().take(shown) {
                println!("  {gap:?}");
            }
        }
    }
}

/// Returns the microseconds of CPU that this process has used.
fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
