//! Who is at the other end of the cable: frames by which switches tell of themselves.
//!
//! What a frame says is said by whoever sent it, and anybody on the same segment can send one. So
//! it is read as hostile bytes, and told as a claim.
//!
//! Source: IEEE 802.1AB (LLDP, frames of the kind 0x88cc); CDP as Wireshark's and tcpdump's
//! documentation describe it (802.3 with SNAP 00-00-0c, 0x2000).

use std::net::{Ipv4Addr, Ipv6Addr};

use stanch_words::text;

/// The groups that such frames go to: LLDP's, and Cisco's.
pub const GROUPS: [[u8; 6]; 2] =
    [[0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e], [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc]];

/// Frames to begin with when any bytes are tried: one of LLDP, one of CDP.
pub const SEEDS: [(&str, &[u8]); 2] = [
    (
        "lldp",
        b"\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc\x02\x07\x04\x02\x00\x00\x00\x00\x01\
          \x04\x05\x05Eth1\x06\x02\x00\x78\x0a\x03sw1\xfe\x06\x00\x80\xc2\x01\x00\x2a\x00\x00",
    ),
    (
        "cdp",
        b"\x01\x00\x0c\xcc\xcc\xcc\x02\x00\x00\x00\x00\x01\x00\x1f\xaa\xaa\x03\x00\x00\x0c\x20\x00\
          \x02\xb4\x00\x00\x00\x01\x00\x07sw1\x00\x03\x00\x08Gi0/",
    ),
];

/// How many parts of a frame are looked at; an honest one has some twenty.
const PARTS: usize = 128;

/// By which protocol it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The Link Layer Discovery Protocol.
    Lldp,
    /// Cisco's own.
    Cdp,
}

impl Protocol {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lldp => "LLDP",
            Self::Cdp => "CDP",
        }
    }
}

/// What somebody at the other end said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// How it was told.
    pub by: Protocol,
    /// What names the switch: mostly an address of the hardware.
    pub chassis: String,
    /// What names its port.
    pub port: String,
    /// What the port is called by those who care for it.
    pub port_description: String,
    /// The switch's name.
    pub name: String,
    /// What it is and runs.
    pub description: String,
    /// Under which address it is managed.
    pub address: String,
    /// The port's VLAN without a tag, if it was said.
    pub vlan: Option<u16>,
}

impl Neighbour {
    fn new(by: Protocol) -> Self {
        let none = String::new;
        Self {
            by,
            chassis: none(),
            port: none(),
            port_description: none(),
            name: none(),
            description: none(),
            address: none(),
            vlan: None,
        }
    }
}

/// Returns what a frame tells, from its Ethernet header on; nothing if it is none of these, is torn
/// before it says which port it is, or says good-bye.
pub fn parse(frame: &[u8]) -> Option<Neighbour> {
    let kind = frame.get(12..).and_then(<[u8]>::first_chunk::<2>)?;
    let body = frame.get(14..)?;
    match u16::from_be_bytes(*kind) {
        0x88cc => lldp(body),
        // A length: 802.2. LLC and SNAP of CDP.
        length @ 0..=0x5dc => {
            let body = body.get(..usize::from(length)).unwrap_or(body);
            cdp(body.strip_prefix(&[0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00])?)
        }
        _ => None,
    }
}

/// Parts of seven bits of kind, nine bits of length, content.
fn lldp(body: &[u8]) -> Option<Neighbour> {
    let mut told = Neighbour::new(Protocol::Lldp);
    let mut rest = body;
    for _part in 0..PARTS {
        let Some((head, tail)) = rest.split_first_chunk::<2>() else { break };
        let head = u16::from_be_bytes(*head);
        let (kind, length) = (head >> 9, usize::from(head & 0x1ff));
        let Some(content) = tail.get(..length) else { break };
        rest = tail.get(length..).unwrap_or_default();
        match kind {
            0 => break,
            1 => told.chassis = id(content, 4, 5),
            2 => told.port = id(content, 3, 4),
            // For how long it counts: with none it says good-bye.
            3 if content.first_chunk::<2>() == Some(&[0, 0]) => return None,
            4 => told.port_description = words(content),
            5 => told.name = words(content),
            6 => told.description = words(content),
            8 if told.address.is_empty() => {
                told.address = content.split_first().map_or_else(String::new, |(&length, rest)| {
                    address(rest.get(..usize::from(length)).unwrap_or(rest))
                });
            }
            // IEEE 802.1, the port's VLAN.
            127 => {
                if let Some([high, low, ..]) = content.strip_prefix(&[0x00, 0x80, 0xc2, 1]) {
                    told.vlan = Some(u16::from_be_bytes([*high, *low])).filter(|&vlan| vlan > 0);
                }
            }
            _ => {}
        }
    }
    (!told.chassis.is_empty() && !told.port.is_empty()).then_some(told)
}

