//! nginx's error log.

use stanch_words::EventKind;

use super::Complaint;
use crate::logs::Stamps;
use crate::logs::cut::{between, until};
use crate::web_attacks::{self, Attack, Request};

/// Reads a line.
pub(in crate::logs) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Complaint<'l>> {
    if text.as_bytes().get(4) != Some(&b'/') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let (level, rest) = rest.trim_start().strip_prefix('[')?.split_once("] ")?;
    let (ids, rest) = rest.split_once(": ")?;
    let (pid, _thread) = ids.split_once('#')?;
    let mut complaint = Complaint::new("nginx", rest);
    (complaint.time, complaint.clock) = (Some(stamp.time), stamp.clock);
    (complaint.level, complaint.pid) = (level, Some(pid.parse().ok()?));
    // `*7 `: the connection.
    let text = match rest.strip_prefix('*').and_then(|rest| rest.split_once(' ')) {
        Some((number, text)) if number.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => rest,
    };
    let (words, about) = about(text);
    let (client, fields) = about.split_once(", ").unwrap_or((about, ""));
    (complaint.source, complaint.source_port) = crate::logs::cut::address_port(client);
    complaint.virtual_host =
        fields.strip_prefix("server: ").map(|rest| until(rest, ", ")).unwrap_or_default();
    if let Some(host) = between(fields, ", host: \"", "\"") {
        complaint.virtual_host = host;
    }
    complaint.referrer = between(fields, ", referrer: \"", "\"").unwrap_or_default();
    if let Some(request) = between(fields, "request: \"", "\"") {
        let mut words = request.splitn(3, ' ');
        complaint.method = words.next().unwrap_or_default();
        complaint.url = words.next().unwrap_or_default();
    }
    understand(words, &mut complaint);
    Some(complaint)
}

/// Splits what happened from what nginx says about the client.
///
/// nginx escapes no quote here, and a client chooses the words before (a name, a path) and behind
/// (request, host, referrer). So the first place counts behind which everything has its shape.
fn about(text: &str) -> (&str, &str) {
    const MARK: &str = ", client: ";
    let mut first = None;
    for (at, _) in text.match_indices(MARK).take(20) {
        let (words, about) = text.split_at(at);
        let about = about.get(MARK.len()..).unwrap_or_default();
        if is_whole(about) {
            return (words, about);
        }
        first.get_or_insert((words, about));
    }
    first.unwrap_or((text, ""))
}

/// Returns whether `1.2.3.4, server: s, request: "r", host: "h", referrer: "u"` is all there is.
fn is_whole(about: &str) -> bool {
    let quoted = |text: &str| {
        let inside = text.strip_suffix('"').unwrap_or(text);
        inside.len() < text.len() && !inside.contains(['"', ' '])
    };
    match about.split_once(", host: \"") {
        Some((_, rest)) => match rest.split_once("\", referrer: \"") {
            Some((host, referrer)) => !host.contains(['"', ' ']) && quoted(referrer),
            None => quoted(rest),
        },
        None => about.ends_with('"') || !about.contains('"'),
    }
}

fn understand<'l>(text: &'l str, complaint: &mut Complaint<'l>) {
    if authentication(text, complaint) {
        return;
    }
    let is_missing =
        text.ends_with("No such file or directory)") || text.contains("is not found (2:");
    if is_missing {
        complaint.path = between(text, "\"", "\"").unwrap_or_default();
        complaint.abuse(of_request(complaint, Some(404)));
    } else if text.contains("limiting requests")
        || text.contains("limiting connections")
        || text.starts_with("delaying request")
    {
        complaint.is(EventKind::WebAbuse);
        complaint.attack = of_request(complaint, Some(429));
    } else if text.starts_with("access forbidden by rule") {
        complaint.is(EventKind::WebAbuse);
        complaint.attack = of_request(complaint, Some(403));
    } else if text.starts_with("SSL_do_handshake() failed") || text.starts_with("SSL_read() failed")
    {
        if is_no_tls(text) {
            complaint.abuse(Some(Attack::Malformed));
        }
    } else if text.contains("ModSecurity: ") {
        complaint.is(EventKind::WebAbuse);
        complaint.attack = of_request(complaint, Some(403));
    } else if text.contains("client sent invalid")
        || text.contains("client sent plain HTTP request")
    {
        complaint.abuse(Some(of_request(complaint, Some(400)).unwrap_or(Attack::Malformed)));
    } else if text.starts_with("FastCGI sent in stderr: ") {
        if text.contains("Primary script unknown") {
            complaint.abuse(Some(of_request(complaint, Some(404)).unwrap_or(Attack::Probe)));
        }
    } else {
        // What else it says, the request may say more.
        let attack = of_request(complaint, Some(200));
        complaint.abuse(attack.filter(|attack| attack.is_exploit()));
    }
}

/// Clients that speak no TLS, or a broken one: scanners. An old client that offers an old
/// protocol is none.
fn is_no_tls(text: &str) -> bool {
    const MARKS: [&str; 8] = [
        "packet length too long",
        "length too short",
        "encrypted length too long",
        "bad key share",
        "bad record type",
        "alert number 121",
        "http request",
        "wrong version number",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}

fn of_request(complaint: &Complaint<'_>, status: Option<u16>) -> Option<Attack> {
    web_attacks::classify(&Request {
        method: if complaint.method.is_empty() { "GET" } else { complaint.method },
        target: complaint.url,
        referrer: complaint.referrer,
        user_agent: "",
        status,
    })
}

/// `user "x" was not found in "/f"`, `user "x": password mismatch`, `PAM: user 'x' - not
/// authenticated`, `no user/password was provided for basic authentication`.
fn authentication<'l>(text: &'l str, complaint: &mut Complaint<'l>) -> bool {
    if let Some(rest) = text.strip_prefix("user \"") {
        let marks = [
            ("\" was not found in \"", EventKind::AuthInvalidUser),
            ("\": password mismatch", EventKind::AuthFailure),
        ];
        for (mark, kind) in marks {
            if let Some((user, _)) = rest.rsplit_once(mark) {
                complaint.user = user;
                complaint.is(kind);
                return true;
            }
        }
    }
    if let Some(rest) = text.strip_prefix("PAM: user '")
        && let Some((user, _)) = rest.rsplit_once("' - not authenticated")
    {
        complaint.user = user;
        complaint.is(EventKind::AuthFailure);
        return true;
    }
    // The question with which every login by HTTP begins.
    text.starts_with("no user/password was provided")
}
