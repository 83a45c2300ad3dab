//! What OSSEC and Wazuh saw: `alerts.log` (records of several lines) and `alerts.json`.
//!
//! Source: OSSEC `src/analysisd/alerts/log.c` (`** Alert 1510376401.0: - groups`, `Rule: 5710 (level
//! 5) -> 'text'`, `Src IP: …`, `User: …`); Wazuh documentation "alerts.json".

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Trust};

use super::held::Held;
use super::json::Json;
use super::{Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "ossec",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        Box::new(Ossec { stamps: Stamps::new(context), held: Held::new(context) })
    }),
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    if sample.lines().take(3).any(|line| line.starts_with(b"** Alert ")) {
        return 100;
    }
    single::share(sample, |line, _| is_json(line))
}

fn is_json(line: &str) -> bool {
    line.starts_with('{')
        && line.contains("\"rule\":{")
        && line.contains("\"level\":")
        && line.contains("\"agent\":")
}

struct Ossec {
    stamps: Stamps,
    held: Held,
}

impl Reader for Ossec {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if line.text.starts_with("** Alert ") {
            self.flush(each);
            self.held.begin(line);
            return Understood::Yes;
        }
        if is_json(line.text) {
            return self.json(line, each);
        }
        if self.held.add(line.text) { Understood::Silent } else { Understood::No }
    }

    fn end(&mut self, each: &mut Each<'_>) {
        self.flush(each);
    }
}

impl Ossec {
    fn flush(&mut self, each: &mut Each<'_>) {
        self.held.take(|record| {
            let mut event = witness(record);
            let head = record.text.strip_prefix("** Alert ").unwrap_or_default();
            let seconds = cut::until(head, ".").parse::<i64>().ok();
            event.time = seconds.and_then(|seconds| seconds.checked_mul(1_000_000));
            for line in record.text.lines().skip(1) {
                if let Some(rest) = line.strip_prefix("Rule: ") {
                    let id = cut::word(rest).0.parse::<i64>().unwrap_or_default();
                    let level =
                        cut::between(rest, "(level ", ")").and_then(|n| n.parse::<i64>().ok());
                    let text = rest.split_once("-> ").map_or("", |(_, text)| text);
                    event.with("signature", text.trim_matches('\'')).with("signature_id", id);
                    event.with("severity", level.unwrap_or_default());
                } else if let Some(address) = line.strip_prefix("Src IP: ") {
                    event.source_ip = Cow::Borrowed(cut::address(address));
                } else if let Some(user) = line.strip_prefix("User: ") {
                    event.user = Cow::Borrowed(user);
                }
            }
            each(&event);
        });
    }

    fn json(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let Some(json) = Json::object(line.text) else { return Understood::No };
        let mut event = witness(line);
        event.time = self.stamps.iso(json.get("timestamp").text()).map(|(stamp, _)| stamp.time);
        let rule = json.get("rule");
        event.with("signature", rule.get("description").text());
        event.with("signature_id", rule.get("id").text());
        event.with("severity", rule.get("level").number().unwrap_or_default());
        event.host = Cow::Borrowed(json.at(&["agent", "name"]).text());
        event.source_ip = Cow::Borrowed(cut::address(json.at(&["data", "srcip"]).text()));
        let users = ["dstuser", "srcuser"].map(|name| json.at(&["data", name]).text());
        event.user =
            Cow::Borrowed(users.into_iter().find(|user| !user.is_empty()).unwrap_or_default());
        each(&event);
        Understood::Yes
    }
}

fn witness<'l>(line: &Line<'l>) -> Event<'l> {
    let mut event = Event::new(EventKind::IdsWitness);
    event.trust = Trust::Program;
    event.clock = Clock::Utc;
    event.program = Cow::Borrowed("ossec");
    event.message = Cow::Borrowed(line.text);
    event.place = line.place;
    event
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    #[test]
    fn a_record_of_many_lines_is_one_witness() {
        let log = "** Alert 1510376401.0: - syslog,sshd,\n2017 Nov 11 00:00:01 web->/var/log/auth.log\nRule: 5710 (level 5) -> 'Attempt to login using a non-existent user'\nSrc IP: 192.0.2.7\nUser: ann\nNov 11 00:00:01 web sshd[7]: Invalid user ann from 192.0.2.7\n\n** Alert 1510376402.0: - x\nRule: 1 (level 2) -> 'y'\n";
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let signature = event.text("signature");
            found.push(format!(
                "{} {} {} {signature}",
                event.place.line, event.user, event.source_ip
            ));
        };
        let mut stream = Stream::new(Context::new("alerts.log", 0), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(found, ["1 ann 192.0.2.7 Attempt to login using a non-existent user", "8   y"]);
    }
}
