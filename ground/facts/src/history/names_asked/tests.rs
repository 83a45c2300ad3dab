use std::fmt::Write as _;
use std::sync::Arc;

use stanch_machine::Pretend;

use super::super::History;
use super::*;
use crate::tables::name_failures;

fn rows(log: String, table: &str) -> Seen {
    let machine = Pretend::new()
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("/var/log/dnsmasq.log", log);
    let host = Host::new(Arc::new(machine));
    let mut seen = Seen::default();
    History::of(&host).give(table, &mut seen);
    seen
}

fn shown(seen: &Seen, columns: &[usize]) -> Vec<String> {
    let row = |row: &stanch_words::Row| {
        columns.iter().map(|&column| row.get(column).to_string()).collect::<Vec<_>>().join(" ")
    };
    seen.rows.iter().map(row).collect()
}

/// Text that looks random, and is the same each time.
fn noise(seed: u64, length: usize, letters: &[u8]) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    (0..length).map(|_| char::from(letters[next() % letters.len()])).collect()
}

const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

#[test]
fn a_tunnel_stands_out_from_a_mail_servers_lists() {
    let mut log = String::new();
    for n in 0..300_u64 {
        let (minute, second) = (n / 60, n % 60);
        let at = format!("Nov  2 08:{minute:02}:{second:02} dnsmasq[7]:");
        let data = noise(n + 1, 50, BASE32);
        writeln!(log, "{at} query[TXT] {data}.t.evil.example from 127.0.0.1").unwrap();
        writeln!(log, "{at} query[A] 9.{second}.{minute}.10.list.example from 127.0.0.1").unwrap();
        writeln!(log, "{at} query[A] {data}.hbl.spamhaus.org from 127.0.0.1").unwrap();
        writeln!(log, "{at} query[TXT] {data}._domainkey.shop.example from 127.0.0.1").unwrap();
    }
    let seen = rows(log, SPEC.name);
    assert_eq!(
        shown(&seen, &[col::domain, col::own, col::queries, col::data_types, col::answers_known]),
        ["evil.example 1 300 300 0", "list.example 1 300 0 0", "shop.example 1 300 0 0"]
    );
    let tunnel = &seen.rows[0];
    let number = |column| tunnel.get(column).to_string().parse::<f64>().unwrap();
    assert!((270.0..330.0).contains(&number(col::parts)), "{}", number(col::parts));
    assert!(number(col::mean_entropy) > 3.8 && number(col::mean_length) > 50.0);
    assert_eq!(seen.gaps, []);
}

#[test]
fn a_search_for_meeting_places_is_a_burst_of_odd_names() {
    let mut log = String::new();
    for n in 0..60_u64 {
        let name = noise(n + 1, 12, b"bcdfghjkmpqrtvwxyzaeiou0123456789");
        let at = format!("Nov  2 08:00:{n:02} dnsmasq[7]: {n}");
        writeln!(log, "{at} 10.0.0.5/400 query[A] {name}.com from 10.0.0.5").unwrap();
        writeln!(log, "{at} 10.0.0.5/400 reply {name}.com is NXDOMAIN").unwrap();
        // A search suffix: many names, one domain.
        writeln!(log, "{at} 10.0.0.6/400 reply {name}.corp.example is NXDOMAIN").unwrap();
    }
    let seen = rows(log, name_failures::SPEC.name);
    use name_failures::col;
    let columns = [col::client, col::queries, col::mail_queries, col::nxdomain, col::peak_domains];
    assert_eq!(shown(&seen, &columns), ["10.0.0.5 60 0 60 60"]);
    assert!(seen.rows[0].get(col::peak_oddness).to_string().parse::<f64>().unwrap() > 0.6);
    assert_eq!(seen.gaps, []);
}
