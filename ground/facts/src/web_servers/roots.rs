//! The directories that lighttpd, Caddy and Tomcat serve from, as their configurations tell.
//!
//! Source: lighttpd's `server.document-root`, `alias.url`, `simple-vhost.server-root` and
//! `evhost.path-pattern`; Caddy's `root` (Caddyfile and its JSON); Tomcat's `appBase` of `Host` and
//! `docBase` of `Context`, which are relative to `CATALINA_BASE` and to the former.

use std::path::{Component, Path, PathBuf};

/// How many are taken from one file.
const MOST: usize = 200;
/// How deep Caddy's JSON is followed.
const DEPTH: usize = 64;

/// lighttpd: quoted paths of the settings that name directories.
pub(super) fn lighttpd(text: &str) -> Vec<String> {
    const ROOTS: [&str; 3] =
        ["server.document-root", "simple-vhost.server-root", "evhost.path-pattern"];
    let mut found = Vec::new();
    let mut in_aliases = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        // Settings stand inside of conditions, too: `$HTTP["host"] == "a" { server.… = "…" }`.
        let root = ROOTS.iter().find_map(|name| {
            let (_, rest) = line.split_once(name)?;
            let value = rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
            // What is put together from variables is not known here.
            let (path, after) = value.split_once('"')?;
            (!after.trim_start().starts_with('+')).then_some(path)
        });
        // A pattern of hosts begins with the directory that they have in common.
        found.extend(root.and_then(|path| path.split('%').next()).map(str::to_owned));
        in_aliases |= line.contains("alias.url");
        if in_aliases {
            let targets = line.split("=>").skip(1).filter_map(|rest| rest.split('"').nth(1));
            found.extend(targets.map(str::to_owned));
            in_aliases = !line.contains(')');
        }
    }
    kept(found)
}

/// Caddy: `root [MATCHER] PATH` in a Caddyfile, or `"root"` in JSON.
pub(super) fn caddy(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
        let mut open = vec![(&json, DEPTH)];
        while let Some((value, left)) = open.pop() {
            let Some(left) = left.checked_sub(1) else { continue };
            match value {
                serde_json::Value::Object(map) => {
                    let root = map.get("root").and_then(serde_json::Value::as_str);
                    found.extend(root.map(str::to_owned));
                    open.extend(map.values().map(|value| (value, left)));
                }
                serde_json::Value::Array(all) => {
                    open.extend(all.iter().map(|value| (value, left)));
                }
                _ => {}
            }
        }
        return kept(found);
    }
    for line in text.lines() {
        let mut words = line.split_whitespace();
        // `file_server { root … }` on one line has the same word further in.
        if words.by_ref().any(|word| word == "root" || word.starts_with('#'))
            && !line.trim_start().starts_with('#')
        {
            let path = words.find(|word| word.trim_matches('"').starts_with('/'));
            found.extend(path.map(|path| path.trim_matches('"').to_owned()));
        }
    }
    kept(found)
}

/// Tomcat: where hosts keep their applications and contexts their documents. `folder` is that of
/// the configuration.
pub(super) fn tomcat(folder: &Path, text: &str) -> Vec<String> {
    let Some(base) = catalina_base(folder) else { return Vec::new() };
    let mut applications = base.join("webapps");
    let mut found = Vec::new();
    for tag in tags(text) {
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next();
        let written = match name {
            Some("Host") => attribute(tag, "appBase"),
            Some("Context") => attribute(tag, "docBase"),
            _ => continue,
        };
        let Some(written) = written else { continue };
        let own = base.to_string_lossy();
        let written = written.replace("${catalina.base}", &own).replace("${catalina.home}", &own);
        if name == Some("Host") {
            applications = base.join(written);
            found.push(applications.to_string_lossy().into_owned());
        } else if !written.ends_with(".war") {
            found.push(applications.join(written).to_string_lossy().into_owned());
        }
    }
    kept(found)
}

/// Returns the directory that a configuration belongs to: Debian keeps it apart.
fn catalina_base(folder: &Path) -> Option<PathBuf> {
    let named_conf =
        folder.ancestors().find(|above| above.file_name().is_some_and(|n| n == "conf"));
    if let Some(conf) = named_conf {
        return conf.parent().map(Path::to_owned);
    }
    let name = folder.components().nth(2)?;
    matches!(name, Component::Normal(_)).then(|| Path::new("/var/lib").join(name))
}

