//! What the web servers of a machine are told to serve, and to log, where, and in which format.
//!
//! Source: nginx's `log_format`, `access_log` and `error_log`; Apache's `LogFormat`, `CustomLog`
//! and `ErrorLog`. All files of the usual folders are read rather than what is included: a format
//! that nothing uses does no harm, a site that was switched off yesterday still has its log.

mod roots;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use stanch_machine::FileKind;
use stanch_words::Seen;

use crate::Host;
use crate::logs::web_access::Template;
use crate::reach::Reach;

/// Where the configuration of which server lies: patterns of glob(7).
const FOLDERS: [(&str, Server); 15] = [
    ("/etc/nginx", Server::Nginx),
    ("/usr/local/nginx/conf", Server::Nginx),
    ("/usr/local/openresty/nginx/conf", Server::Nginx),
    ("/etc/angie", Server::Nginx),
    ("/etc/apache2", Server::Apache),
    ("/etc/httpd", Server::Apache),
    ("/usr/local/apache2/conf", Server::Apache),
    ("/etc/lighttpd", Server::Lighttpd),
    ("/usr/local/etc/lighttpd", Server::Lighttpd),
    ("/etc/caddy", Server::Caddy),
    ("/var/lib/caddy/.config/caddy", Server::Caddy),
    ("/etc/tomcat*", Server::Tomcat),
    ("/var/lib/tomcat*/conf", Server::Tomcat),
    ("/opt/*tomcat*/conf", Server::Tomcat),
    ("/usr/*/*tomcat*/conf", Server::Tomcat),
];

/// How deep folders are walked, how many files and how many bytes of each are read, and how many
/// formats and logs are kept.
const DEPTH: usize = 4;
const FILES: usize = 2_000;
const BYTES: u64 = 1 << 20;
const KEPT: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Nginx,
    Apache,
    Lighttpd,
    Caddy,
    Tomcat,
}

/// What web servers are told to log.
#[derive(Debug, Default)]
pub struct WebServers {
    /// Formats by server and name.
    formats: BTreeMap<(bool, String), Arc<Template>>,
    /// Access logs: path, and the name of its format (Apache: or the format itself).
    access: BTreeMap<String, (bool, String)>,
    errors: BTreeSet<String>,
    /// Directories that are served from.
    roots: BTreeSet<String>,
}

impl WebServers {
    /// Returns what the servers of a host are told, read once.
    pub fn of(host: &Host) -> Arc<Self> {
        host.once(Self::read)
    }

    /// Returns the format of a log, if it has one of its own.
    pub fn template(&self, path: &str) -> Option<Arc<Template>> {
        let (server, name) = self.access.get(path)?;
        match self.formats.get(&(*server, name.clone())) {
            Some(template) => Some(Arc::clone(template)),
            None if name.contains('%') => Template::apache(name).map(Arc::new),
            None => None,
        }
    }

