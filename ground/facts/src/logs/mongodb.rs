//! MongoDB's log: text until 4.2, JSON since 4.4.
//!
//! Source: MongoDB manual "Log Messages" (`{"t":{"$date":…},"s":…,"c":…,"id":…,"ctx":…,"msg":…,
//! "attr":{…}}`; before it `time s component [context] text`).
//!
//! In text a failed authentication names no address: the connection's first or last line does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use stanch_words::{Event, EventKind};

use super::json::Json;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "mongodb",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| {
        Box::new(Mongo {
            stamps: Stamps::new(context),
            file: context.file.clone(),
            connections: BTreeMap::new(),
        })
    }),
    stands_alone: true,
};

/// How many connections are remembered.
const CONNECTIONS: usize = 4096;

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| {
        if line.starts_with('{') { is_json(line) } else { header(line, stamps).is_some() }
    })
}

fn is_json(line: &str) -> bool {
    line.starts_with("{\"t\":{\"$date\"") && line.contains("\"ctx\":")
}

/// What is known of a connection of the text form.
#[derive(Debug, Default)]
struct Connection {
    peer: String,
    /// A failure that waits for its address.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    stamp: Stamp,
    user: String,
    line: u64,
    offset: u64,
}

struct Mongo {
    stamps: Stamps,
    file: String,
    connections: BTreeMap<String, Connection>,
}

/// `2016-11-20T00:04:00.110+0100 [conn1] text`, `… I ACCESS   [conn1] text`.
fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str, &'l str)> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = stamps.iso(text)?;
    let (before, rest) = rest.split_once('[')?;
    let (context, said) = rest.split_once("] ")?;
    let mut words = before.split_ascii_whitespace();
    let known = match (words.next(), words.next(), words.next()) {
        (None, ..) => {
            context.starts_with("conn")
                || context.contains("listen")
                || context.starts_with("mongo")
        }
        (Some("F" | "E" | "W" | "I" | "D" | "D1" | "D2"), Some(component), None) => {
            component.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        }
        _ => false,
    };
    (known && context.len() < 80).then_some((stamp, context, said))
}

impl Reader for Mongo {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if line.text.starts_with('{') {
            if !is_json(line.text) {
                return Understood::No;
            }
            return self.json(line, each);
        }
        let Some((stamp, context, said)) = header(line.text, &mut self.stamps) else {
            return Understood::No;
        };
        self.text(line, (stamp, context, said), each);
        Understood::Yes
    }

    fn end(&mut self, each: &mut Each<'_>) {
        let connections = std::mem::take(&mut self.connections);
        for (name, connection) in connections {
            if let Some(failure) = &connection.failure {
                each(&self.failed(failure, &name, "", None));
            }
        }
    }
}

