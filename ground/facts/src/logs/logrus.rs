//! Logs of programs that write with logrus: Docker's daemon, containerd, CrowdSec:
//! `time="…" level=info msg="…" name=value …`.
//!
//! Source: logrus' text formatter; CrowdSec `pkg/leakybucket/overflows.go` (`Ip 192.0.2.7 performed
//! 'crowdsecurity/ssh-bf' (6 events over 12s)`), `pkg/apiserver` (`… 4h ban on Ip 192.0.2.7`); Moby `daemon/monitor.go`, `api/server/middleware/debug.go`
//! (`Calling POST /v1.41/containers/create?name=x`), `daemon/events.go`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, single};

pub(super) static FORMAT: Format = Format {
    name: "logrus",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (time, rest) = text.strip_prefix("time=\"")?.split_once("\" ")?;
    let (stamp, left) = stamps.iso(time)?;
    (left.is_empty() && rest.starts_with("level=") && rest.contains(" msg="))
        .then_some((stamp, rest))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, rest)) = header(line.text, stamps) else { return Understood::No };
    let said = value(rest, "msg").unwrap_or_default();
    let file = line.place.file;
    let program = match () {
        () if file.contains("crowdsec") || said.contains(" performed 'crowdsecurity/") => {
            "crowdsec"
        }
        () if file.contains("containerd") => "containerd",
        () => "dockerd",
    };
    let message = single::message(stamp, line, program, line.text);
    let mut event = message.event(EventKind::LogMessage);
    judge(&mut event, &said);
    if let Some(container) = value(rest, "container").or_else(|| value(rest, "id")) {
        event.with("container", container.into_owned());
    }
    event.message = said;
    each(&event);
    Understood::Yes
}

/// Gives an event what its text says.
fn judge(event: &mut Event<'_>, said: &str) {
    if let Some((address, what)) = witness(said) {
        event.kind = EventKind::IdsWitness;
        event.source_ip = Cow::Owned(address.to_owned());
        event.with("signature", what.to_owned());
    } else if let Some(rest) = said.strip_prefix("Calling ") {
        let (method, url) = rest.split_once(' ').unwrap_or((rest, ""));
        event.method = Cow::Owned(method.to_owned());
        event.with("url", url.to_owned());
        let changes = method != "GET" && method != "HEAD";
        if changes
            && (url.contains("/containers/") || url.contains("/exec") || url.contains("/images/"))
        {
            event.kind = EventKind::ContainerChange;
        }
    } else if let Some(body) = said.strip_prefix("form data: ") {
        // What a client of the API sent, told only while the daemon is debugged.
        if let Some(danger) = given_away(body) {
            event.kind = EventKind::ContainerChange;
            event.command = Cow::Owned(said.to_owned());
            event.with("danger", danger);
        }
    } else if said.starts_with("API listen on ") {
        event.kind = EventKind::ServiceStart;
        // A door to root for everybody who reaches it.
        let tcp = said.strip_prefix("API listen on ").is_some_and(|at| !at.starts_with('/'));
        if tcp {
            event.with("danger", "api-on-network");
        }
    } else if said.starts_with("Daemon shutdown complete") {
        event.kind = EventKind::ServiceStop;
    } else if said.starts_with("ignoring event")
        || said.starts_with("shim disconnected")
        || said.starts_with("starting signal loop")
        || said.starts_with("Container failed to exit")
        || said.starts_with("shim reaped")
        || said.starts_with("shim docker started")
    {
        event.kind = EventKind::ContainerChange;
    } else if said.contains("authentication failed") || said.contains("certificate required") {
        event.kind = EventKind::ServiceAbuse;
    }
}

/// Returns what of the host a container is given that amounts to all of it.
fn given_away(body: &str) -> Option<&'static str> {
    let roots = ["[\"/:/", ",\"/:/", "\"Source\":\"/\""];
    match () {
        () if roots.into_iter().any(|root| body.contains(root)) => Some("host-root"),
        () if body.contains("\"Privileged\":true") => Some("privileged"),
        () => None,
    }
}

/// Returns address and scenario of CrowdSec's verdicts.
fn witness(said: &str) -> Option<(&str, &str)> {
    if let Some(rest) = said.strip_prefix("Ip ") {
        let (address, rest) = rest.split_once(" performed '")?;
        return Some((address, rest.split_once('\'')?.0));
    }
    // `(host/crowdsec) crowdsecurity/ssh-bf by ip 192.0.2.7 (CN/4134) : 4h ban on Ip 192.0.2.7`.
    let (before, address) = said.rsplit_once(" on Ip ")?;
    let (_, scenario) = before.split_once(") ")?;
    (before.ends_with(" ban") || before.ends_with(" captcha"))
        .then(|| (address.trim(), scenario.split(' ').next().unwrap_or_default()))
}

/// Returns the value of a name: a word, or a text in quotes with `\"` within.
fn value<'l>(text: &'l str, name: &str) -> Option<Cow<'l, str>> {
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_start();
        let (found, behind) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = end_of_quote(quoted)?;
                (quoted.get(..end)?, quoted.get(end.saturating_add(1)..)?)
            }
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        if key == name {
            let plain = !found.contains('\\');
            let text = found.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\");
            return Some(if plain { Cow::Borrowed(found) } else { Cow::Owned(text) });
        }
        rest = behind;
    }
    None
}

fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    #[test]
    fn a_container_made_over_the_api_and_an_open_door() {
        let log = "time=\"2026-01-02T03:04:05.678901234Z\" level=debug msg=\"Calling POST /v1.41/containers/create?name=x\"\n\
            time=\"2026-01-02T03:04:06Z\" level=info msg=\"API listen on [::]:2375\"\n\
            time=\"2026-01-02T03:04:07Z\" level=info msg=\"ignoring event\" container=9f8 module=libcontainerd topic=/tasks/delete\n\
            time=\"2026-01-02T03:04:08Z\" level=warning msg=\"say \\\"no\\\"\" a=b\n\
            time=\"2026-01-02T03:04:09Z\" level=warning msg=\"torn\n\
            time=\"2026-01-02T03:04:10Z\" level=info msg=\"Ip 192.0.2.7 performed 'crowdsecurity/ssh-bf' (6 events over 12s) at 2026\"\n";
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let (danger, container) = (event.text("danger"), event.text("container"));
            found.push(format!("{} {danger} {container} {}", event.kind.name(), event.message));
        };
        let mut stream = Stream::new(Context::new("docker.log", i64::MAX / 4), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "container.change   Calling POST /v1.41/containers/create?name=x",
                "service.start api-on-network  API listen on [::]:2375",
                "container.change  9f8 ignoring event",
                "log.message   say \"no\"",
                "log.message   ",
                "ids.witness   Ip 192.0.2.7 performed 'crowdsecurity/ssh-bf' (6 events over 12s) at 2026",
            ]
        );
    }
}
