//! Suricata's EVE log, and Snort 3's `alert_json`: one JSON object an event.
//!
//! Source: Suricata user guide "EVE JSON Format" (`event_type`, `src_ip`, `alert.signature`, `dns`,
//! `http`, `tls`, …); Snort 3 `alert_json` (`timestamp`, `rule`, `src_addr`, `msg`, …).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::json::Json;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "eve",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, _| is_eve(line) || is_snort(line))
}

fn is_eve(line: &str) -> bool {
    line.starts_with('{') && line.contains("\"event_type\":") && line.contains("\"timestamp\":")
}

/// Snort's object has blanks after its marks.
fn is_snort(line: &str) -> bool {
    line.starts_with('{')
        && line.contains("\"rule\"")
        && (line.contains("\"src_addr\"") || line.contains("\"src_ap\""))
        && line.contains("\"msg\"")
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let snort = !is_eve(line.text);
    if snort && !is_snort(line.text) {
        return Understood::No;
    }
    let Some(json) = Json::object(line.text) else { return Understood::No };
    let time = json.get("timestamp").text();
    let stamp = match stamps.iso(time) {
        Some((stamp, _)) => Some(stamp),
        None => super::fast::month_first(time, stamps).map(|(stamp, _)| stamp),
    };
    let Some(stamp) = stamp else { return Understood::No };
    if snort {
        raised_by_snort(line, &json, stamp, each);
    } else {
        let started = stamps.iso(json.get("flow").get("start").text()).map(|(stamp, _)| stamp.time);
        show(line, &json, (stamp, started), each);
    }
    Understood::Yes
}

fn show(
    line: &Line<'_>,
    json: &Json<'_>,
    (stamp, started): (Stamp, Option<i64>),
    each: &mut Each<'_>,
) {
    let kind = json.get("event_type").text();
    let about = json.get(kind);
    let message = single::message(stamp, line, "suricata", line.text);
    let kind_of = match kind {
        "alert" | "anomaly" => EventKind::IdsWitness,
        "drop" => EventKind::NetworkFilter,
        "dns" => EventKind::NetworkResolve,
        "http" | "http2" => EventKind::WebRequest,
        "flow" | "netflow" | "tls" | "quic" | "ssh" | "smtp" | "rdp" | "smb" | "ftp" | "mqtt"
        | "sip" | "ldap" | "ike" | "krb5" => EventKind::NetworkConnect,
        "fileinfo" | "ftp_data" => EventKind::FileTransfer,
        _ => EventKind::LogMessage,
    };
    let mut event = message.event(kind_of);
    event.host = Cow::Borrowed(json.get("host").text());
    ends(&mut event, json, ["src_ip", "src_port", "dest_ip", "dest_port"]);
    text(&mut event, "protocol", json.get("proto").text());
    text(&mut event, "application", json.get("app_proto").text());
    event.with("event_type", kind);
    match kind {
        "alert" => raised(&mut event, json.get("alert")),
        "anomaly" => text(&mut event, "signature", about.get("event").text()),
        "dns" => resolved(&mut event, about),
        "http" => {
            event.method = Cow::Borrowed(about.get("http_method").text());
            text(&mut event, "url", about.get("url").text());
            text(&mut event, "virtual_host", about.get("hostname").text());
            text(&mut event, "user_agent", about.get("http_user_agent").text());
            text(&mut event, "referrer", about.get("http_refer").text());
            number(&mut event, "status", about.get("status").number());
            number(&mut event, "bytes", about.get("length").number());
        }
        "tls" | "quic" => {
            text(&mut event, "server_name", about.get("sni").text());
            text(&mut event, "subject", about.get("subject").text());
            text(&mut event, "ja3", about.at(&["ja3", "hash"]).text());
        }
        "fileinfo" => {
            event.path = Cow::Borrowed(about.get("filename").text());
            text(&mut event, "sha256", about.get("sha256").text());
            number(&mut event, "bytes", about.get("size").number());
        }
        "flow" | "netflow" => {
            number(&mut event, "started", started);
            flowed(&mut event, about);
        }
        _ => {}
    }
    // An `alert` tells the request that it was raised by, too.
    if kind == "alert" && json.has("http") {
        let http = json.get("http");
        text(&mut event, "url", http.get("url").text());
        text(&mut event, "virtual_host", http.get("hostname").text());
    }
    each(&event);
}

fn resolved<'l>(event: &mut Event<'l>, about: &'l Json<'l>) {
    // Since version 3 the names stand in a list.
    let queries = about.get("queries").list().first();
    let query = queries.map_or(about, |first| first);
    text(event, "query", query.get("rrname").text());
    text(event, "query_type", query.get("rrtype").text());
    text(event, "result", about.get("rcode").text());
    if matches!(about.get("type").text(), "answer" | "response") {
        event.with("direction", "in");
    }
}

