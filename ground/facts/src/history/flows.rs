//! Who talked to whom: connections that sensors, packet filters and auditing wrote down, by source,
//! destination, port and program, with how regular they are and how much they carried.
//!
//! A busy server meets millions of strangers, so what is seldom and small is forgotten when the
//! list is full: of two rows the one with more connections, bytes or hours stays.

mod regularity;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use self::regularity::Regularity;
use super::kept::{Lines, Names, Told, as_json};
use super::own_addresses::{self, address};
use super::{Fold, FoldKind, Source};
use crate::Host;
use crate::tables::flows::{SPEC, col};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[EventKind::NetworkConnect, EventKind::NetworkFilter],
    new: || Box::new(Flows::default()),
};

/// How many flows are kept, how many programs, and how many moments of one flow: a list of moments
/// grows to the double and is then cut to the newest half.
const MOST: usize = 6_000;
const PROGRAMS: usize = 2_000;
const MOMENTS: usize = 384;

/// What a flow must have to become a row.
const LEAST_COUNT: u64 = 4;
const LEAST_SENT: u64 = 1 << 20;
const LEAST_SECONDS: u32 = 3600;

/// Who told of a connection: the same one is told by several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum By {
    Zeek,
    Suricata,
    Filter,
    Audit,
}

impl By {
    /// Returns who told of an event; none where it is no connection of its own: the same sensor
    /// tells of what was spoken inside of one in a record of its own.
    fn of(event: &Event<'_>) -> Option<Self> {
        match (event.kind, &*event.program) {
            (EventKind::NetworkFilter, "suricata" | "snort") => None,
            // Without an interface that it leaves by, it was on its way in.
            (EventKind::NetworkFilter, _) => {
                (!event.text("out_interface").is_empty()).then_some(Self::Filter)
            }
            (_, "zeek") => (event.text("log") == "conn").then_some(Self::Zeek),
            (_, "suricata") => (event.text("event_type") == "flow").then_some(Self::Suricata),
            (_, _) => (!event.text("syscall").is_empty()).then_some(Self::Audit),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zeek => "zeek",
            Self::Suricata => "suricata",
            Self::Filter => "filter",
            Self::Audit => "audit",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    by: By,
    source: Option<IpAddr>,
    destination: IpAddr,
    port: u16,
    protocol: u32,
    program: Option<u32>,
}

/// Who opens a connection: an address, and the program where it is known.
type Caller = (Option<IpAddr>, Option<u32>);

#[derive(Debug, Default)]
struct Flow {
    count: u64,
    first: i64,
    last: i64,
    sent: u64,
    received: u64,
    packets: u64,
    sized: bool,
    longest: u32,
    moments: Vec<(i64, u32)>,
    lines: Lines,
    newest: Option<Told>,
}

impl Flow {
    /// Returns what keeps it from being forgotten.
    fn weight(&self) -> u64 {
        let minutes = u64::from(self.longest).div_euclid(60);
        self.count.saturating_add(self.sent >> 20).saturating_add(minutes)
    }
}

struct Flows {
    flows: HashMap<Key, Flow>,
    texts: Names,
    spans: HashMap<By, (i64, i64)>,
    /// What a flow needs to outlive the next clearing.
    floor: u64,
    forgotten: u64,
    text: Arc<str>,
}

impl Default for Flows {
    fn default() -> Self {
        Self {
            flows: HashMap::new(),
            texts: Names::new(PROGRAMS),
            spans: HashMap::new(),
            floor: 1,
            forgotten: 0,
            text: "".into(),
        }
    }
}

impl Fold for Flows {
    fn event(&mut self, event: &Event<'_>, _source: &Source) {
        let Some(by) = By::of(event) else { return };
        let Some(destination) = address(event.text("destination_ip")) else { return };
        if !leads_away(destination) {
            return;
        }
        let Some(time) = event.number("started").or(event.time) else { return };
        let time = time.div_euclid(1_000_000);
        let span = self.spans.entry(by).or_insert((time, time));
        *span = (span.0.min(time), span.1.max(time));
        let source = address(&event.source_ip);
        let source =
            if by == By::Filter && event.text("interface").is_empty() { None } else { source };
        let protocol = match event.text("protocol") {
            "" if by == By::Filter => &*event.method,
            protocol => protocol,
        };
        let port = event.number("destination_port").and_then(|port| u16::try_from(port).ok());
        let key = Key {
            by,
            source,
            destination,
            port: port.unwrap_or(0),
            protocol: self.texts.number(&protocol.to_ascii_lowercase()).unwrap_or(u32::MAX),
            program: if event.path.is_empty() { None } else { self.texts.number(&event.path) },
        };
        if self.flows.len() >= MOST && !self.flows.contains_key(&key) {
            self.forget();
        }
        if &*self.text != event.place.file {
            self.text = event.place.file.into();
        }
        take(self.flows.entry(key).or_default(), event, time, &self.text);
    }

    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        if !self.flows.is_empty() {
            self.rows(host, &mut seen);
        }
        if self.forgotten > 0 {
            let detail = format!(
                "more than {MOST} flows; {} with the fewest connections and bytes were left out",
                self.forgotten
            );
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

fn take(flow: &mut Flow, event: &Event<'_>, time: i64, file: &Arc<str>) {
    flow.first = if flow.count == 0 { time } else { flow.first.min(time) };
    flow.count = flow.count.saturating_add(1);
    let bytes = |name: &str, wire: &str| {
        let bytes = event.number(name).and_then(|bytes| u64::try_from(bytes).ok());
        // Zeek computes bytes from sequence numbers, and is wrong by gigabytes where it missed
        // packets; what it saw on the wire bounds them.
        let wire = event.number(wire).and_then(|bytes| u64::try_from(bytes).ok());
        bytes.map(|bytes| bytes.min(wire.unwrap_or(u64::MAX)))
    };
    let sent = bytes("bytes", "wire_bytes");
    flow.sized |= sent.is_some();
    flow.sent = flow.sent.saturating_add(sent.unwrap_or(0));
    flow.received = flow.received.saturating_add(bytes("bytes_in", "wire_bytes_in").unwrap_or(0));
    let packets = event.number("packets").and_then(|packets| u64::try_from(packets).ok());
    flow.packets = flow.packets.saturating_add(packets.unwrap_or(0));
    flow.longest = flow.longest.max(duration(event));
    if flow.moments.len() >= MOMENTS * 2 {
        flow.moments.sort_unstable();
        flow.moments.drain(..MOMENTS);
    }
    flow.moments.push((time, u32::try_from(sent.unwrap_or(0)).unwrap_or(u32::MAX)));
    flow.lines.take(event, || Arc::clone(file));
    if flow.newest.is_none() || time >= flow.last {
        // The newest line's text is kept each hour at most: a copy of each would cost too much.
        if flow.newest.is_none() || time.div_euclid(3600) != flow.last.div_euclid(3600) {
            flow.newest = Some(Told::of(event, Arc::clone(file)));
        }
        flow.last = time;
    }
}

/// Returns how long a connection lasted, in seconds.
fn duration(event: &Event<'_>) -> u32 {
    let whole = event.number("duration");
    let text = event.text("duration").split('.').next().unwrap_or_default();
    let seconds = whole.or_else(|| text.parse().ok()).unwrap_or(0);
    u32::try_from(seconds).unwrap_or(0)
}

/// Returns whether an address can be another machine: names that are asked for by everybody on a
/// link, and the machine itself, are not.
fn leads_away(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_loopback() || address.is_multicast() || address.is_unspecified() || broadcast)
}

/// Returns whether an address only has a meaning inside.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl Flows {
    /// Forgets the flows that weigh least.
    fn forget(&mut self) {
        while self.flows.len() >= MOST {
            let (before, floor) = (self.flows.len(), self.floor);
            self.flows.retain(|_, flow| flow.weight() > floor);
            self.forgotten += u64::try_from(before - self.flows.len()).unwrap_or(0);
            self.floor = if self.flows.len() >= MOST { floor.saturating_mul(2) } else { floor };
        }
    }

    fn rows(&self, host: &Host, seen: &mut Seen) {
        let own = own_addresses::of(host);
        let hub = if own.is_empty() { self.hub() } else { None };
        let is_own = |address: IpAddr| own.contains(&address) || hub == Some(address);
        let mut all: Vec<_> = self.flows.iter().collect();
        all.sort_by_key(|(key, _)| **key);
        let mut callers: HashMap<IpAddr, HashSet<Caller>> = HashMap::new();
        for (key, _) in &all {
            callers.entry(key.destination).or_default().insert((key.source, key.program));
        }
        for (key, flow) in all {
            let worth = flow.count >= LEAST_COUNT
                || flow.sent >= LEAST_SENT
                || flow.longest >= LEAST_SECONDS;
            if !worth {
                continue;
            }
            let span = self.spans.get(&key.by).copied().unwrap_or_default();
            let mut row = SPEC.row();
            let mine = match key.source {
                None => Some(1),
                Some(_) if own.is_empty() && hub.is_none() => None,
                Some(source) => Some(i64::from(is_own(source))),
            };
            row.put(col::told_by, key.by.name())
                .put(col::source, key.source.map(|source| source.to_string()).unwrap_or_default())
                .put(col::destination, key.destination.to_string())
                .put(col::port, i64::from(key.port))
                .put(col::protocol, &*self.texts.name(key.protocol))
                .put(col::program, key.program.map(|at| self.texts.name(at)).as_deref())
                .put(col::own, mine)
                .put(col::inbound, i64::from(is_own(key.destination)))
                .put(col::log_first, span.0)
                .put(col::log_last, span.1)
                .put(
                    col::destination_sources,
                    callers.get(&key.destination).map(|all| wide(all.len())),
                );
            fill(&mut row, flow, span);
            seen.push(row);
        }
    }

    /// Returns the outside address that talks with the most others, if there is one: where a
    /// machine's own addresses are not known, its logs tell them.
    fn hub(&self) -> Option<IpAddr> {
        let mut peers: HashMap<IpAddr, HashSet<IpAddr>> = HashMap::new();
        self.flows.keys().for_each(|key| {
            if let Some(source) = key.source {
                peers.entry(source).or_default().insert(key.destination);
                peers.entry(key.destination).or_default().insert(source);
            }
        });
        let outside = peers.into_iter().filter(|(address, _)| !is_inside(*address));
        let counted = outside.map(|(address, peers)| (peers.len(), address));
        counted.max().filter(|(peers, _)| *peers >= 3).map(|(_, address)| address)
    }
}

fn fill(row: &mut stanch_words::Row, flow: &Flow, span: (i64, i64)) {
    row.put(col::count, number(flow.count))
        .put(col::first_time, flow.first)
        .put(col::last_time, flow.last)
        .put(col::longest, i64::from(flow.longest))
        .put(col::lines, as_json(flow.lines.kept()));
    if flow.sized {
        row.put(col::sent, number(flow.sent))
            .put(col::received, number(flow.received))
            .put(col::packets, number(flow.packets));
    }
    if let Some(told) = &flow.newest {
        row.put(col::file, &*told.source)
            .put(col::line, told.line)
            .put(col::excerpt, &*told.excerpt);
    }
    let whole = (flow.last - flow.first, span.1 - span.0);
    if let Some(regular) = Regularity::of(&flow.moments, flow.sized, whole) {
        let round = |part: f64| (part * 1000.0).round() / 1000.0;
        row.put(col::times, i64::from(regular.times))
            .put(col::median_gap, i64::from(regular.median_gap))
            .put(col::score, round(regular.score()))
            .put(col::score_gaps, round(regular.gaps))
            .put(col::score_sizes, regular.sizes.map(round))
            .put(col::score_spread, round(regular.spread))
            .put(col::score_coverage, round(regular.coverage));
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn wide(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
