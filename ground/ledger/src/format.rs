//! The versions of what is written to disk. A line names its version first; every past version
//! stays readable.

pub mod v1;
