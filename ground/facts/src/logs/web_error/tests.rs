use super::*;

fn read(text: &str) -> Complaint<'_> {
    super::read(text, &mut Stamps::new(&Context::new("", i64::MAX / 4)))
        .unwrap_or_else(|| panic!("not understood: {text}"))
}

#[test]
fn apache_tells_who_failed_to_log_in() {
    for (line, source, user, kind) in [
        (
            "[Thu Jul 11 01:21:43 2013] [error] [client 194.228.20.113] user ann not found: /",
            "194.228.20.113",
            "ann",
            EventKind::AuthInvalidUser,
        ),
        (
            "[Sat Jul 20 21:39:11.978080 2013] [auth_basic:error] [pid 17512:tid 1] [client 127.0.0.1:51390] AH01617: user ann: authentication failure for \"/a\": Password Mismatch",
            "127.0.0.1",
            "ann",
            EventKind::AuthFailure,
        ),
        (
            "[Sat Jul 20 22:11:44 2013] [authz_owner:error] [pid 1:tid 2] [client [2001:db8::8b2c]:51548] AH01637: Authorization of user ann to access /a failed, reason: x",
            "2001:db8::8b2c",
            "ann",
            EventKind::AuthFailure,
        ),
        (
            "[Mon Nov 06 13:39:56 2023] [auth_basic:error] [pid 3:tid 1] [remote 192.0.2.111:35924] AH01618: user ann not found: /admin",
            "192.0.2.111",
            "ann",
            EventKind::AuthInvalidUser,
        ),
        (
            "[Thu Jul 18 00:08:39 2013] [error] [client 127.0.0.1] Digest: user `ann' in realm `private area' not found: /d",
            "127.0.0.1",
            "ann",
            EventKind::AuthInvalidUser,
        ),
        (
            "[Mon Mar 28 16:50:49 2016] [:error] [pid 1795] [client 10.1.1.1:50700] WAR [Login denied for user \"ann\"], referer: https://zm/",
            "10.1.1.1",
            "ann",
            EventKind::AuthFailure,
        ),
    ] {
        let complaint = read(line);
        assert_eq!(
            (complaint.source, complaint.user, complaint.kind),
            (source, user, kind),
            "{line}"
        );
    }
}

#[test]
fn a_path_that_imitates_a_login_failure_is_only_a_path() {
    let line = "[Sat Jun 01 02:17:42 2013] [error] [client 192.168.33.1] File does not exist: /srv/http/site/[client 192.168.0.1] user root not found";
    let complaint = read(line);
    assert_eq!((complaint.kind, complaint.source), (EventKind::WebError, "192.168.33.1"));
}

#[test]
fn names_that_nobody_means_here_are_abuse() {
    let kind = |text: &str| {
        let line = format!("[Tue Jul 22 06:48:30 2008] [error] [client 192.0.2.1] {text}");
        read(&line).kind
    };
    for text in [
        "File does not exist: /var/www/phpmyadmin",
        "File does not exist: /var/www/webmail, referer: http://x/",
        "File does not exist: /xxx/~",
        "script not found or unable to stat: /usr/lib/cgi-bin/php5",
        "script '/var/www/wp-login.php' not found or unable to stat",
        "AH02811: stderr from /usr/lib/cgi-bin/luci: script not found or unable to stat",
        "AH01071: Got error 'Primary script unknown\\n'",
        "AH01630: client denied by server configuration: /var/www/html/x",
        "AH01215: /bin/bash: warning: HTTP_TEST: ignoring function definition attempt",
        "AH00126: Invalid URI in request GET /cgi-bin/.%2E/%2E%2E/etc/passwd HTTP/1.1",
        "ModSecurity: Access denied with code 403 (phase 2). [id \"942100\"] [tag \"attack-sqli\"] [uri \"/a\"]",
    ] {
        assert_eq!(kind(text), EventKind::WebAbuse, "{text}");
    }
    for text in [
        "File does not exist: /var/www/html/favicon.ico",
        "script '/var/www/forum/mail.php' not found or unable to stat",
        "AH00124: Request exceeded the limit of 10 internal redirects",
        "PHP Notice:  Undefined index: a in /var/www/html/b.php on line 3",
    ] {
        assert_eq!(kind(text), EventKind::WebError, "{text}");
    }
}

