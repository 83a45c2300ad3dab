//! Apache's error log.

use stanch_words::EventKind;

use super::Complaint;
use crate::logs::Stamps;
use crate::logs::cut::{address_port, between, until};
use crate::web_attacks::{self, Attack, Request};

/// Reads a line.
pub(super) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Complaint<'l>> {
    let (stamp, rest) = stamps.ctime(text.strip_prefix('[')?)?;
    let rest = rest.strip_prefix(']')?;
    let mut complaint = body(rest)?;
    (complaint.time, complaint.clock) = (Some(stamp.time), stamp.clock);
    Some(complaint)
}

/// Reads what follows the time: bracketed marks, then the text.
pub(in crate::logs) fn body(text: &str) -> Option<Complaint<'_>> {
    let mut complaint = Complaint::new("apache2", "");
    let mut rest = text.trim_start();
    let mut marks = 0;
    let mut evasive = false;
    loop {
        // `(70014)End of file found: [client …`: the system's own error before the client.
        if rest.starts_with('(')
            && let Some(at) = rest.find(": [client ")
            && at < 200
        {
            rest = rest.get(at.saturating_add(2)..).unwrap_or_default();
        }
        let Some((mark, after)) = rest.strip_prefix('[').and_then(|rest| mark(rest)) else { break };
        marks += 1;
        if let Some(client) = mark.strip_prefix("client ").or_else(|| mark.strip_prefix("remote "))
        {
            (complaint.source, complaint.source_port) = address_port(client);
            rest = after.trim_start();
            break;
        }
        if let Some(pid) = mark.strip_prefix("pid ") {
            complaint.pid = until(pid, ":").parse().ok();
        } else if complaint.level.is_empty() {
            let (module, level) = mark.rsplit_once(':').unwrap_or(("", mark));
            complaint.level = level;
            evasive = module.starts_with("evasive");
        }
        rest = after.trim_start();
    }
    if marks == 0 || !is_level(complaint.level) {
        return None;
    }
    // `AH01618: text`.
    let text = match rest.split_once(": ") {
        Some((code, text)) if code.starts_with("AH") && code.len() <= 9 && !code.contains(' ') => {
            text
        }
        _ => rest,
    };
    complaint.message = rest;
    let text = match text.rsplit_once(", referer: ") {
        Some((text, referrer)) => {
            complaint.referrer = referrer;
            text
        }
        None => text,
    };
    understand(text, rest, &mut complaint);
    if evasive && complaint.kind == EventKind::WebError && text.starts_with("client denied") {
        complaint.is(EventKind::WebAbuse);
    }
    Some(complaint)
}

/// Splits off a mark; an IPv6 address in it has brackets of its own.
fn mark(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate().take(300) {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 0 => {
                return Some((text.get(..at)?, text.get(at.saturating_add(1)..)?));
            }
            b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_level(level: &str) -> bool {
    matches!(
        level,
        "emerg"
            | "alert"
            | "crit"
            | "error"
            | "warn"
            | "notice"
            | "info"
            | "debug"
            | "trace1"
            | "trace2"
            | "trace3"
            | "trace4"
            | "trace5"
            | "trace6"
            | "trace7"
            | "trace8"
    )
}

fn understand<'l>(text: &'l str, whole: &'l str, complaint: &mut Complaint<'l>) {
    if authentication(text, complaint) || missing(text, complaint) {
        return;
    }
    if let Some(path) = text.strip_prefix("client denied by server configuration: ") {
        complaint.path = path;
        complaint.is(EventKind::WebAbuse);
        complaint.attack = web_attacks::classify_missing(path);
    } else if let Some(request) = text
        .strip_prefix("Invalid URI in request ")
        .or_else(|| text.strip_prefix("invalid URI path ("))
        .or_else(|| text.strip_prefix("Invalid URI path ("))
    {
        invalid(request, complaint);
    } else if text.starts_with("Hostname ") && text.contains("provided via SNI")
        || text.starts_with("No hostname was provided via SNI")
        || text.starts_with("request failed: ")
        || text.starts_with("Invalid method in request")
    {
        complaint.abuse(Some(Attack::Malformed));
    } else if text.contains("ignoring function definition attempt")
        || text.contains("error importing function definition for")
    {
        complaint.abuse(Some(Attack::Shellshock));
    } else if text.starts_with("ModSecurity: ") || text.starts_with("[client ") {
        mod_security(whole, complaint);
    } else if let Some(rest) = crate::logs::cut::after(text, "suhosin[") {
        super::php::suhosin(rest, complaint);
    }
}

/// Logins by HTTP, and ZoneMinder, which writes its own here.
fn authentication<'l>(text: &'l str, complaint: &mut Complaint<'l>) -> bool {
    let text = text.strip_prefix("Digest: ").unwrap_or(text);
    // `user x not found: /path`, `user x: password mismatch: /path`,
    // `user x: authentication failure for "/path": Password Mismatch`,
    // ``user `x' in realm `y' not found: /path``.
    if let Some(rest) = text.strip_prefix("user ") {
        let marks = [
            (" in realm `", EventKind::AuthInvalidUser),
            (": authentication failure for \"", EventKind::AuthFailure),
            (": authorization failure for \"", EventKind::AuthFailure),
            (": password mismatch: ", EventKind::AuthFailure),
            (": not found: ", EventKind::AuthInvalidUser),
            (" not found: ", EventKind::AuthInvalidUser),
        ];
        for (mark, kind) in marks {
            // The client chooses the name, not what follows it: the last mark counts.
            if let Some((user, after)) = rest.rsplit_once(mark) {
                complaint.user = user.trim_matches(['`', '\'']);
                complaint.url = if mark.ends_with('"') { until(after, "\"") } else { after };
                if mark.starts_with(" in realm") {
                    complaint.url =
                        crate::logs::cut::after(after, "not found: ").unwrap_or_default();
                }
                complaint.is(kind);
                return true;
            }
        }
        if let Some(user) = rest.strip_suffix(" not found") {
            complaint.user = user;
            complaint.is(EventKind::AuthInvalidUser);
            return true;
        }
    }
    if let Some(rest) = text.strip_prefix("Authorization of user ")
        && let Some((user, rest)) = rest.split_once(" to access ")
    {
        (complaint.user, complaint.url) = (user, until(rest, " failed"));
        complaint.is(EventKind::AuthFailure);
        return true;
    }
    let failed = text.starts_with("client used wrong authentication scheme")
        || text.starts_with("invalid qop `")
        || text.starts_with("realm mismatch - got")
        || text.starts_with("unknown algorithm `")
        || text.starts_with("invalid nonce ")
            && (text.contains("length is not") || text.ends_with("attempted time travel"));
    if failed {
        complaint.is(EventKind::AuthFailure);
        return true;
    }
    let camera = text.strip_prefix("WAR [").or_else(|| text.strip_prefix("ERR ["));
    if let Some(rest) = camera
        && (rest.starts_with("Login denied for user")
            || rest.starts_with("Could not retrieve user"))
    {
        let quoted = between(rest, "\"", "\"");
        complaint.user = quoted.or_else(|| between(rest, "user ", " details")).unwrap_or_default();
        complaint.is(EventKind::AuthFailure);
        return true;
    }
    false
}