/// An id: its own kind, and content. Two kinds are no text: an address of the hardware, and one of
/// the network.
fn id(content: &[u8], hardware: u8, network: u8) -> String {
    match content.split_first() {
        Some((&kind, bytes)) if kind == hardware && bytes.len() == 6 => colons(bytes),
        Some((&kind, bytes)) if kind == network => address(bytes),
        Some((_, bytes)) => words(bytes),
        None => String::new(),
    }
}

/// An address of the network: its family (IANA: 1 and 2), and the address.
fn address(bytes: &[u8]) -> String {
    match bytes.split_first() {
        Some((1, four)) if four.len() == 4 => four
            .first_chunk::<4>()
            .map_or_else(String::new, |four| Ipv4Addr::from(*four).to_string()),
        Some((2, six)) if six.len() == 16 => {
            six.first_chunk::<16>().map_or_else(String::new, |six| Ipv6Addr::from(*six).to_string())
        }
        Some((6, hardware)) if hardware.len() == 6 => colons(hardware),
        _ => text::hex(bytes),
    }
}

fn colons(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

/// A text, without the zero bytes that some devices put behind it.
fn words(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at.saturating_add(1));
    text::from_bytes(bytes.get(..end).unwrap_or_default().trim_ascii())
}

/// Version, time, checksum; then parts of two bytes of kind and two of length, which counts itself.
fn cdp(body: &[u8]) -> Option<Neighbour> {
    let mut told = Neighbour::new(Protocol::Cdp);
    let (head, mut rest) = body.split_first_chunk::<4>()?;
    let [_version, time, ..] = *head;
    if time == 0 {
        return None;
    }
    for _part in 0..PARTS {
        let Some((head, _)) = rest.split_first_chunk::<4>() else { break };
        let [k0, k1, l0, l1] = *head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let Some(content) = rest.get(4..length) else { break };
        rest = rest.get(length..).unwrap_or_default();
        match u16::from_be_bytes([k0, k1]) {
            1 => told.name = words(content),
            2 if told.address.is_empty() => told.address = cdp_address(content),
            3 => told.port = words(content),
            5 => told.description = words(content),
            6 => told.chassis = words(content),
            10 => {
                let number = content.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
                told.vlan = number.filter(|&vlan| vlan > 0);
            }
            _ => {}
        }
    }
    (!told.name.is_empty() && !told.port.is_empty()).then_some(told)
}

