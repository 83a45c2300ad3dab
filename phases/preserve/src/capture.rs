//! Packets of the network, for a bounded time, as pcapng.
//!
//! Source: the PCAP Next Generation file format (draft-ietf-opsawg-pcapng): section header (SHB),
//! one description of each interface (IDB), enhanced packets (EPB), and at the end what the kernel
//! lost at each interface (ISB).
//!
//! Everything is held in memory until the time is over, so that nothing is written meanwhile for
//! it; a bundle that goes out over the network is begun only then, so that it is no part of it.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use stanch_facts::Host;
use stanch_machine::{Capture, Frame, Lost, Machine, limits};
use stanch_words::{Gap, GapKind};

/// Where the kernel lists devices.
const DEVICES: &str = "/sys/class/net";
/// How many devices are listened to.
const MOST_DEVICES: usize = 64;

/// What is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureOrder {
    /// For how long.
    pub time: Duration,
    /// At which devices; all that are up but the loopback if none is named.
    pub interfaces: Vec<String>,
    /// How many bytes at most.
    pub most: usize,
    /// Whether what is written goes out over the network.
    pub alone: bool,
}

/// What was captured.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) bytes: Vec<u8>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) told: String,
}

/// A capture under way.
pub(crate) struct Capturing(JoinHandle<Captured>);

impl Capturing {
    /// Begins to listen.
    pub(crate) fn begin(host: &Arc<Host>, order: &CaptureOrder) -> Self {
        let (host, order) = (Arc::clone(host), order.clone());
        Self(std::thread::spawn(move || capture(host.machine(), &order)))
    }

    /// Waits until the time is over.
    pub(crate) fn end(self) -> Captured {
        self.0.join().unwrap_or_else(|_panicked| Captured {
            gaps: vec![gap(GapKind::Bug, "the capture ended by a mistake of ours".to_owned())],
            ..Captured::default()
        })
    }
}

fn gap(kind: GapKind, detail: String) -> Gap {
    Gap::new("capture", kind, detail)
}

/// A device as it is listened to.
struct Device {
    name: String,
    number: i32,
    /// The kind of its frames (`LINKTYPE_*`).
    link: u16,
    /// Whether each frame that goes out comes in as well.
    is_loopback: bool,
}

fn capture(machine: &dyn Machine, order: &CaptureOrder) -> Captured {
    let mut captured = Captured::default();
    let Some(kernel) = machine.kernel() else {
        captured.gaps.push(gap(GapKind::NotHere, "no running kernel to ask".to_owned()));
        return captured;
    };
    let devices = devices(machine, order, &mut captured.gaps);
    if devices.is_empty() {
        captured.gaps.push(gap(GapKind::Failed, "no device to listen to".to_owned()));
        return captured;
    }
    let named: Vec<(String, i32)> =
        devices.iter().map(|device| (device.name.clone(), device.number)).collect();
    let mut writing = Writing::begin(&devices, order.most);
    let order = Capture { devices: &named, time: order.time };
    let is_twice = |frame: &Frame<'_>| {
        frame.outgoing && devices.get(frame.device).is_some_and(|device| device.is_loopback)
    };
    let lost = kernel.capture(&order, &mut |frame| !is_twice(frame) && writing.frame(frame));
    let (frames, is_full) = (writing.frames, writing.is_full);
    match lost {
        Ok(lost) => {
            let dropped = lost.iter().map(|one| one.dropped).fold(0, u64::saturating_add);
            captured.told = format!("{frames} frames, {dropped} lost");
            captured.bytes = writing.end(&lost);
            if dropped > 0 {
                let detail = format!("{dropped} frames were lost beside {frames} that were taken");
                captured.gaps.push(gap(GapKind::Truncated, detail));
            }
            if is_full {
                let detail =
                    format!("only the first {frames} frames, {} bytes", captured.bytes.len());
                captured.gaps.push(gap(GapKind::Truncated, detail));
            }
        }
        Err(miss) => captured.gaps.push(miss.gap("capture")),
    }
    captured
}

