//! Which name servers this machine asks.
//!
//! Source: resolv.conf(5); the option bits are those of glibc's `resolv.h`.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::{text_of, words};

table_spec! {
    /// Resolver settings.
    pub static SPEC, col = "dns_resolvers": Files, "Name servers, search domains and sort lists of /etc/resolv.conf.";
    id Integer Plain "Order within its type, from 0.";
    r#type Text Plain "nameserver, search or sortlist.";
    address Text Plain "Address of the server or sort list, or the search domain.";
    netmask Text Plain "Netmask of a sort list; 32 for a name server.";
    options BigInt Plain "Resolver options as the C library's bits.";
    options_text Text Plain "The words of the options lines.";
    line Integer Plain "Line in /etc/resolv.conf, from 1.";
}

const PATH: &str = "/etc/resolv.conf";
/// `RES_INIT | RES_RECURSE | RES_DEFNAMES | RES_DNSRCH`: what the library starts with.
const DEFAULT: u64 = 0x2c1;

/// Reads `/etc/resolv.conf`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new(PATH), limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses resolv.conf(5). A line that says nothing known is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    let mut bits = DEFAULT;
    let mut texts = Vec::new();
    // The last `search` or `domain` line wins.
    let (mut servers, mut searches, mut sorts) = (Vec::new(), Vec::new(), Vec::new());
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        if matches!(line.first(), Some(b'#' | b';')) {
            continue;
        }
        let mut words = words(line);
        match words.next() {
            None => {}
            Some(b"nameserver") => servers.extend(words.next().map(|word| (word, at))),
            Some(b"search") => searches = words.map(|word| (word, at)).collect(),
            Some(b"domain") => searches = words.take(1).map(|word| (word, at)).collect(),
            Some(b"sortlist") => sorts.extend(words.map(|word| (word, at))),
            Some(b"options") => {
                for word in words {
                    bits |= option(word);
                    texts.push(word);
                }
            }
            Some(b"lookup" | b"family") => {}
            Some(_other) => {
                let detail = format!("line {at}: not a resolver setting");
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(PATH));
            }
        }
    }
    let text = text_of(texts.into_iter());
    for (kind, list) in [("nameserver", servers), ("sortlist", sorts), ("search", searches)] {
        for (id, (word, line)) in (0_u32..).zip(list) {
            let mut pair = word.splitn(2, |&b| b == b'/' && kind == "sortlist");
            let address = pair.next().unwrap_or_default();
            let mask = match kind {
                "nameserver" => b"32",
                _ => pair.next().unwrap_or_default(),
            };
            let mut row = SPEC.row();
            row.put(col::id, id)
                .put(col::r#type, kind)
                .put(col::address, address)
                .put(col::netmask, mask)
                .put(col::options, bits)
                .put(col::options_text, text.as_str())
                .put(col::line, line);
            seen.push(row);
        }
    }
}

fn option(word: &[u8]) -> u64 {
    match word {
        b"debug" => 0x2,
        b"use-vc" => 0x8,
        b"inet6" => 0x2000,
        b"rotate" => 0x4000,
        b"no-check-names" => 0x8000,
        b"edns0" => 0x0010_0000,
        b"single-request" => 0x0020_0000,
        b"single-request-reopen" => 0x0040_0000,
        b"no-tld-query" => 0x0100_0000,
        b"no-reload" => 0x0200_0000,
        b"trust-ad" => 0x0400_0000,
        b"no-aaaa" => 0x0800_0000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_and_the_last_search_line() {
        let mut seen = Seen::default();
        parse(
            b"# by hand\nsearch old.example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\n\
              options edns0 rotate timeout:1\nsearch a.example b.example\nsortlist 10.0.0.0/255.0.0.0\n\xffserver 1\n",
            &mut seen,
        );
        let rows: Vec<String> = seen
            .rows
            .iter()
            .map(|row| format!("{} {} {} {}", row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect();
        assert_eq!(
            rows,
            [
                "0 nameserver 192.0.2.1 32",
                "1 nameserver 2001:db8::1 32",
                "0 sortlist 10.0.0.0 255.0.0.0",
                "0 search a.example ",
                "1 search b.example "
            ]
        );
        assert_eq!(seen.rows[0].get(col::options).as_integer(), Some(0x10_42c1));
        assert_eq!(seen.rows[0].get(col::options_text).as_text(), Some("edns0 rotate timeout:1"));
        assert_eq!(seen.gaps[0].detail, "line 8: not a resolver setting");
    }
}
