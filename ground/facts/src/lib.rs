//! Eyes: one table, one file; bytes become rows and gaps.
//!
//! **What the responder is asking**: what is on this machine right now, really?
//!
//! **In and out**: a [`stanch_machine::Machine`] goes in; rows of named tables come out, shaped
//! as osquery's where osquery has one, each with the gaps of what could not be read. A
//! [`Snapshot`] reads each table once, so that everything is judged on the same state.
//!
//! **Never**: no table runs a program, writes, or fails as a whole; a parser never panics and
//! never drops a line in silence.
//!
//! **Start reading** at [`tables`] (the list), [`host`] (what tables share) and [`snapshot`].

mod accounts;
pub mod archives;
mod base64;
pub mod baseline;
mod bpf;
pub mod command_text;
mod config_lines;
pub mod content;
pub mod decompress;
pub mod descriptors;
pub mod digest;
mod elf_symbols;
pub mod every_file;
mod hiding;
pub mod history;
pub mod host;
pub mod initial_ramdisk;
mod json;
mod lastlog_file;
mod lines;
mod links;
mod load_history;
mod login_databases;
mod login_records;
pub mod logs;
pub mod memory_map;
pub mod memory_totals;
mod mount_list;
mod netlink;
mod nftables;
mod openpgp;
pub mod packages;
pub mod parsers;
mod patterns;
mod persistence;
pub mod pid_views;
mod privileged;
pub mod process_files;
mod reach;
pub mod recorded;
pub mod sampling;
pub mod scan;
pub mod shell_lines;
mod shell_startup;
pub mod snapshot;
mod socket_holders;
pub mod sockets;
mod sqlite_file;
mod ssh_keys;
mod sshd;
pub mod system_files;
pub mod systemd;
pub mod tables;
mod walk;
pub mod web_attacks;
pub mod web_servers;

pub use host::Host;
pub use snapshot::Snapshot;
pub use tables::Table;
pub use walk::Holds;