fn devices(machine: &dyn Machine, order: &CaptureOrder, gaps: &mut Vec<Gap>) -> Vec<Device> {
    let all = match machine.list(Path::new(DEVICES)) {
        Ok(listing) => listing.entries,
        Err(miss) => {
            gaps.push(miss.gap("capture"));
            return Vec::new();
        }
    };
    let names: Vec<String> =
        all.iter().filter_map(|entry| entry.name.to_str().map(str::to_owned)).collect();
    for asked in order.interfaces.iter().filter(|asked| !names.contains(asked)) {
        let detail = format!("there is no device `{asked}`");
        gaps.push(gap(GapKind::Failed, detail));
    }
    let mut devices = Vec::new();
    for name in names {
        let told = |file: &str| {
            let path = Path::new(DEVICES).join(&name).join(file);
            let text = machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes;
            let text = String::from_utf8(text).ok()?;
            let text = text.trim();
            match text.strip_prefix("0x") {
                Some(digits) => i64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            }
        };
        // IFF_UP and IFF_LOOPBACK (netdevice(7)).
        let flags = told("flags").unwrap_or(0);
        let is_asked = match order.interfaces.is_empty() {
            true => flags & 1 != 0 && flags & 8 == 0,
            false => order.interfaces.contains(&name),
        };
        let number = told("ifindex").and_then(|number| i32::try_from(number).ok());
        let (true, Some(number)) = (is_asked, number) else { continue };
        // ARPHRD_* (linux/if_arp.h): Ethernet and loopback have Ethernet's header; NONE, PPP, TUNNEL,
        // TUNNEL6 and SIT begin with the IP packet.
        let link = match told("type") {
            Some(1 | 772) => 1,
            Some(0xfffe | 512 | 768 | 769 | 776) => 101,
            _ => {
                gaps.push(gap(
                    GapKind::NotHere,
                    format!("frames of `{name}` are of no known kind"),
                ));
                continue;
            }
        };
        if devices.len() >= MOST_DEVICES {
            let detail = format!("only the first {MOST_DEVICES} devices");
            gaps.push(gap(GapKind::Truncated, detail));
            break;
        }
        devices.push(Device { name, number, link, is_loopback: flags & 8 != 0 });
    }
    devices
}

/// A file of pcapng while it is written.
struct Writing {
    out: Vec<u8>,
    most: usize,
    frames: u64,
    is_full: bool,
    last: i64,
}

impl Writing {
    fn begin(devices: &[Device], most: usize) -> Self {
        let mut writing = Self { out: Vec::new(), most, frames: 0, is_full: false, last: 0 };
        // Version 1.0, of a length that is not told.
        let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        body.extend_from_slice(&[1, 0, 0, 0]);
        body.extend_from_slice(&[0xff; 8]);
        option(&mut body, 4, b"stanch");
        end_of_options(&mut body);
        writing.block(0x0a0d_0d0a, &body);
        for device in devices {
            let mut body = device.link.to_le_bytes().to_vec();
            body.extend_from_slice(&[0; 6]);
            option(&mut body, 2, device.name.as_bytes());
            // Times are in nanoseconds.
            option(&mut body, 9, &[9]);
            end_of_options(&mut body);
            writing.block(1, &body);
        }
        writing
    }

    /// Adds a frame; returns whether it is enough.
    fn frame(&mut self, frame: &Frame<'_>) -> bool {
        if self.out.len().saturating_add(frame.bytes.len()).saturating_add(64) > self.most {
            self.is_full = true;
            return true;
        }
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut body = length(frame.device).to_vec();
        self.last = frame.time;
        self.time(&mut body);
        body.extend_from_slice(&length(frame.bytes.len()));
        body.extend_from_slice(&length(frame.length));
        body.extend_from_slice(frame.bytes);
        pad(&mut body);
        // `epb_flags`: came in, or went out.
        let way = if frame.outgoing { 2_u32 } else { 1 };
        option(&mut body, 2, &way.to_le_bytes());
        end_of_options(&mut body);
        self.block(6, &body);
        self.frames = self.frames.saturating_add(1);
        false
    }