/// The first of a list of addresses, if it is one of IPv4: a count, then for each the kind and
/// length of its protocol (1, 1, 0xcc), its length, itself.
fn cdp_address(content: &[u8]) -> String {
    let first = content.get(4..).unwrap_or_default();
    let four = first.strip_prefix(&[1, 1, 0xcc, 0, 4]).and_then(<[u8]>::first_chunk::<4>);
    four.map_or_else(String::new, |four| Ipv4Addr::from(*four).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: u16, content: &[u8]) -> Vec<u8> {
        let head = kind << 9 | u16::try_from(content.len()).unwrap();
        [&head.to_be_bytes()[..], content].concat()
    }

    fn frame(parts: &[Vec<u8>]) -> Vec<u8> {
        let head = [&[0x01, 0x80, 0xc2, 0, 0, 0x0e], &[2, 0, 0, 0, 0, 1][..], &[0x88, 0xcc]];
        [head.concat(), parts.concat()].concat()
    }

    fn switch() -> Vec<u8> {
        frame(&[
            part(1, &[4, 0x00, 0x1c, 0x73, 0xaa, 0xbb, 0xcc]),
            part(2, b"\x05Ethernet12"),
            part(3, &[0, 120]),
            part(4, b"web01 uplink"),
            part(5, b"sw-rack4"),
            part(6, b"Arista Networks EOS version 4.28"),
            part(8, &[5, 1, 10, 0, 0, 250, 2, 0, 0, 0, 1, 0]),
            part(127, &[0x00, 0x80, 0xc2, 1, 0, 42]),
            part(0, b""),
            b"padding".to_vec(),
        ])
    }

    #[test]
    fn a_switch_tells_its_name_and_port() {
        let told = parse(&switch()).unwrap();
        assert_eq!(
            (told.chassis.as_str(), told.port.as_str()),
            ("00:1c:73:aa:bb:cc", "Ethernet12")
        );
        assert_eq!(
            (told.name.as_str(), told.port_description.as_str()),
            ("sw-rack4", "web01 uplink")
        );
        assert_eq!((told.address.as_str(), told.vlan), ("10.0.0.250", Some(42)));
    }

    #[test]
    fn who_says_good_bye_is_no_neighbour() {
        let parts = [part(1, b"\x07x"), part(2, b"\x07y"), part(3, &[0, 0]), part(0, b"")];
        assert_eq!(parse(&frame(&parts)), None);
    }

    #[test]
    fn a_frame_that_is_torn_before_its_port_tells_nothing_and_after_it_what_came() {
        let whole = switch();
        for length in 0..whole.len() {
            let told = parse(&whole[..length]);
            assert_eq!(told.is_some(), length >= 14 + 9 + 13, "{length}");
        }
        assert_eq!(parse(&whole[..14 + 9 + 13]).unwrap().name, "");
    }

    #[test]
    fn a_part_that_claims_more_than_there_is_ends_the_reading() {
        let lying = [part(1, b"\x07x"), part(2, b"\x07y"), vec![0x0b, 0xff, b'z']];
        assert_eq!(parse(&frame(&lying)).unwrap().name, "");
    }

    #[test]
    fn text_that_is_none_is_kept_and_cannot_drive_a_terminal() {
        let parts = [part(1, b"\x07x"), part(2, b"\x07\xff\x1b[2J"), part(3, &[0, 9])];
        let told = parse(&frame(&parts)).unwrap();
        assert_eq!(told.port, "\\xff\u{1b}[2J");
        assert!(!text::escaped(&told.port).contains('\u{1b}'));
    }

    #[test]
    fn cdp_tells_the_same() {
        let part = |kind: u16, content: &[u8]| {
            let length = u16::try_from(content.len() + 4).unwrap();
            [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
        };
        let address = [&[0, 0, 0, 1, 1, 1, 0xcc, 0, 4][..], &[10, 0, 0, 3]].concat();
        let parts = [
            part(1, b"core1.example"),
            part(2, &address),
            part(3, b"GigabitEthernet1/0/7"),
            part(6, b"cisco WS-C3850"),
            part(10, &[0, 7]),
        ]
        .concat();
        let body = [&[0xaa, 0xaa, 0x03, 0, 0, 0x0c, 0x20, 0][..], &[2, 180, 0, 0], &parts].concat();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let head = [[0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc], [2, 0, 0, 0, 0, 1]].concat();
        let told = parse(&[&head, &length[..], &body, &[0; 9]].concat()).unwrap();
        assert_eq!((told.by, told.name.as_str()), (Protocol::Cdp, "core1.example"));
        assert_eq!((told.port.as_str(), told.vlan), ("GigabitEthernet1/0/7", Some(7)));
        assert_eq!(told.address, "10.0.0.3");
        let spanning_tree = [&head, &[0, 3][..], &[0x42, 0x42, 0x03]].concat();
        assert_eq!(parse(&spanning_tree), None);
    }

    #[test]
    fn the_seeds_are_frames() {
        let told = SEEDS.map(|(_, frame)| parse(frame).unwrap());
        assert_eq!(told.each_ref().map(|one| one.name.as_str()), ["sw1", "sw1"]);
        assert_eq!(told.map(|one| one.port), ["Eth1", "Gi0/"]);
    }

    #[test]
    fn any_bytes_are_read_without_a_fall() {
        let whole = switch();
        let mut number = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                number ^= number << 13;
                number ^= number >> 7;
                number ^= number << 17;
                let at = usize::try_from(number >> 33).unwrap() % bytes.len();
                bytes[at] = u8::try_from(number & 0xff).unwrap();
            }
            if let Some(told) = parse(&bytes) {
                assert!(told.port.len() <= 4 * 511 && !told.port.is_empty());
            }
        }
    }
}