#[test]
fn nginx_tells_client_user_and_request() {
    let complaint = read(
        "2012/04/09 11:53:36 [error] 2865#0: *66647 user \"a b\": password mismatch, client: 192.0.43.10, server: www.myhost.com, request: \"GET /x HTTP/1.1\", host: \"h\", referrer: \"https://h/\"",
    );
    assert_eq!(
        (complaint.source, complaint.user, complaint.kind),
        ("192.0.43.10", "a b", EventKind::AuthFailure)
    );
    assert_eq!((complaint.method, complaint.url, complaint.virtual_host), ("GET", "/x", "h"));
    assert_eq!((complaint.pid, complaint.referrer), (Some(2865), "https://h/"));
    let refused = read(
        "2020/11/25 16:02:45 [error] 7#7: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 5.126.32.148, server: s, request: \"GET /admin HTTP/2.0\", upstream: \"http://127.0.0.1:3000/admin\", host: \"s\"",
    );
    assert_eq!(refused.kind, EventKind::WebError);
    let tls = read(
        "2020/11/25 14:42:16 [crit] 7#7: *2 SSL_do_handshake() failed (SSL: error:1408F0C6:SSL routines:ssl3_get_record:packet length too long) while SSL handshaking, client: 142.93.180.14, server: 0.0.0.0:443",
    );
    assert_eq!((tls.kind, tls.source), (EventKind::WebAbuse, "142.93.180.14"));
    let old = read(
        "2020/11/25 14:42:16 [crit] 7#7: *2 SSL_do_handshake() failed (SSL: error:1417D102:unsupported protocol) while SSL handshaking, client: 142.93.180.14, server: 0.0.0.0:443",
    );
    assert_eq!(old.kind, EventKind::WebError);
}

#[test]
fn a_client_cannot_put_another_address_into_its_line() {
    let name = read(
        "2014/04/03 22:20:40 [error] 30708#0: *3 user \"test\": password mismatch, client: 127.0.0.1, server: test, request: \"GET / HTTP/1.1\", host: \"localhost:8443\"\": was not found in \"/etc/nginx/.htpasswd\", client: 192.0.2.2, server: , request: \"GET / HTTP/1.1\", host: \"localhost:8443\"",
    );
    assert_eq!(name.source, "192.0.2.2");
    let path = read(
        "2014/04/03 22:20:40 [error] 1#0: *3 user \"x\": password mismatch, client: 192.0.2.2, server: s, request: \"GET /, client: 127.0.0.1, server: x HTTP/1.1\", host: \"h\"",
    );
    assert_eq!(path.source, "192.0.2.2");
}

#[test]
fn lighttpd_and_php() {
    for line in [
        "2011-12-25 17:09:20: (http_auth.c.875) password doesn't match for /gitweb/ username: ann, IP: 4.4.4.4",
        "2021-09-30 16:05:33: mod_auth.c.828) password doesn't match for /secure/ username: ann IP: 4.4.4.4",
        "2021-09-30 17:44:37: (mod_auth.c.791) digest: auth failed for  ann : wrong password, IP: 4.4.4.4",
    ] {
        let complaint = read(line);
        assert_eq!(
            (complaint.source, complaint.user, complaint.kind),
            ("4.4.4.4", "ann", EventKind::AuthFailure),
            "{line}"
        );
    }
    let php =
        read("[23-Nov-2026 12:00:00 UTC] PHP Fatal error:  Uncaught Error: x in /srv/a b/c.php:3");
    assert_eq!((php.time, php.level), (Some(1_795_435_200_000_000), "PHP Fatal error"));
    assert_eq!(php.path, "/srv/a b/c.php");
    let blocked = read(
        "[23-Nov-2026 12:00:00 UTC] PHP Warning:  ALERT - x (attacker '192.0.2.1', file '/f.php', line 1)",
    );
    assert_eq!(
        (blocked.source, blocked.path, blocked.kind),
        ("192.0.2.1", "/f.php", EventKind::WebAbuse)
    );
}

#[test]
fn the_rest_of_a_php_error_is_silent_and_a_stranger_is_not() {
    let mut reader = WebError { stamps: Stamps::new(&Context::new("", 0)), last: false };
    let mut read = |text: &str| {
        let place = stanch_words::Place { file: "", line: 1, offset: 0 };
        reader.line(&Line { text, place }, &mut |_event| {})
    };
    assert_eq!(read("#0 {main}"), Understood::No, "nothing before it");
    assert_eq!(read("[23-Nov-2026 12:00:00 UTC] PHP Fatal error:  x in /a.php:3"), Understood::Yes);
    assert_eq!(read("Stack trace:"), Understood::Silent);
    assert_eq!(read("#0 {main}"), Understood::Silent);
    assert_eq!(read("anything else"), Understood::No);
}

#[test]
fn torn_lines_break_nothing() {
    let lines = [
        "[Sat Jul 20 22:11:44 2013] [authz:error] [pid 1:tid 2] [client [2001:db8::1]:5] AH01637: Authorization of user a to access /b failed, referer: x",
        "2012/04/09 11:53:36 [error] 2865#0: *6 user \"a\": password mismatch, client: 192.0.43.10, server: s, request: \"GET /x HTTP/1.1\", host: \"h\"",
        "2018-01-16 14:10:32: (mod_auth.c.525) password doesn't match for /t username: test, IP: 192.0.2.1",
        "[23-Nov-2026 12:00:00 +0100] PHP Warning:  x in /a.php on line 1",
        "host nginx[1]: host nginx: 2023/12/09 21:35:20 [error] 9#9: *3 user \"f\" was not found in \"/h\", client: 192.0.2.3",
    ];
    let mut stamps = Stamps::new(&Context::new("", 0));
    for line in lines {
        assert!(super::read(line, &mut stamps).is_some(), "{line}");
        for end in 0..line.len() {
            let _any = super::read(line.get(..end).unwrap(), &mut stamps);
        }
    }
}
