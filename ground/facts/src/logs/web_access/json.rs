//! Access lines that are JSON objects, under the names that nginx, Caddy and Traefik give.

use stanch_words::Clock;

use super::Access;
use crate::logs::Stamps;
use crate::logs::json::Json;
use crate::logs::stamps::SECOND;

const SOURCES: &[&str] = &[
    "remote_addr",
    "request/client_ip",
    "request/remote_ip",
    "client_ip",
    "remote_ip",
    "ClientHost",
    "clientip",
    "client",
    "ip",
    "source_ip",
];
const METHODS: &[&str] = &["request_method", "method", "RequestMethod", "request/method", "verb"];
const TARGETS: &[&str] =
    &["request_uri", "uri", "RequestPath", "request/uri", "url", "path", "request_path"];
const STATUSES: &[&str] = &["status", "DownstreamStatus", "response", "status_code", "http_status"];
const SIZES: &[&str] = &["body_bytes_sent", "bytes_sent", "size", "DownstreamContentSize", "bytes"];
const AGENTS: &[&str] = &[
    "http_user_agent",
    "user_agent",
    "agent",
    "userAgent",
    "request_User-Agent",
    "request/headers/User-Agent",
];
const REFERRERS: &[&str] = &[
    "http_referer",
    "http_referrer",
    "referer",
    "referrer",
    "request_Referer",
    "request/headers/Referer",
];
const HOSTS: &[&str] =
    &["host", "http_host", "server_name", "RequestHost", "request/host", "vhost"];
const USERS: &[&str] = &["remote_user", "ClientUsername", "user_id", "user"];
const TIMES: &[&str] =
    &["time_iso8601", "time_local", "StartUTC", "@timestamp", "timestamp", "ts", "time", "msec"];

/// Returns whether a line may be such an object, by its names.
pub(super) fn looks_like(text: &str) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| text.contains(name));
    has(&[
        "\"status\"",
        "\"DownstreamStatus\"",
        "\"response\"",
        "\"status_code\"",
        "\"http_status\"",
    ]) && has(&["\"request", "\"method\"", "\"RequestMethod\"", "\"verb\""])
        && has(&["\"remote_", "\"client", "\"ClientHost\"", "\"ip\"", "\"source_ip\""])
}

/// Shows what a line says; returns whether it was one.
pub(super) fn read(text: &str, stamps: &mut Stamps, show: &mut dyn FnMut(&Access<'_>)) -> bool {
    if !looks_like(text) {
        return false;
    }
    let Some(json) = Json::object(text) else { return false };
    let mut access = Access { source: first(&json, SOURCES).text(), ..Access::default() };
    access.status = first(&json, STATUSES).number().and_then(|status| status.try_into().ok());
    access.method = first(&json, METHODS).text();
    access.target = first(&json, TARGETS).text();
    let request = json.get("request").text();
    if !request.is_empty() {
        access.request(request);
    }
    let has_request = !access.target.is_empty() || json.has("request");
    if access.source.is_empty() || access.status.is_none() || !has_request {
        return false;
    }
    // Traefik and Go write `address:port` in some fields.
    if let Some((address, port)) = access.source.rsplit_once(':')
        && address.contains('.')
    {
        (access.source, access.source_port) = (address, port.parse().ok());
    }
    access.bytes = first(&json, SIZES).number();
    access.referrer = super::value(first(&json, REFERRERS).text());
    access.user_agent = super::value(first(&json, AGENTS).text());
    access.virtual_host = super::value(first(&json, HOSTS).text());
    access.user = super::value(first(&json, USERS).text());
    if let Some((time, clock)) = TIMES.iter().find_map(|name| when(member(&json, name), stamps)) {
        (access.time, access.clock) = (Some(time), clock);
    }
    show(&access);
    true
}

/// Returns the first of some members that is there.
fn first<'j, 'l>(json: &'j Json<'l>, names: &[&str]) -> &'j Json<'l> {
    let mut found = names.iter().map(|name| member(json, name));
    found.find(|found| !matches!(found, Json::Null)).unwrap_or(&Json::Null)
}

/// Returns a member by its path; of a list, the first.
fn member<'j, 'l>(json: &'j Json<'l>, path: &str) -> &'j Json<'l> {
    let found = path.split('/').fold(json, |json, name| json.get(name));
    found.list().first().unwrap_or(found)
}

/// Reads a time: text of any of the usual shapes, or seconds (milliseconds) since 1970.
fn when(value: &Json<'_>, stamps: &mut Stamps) -> Option<(i64, Clock)> {
    let text = value.text();
    if let Some((stamp, _)) = stamps.iso(text).or_else(|| stamps.clf(text)) {
        return Some((stamp.time, stamp.clock));
    }
    let micros = match value {
        Json::Text(text) => {
            let (seconds, millis) = text.split_once('.').unwrap_or((text, "0"));
            let micros = seconds.parse::<i64>().ok()?.checked_mul(SECOND)?;
            micros
                .checked_add(millis.get(..3).unwrap_or("0").parse::<i64>().ok()?.checked_mul(1000)?)
        }
        _ => value.seconds(),
    }?;
    // Milliseconds, by their size.
    let micros = if micros > 100_000_000_000 * SECOND { micros / 1000 } else { micros };
    (micros > 0).then_some((micros, Clock::Utc))
}
