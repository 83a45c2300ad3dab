//! Access lines that are JSON objects, under the names that nginx, Caddy and Traefik give.

use serde_json::Value;

use super::Access;
use crate::logs::Stamps;
use crate::logs::stamps::SECOND;

const SOURCES: &[&str] = &[
    "/remote_addr", "/request/client_ip", "/request/remote_ip", "/client_ip", "/remote_ip",
    "/ClientHost", "/clientip", "/client", "/ip", "/source_ip",
];
const METHODS: &[&str] = &["/request_method", "/method", "/RequestMethod", "/request/method", "/verb"];
const TARGETS: &[&str] =
    &["/request_uri", "/uri", "/RequestPath", "/request/uri", "/url", "/path", "/request_path"];
const STATUSES: &[&str] =
    &["/status", "/DownstreamStatus", "/response", "/status_code", "/http_status"];
const SIZES: &[&str] =
    &["/body_bytes_sent", "/bytes_sent", "/size", "/DownstreamContentSize", "/bytes"];
const AGENTS: &[&str] = &[
    "/http_user_agent", "/user_agent", "/agent", "/userAgent", "/request_User-Agent",
    "/request/headers/User-Agent/0",
];
const REFERRERS: &[&str] = &[
    "/http_referer", "/http_referrer", "/referer", "/referrer", "/request_Referer",
    "/request/headers/Referer/0",
];
const HOSTS: &[&str] =
    &["/host", "/http_host", "/server_name", "/RequestHost", "/request/host", "/vhost"];
const USERS: &[&str] = &["/remote_user", "/ClientUsername", "/user_id", "/user"];
const TIMES: &[&str] = &[
    "/time_iso8601", "/time_local", "/StartUTC", "/@timestamp", "/timestamp", "/ts", "/time", "/msec",
];

/// Returns whether a line may be such an object, by its names.
pub(super) fn looks_like(text: &str) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| text.contains(name));
    has(&["\"status\"", "\"DownstreamStatus\"", "\"response\"", "\"status_code\"", "\"http_status\""])
        && has(&["\"request", "\"method\"", "\"RequestMethod\"", "\"verb\""])
        && has(&["\"remote_", "\"client", "\"ClientHost\"", "\"ip\"", "\"source_ip\""])
}

/// Shows what a line says; returns whether it was one.
pub(super) fn read(text: &str, stamps: &mut Stamps, show: &mut dyn FnMut(&Access<'_>)) -> bool {
    if !looks_like(text) {
        return false;
    }
    let Ok(json) = serde_json::from_str::<Value>(text) else { return false };
    let first = |names: &[&str]| names.iter().find_map(|name| json.pointer(name)).cloned();
    let text_of = |names: &'static [&'static str]| {
        names.iter().find_map(|name| json.pointer(name)?.as_str()).unwrap_or_default()
    };
    let mut access = Access { source: text_of(SOURCES), ..Access::default() };
    access.status = first(STATUSES).and_then(|value| number(&value)).and_then(|n| n.try_into().ok());
    access.method = text_of(METHODS);
    access.target = text_of(TARGETS);
    if let Some(request) = json.pointer("/request").and_then(Value::as_str) {
        access.request(request);
    }
    let has_request = !access.target.is_empty() || json.get("request").is_some();
    if access.source.is_empty() || access.status.is_none() || !has_request {
        return false;
    }
    // Traefik and Go write `address:port` in some fields.
    if let Some((address, port)) = access.source.rsplit_once(':')
        && address.contains('.')
    {
        (access.source, access.source_port) = (address, port.parse().ok());
    }
    access.bytes = first(SIZES).and_then(|value| number(&value));
    access.referrer = super::value(text_of(REFERRERS));
    access.user_agent = super::value(text_of(AGENTS));
    access.virtual_host = super::value(text_of(HOSTS));
    access.user = super::value(text_of(USERS));
    if let Some((time, clock)) = TIMES.iter().find_map(|name| when(json.pointer(name)?, stamps)) {
        (access.time, access.clock) = (Some(time), clock);
    }
    show(&access);
    true
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Reads a time: text of any of the usual shapes, or seconds (milliseconds) since 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time in microseconds that is out of range becomes the last one, by the language"
)]
fn when(value: &Value, stamps: &mut Stamps) -> Option<(i64, stanch_words::Clock)> {
    if let Some(text) = value.as_str()
        && let Some((stamp, _)) = stamps.iso(text).or_else(|| stamps.clf(text))
    {
        return Some((stamp.time, stamp.clock));
    }
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let seconds = if seconds > 1e11 { seconds / 1000.0 } else { seconds };
    if !(1e8..1e11).contains(&seconds) {
        return None;
    }
    Some(((seconds * SECOND as f64) as i64, stanch_words::Clock::Utc))
}