/// Returns what stands between `<` and `>`, without comments.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('<')?;
            if let Some(comment) = after.strip_prefix("!--") {
                rest = comment.split_once("-->")?.1;
                continue;
            }
            let (tag, after) = after.split_once('>')?;
            rest = after;
            return Some(tag);
        }
    })
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = tag;
    loop {
        let (before, after) = rest.split_once(name)?;
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        let quote = value.and_then(|value| value.chars().next()).filter(|c| "\"'".contains(*c));
        if let (true, Some(value), Some(quote)) =
            (before.ends_with(char::is_whitespace), value, quote)
        {
            return value.split(quote).nth(1);
        }
        rest = after;
    }
}

/// Keeps whole paths that do not climb.
fn kept(found: Vec<String>) -> Vec<String> {
    let whole = |path: &String| path.starts_with('/') && !path.contains("..");
    let trimmed = |path: String| {
        let short = path.trim_end_matches('/').to_owned();
        if short.is_empty() { path } else { short }
    };
    found.into_iter().filter(whole).map(trimmed).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lighttpd_names_its_roots_and_aliases() {
        let text = "# server.document-root = \"/no\"\nserver.document-root        = \"/srv/shop/\"\n\
            $HTTP[\"host\"] == \"a\" { server.document-root = \"/srv/a\" }\n\
            server.document-root = \"/srv\" + var.name\n\
            evhost.path-pattern = \"/srv/hosts/%0/htdocs/\"\n\
            simple-vhost.server-root = \"/srv/vhosts\"\n\
            alias.url = ( \"/cgi-bin/\" => \"/usr/lib/cgi-bin/\",\n  \"/doc/\" => \"/usr/share/doc/\" )\n\
            setenv.add-response-header = ( \"x\" => \"/not/this\" )\n";
        assert_eq!(
            lighttpd(text),
            [
                "/srv/shop",
                "/srv/a",
                "/srv/hosts",
                "/srv/vhosts",
                "/usr/lib/cgi-bin",
                "/usr/share/doc"
            ]
        );
    }

    #[test]
    fn caddy_names_its_roots_in_both_of_its_languages() {
        let text = "example.org {\n  # root * /no\n  root * /srv/site\n  file_server\n}\n\
            b.org {\n\troot /srv/b # here\n\tphp_fastcgi unix//run/php.sock { root \"/srv/php\" }\n}\n\
            c.org { root {env.SITE} }\n";
        assert_eq!(caddy(text), ["/srv/site", "/srv/b", "/srv/php"]);
        let json = r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"vars","root":"/srv/json"},{"handler":"file_server"}]}]}}}}}"#;
        assert_eq!(caddy(json), ["/srv/json"]);
    }

    #[test]
    fn tomcat_names_the_places_of_hosts_and_contexts() {
        let text = "<Server port='8005'><!-- <Host appBase=\"/no\"> --><Engine>\n\
            <Host name=\"localhost\" appBase=\"webapps\"\n unpackWARs=\"true\">\n\
            <Context path=\"/a\" docBase=\"/srv/a\" /><Context docBase=\"b\"/>\n\
            <Context docBase='x.war'/></Host><Host name='c' appBase='${catalina.base}/hosts/c'/>\n\
            <Context docBase=\"../../etc\"/></Engine></Server>";
        assert_eq!(
            tomcat(Path::new("/etc/tomcat10"), text),
            [
                "/var/lib/tomcat10/webapps",
                "/srv/a",
                "/var/lib/tomcat10/webapps/b",
                "/var/lib/tomcat10/hosts/c"
            ]
        );
        let own = "<Context docBase=\"/srv/shop\" myappBase=\"/x\">";
        let folder = Path::new("/opt/apache-tomcat-9.0.1/conf/Catalina/localhost");
        assert_eq!(tomcat(folder, own), ["/srv/shop"]);
        let host = "<Host appBase=\"apps\">";
        assert_eq!(tomcat(folder, host), ["/opt/apache-tomcat-9.0.1/apps"]);
    }

    #[test]
    fn torn_configurations_give_nothing() {
        for text in
            ["<Host appBase", "<!-- <Host appBase='x'>", "<Host appBase=>", "<", "appBase=\"/x\""]
        {
            assert_eq!(tomcat(Path::new("/etc/tomcat9"), text), Vec::<String>::new(), "{text}");
        }
        for text in ["server.document-root = \"/x", "alias.url = (", "alias.url => \"", "=> \"/x\""]
        {
            assert_eq!(lighttpd(text), Vec::<String>::new(), "{text}");
        }
        for text in ["root", "root *", "{\"root\":1}", "root # /x y", "[[[["] {
            assert!(caddy(text).iter().all(|path| path == "/x"), "{text}");
        }
    }
}
