//! Where detection looks into files by itself: where intruders leave things.

use std::path::PathBuf;

use stanch_words::Seen;

use crate::Host;
use crate::web_servers::WebServers;

/// Places for temporary files; where web servers serve from; where things lie that start by
/// themselves. Homes come last: they are the largest.
const PLACES: [&str; 25] = [
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/dev",
    "/run",
    "/var/www",
    "/srv",
    "/usr/share/nginx/html",
    "/usr/local/apache2/htdocs",
    "/var/lib/wordpress",
    "/var/lib/phpmyadmin",
    "/usr/lib/cgi-bin",
    "/var/lib/tomcat9/webapps",
    "/var/lib/tomcat10/webapps",
    "/opt/tomcat/webapps",
    "/etc",
    "/var/spool/cron",
    "/var/spool/at",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib/systemd",
    "/lib/systemd/system",
    "/boot",
    "/root",
    "/home",
];

/// Returns the usual places of a machine, with the roots that its web servers are told of and the
/// homes of all accounts.
pub(super) fn usual(host: &Host, table: &'static str, seen: &mut Seen) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).collect();
    for root in WebServers::of(host).roots().map(PathBuf::from) {
        // Not the whole machine, however a server is set up, and nothing twice.
        let is_of_its_own = root.components().count() > 2
            && !["/proc", "/sys"].iter().any(|system| root.starts_with(system))
            && !all.iter().any(|place| root.starts_with(place));
        if is_of_its_own {
            all.push(root);
        }
    }
    for home in crate::accounts::homes(host, table, None, seen) {
        // The home of `bin` is /bin and that of `nobody` is no home.
        let is_of_its_own = home.path.components().count() > 2
            && !["/usr", "/bin", "/sbin", "/dev", "/proc", "/run"]
                .iter()
                .any(|system| home.path.starts_with(system));
        if is_of_its_own {
            all.push(home.path.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn what_web_servers_serve_is_looked_into_once() {
        let machine = Pretend::new()
            .file("/etc/lighttpd/lighttpd.conf", "server.document-root = \"/data/shop\"\n")
            .file("/etc/caddy/Caddyfile", "root * /data/shop/static\nroot * /\nroot /srv/x\n")
            .file("/opt/tomcat9/conf/server.xml", "<Host appBase=\"webapps\">");
        let all = usual(&Host::new(Arc::new(machine)), "t", &mut Seen::default());
        let more: Vec<_> = all.iter().skip(PLACES.len()).filter_map(|path| path.to_str()).collect();
        assert_eq!(more, ["/data/shop", "/opt/tomcat9/webapps"]);
    }
}