impl Mongo {
    fn text<'l>(
        &mut self,
        line: &Line<'l>,
        (stamp, context, said): (Stamp, &'l str, &'l str),
        each: &mut Each<'_>,
    ) {
        let message = single::message(stamp, line, "mongod", said);
        let mut event = message.event(EventKind::LogMessage);
        event.session = Cow::Borrowed(context);
        if let Some(rest) = said.strip_prefix("connection accepted from ") {
            event.kind = EventKind::NetworkListen;
            let (peer, rest) = cut::word(rest);
            let (address, port) = cut::address_port(peer);
            (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
            let number = cut::word(rest.trim_start_matches('#')).0;
            if self.connections.len() < CONNECTIONS {
                let peer = address.to_owned();
                self.connections
                    .insert(format!("conn{number}"), Connection { peer, failure: None });
            }
        } else if let Some((_, rest)) = failed(said) {
            let user = cut::until(cut::until(rest, " "), "@");
            let known = self.connections.get(context).map(|connection| connection.peer.clone());
            match known.filter(|peer| !peer.is_empty()) {
                Some(peer) => {
                    event.kind = EventKind::AuthFailure;
                    event.user = Cow::Borrowed(user);
                    event.source_ip = Cow::Owned(peer);
                }
                // Its address comes with the connection's end.
                None if self.connections.len() < CONNECTIONS => {
                    let place = line.place;
                    let failure = Failure {
                        stamp,
                        user: user.to_owned(),
                        line: place.line,
                        offset: place.offset,
                    };
                    let connection = self.connections.entry(context.to_owned()).or_default();
                    connection.failure = Some(failure);
                }
                None => event.kind = EventKind::AuthFailure,
            }
        } else if said.starts_with("Successfully authenticated as principal ") {
            event.kind = EventKind::AuthSuccess;
            event.user = Cow::Borrowed(said.split(' ').nth(4).unwrap_or_default());
            if let Some(connection) = self.connections.get(context) {
                event.source_ip = Cow::Owned(connection.peer.clone());
            }
        } else if let Some(rest) = said.strip_prefix("end connection ") {
            let (address, port) = cut::address_port(cut::word(rest).0);
            let gone = self.connections.remove(context);
            if let Some(failure) = gone.and_then(|connection| connection.failure) {
                // Told where the address stands: that line is the one to look at.
                let mut told = self.failed(&failure, context, address, port);
                told.place = line.place;
                told.with("failed_at_line", i64::try_from(failure.line).unwrap_or_default());
                each(&told);
                return;
            }
            event.kind = EventKind::SessionClose;
            (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        } else if said.contains("dropDatabase") {
            event.kind = EventKind::DataQuery;
            event.command = Cow::Borrowed(said);
            event.with("danger", "erase");
        }
        each(&event);
    }

    fn failed<'l>(
        &'l self,
        failure: &'l Failure,
        context: &'l str,
        address: &'l str,
        port: Option<u16>,
    ) -> Event<'l> {
        let mut event = Event::new(EventKind::AuthFailure);
        event.time = Some(failure.stamp.time);
        event.clock = failure.stamp.clock;
        event.trust = stanch_words::Trust::Program;
        event.program = Cow::Borrowed("mongod");
        event.user = Cow::Borrowed(&failure.user);
        event.session = Cow::Borrowed(context);
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        event.place =
            stanch_words::Place { file: &self.file, line: failure.line, offset: failure.offset };
        event.with("service", "mongodb");
        event
    }

    fn json(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let Some(json) = Json::object(line.text) else { return Understood::No };
        let time = json.at(&["t", "$date"]).text();
        let Some((stamp, _)) = self.stamps.iso(time) else { return Understood::No };
        let said = json.get("msg").text();
        let attributes = json.get("attr");
        let message = single::message(stamp, line, "mongod", said);
        let kind = match said {
            "Authentication failed" | "Failed to authenticate" => EventKind::AuthFailure,
            "Authentication succeeded" | "Successfully authenticated" => EventKind::AuthSuccess,
            "Connection accepted" => EventKind::NetworkListen,
            "Connection ended" => EventKind::SessionClose,
            "Slow query"
            | "Returning spilled data"
            | "dropDatabase - starting"
            | "CMD: drop"
            | "CMD: dropIndexes" => EventKind::DataQuery,
            "Waiting for connections" => EventKind::ServiceStart,
            "Now exiting" | "Shutting down" => EventKind::ServiceStop,
            _ => EventKind::LogMessage,
        };
        let mut event = message.event(kind);
        event.session = Cow::Borrowed(json.get("ctx").text());
        let peer = ["remote", "client"].iter().map(|name| attributes.get(name).text());
        let (address, port) =
            cut::address_port(peer.fold("", |a, b| if a.is_empty() { b } else { a }));
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        let user = [&["principalName"][..], &["user"], &["user", "user"]]
            .map(|path| attributes.at(path).text());
        event.user =
            Cow::Borrowed(user.into_iter().find(|user| !user.is_empty()).unwrap_or_default());
        event.method = Cow::Borrowed(attributes.get("mechanism").text());
        if kind == EventKind::DataQuery {
            event.command = Cow::Borrowed(said);
            event.with("namespace", attributes.get("ns").text());
            if said.starts_with("dropDatabase") || said.starts_with("CMD: drop") {
                event.with("danger", "erase");
            }
        }
        if kind == EventKind::AuthFailure {
            // `UserNotFound: …`, with or without the code's number.
            let reason = ["result", "error"].map(|name| match attributes.get(name) {
                Json::Text(text) => text,
                other => other.get("errmsg").text(),
            });
            let reason = reason.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
            if reason.contains("UserNotFound") || reason.contains("Could not find user") {
                event.kind = EventKind::AuthInvalidUser;
            }
            event.with("reason", reason);
        }
        event.with("service", "mongodb");
        each(&event);
        Understood::Yes
    }
}

/// The failure's two shapes: `Failed to authenticate ann@db …`, `SCRAM-SHA-1 authentication
/// failed for ann on db from client …`.
fn failed(said: &str) -> Option<(&str, &str)> {
    said.split_once("Failed to authenticate ")
        .or_else(|| said.split_once(" authentication failed for "))
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            let (kind, user, from) = (event.kind.name(), &event.user, &event.source_ip);
            found.push(format!("{} {kind} {user} {from}", event.place.line));
        };
        let mut stream = Stream::new(Context::new("mongod.log", i64::MAX / 4), None);
        stream.feed(text.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(counts.not_understood, 0);
        found
    }

    #[test]
    fn a_failure_finds_its_address_before_or_after_it() {
        let log = "2016-11-20T00:04:00.100+0100 [initandlisten] connection accepted from 192.0.2.7:53 #1 (1 connection now open)\n\
            2016-11-20T00:04:00.110+0100 I ACCESS   [conn1] Failed to authenticate root@admin with mechanism MONGODB-CR\n\
            2016-11-20T00:04:00.120+0100 [conn2] Failed to authenticate ann@admin with mechanism MONGODB-CR\n\
            2016-11-20T00:04:00.130+0100 [conn2] end connection 192.0.2.8:53 (0 connections now open)\n\
            2016-11-20T00:04:00.140+0100 [conn3] Failed to authenticate bob@admin with mechanism MONGODB-CR\n";
        assert_eq!(
            read(log),
            [
                "1 network.listen  192.0.2.7",
                "2 auth.failure root 192.0.2.7",
                "3 log.message  ",
                "4 auth.failure ann 192.0.2.8",
                "5 log.message  ",
                "5 auth.failure bob ",
            ]
        );
    }

    #[test]
    fn json_of_newer_servers() {
        let log = r#"{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"I","c":"ACCESS","id":20249,"ctx":"conn6","msg":"Authentication failed","attr":{"mechanism":"SCRAM-SHA-256","principalName":"ann","authenticationDatabase":"admin","remote":"192.0.2.7:555","result":"UserNotFound: Could not find user"}}
{"t":{"$date":"2026-01-02T03:04:06.678+00:00"},"s":"I","c":"COMMAND","id":20337,"ctx":"conn6","msg":"dropDatabase - starting","attr":{"db":"shop"}}
"#;
        assert_eq!(read(log), ["1 auth.invalid_user ann 192.0.2.7", "2 data.query  "]);
    }
}
