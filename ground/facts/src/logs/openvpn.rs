//! OpenVPN's own log: `2026-11-02 08:12:44 192.0.2.7:1194 text`; until 2.4 with ctime(3)'s time.
//!
//! Source: OpenVPN `src/openvpn/error.c` (`x_msg_va`), `otime.c`.

use super::messages::openvpn;
use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "openvpn",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: false,
};

/// How its lines begin, beside addresses.
const BEGINNINGS: [&str; 17] = [
    "OpenVPN ",
    "TCP connection established with",
    "MULTI: ",
    "MULTI_",
    "TLS Error: ",
    "TLS: ",
    "Initialization Sequence Completed",
    "Listening for incoming TCP",
    "UDPv",
    "TCPv",
    "IFCONFIG ",
    "Diffie-Hellman ",
    "TUN/TAP ",
    "library versions: ",
    "Socket Buffers: ",
    "GID set to ",
    "UID set to ",
];

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| {
        header(line, stamps).is_some_and(|(_, said)| {
            let (peer, _) = cut::word(said);
            let address = peer.rsplit('/').next().unwrap_or(peer);
            let (address, port) = cut::address_port(address);
            port.is_some() && cut::is_address(address)
                || BEGINNINGS.iter().any(|words| said.starts_with(words))
        })
    })
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (stamp, said) = if text.starts_with(|c: char| c.is_ascii_digit()) {
        stamps.iso(text).filter(|_| text.as_bytes().get(10) == Some(&b' '))?
    } else {
        let (stamp, rest) = stamps.ctime(text)?;
        (stamp, rest.strip_prefix(' ')?)
    };
    // Microseconds stand by themselves where they are asked for: `us=123456 `.
    let said = said.strip_prefix("us=").map_or(said, |rest| cut::word(rest).1);
    Some((stamp, said))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, said)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "openvpn", said);
    each(&message.told(openvpn::parse(&message)));
    Understood::Yes
}