    /// Returns the files that are logged to.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.access.keys().chain(&self.errors).map(String::as_str)
    }

    /// Returns the directories that are served from.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().map(String::as_str)
    }

    fn read(host: &Host) -> Self {
        let (mut servers, mut seen) = (Self::default(), Seen::default());
        let mut reach = Reach::new(host, "log_sources");
        let mut files = 0;
        for (folder, server) in FOLDERS {
            let folders = reach.glob(Path::new(folder), &mut seen);
            let mut folders: Vec<_> = folders.into_iter().map(|folder| (folder, DEPTH)).collect();
            while let Some((folder, left)) = folders.pop() {
                for entry in reach.list(&folder, &mut seen) {
                    let path = folder.join(&entry.name);
                    if entry.kind == FileKind::Directory {
                        if left > 1 {
                            folders.push((path, left.saturating_sub(1)));
                        }
                        continue;
                    }
                    if !is_configuration(&path) || files >= FILES {
                        continue;
                    }
                    files += 1;
                    if let Some(bytes) = reach.read(&path, BYTES, &mut seen) {
                        servers.take(server, &folder, &String::from_utf8_lossy(&bytes));
                    }
                }
            }
        }
        servers
    }

    fn take(&mut self, server: Server, folder: &Path, text: &str) {
        let roots = match server {
            Server::Nginx => return self.nginx(text),
            Server::Apache => return self.apache(text),
            Server::Lighttpd => roots::lighttpd(text),
            Server::Caddy => roots::caddy(text),
            Server::Tomcat => roots::tomcat(folder, text),
        };
        roots.iter().for_each(|root| self.root(root));
    }

    fn nginx(&mut self, text: &str) {
        for directive in nginx_directives(text) {
            let words: Vec<&str> = directive.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["log_format", name, format @ ..] => {
                    let format = format.iter().filter(|word| !word.starts_with("escape="));
                    let format: String = format.copied().collect();
                    if let Some(template) = Template::nginx(&format) {
                        self.format(false, name, template);
                    }
                }
                ["access_log", path, rest @ ..] if path.starts_with('/') => {
                    let name = rest.first().filter(|word| !word.contains('='));
                    let name = name.copied().unwrap_or("combined");
                    self.access_log(path, false, name);
                }
                ["error_log", path, ..] if path.starts_with('/') => self.error_log(path),
                ["root" | "alias", path] if path.starts_with('/') => self.root(path),
                _ => {}
            }
        }
    }

    fn apache(&mut self, text: &str) {
        for line in apache_lines(text) {
            let words = apache_words(&line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let directive = words.first().map(|word| word.to_ascii_lowercase());
            match (directive.as_deref(), words.get(1..).unwrap_or_default()) {
                (Some("logformat"), [format, name]) => {
                    if let Some(template) = Template::apache(format) {
                        self.format(true, name, template);
                    }
                }
                (Some("customlog"), [path, format, ..]) => {
                    if let Some(path) = apache_path(path) {
                        self.access_log(&path, true, format);
                    }
                }
                (Some("errorlog"), [path, ..]) => {
                    if let Some(path) = apache_path(path) {
                        self.error_log(&path);
                    }
                }
                (Some("documentroot"), [path]) if path.starts_with('/') => self.root(path),
                _ => {}
            }
        }
    }

    fn format(&mut self, apache: bool, name: &str, template: Template) {
        if self.formats.len() < KEPT {
            self.formats.insert((apache, name.to_owned()), Arc::new(template));
        }
    }

    fn access_log(&mut self, path: &str, apache: bool, name: &str) {
        if self.access.len() < KEPT && !path.contains('$') {
            self.access.insert(path.to_owned(), (apache, name.to_owned()));
        }
    }

    fn root(&mut self, path: &str) {
        if self.roots.len() < KEPT && !path.contains('$') {
            self.roots.insert(path.to_owned());
        }
    }

    fn error_log(&mut self, path: &str) {
        if self.errors.len() < KEPT {
            self.errors.insert(path.to_owned());
        }
    }
}

fn is_configuration(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    // Files of `sites-enabled` are often named after their site.
    !matches!(
        extension,
        "pem" | "key" | "crt" | "so" | "bak" | "dpkg-old" | "default" | "load" | "html"
    )
}

