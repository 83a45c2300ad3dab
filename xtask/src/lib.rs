//! The house's own tools, for those who build it.
//!
//! **What the responder is asking**: nothing here; the developer asks whether the house still
//! stands as ARCHITECTURE.md says.
//!
//! **In and out**: the source tree goes in; offences with file and line come out, or the skeleton
//! of something new, or the generated pages of the handbook.
//!
//! **Never**: this crate is no part of the program and never looks at a machine.
//!
//! **Start reading** at [`laws`] (the list), [`House`] (what the laws look at) and [`handbook`].

pub mod handbook;
mod house;
pub mod laws;
mod markdown;
pub mod new;
pub mod pack;
pub mod score;

pub use house::{Crate, Dependency, House};

/// Says a line on stdout.
#[expect(clippy::print_stdout, reason = "a developer's tool speaks on stdout")]
pub fn say(line: &str) {
    println!("{line}");
}
