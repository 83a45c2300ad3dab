//! What a container printed, as Docker's `json-file` driver keeps it:
//! `{"log":"…\n","stream":"stdout","time":"…"}`. The text within is read as any log is.
//!
//! Source: Moby `daemon/logger/jsonfilelog/jsonlog`; Kubernetes CRI writes `time stream F text`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind, Trust};

use super::json::Json;
use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "container-output",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        let others = super::ALL.iter().filter(|other| other.stands_alone);
        let open = |other: &&Format| match other.form {
            Form::Lines(open) => Some(open(context)),
            _ => None,
        };
        Box::new(Output {
            stamps: Stamps::new(context),
            inner: others.filter_map(open).collect(),
            likely: 0,
            container: container(context),
        })
    }),
    // It opens all that stand alone: it must not be one of them.
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| is_json(line) || cri(line, stamps).is_some())
}

fn is_json(line: &str) -> bool {
    line.starts_with("{\"log\":\"")
        && line.contains("\"stream\":\"std")
        && line.contains("\"time\":\"")
}

/// The container's number, which is its directory's name.
fn container(context: &Context) -> String {
    let is_number = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    context.file.split('/').find(is_number).unwrap_or_default().to_owned()
}

struct Output {
    stamps: Stamps,
    inner: Vec<Box<dyn Reader>>,
    likely: usize,
    container: String,
}

/// `2026-01-02T03:04:05.678901234Z stdout F text`.
fn cri<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(super::stamps::Stamp, &'l str, &'l str)> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let (stream, rest) = rest.split_once(' ')?;
    let (tag, said) = rest.split_once(' ')?;
    (matches!(stream, "stdout" | "stderr") && matches!(tag, "F" | "P"))
        .then_some((stamp, stream, said))
}

impl Reader for Output {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let json;
        let (stamp, said) = if is_json(line.text) {
            match Json::object(line.text) {
                Some(object) => json = object,
                None => return Understood::No,
            }
            let Some((stamp, _)) = self.stamps.iso(json.get("time").text()) else {
                return Understood::No;
            };
            (stamp, json.get("log").text())
        } else {
            match cri(line.text, &mut self.stamps) {
                Some((stamp, _, said)) => (stamp, said),
                None => return Understood::No,
            }
        };
        let said = said.trim_end_matches(['\n', '\r']);
        if said.trim().is_empty() {
            return Understood::Silent;
        }
        let inside = Line { text: said, place: line.place };
        let container = self.container.as_str();
        let count = self.inner.len();
        for step in 0..count {
            let at = self.likely.wrapping_add(step) % count;
            let Some(reader) = self.inner.get_mut(at) else { continue };
            let understood =
                reader.line(&inside, &mut |event| show(event, stamp.time, container, each));
            if understood != Understood::No {
                self.likely = at;
                return understood;
            }
        }
        let mut event = Event::new(EventKind::LogMessage);
        (event.time, event.clock, event.trust) = (Some(stamp.time), stamp.clock, Trust::Program);
        event.message = Cow::Borrowed(said);
        event.place = line.place;
        show(&event, stamp.time, container, each);
        Understood::Yes
    }

    fn end(&mut self, each: &mut Each<'_>) {
        for reader in &mut self.inner {
            reader.end(each);
        }
    }
}

/// Shows an event with its container, and with the engine's time where the text had none.
fn show(event: &Event<'_>, time: i64, container: &str, each: &mut Each<'_>) {
    if container.is_empty() && event.time.is_some() {
        each(event);
        return;
    }
    let mut event = event.clone();
    if event.time.is_none() {
        (event.time, event.clock) = (Some(time), stanch_words::Clock::Utc);
    }
    if !container.is_empty() {
        event.more.push((Cow::Borrowed("container"), container.into()));
        each(&event);
        return;
    }
    each(&event);
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    #[test]
    fn what_a_container_printed_is_read_as_the_log_that_it_is() {
        let log = r#"{"log":"2026-01-02T03:04:05.000+0000 [conn1] end connection 192.0.2.7:1 (0 connections now open)\n","stream":"stdout","time":"2026-01-02T03:04:05.1Z"}
{"log":"plain words\n","stream":"stderr","time":"2026-01-02T03:04:06.1Z"}
{"log":"torn","stream":"stderr","time":"
"#;
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let from = &event.source_ip;
            found.push(format!("{} {from} {}", event.kind.name(), event.text("container")));
        };
        let id = "a".repeat(64);
        let file = format!("/var/lib/docker/containers/{id}/{id}-json.log");
        let mut stream = Stream::new(Context::new(file, i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(found, [format!("session.close 192.0.2.7 {id}"), format!("log.message  {id}")]);
        assert_eq!((counts.lines, counts.not_understood), (3, 1));
    }
}