/// What is asked for and is not there: abuse if its name tells that nobody means this site.
fn missing<'l>(text: &'l str, complaint: &mut Complaint<'l>) -> bool {
    let path = if let Some(path) = text.strip_prefix("File does not exist: ") {
        path
    } else if let Some(path) = text.strip_prefix("script not found or unable to stat: ") {
        path
    } else if let Some(rest) = text.strip_prefix("script '") {
        until(rest, "' not found")
    } else if let Some(rest) = text.strip_prefix("stderr from ") {
        match rest.split_once(": script not found") {
            Some((path, _)) => path,
            None => return false,
        }
    } else if text.starts_with("Got error 'Primary script unknown") {
        complaint.abuse(Some(Attack::Probe));
        return true;
    } else {
        return false;
    };
    // What follows may be the client's: `/srv/site/[client 192.0.2.1] user root not found`.
    complaint.path = path;
    complaint.abuse(web_attacks::classify_missing(path).or_else(|| names_mail(path)));
    true
}

/// A path right below the web root that looks for a mail program.
fn names_mail(path: &str) -> Option<Attack> {
    const ROOTS: [&str; 7] = [
        "/var/www/html/",
        "/var/www/",
        "/srv/http/",
        "/srv/www/htdocs/",
        "/usr/share/nginx/html/",
        "/usr/local/apache2/htdocs/",
        "/htdocs/",
    ];
    let below = ROOTS.iter().find_map(|root| path.strip_prefix(root))?;
    below.starts_with("mail").then_some(Attack::Probe)
}

/// `GET /cgi-bin/.%2E/… HTTP/1.1`, or the path alone.
fn invalid<'l>(request: &'l str, complaint: &mut Complaint<'l>) {
    let mut words = request.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let (method, target) = match second {
        Some(target) if first.bytes().all(|byte| byte.is_ascii_uppercase()) => (first, target),
        _ => ("", request.trim_end_matches(')')),
    };
    (complaint.method, complaint.url) = (method, target);
    let asked = Request { method: "GET", target, status: Some(400), ..Request::default() };
    complaint.abuse(web_attacks::classify(&asked).or(Some(Attack::Malformed)));
}

/// `ModSecurity: Access denied with code 403 … [msg "…"] [uri "/a"]`.
fn mod_security<'l>(text: &'l str, complaint: &mut Complaint<'l>) {
    if !text.contains("ModSecurity: ") {
        return;
    }
    complaint.url = between(text, "[uri \"", "\"]").unwrap_or_default();
    complaint.virtual_host = between(text, "[hostname \"", "\"]").unwrap_or_default();
    let told =
        text.contains("Access denied") || text.contains("Warning.") || text.contains("[id \"");
    if told {
        complaint.is(EventKind::WebAbuse);
        let tags = [
            ("attack-sqli", Attack::Sql),
            ("attack-rce", Attack::Command),
            ("attack-lfi", Attack::FileRead),
            ("attack-rfi", Attack::RemoteInclude),
            ("attack-xss", Attack::CrossSite),
            ("attack-injection-php", Attack::Code),
            ("attack-reputation-scanner", Attack::Scanner),
        ];
        complaint.attack =
            tags.into_iter().find(|(tag, _)| text.contains(tag)).map(|(_, class)| class);
    }
}
