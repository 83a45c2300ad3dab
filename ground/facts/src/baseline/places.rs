//! What a baseline covers when nobody says otherwise.

use std::path::PathBuf;

use crate::Host;
use crate::web_servers::WebServers;

/// What integrity checkers cover (as Debian's aide.conf does): programs, libraries, settings, the
/// kernel, what starts by itself, root's own files, and web roots. Logs, caches, spools and the
/// homes of users change all day and are left to those who name them.
const PLACES: [&str; 17] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/root",
    "/sbin",
    "/srv",
    "/usr",
    "/var/lib/tomcat10/webapps",
    "/var/lib/tomcat9/webapps",
    "/var/spool/at",
    "/var/spool/cron",
    "/var/www",
];

/// Directories in them that change all day.
const EXCEPT: [&str; 2] = ["/root/.cache", "/var/spool/at/spool"];

/// Returns the usual places of a machine, with the roots that its web servers are told of, and
/// what is left out of them.
pub fn usual(host: &Host) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut roots: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).collect();
    let servers = WebServers::of(host);
    roots.extend(servers.roots().map(PathBuf::from).filter(|root| root.components().count() > 2));
    (roots, EXCEPT.iter().map(PathBuf::from).collect())
}