    fn time(&self, body: &mut Vec<u8>) {
        let time = self.last.to_le_bytes();
        body.extend_from_slice(time.get(4..).unwrap_or_default());
        body.extend_from_slice(time.get(..4).unwrap_or_default());
    }

    fn end(mut self, lost: &[Lost]) -> Vec<u8> {
        for one in lost {
            let mut body = u32::try_from(one.device).unwrap_or(u32::MAX).to_le_bytes().to_vec();
            self.time(&mut body);
            option(&mut body, 4, &one.received.to_le_bytes());
            option(&mut body, 5, &one.dropped.to_le_bytes());
            end_of_options(&mut body);
            self.block(5, &body);
        }
        self.out
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = u32::try_from(body.len().saturating_add(12)).unwrap_or(u32::MAX);
        self.out.extend_from_slice(&kind.to_le_bytes());
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(body);
        self.out.extend_from_slice(&length.to_le_bytes());
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn order(interfaces: &[&str]) -> CaptureOrder {
        let interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
        CaptureOrder { time: Duration::from_secs(1), interfaces, most: 1 << 20, alone: false }
    }

    fn machine() -> Pretend {
        let device = |machine: Pretend, name: &str, number: &str, flags: &str, kind: &str| {
            let at = |file: &str| format!("/sys/class/net/{name}/{file}");
            machine.file(at("ifindex"), number).file(at("flags"), flags).file(at("type"), kind)
        };
        let machine = device(Pretend::new(), "lo", "1\n", "0x9\n", "772\n");
        let machine = device(machine, "eth0", "2\n", "0x1003\n", "1\n");
        let machine = device(machine, "down0", "3\n", "0x1002\n", "1\n");
        let machine = device(machine, "tun0", "4\n", "0x1011\n", "65534\n");
        device(machine, "can0", "5\n", "0x1\n", "280\n")
    }

    #[test]
    fn devices_that_are_up_are_listened_to_and_others_are_told() {
        let mut gaps = Vec::new();
        let all = devices(&machine(), &order(&[]), &mut gaps);
        let told: Vec<_> = all.iter().map(|one| (&*one.name, one.number, one.link)).collect();
        assert_eq!(told, [("eth0", 2, 1), ("tun0", 4, 101)]);
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        let mut gaps = Vec::new();
        let some = devices(&machine(), &order(&["lo", "eth9"]), &mut gaps);
        assert_eq!((some.len(), some[0].link, gaps.len()), (1, 1, 1));
        assert!(gaps[0].detail.contains("`eth9`"), "{gaps:?}");
        let none = capture(&machine(), &order(&[]));
        assert_eq!((none.bytes.len(), none.gaps[0].kind), (0, GapKind::NotHere));
    }

    #[test]
    fn blocks_are_whole_and_their_size_is_capped() {
        let devices = [Device { name: "eth0".to_owned(), number: 2, link: 1, is_loopback: false }];
        let mut writing = Writing::begin(&devices, 1000);
        let bytes = [7_u8; 61];
        let frame = Frame {
            device: 0,
            time: 0x0102_0304_0506_0708,
            length: 99,
            outgoing: true,
            bytes: &bytes,
        };
        let mut taken = 0;
        while !writing.frame(&frame) {
            taken += 1;
        }
        assert!(taken > 3 && writing.is_full && writing.out.len() <= 1000);
        let out = writing.end(&[Lost { device: 0, received: 9, dropped: 2 }]);
        let word = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < out.len() {
            let length = usize::try_from(word(at + 4)).unwrap();
            assert_eq!(word(at + length - 4), word(at + 4), "both lengths agree");
            assert_eq!(length % 4, 0);
            if word(at) == 6 {
                assert_eq!((word(at + 12), word(at + 16)), (0x0102_0304, 0x0506_0708));
                assert_eq!((word(at + 20), word(at + 24)), (61, 99));
            }
            kinds.push(word(at));
            at += length;
        }
        assert_eq!((kinds[0], kinds[1], kinds.len()), (0x0a0d_0d0a, 1, taken + 3));
        assert_eq!(kinds.last(), Some(&5));
    }
}
