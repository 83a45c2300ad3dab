//! Zeek's (Bro's) logs, as TSV with a head that names the columns, or as JSON.
//!
//! Source: Zeek documentation "Log Files" (`#separator`, `#path`, `#fields`, `-` for unset) and
//! the scripts `base/protocols/*`, `base/frameworks/notice`.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Trust};

use super::json::Json;
use super::{Context, Each, Form, Format, Line, Reader, Sample, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "zeek",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        Box::new(Zeek { path: path_of(context), separator: '\t', columns: Vec::new() })
    }),
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let heads = [&b"#separator "[..], b"#fields\t", b"#path\t"];
    if sample.lines().take(8).any(|line| heads.iter().any(|head| line.starts_with(head))) {
        return 100;
    }
    single::share(sample, |line, _| is_json(line))
}

fn is_json(line: &str) -> bool {
    line.starts_with('{')
        && line.contains("\"ts\":")
        && (line.contains("\"uid\":\"C") || line.contains("\"id.orig_h\":"))
}

/// The log's kind by the file's name: `conn.log`, `conn.08:00:00-09:00:00.log`.
fn path_of(context: &Context) -> String {
    context.file_name().split(['.', '_']).next().unwrap_or_default().to_owned()
}

struct Zeek {
    path: String,
    separator: char,
    columns: Vec<String>,
}

impl Reader for Zeek {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if line.text.starts_with('{') {
            let Some(json) = Json::object(line.text).filter(|json| json.has("ts")) else {
                return Understood::No;
            };
            let path = match json.get("_path").text() {
                "" => self.path.as_str(),
                path => path,
            };
            let time = json.get("ts").seconds().or_else(|| {
                let text = json.get("ts").text();
                text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
            });
            show(
                line,
                path,
                time,
                &|name| match json.get(name) {
                    Json::Text(text) => Cow::Borrowed(&**text),
                    Json::Number(number) => Cow::Owned(number.to_string()),
                    Json::Bool(yes) => Cow::Borrowed(if *yes { "T" } else { "F" }),
                    _ => Cow::Borrowed(""),
                },
                each,
            );
            return Understood::Yes;
        }
        if line.text.starts_with('#') {
            self.head(line.text);
            return Understood::Silent;
        }
        let values: Vec<&str> = line.text.split(self.separator).collect();
        if self.columns.is_empty() || values.len() != self.columns.len() {
            return Understood::No;
        }
        let columns = &self.columns;
        let value = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            let value = at.and_then(|at| values.get(at)).copied().unwrap_or_default();
            if matches!(value, "-" | "(empty)") { "" } else { value }
        };
        let time = micros(value("ts"));
        show(line, &self.path, time, &|name| Cow::Borrowed(value(name)), each);
        Understood::Yes
    }
}