fn flowed(event: &mut Event<'_>, about: &Json<'_>) {
    for (ours, theirs) in [
        ("bytes", "bytes_toserver"),
        ("bytes_in", "bytes_toclient"),
        ("packets", "pkts_toserver"),
        ("duration", "age"),
    ] {
        number(event, ours, about.get(theirs).number());
    }
}

fn raised<'l>(event: &mut Event<'l>, about: &'l Json<'l>) {
    text(event, "signature", about.get("signature").text());
    text(event, "category", about.get("category").text());
    text(event, "action", about.get("action").text());
    number(event, "signature_id", about.get("signature_id").number());
    number(event, "severity", about.get("severity").number());
}

fn raised_by_snort(line: &Line<'_>, json: &Json<'_>, stamp: Stamp, each: &mut Each<'_>) {
    let message = single::message(stamp, line, "snort", line.text);
    let mut event = message.event(EventKind::IdsWitness);
    ends(&mut event, json, ["src_addr", "src_port", "dst_addr", "dst_port"]);
    if event.source_ip.is_empty() {
        let (source, port) = super::cut::address_port(json.get("src_ap").text());
        (event.source_ip, event.source_port) = (Cow::Borrowed(source), port);
        let (target, port) = super::cut::address_port(json.get("dst_ap").text());
        text(&mut event, "destination_ip", target);
        number(&mut event, "destination_port", port.map(i64::from));
    }
    text(&mut event, "protocol", json.get("proto").text());
    text(&mut event, "signature", json.get("msg").text());
    text(&mut event, "signature_id", json.get("rule").text());
    text(&mut event, "category", json.get("class").text());
    text(&mut event, "action", json.get("action").text());
    number(&mut event, "severity", json.get("priority").number());
    each(&event);
}

/// Takes both ends of a connection.
fn ends<'l>(event: &mut Event<'l>, json: &'l Json<'l>, names: [&str; 4]) {
    let [source, source_port, target, target_port] = names;
    event.source_ip = Cow::Borrowed(json.get(source).text());
    event.source_port = json.get(source_port).port();
    text(event, "destination_ip", json.get(target).text());
    number(event, "destination_port", json.get(target_port).number());
}

fn text<'l>(event: &mut Event<'l>, name: &'static str, value: &'l str) {
    if !value.is_empty() {
        event.with(name, value);
    }
}

fn number(event: &mut Event<'_>, name: &'static str, value: Option<i64>) {
    if let Some(value) = value {
        event.with(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    #[test]
    fn what_is_raised_names_requests_and_snorts_own() {
        let log = r#"{"timestamp":"2026-01-02T03:04:05.123456+0000","flow_id":1,"event_type":"alert","src_ip":"192.0.2.7","src_port":555,"dest_ip":"10.0.0.1","dest_port":80,"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2013028,"signature":"ET POLICY curl","category":"x","severity":1}}
{"timestamp":"2026-01-02T03:04:06.123456+0000","event_type":"dns","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.2","dest_port":53,"proto":"UDP","dns":{"type":"query","queries":[{"rrname":"evil.example","rrtype":"A"}]}}
{"timestamp":"2026-01-02T03:04:07.123456+0000","event_type":"http","src_ip":"192.0.2.7","dest_ip":"10.0.0.1","http":{"hostname":"h","url":"/x","http_method":"GET","status":404}}
{"timestamp":"2026-01-02T03:04:08.123456+0000","event_type":"stats","stats":{"uptime":1}}
{ "timestamp" : "01/02-03:04:09.123456", "proto" : "TCP", "src_addr" : "192.0.2.9", "src_port" : 7, "dst_addr" : "10.0.0.1", "dst_port" : 22, "rule" : "1:1000:1", "msg" : "SSH scan", "priority" : 2 }
{"timestamp":"2026-01-02T03:04:08.123456+0000","event_type":
"#;
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let more =
                ["signature", "query", "url"].map(|name| event.text(name).to_owned()).concat();
            found.push(format!("{} {} {more}", event.kind.name(), event.source_ip));
        };
        let mut stream = Stream::new(Context::new("eve.json", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(
            found,
            [
                "ids.witness 192.0.2.7 ET POLICY curl",
                "network.resolve 10.0.0.1 evil.example",
                "web.request 192.0.2.7 /x",
                "log.message  ",
                "ids.witness 192.0.2.9 SSH scan",
            ]
        );
        assert_eq!(counts.not_understood, 1);
    }
}
