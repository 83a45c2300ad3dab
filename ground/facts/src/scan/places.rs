//! Where detection looks into files by itself: where intruders leave things.

use std::path::PathBuf;

use stanch_words::Seen;

use crate::Host;

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

/// Returns the usual places of a machine, homes of all accounts included.
pub(super) fn usual(host: &Host, table: &'static str, seen: &mut Seen) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).collect();
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
