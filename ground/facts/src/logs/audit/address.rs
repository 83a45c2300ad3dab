//! Socket addresses as audit writes them: the bytes of a `struct sockaddr` in hexadecimal.
//!
//! Source: `kernel/auditsc.c` (`__audit_sockaddr`), ip(7), ipv6(7), unix(7), `sys/socket.h`. The
//! family is in the byte order of the machine, port and address in that of the network.

use std::net::{Ipv4Addr, Ipv6Addr};

use stanch_words::text;

/// What an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// IPv4 or IPv6.
    Internet { family: &'static str, address: String, port: u16 },
    /// A path, or the name of an abstract socket after `@`.
    Unix(String),
    /// Another family: its name, or its number.
    Other(String),
}

/// Decodes an address.
pub(super) fn parse(bytes: &[u8]) -> Option<Address> {
    let &[first, second, ref rest @ ..] = bytes else { return None };
    // A big-endian machine's small number has its first byte empty.
    let family = if first == 0 { second } else { first };
    Some(match (family, rest) {
        (1, [0, name @ ..]) if name.iter().any(|&byte| byte != 0) => {
            let end = name.iter().rposition(|&byte| byte != 0).map_or(0, |at| at.saturating_add(1));
            Address::Unix(format!("@{}", text::from_bytes(name.get(..end).unwrap_or_default())))
        }
        (1, path) => {
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            Address::Unix(text::from_bytes(path))
        }
        (2, &[high, low, a, b, c, d, ..]) => Address::Internet {
            family: "ipv4",
            address: Ipv4Addr::new(a, b, c, d).to_string(),
            port: u16::from_be_bytes([high, low]),
        },
        (10, &[high, low, _, _, _, _, ref rest @ ..]) => {
            let address = <[u8; 16]>::try_from(rest.get(..16)?).ok()?;
            let address = Ipv6Addr::from(address);
            let address = match address.to_ipv4_mapped() {
                Some(mapped) => mapped.to_string(),
                None => address.to_string(),
            };
            Address::Internet { family: "ipv6", address, port: u16::from_be_bytes([high, low]) }
        }
        (16, _) => Address::Other("netlink".to_owned()),
        (17, _) => Address::Other("packet".to_owned()),
        (38, _) => Address::Other("alg".to_owned()),
        (40, _) => Address::Other("vsock".to_owned()),
        (other, _) => Address::Other(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fields::hexadecimal;
    use super::*;

    fn read(text: &str) -> Option<Address> {
        parse(&hexadecimal(text).unwrap())
    }

    #[test]
    fn addresses_of_each_family() {
        let internet = |family, address: &str, port| {
            Some(Address::Internet { family, address: address.to_owned(), port })
        };
        assert_eq!(
            read("02000050A9FEA9FE0000000000000000"),
            internet("ipv4", "169.254.169.254", 80)
        );
        assert_eq!(
            read("0A000016000000000000000000000000000000000000000000000000"),
            internet("ipv6", "::", 22)
        );
        assert_eq!(
            read("0A0001BB0000000000000000000000000000FFFFC633640700000000"),
            internet("ipv6", "198.51.100.7", 443)
        );
        // s390.
        assert_eq!(read("00020016C6336407"), internet("ipv4", "198.51.100.7", 22));
        assert_eq!(read("01002F72756E2F78000041"), Some(Address::Unix("/run/x".to_owned())));
        assert_eq!(read("010000612F6200"), Some(Address::Unix("@a/b".to_owned())));
        assert_eq!(read("100000000000000000000000"), Some(Address::Other("netlink".to_owned())));
        assert_eq!(read("0000"), Some(Address::Other("0".to_owned())));
    }

    #[test]
    fn a_cut_address_is_none_or_less() {
        let whole = "0A0001BB0000000000000000000000000000FFFFC633640700000000";
        for cut in (2..whole.len()).step_by(2) {
            let internet =
                matches!(read(whole.get(..cut).unwrap()), Some(Address::Internet { .. }));
            assert_eq!(internet, cut >= 48, "{cut}");
        }
    }
}