impl Zeek {
    fn head(&mut self, text: &str) {
        if let Some(code) = text.strip_prefix("#separator \\x") {
            let code = u8::from_str_radix(code.trim(), 16).unwrap_or(b'\t');
            self.separator = char::from(code);
            return;
        }
        let Some((name, rest)) = text.split_once(self.separator) else { return };
        match name {
            "#path" => self.path = rest.to_owned(),
            "#fields" => {
                self.columns = rest.split(self.separator).take(200).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
}

/// `1700000000.123456` as microseconds.
fn micros(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let mut micros = 0_i64;
    for place in 0..6 {
        let digit = fraction.as_bytes().get(place).filter(|byte| byte.is_ascii_digit());
        micros = micros * 10 + digit.map_or(0, |byte| i64::from(byte - b'0'));
    }
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

/// Zeek's name of a field, and ours.
type FieldNames = &'static [(&'static str, &'static str)];

/// Further fields of each kind of log.
const FIELDS: [(&str, EventKind, FieldNames); 10] = [
    (
        "conn",
        EventKind::NetworkConnect,
        &[
            ("service", "service"),
            ("proto", "protocol"),
            ("orig_bytes", "bytes"),
            ("resp_bytes", "bytes_in"),
            ("orig_ip_bytes", "wire_bytes"),
            ("resp_ip_bytes", "wire_bytes_in"),
            ("orig_pkts", "packets"),
            ("duration", "duration"),
            ("conn_state", "result"),
        ],
    ),
    (
        "dns",
        EventKind::NetworkResolve,
        &[
            ("query", "query"),
            ("qtype_name", "query_type"),
            ("rcode_name", "result"),
            ("answers", "answers"),
        ],
    ),
    (
        "http",
        EventKind::WebRequest,
        &[
            ("uri", "url"),
            ("host", "virtual_host"),
            ("status_code", "status"),
            ("user_agent", "user_agent"),
            ("referrer", "referrer"),
            ("response_body_len", "bytes"),
        ],
    ),
    (
        "ssl",
        EventKind::NetworkConnect,
        &[
            ("server_name", "server_name"),
            ("subject", "subject"),
            ("validation_status", "reason"),
            ("ja3", "ja3"),
        ],
    ),
    (
        "notice",
        EventKind::IdsWitness,
        &[("note", "signature"), ("msg", "reason"), ("sub", "sub"), ("n", "count")],
    ),
    (
        "intel",
        EventKind::IdsWitness,
        &[("seen.indicator", "signature"), ("seen.where", "reason"), ("sources", "sources")],
    ),
    ("signatures", EventKind::IdsWitness, &[("sig_id", "signature"), ("event_msg", "reason")]),
    (
        "ssh",
        EventKind::NetworkConnect,
        &[
            ("auth_success", "result"),
            ("auth_attempts", "attempts"),
            ("client", "client"),
            ("server", "server"),
        ],
    ),
    (
        "files",
        EventKind::FileTransfer,
        &[
            ("mime_type", "mime_type"),
            ("sha256", "sha256"),
            ("md5", "md5"),
            ("seen_bytes", "bytes"),
        ],
    ),
    ("weird", EventKind::LogMessage, &[("name", "reason")]),
];

/// Returns what a kind of log tells, and its further fields.
fn fields(path: &str) -> (EventKind, FieldNames) {
    let found = FIELDS.iter().find(|(kind_of_log, ..)| *kind_of_log == path);
    found.map_or((EventKind::LogMessage, &[]), |(_, kind, names)| (*kind, *names))
}

type Value<'v> = dyn Fn(&str) -> Cow<'v, str> + 'v;

fn show(line: &Line<'_>, path: &str, time: Option<i64>, value: &Value<'_>, each: &mut Each<'_>) {
    let (kind, names) = fields(path);
    let mut event = Event::new(kind);
    event.trust = Trust::Program;
    (event.time, event.clock) = (time, Clock::Utc);
    event.program = Cow::Borrowed("zeek");
    event.message = Cow::Borrowed(line.text);
    event.place = line.place;
    event.source_ip = either(value, "id.orig_h", "src");
    event.source_port = value("id.orig_p").parse().ok();
    let target = either(value, "id.resp_h", "dst");
    if !target.is_empty() {
        event.with("destination_ip", target);
    }
    if let Ok(port) = value("id.resp_p").parse::<i64>() {
        event.with("destination_port", port);
    }
    event.method = value("method");
    event.session = value("uid");
    event.with("log", path.to_owned());
    for (theirs, ours) in names {
        let found = value(theirs);
        if found.is_empty() {
            continue;
        }
        match found.parse::<i64>() {
            Ok(number) if *ours != "query" && *ours != "url" => event.with(*ours, number),
            _ => event.with(*ours, found),
        };
    }
    each(&event);
}

fn either<'v>(value: &Value<'v>, first: &str, second: &str) -> Cow<'v, str> {
    let found = value(first);
    if found.is_empty() { value(second) } else { found }
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    fn read(file: &str, text: &str) -> (Vec<String>, u64) {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let more =
                ["query", "signature", "url"].map(|name| event.text(name).to_owned()).concat();
            let (from, target) = (&event.source_ip, event.text("destination_ip"));
            found.push(format!("{} {from} {target} {:?} {more}", event.kind.name(), event.time));
        };
        let mut stream = Stream::new(Context::new(file, 0), None);
        stream.feed(text.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        (found, counts.not_understood)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let log = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\n1700000000.123456\tC1\t192.0.2.7\t55\t10.0.0.2\t53\tudp\tevil.example\n1700000001.1\ttorn\n#close\t2026\n";
        assert_eq!(
            read("x.log", log),
            (
                vec![
                    "network.resolve 192.0.2.7 10.0.0.2 Some(1700000000123456) evil.example".into()
                ],
                1
            )
        );
    }

    #[test]
    fn json_is_told_by_the_files_name() {
        let log = r#"{"ts":1700000000.5,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":5,"id.resp_h":"10.0.0.1","id.resp_p":80,"note":"Scan::Port_Scan","msg":"x"}
"#;
        assert_eq!(
            read("/opt/zeek/logs/current/notice.log", log).0,
            ["ids.witness 192.0.2.7 10.0.0.1 Some(1700000000500000) Scan::Port_Scan"]
        );
    }
}
