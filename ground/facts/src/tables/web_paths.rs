//! Paths that web servers answered with success, and the shape of the traffic to each.
//!
//! Source: [`crate::history`], folded from access logs.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Web paths.
    pub static SPEC, col = "web_paths": Files, "Paths that web servers answered with success, and the shape of the traffic to each.";
    path Text Plain "The path, without the query.";
    virtual_host Text Plain "The site, where it is logged.";
    is_script Integer Plain "1 if it names a program that the server runs (PHP, JSP, ASP, CGI).";
    is_data_place Integer Plain "1 if it lies where sites keep what is uploaded or only delivered.";
    requests BigInt Plain "Requests that were answered with success or a redirection.";
    posts BigInt Plain "Those with POST.";
    post_percent BigInt Plain "Their share, in percent.";
    referred_percent BigInt Plain "The share that names a referring page, in percent.";
    exploits BigInt Plain "Those that would run something of the attacker's choice.";
    addresses BigInt Plain "Different addresses, counted up to 16.";
    queries BigInt Plain "Different queries, counted up to 16.";
    sample_address Text Plain "The first address.";
    first_time BigInt Plain "First, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last.";
    seen_after BigInt Plain "How many seconds after the beginning of the logs it was first asked for.";
    log_span BigInt Plain "How many seconds the logs reach over.";
    lines Text Plain "Up to ten of the requests with POST or with a command, if it is a script, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