/// Returns nginx's directives that end with `;`, as words without quotes and comments.
fn nginx_directives(text: &str) -> Vec<Vec<String>> {
    let mut directives = Vec::new();
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    let mut quote: Option<char> = None;
    while let Some(c) = characters.next() {
        if let Some(end) = quote {
            match c {
                '\\' => word.get_or_insert_default().extend(characters.next()),
                c if c == end => quote = None,
                c => word.get_or_insert_default().push(c),
            }
            continue;
        }
        match c {
            '"' | '\'' if word.is_none() => {
                quote = Some(c);
                word = Some(String::new());
            }
            '#' if word.is_none() => {
                let _comment = characters.by_ref().find(|&c| c == '\n');
            }
            c if c.is_whitespace() => words.extend(word.take()),
            ';' | '{' | '}' => {
                words.extend(word.take());
                let directive = std::mem::take(&mut words);
                if c == ';' && directive.len() > 1 && directives.len() < FILES * 10 {
                    directives.push(directive);
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    directives
}

/// Returns Apache's lines, those that end with a backslash joined.
fn apache_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in text.lines() {
        match part.strip_suffix('\\') {
            Some(part) => line.push_str(part),
            None => {
                line.push_str(part);
                let whole = std::mem::take(&mut line);
                let trimmed = whole.trim();
                if !trimmed.is_empty() && !trimmed.starts_with('#') {
                    lines.push(trimmed.to_owned());
                }
            }
        }
    }
    lines
}

/// Splits a line into words; quotes hold together, `\"` is a quote.
fn apache_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('"') => word.get_or_insert_default().push('"'),
                other => word.get_or_insert_default().extend(std::iter::once('\\').chain(other)),
            },
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Returns where Apache writes: its log folder has a variable on Debian, and is relative to the
/// server's root on Red Hat.
fn apache_path(written: &str) -> Option<String> {
    if let Some(rest) = written.strip_prefix("${APACHE_LOG_DIR}") {
        return Some(format!("/var/log/apache2{rest}"));
    }
    if let Some(rest) = written.strip_prefix("logs/") {
        return Some(format!("/var/log/httpd/{rest}"));
    }
    (written.starts_with('/') && !written.contains('$')).then(|| written.to_owned())
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn servers(files: &[(&'static str, &'static str)]) -> Arc<WebServers> {
        let machine =
            files.iter().fold(Pretend::new(), |machine, (path, text)| machine.file(path, text));
        WebServers::of(&Host::new(Arc::new(machine)))
    }

    #[test]
    fn formats_of_nginx_are_found_for_their_logs() {
        let servers = servers(&[
            (
                "/etc/nginx/nginx.conf",
                "http {\n  # log_format no '$request';\n  log_format main escape=json '$time_iso8601 $remote_addr '\n    '\"$request\" $status'; access_log /var/log/nginx/access.log main buffer=4k; }",
            ),
            (
                "/etc/nginx/sites-enabled/shop",
                "server { access_log /srv/shop/logs/a.log; error_log /srv/shop/logs/e.log warn; access_log off; access_log /x/$host.log; }",
            ),
        ]);
        assert!(servers.template("/var/log/nginx/access.log").is_some());
        assert_eq!(
            servers.template("/srv/shop/logs/a.log"),
            None,
            "combined is known by its shape"
        );
        let logs: Vec<_> = servers.logs().collect();
        assert_eq!(
            logs,
            ["/srv/shop/logs/a.log", "/var/log/nginx/access.log", "/srv/shop/logs/e.log"]
        );
    }

    #[test]
    fn formats_of_apache_are_found_for_their_logs() {
        let servers = servers(&[
            (
                "/etc/apache2/apache2.conf",
                "LogFormat \"%v %h \\\"%r\\\" %>s\" short\n#LogFormat \"%h\" none\n",
            ),
            (
                "/etc/apache2/sites-enabled/a.conf",
                "CustomLog ${APACHE_LOG_DIR}/a.log \\\n  short\nErrorLog ${APACHE_LOG_DIR}/e.log\nCustomLog /srv/b.log \"%h %r %s\"\nCustomLog \"|/bin/x\" short\n",
            ),
        ]);
        assert!(servers.template("/var/log/apache2/a.log").is_some());
        assert!(servers.template("/srv/b.log").is_some(), "a format without a name");
        let logs: Vec<_> = servers.logs().collect();
        assert_eq!(logs, ["/srv/b.log", "/var/log/apache2/a.log", "/var/log/apache2/e.log"]);
    }

    #[test]
    fn roots_of_each_server_are_found() {
        let servers = servers(&[
            (
                "/etc/nginx/sites-enabled/a",
                "server { root /srv/nginx; location /x { alias /srv/alias/; } }",
            ),
            (
                "/etc/httpd/conf.d/a.conf",
                "<VirtualHost *>\nDocumentRoot \"/srv/apache\"\n</VirtualHost>\n",
            ),
            ("/etc/lighttpd/conf-enabled/a.conf", "server.document-root = \"/srv/lighttpd\"\n"),
            ("/etc/caddy/Caddyfile", "a.org {\n  root * /srv/caddy\n}\n"),
            ("/etc/tomcat10/server.xml", "<Host appBase=\"webapps\">"),
            ("/etc/tomcat10/Catalina/localhost/shop.xml", "<Context docBase=\"/srv/tomcat\"/>"),
            ("/opt/apache-tomcat-9.0.1/conf/server.xml", "<Host appBase=\"apps\">"),
            ("/usr/local/tomcat/conf/server.xml", "<Host appBase=\"own\">"),
        ]);
        let roots: Vec<_> = servers.roots().collect();
        assert_eq!(
            roots,
            [
                "/opt/apache-tomcat-9.0.1/apps",
                "/srv/alias/",
                "/srv/apache",
                "/srv/caddy",
                "/srv/lighttpd",
                "/srv/nginx",
                "/srv/tomcat",
                "/usr/local/tomcat/own",
                "/var/lib/tomcat10/webapps",
            ]
        );
    }

    #[test]
    fn torn_configurations_break_nothing() {
        let texts = [
            "log_format x '$remote_addr",
            "access_log /a \\",
            "{;};\"",
            "LogFormat \"%h\\",
            "CustomLog",
            "\\",
        ];
        for text in texts {
            let mut servers = WebServers::default();
            servers.take(Server::Nginx, Path::new("/"), text);
            servers.take(Server::Apache, Path::new("/"), text);
            assert!(servers.formats.is_empty(), "{text}");
        }
    }
}
