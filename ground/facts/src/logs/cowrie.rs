//! Cowrie's log: a honeypot, whose every visitor is one too many.
//!
//! Source: Cowrie documentation "Output event codes": `cowrie.session.connect`,
//! `cowrie.login.failed`, `cowrie.command.input`, `cowrie.session.file_download`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::json::Json;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "cowrie",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, _| is_own(line))
}

fn is_own(line: &str) -> bool {
    line.starts_with('{') && line.contains("\"eventid\"") && line.contains("\"cowrie.")
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    if !is_own(line.text) {
        return Understood::No;
    }
    let Some(json) = Json::object(line.text) else { return Understood::No };
    let Some((stamp, _)) = stamps.iso(json.get("timestamp").text()) else { return Understood::No };
    let id = json.get("eventid").text();
    let kind = match id {
        "cowrie.session.connect" => EventKind::ServiceAbuse,
        "cowrie.login.failed"
        | "cowrie.login.success"
        | "cowrie.command.input"
        | "cowrie.command.failed"
        | "cowrie.session.file_download"
        | "cowrie.session.file_upload"
        | "cowrie.direct-tcpip.request" => EventKind::IdsWitness,
        _ => EventKind::LogMessage,
    };
    let mut event = single::message(stamp, line, "cowrie", json.get("message").text()).event(kind);
    event.source_ip = Cow::Borrowed(json.get("src_ip").text());
    event.source_port = json.get("src_port").port();
    event.user = Cow::Borrowed(json.get("username").text());
    event.command = Cow::Borrowed(json.get("input").text());
    event.session = Cow::Borrowed(json.get("session").text());
    event.with("action", id).with("service", json.get("protocol").text());
    let url = json.get("url").text();
    if !url.is_empty() {
        event.with("url", url);
    }
    each(&event);
    Understood::Yes
}
