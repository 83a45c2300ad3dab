//! Reads a generated access log of an ordinary site with its share of scanners, and prints lines
//! per CPU second.
//!
//! ```text
//! cargo bench -p stanch-facts --bench web -- 500000
//! ```

use std::fmt::Write as _;

use stanch_facts::logs::{self, Context, Stream};
use stanch_words::EventKind;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
];

const REQUESTS: [(&str, &str, u16); 16] = [
    ("GET", "/", 200),
    ("GET", "/assets/index-4f2a1c9b.js", 200),
    ("GET", "/wp-content/uploads/2026/11/photo-of-the-garden-1024x768.jpg", 200),
    ("GET", "/wp-includes/css/dist/block-library/style.min.css?ver=6.7.1", 200),
    ("POST", "/wp-admin/admin-ajax.php", 200),
    ("GET", "/shop/?orderby=price&min_price=10&max_price=200&filter_color=blue%2Cgreen", 200),
    ("GET", "/api/v1/orders?page=3&per_page=50&sort=-created_at", 200),
    ("POST", "/api/v1/session", 401),
    ("GET", "/search?q=C%2B%2B%20%E6%AD%A2%E8%A1%80+and+more+words", 200),
    (
        "GET",
        "/blog/2026/11/how-we-moved-house/?utm_source=newsletter&utm_medium=email&utm_campaign=nov",
        200,
    ),
    ("GET", "/favicon.ico", 304),
    ("HEAD", "/healthz", 204),
    ("GET", "/.env", 404),
    ("GET", "/index.php?page=..%2f..%2f..%2fetc%2fpasswd", 404),
    ("GET", "/feed/", 200),
    ("GET", "/robots.txt", 200),
];

fn log(lines: usize) -> Vec<u8> {
    let mut text = String::with_capacity(lines * 230);
    for at in 0..lines {
        let Some((method, target, status)) = REQUESTS.get(at * 7 % REQUESTS.len()) else {
            continue;
        };
        let Some(agent) = AGENTS.get(at * 3 % AGENTS.len()) else { continue };
        let (hour, minute, second) = (at / 36_000 % 24, at / 600 % 60, at / 10 % 60);
        let referrer = if at % 3 == 0 { "-" } else { "https://www.example.org/shop/?page=2" };
        let _infallible = writeln!(
            text,
            "198.51.{}.{} - - [23/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"{method} {target} HTTP/1.1\" {status} {} \"{referrer}\" \"{agent}\"",
            at / 250 % 250,
            at % 250,
            at * 37 % 90_000,
        );
    }
    text.into_bytes()
}

fn cpu() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() {
    let lines = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(500_000);
    let bytes = log(lines);
    for _round in 0..3 {
        let context = Context::new("access.log", i64::MAX / 4);
        let mut stream = Stream::new(context, logs::find("web-access"));
        let (mut requests, mut abuse) = (0_u64, 0_u64);
        let mut each = |event: &stanch_words::Event<'_>| match event.kind {
            EventKind::WebAbuse => abuse += 1,
            _ => requests += 1,
        };
        let before = cpu();
        for piece in bytes.chunks(1 << 16) {
            stream.feed(piece, &mut each);
        }
        let (counts, _gaps) = stream.end(&mut each);
        let took = cpu().saturating_sub(before).as_secs_f64();
        assert_eq!(counts.not_understood, 0);
        println!(
            "{lines} lines, {:.0} MB: {took:.2} CPU-s, {:.0} lines/s, {:.0} MB/s; {requests} requests, {abuse} abuse",
            bytes.len() as f64 / 1e6,
            lines as f64 / took,
            bytes.len() as f64 / 1e6 / took,
        );
    }
}
