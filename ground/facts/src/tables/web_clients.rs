//! Addresses that asked a web server for something.
//!
//! Source: [`crate::history`], folded from access and error logs.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Clients of web servers.
    pub static SPEC, col = "web_clients": Files, "Addresses that asked a web server for something, as surviving logs tell.";
    address Text Plain "The address, as logged; behind a proxy it may be the proxy's.";
    requests BigInt Plain "Requests in access logs.";
    not_found BigInt Plain "Requests answered with 404 or 410.";
    missing_paths BigInt Plain "Different paths among them, counted up to 64.";
    refused BigInt Plain "Requests answered with 401 or 403.";
    attacks BigInt Plain "Requests that are abuse by their own text.";
    exploits BigInt Plain "Those among them that would do harm if they worked.";
    classes Text Plain "The classes of abuse.";
    failures BigInt Plain "Logins that failed.";
    users BigInt Plain "Different names among them, counted up to 64.";
    first_failure BigInt Plain "The first of them, in seconds since 1970 UTC.";
    last_failure BigInt Plain "The last of them.";
    success_time BigInt Plain "The first login that worked after failures, in seconds since 1970 UTC.";
    success_user Text Plain "The name in it, where one is logged.";
    failures_before BigInt Plain "How many had failed before it.";
    first_time BigInt Plain "First seen, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last seen.";
    user_agent Text Plain "What the client calls itself, at first.";
    virtual_host Text Plain "The site, where it is logged.";
    lines Text Plain "Up to ten of its attacks and failed logins, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
