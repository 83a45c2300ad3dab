use super::*;
use stanch_words::Place;

const NOON: i64 = 1_795_435_200_000_000;

fn read(text: &str) -> Option<Event<'static>> {
    let context = Context::new("access.log", i64::MAX / 4);
    let mut reader = (match FORMAT.form {
        Form::Lines(open) => open,
        Form::Records(..) | Form::Whole(_) => panic!("it has lines"),
    })(&context);
    let mut kept = None;
    let line = Line { text, place: Place { file: "access.log", line: 1, offset: 0 } };
    let understood = reader.line(&line, &mut |event| {
        let mut copy = Event::new(event.kind);
        copy.time = event.time;
        copy.clock = event.clock;
        copy.user = Cow::Owned(event.user.to_string());
        copy.source_ip = Cow::Owned(event.source_ip.to_string());
        copy.method = Cow::Owned(event.method.to_string());
        for (name, value) in &event.more {
            match value {
                stanch_words::Field::Number(number) => copy.with(name.to_string(), *number),
                other => {
                    copy.with(name.to_string(), other.as_text().unwrap_or_default().to_owned())
                }
            };
        }
        kept = Some(copy);
    });
    assert_eq!(understood == Understood::Yes, kept.is_some(), "{text}");
    kept
}

#[test]
fn shapes_of_every_server() {
    for line in [
        r#"192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12"#,
        r#"192.0.2.1 - ann [23/Nov/2026:13:00:00 +0100] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8""#,
        r#"www.example.net:443 192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8""#,
        r#"192.0.2.1 www.example.net ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8""#,
        r#"192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/2.0" 200 12 "-" "curl/8" 72 "front" "/dashboard/" 0ms"#,
        r#"192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8" "-" rt=0.01 uct="0.0""#,
        r#"::ffff:192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12"#,
        r#"192.0.2.1, 10.0.0.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 12"#,
        r#"{"time":"2026-11-23T12:00:00Z","remote_addr":"192.0.2.1","remote_user":"ann","request":"GET /a?b=c HTTP/1.1","status":"200","body_bytes_sent":"12"}"#,
        r#"{"ts":1795435200.0,"user_id":"ann","request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/a?b=c"},"status":200,"size":12}"#,
        r#"{"ClientHost":"192.0.2.1","ClientUsername":"ann","RequestMethod":"GET","RequestPath":"/a?b=c","DownstreamStatus":200,"DownstreamContentSize":12,"StartUTC":"2026-11-23T12:00:00Z"}"#,
    ] {
        let event = read(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(event.kind, EventKind::WebRequest, "{line}");
        assert_eq!((event.time, event.clock), (Some(NOON), Clock::Utc), "{line}");
        assert_eq!(
            (&*event.source_ip, &*event.user, &*event.method),
            ("192.0.2.1", "ann", "GET"),
            "{line}"
        );
        assert_eq!(
            (event.text("url"), event.number("status"), event.number("bytes")),
            ("/a?b=c", Some(200), Some(12)),
            "{line}"
        );
    }
}

#[test]
fn haproxy_tells_address_and_answer() {
    let context = Context::new("", i64::MAX / 4);
    let line = r#"2001:db8::7:58444 [23/Nov/2026:12:00:00.000] main app/app1 1939/0/1/0/1940 403 5168 - - ---- 3/3/0/0/0 0/0 "GET / HTTP/1.1""#;
    let access = super::read(line, &mut Stamps::new(&context)).unwrap();
    assert_eq!((access.source, access.source_port), ("2001:db8::7", Some(58444)));
    assert_eq!((access.status, access.event().kind), (Some(403), EventKind::WebRequest));
    let line = r#"192.0.2.1:58430 [23/Nov/2026:12:00:00.000] main main/<NOSRV> -1/-1/-1/-1/0 401 248 - - PR-- 0/0/0/0/0 0/0 "GET / HTTP/1.1""#;
    let access = super::read(line, &mut Stamps::new(&context)).unwrap();
    assert_eq!(access.event().kind, EventKind::AuthFailure);
}

#[test]
fn rubbish_is_kept_with_what_it_holds() {
    for (request, url) in [
        (r"\x16\x03\x01\x02\x00", r"\x16\x03\x01\x02\x00"),
        ("-", "-"),
        ("", ""),
        ("HELP", "HELP"),
        (r"t3 12.2.1\n", r"t3 12.2.1\n"),
    ] {
        let line =
            format!(r#"192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "{request}" 400 47 "-" "-""#);
        let event = read(&line).unwrap();
        assert_eq!((event.kind, event.text("url")), (EventKind::WebAbuse, url), "{line}");
        assert_eq!(event.text("attack"), "malformed", "{line}");
    }
    let silent = r#"192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "-" 408 - "-" "-""#;
    assert_eq!(read(silent).unwrap().kind, EventKind::WebRequest);
}

#[test]
fn a_line_torn_within_a_field_is_read_and_says_so() {
    let whole =
        r#"192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"#;
    let event = read(whole).unwrap();
    assert_eq!(event.field("user_agent").unwrap().as_text(), Some("curl/8"));
    assert_eq!(event.number("torn"), Some(1));
    let event = read(&format!("{whole}\"")).unwrap();
    assert_eq!(event.number("torn"), None);
}

#[test]
fn logins_that_fail() {
    let kind = |request: &str, user: &str, status: u16| {
        let line = format!(
            r#"192.0.2.1 - {user} [23/Nov/2026:12:00:00 +0000] "{request}" {status} 47 "-" "-""#
        );
        read(&line).unwrap().kind
    };
    assert_eq!(kind("GET /dashboard/ HTTP/2.0", "ann", 401), EventKind::AuthFailure);
    assert_eq!(
        kind("GET /dashboard/ HTTP/2.0", "-", 401),
        EventKind::WebRequest,
        "only the question"
    );
    assert_eq!(kind("POST /wp-login.php HTTP/1.1", "-", 200), EventKind::AuthFailure);
    assert_eq!(kind("POST /wp-login.php HTTP/1.1", "-", 302), EventKind::WebRequest);
    assert_eq!(kind("GET /wp-login.php HTTP/1.1", "-", 200), EventKind::WebRequest);
    let jetty =
        r#"192.0.2.1 -  -  [02/sept./2015:00:11:31 +0200] "GET /openhab.app HTTP/1.1" 401 1382 "#;
    let event = read(jetty).unwrap();
    assert_eq!((event.kind, event.time), (EventKind::AuthFailure, Some(1_441_145_491_000_000)));
}

#[test]
fn a_client_cannot_choose_where_its_line_is_cut() {
    // A user's name with brackets and a date; a request with quotes in a log that escapes none.
    let line = r#"192.0.2.1 - x [01/Jan/2001:00:00:00 +0000] y [23/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 401 9 "-" "-""#;
    let event = read(line).unwrap();
    assert_eq!((event.time, &*event.source_ip), (Some(NOON), "192.0.2.1"));
    let line =
        r#"192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "GET /?t=<b>"x"</b> HTTP/1.0" 404 1164"#;
    let event = read(line).unwrap();
    assert_eq!((event.text("url"), event.number("status")), (r#"/?t=<b>"x"</b>"#, Some(404)));
    let line = r#"192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "GET /\" 200 1 HTTP/1.1" 404 1164"#;
    assert_eq!(read(line).unwrap().number("status"), Some(404));
}

#[test]
fn lines_of_other_logs_are_left_to_others() {
    for line in [
        "",
        "Nov 23 12:00:00 web01 sshd[7]: Failed password for root from 192.0.2.1 port 22 ssh2",
        "Sep 15 16:13:46 h.example nginx[2869]: 192.0.2.1 - - [15/Sep/2021:16:13:46 +0000] \"POST /wp-login.php HTTP/1.1\" 200 5364 \"-\" \"x\"",
        "2026/11/23 12:00:00 [error] 1#1: *3 user \"x\": password mismatch, client: 192.0.2.1",
        "[Mon Nov 23 12:00:00 2026] [error] [client 192.0.2.1] user \"x\" not found: /",
        "{\"event_type\":\"flow\",\"src_ip\":\"192.0.2.1\"}",
        "{\"status\":200}",
        "192.0.2.1 - - [",
        "\"\"\"\"\"\"\"\"",
        "[[[[\"",
        "a b c [23/Nov/2026:12:00:00 +0000] \"",
    ] {
        assert!(read(line).is_none(), "{line}");
    }
    let whole = r#"www.example.net 192.0.2.1 - ann [23/Nov/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 12 "r" "u\"" x"#;
    for end in 0..whole.len() {
        let _any = read(whole.get(..end).unwrap());
    }
}
