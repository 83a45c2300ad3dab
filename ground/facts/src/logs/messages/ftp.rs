//! FTP daemons: vsftpd, ProFTPD, Pure-FTPd, WU-FTPD and the BSD `ftpd`s.
//!
//! Source: vsftpd `logging.c` (`[user] FAIL LOGIN: Client "address"`); ProFTPD `modules/mod_auth.c`
//! and `src/log.c` (`host (name[address]): text`, `… - text`); Pure-FTPd `src/ftpd.c`
//! (`(user@address) [LEVEL] text`, translated, with the user in brackets at the end); WU-FTPD
//! `src/ftpd.c`; MIT krb5-appl `gssftp/ftpd/ftpd.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what an FTP daemon says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let mut event = match message.program {
        "vsftpd" => vsftpd(message),
        "proftpd" => proftpd(message),
        "pure-ftpd" => pure(message),
        _ => old(message),
    }?;
    event.with("service", "ftp");
    Some(event)
}

/// `[user] FAIL LOGIN: Client "192.0.2.7"`, `[user] OK UPLOAD: Client "…", "/path", 12 bytes, …`.
fn vsftpd<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    if let Some((_, fields)) = text.split_once("authentication failure; ") {
        let mut event = message.event(EventKind::AuthFailure);
        event.source_ip = Cow::Borrowed(cut::value(fields, "rhost", &[' ']).unwrap_or_default());
        event.user = Cow::Borrowed(cut::value(fields, "user", &[' ']).unwrap_or_default());
        return Some(event);
    }
    let (head, rest) = text.split_once(": Client \"")?;
    let (address, rest) = rest.split_once('"')?;
    let (user, what) = match head.strip_prefix('[') {
        // A user's name may hold brackets.
        Some(named) => named.rsplit_once("] ")?,
        None => ("", head),
    };
    let kind = match what {
        "FAIL LOGIN" => EventKind::AuthFailure,
        "OK LOGIN" => EventKind::AuthSuccess,
        "CONNECT" => EventKind::NetworkListen,
        "OK UPLOAD" | "OK DOWNLOAD" => EventKind::FileTransfer,
        "OK DELETE" | "OK RENAME" | "OK RMDIR" => EventKind::FileDelete,
        "OK MKDIR" | "OK CHMOD" => EventKind::FileWrite,
        _ if what.starts_with("FAIL ") => EventKind::FileAccess,
        _ => return None,
    };
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(cut::address(address));
    event.user = Cow::Borrowed(user);
    event.with("action", what);
    // In a refused login what follows is the reason, else the file.
    if let Some(quoted) = cut::between(rest, "\"", "\"") {
        if kind == EventKind::AuthFailure {
            event.with("reason", quoted);
        } else {
            event.path = Cow::Borrowed(quoted);
        }
    }
    let bytes = cut::until(rest, " bytes").rsplit(' ').next().and_then(|n| n.parse().ok());
    if let Some(bytes) = bytes.filter(|_: &i64| rest.contains(" bytes")) {
        event.with("bytes", bytes);
    }
    Some(event)
}

/// `myhost (name[192.0.2.7]): USER ann (Login failed): Incorrect password.`
fn proftpd<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    // The client's part is the first; whatever it calls itself comes later.
    let (_, rest) = message.text.split_once('(')?;
    let (address, rest) = cut::bracketed(rest)?;
    let said = rest.strip_prefix(')')?;
    let said = said.strip_prefix(": ").or_else(|| said.strip_prefix(" - ")).unwrap_or(said).trim();
    let said = said.strip_prefix("- ").unwrap_or(said);
    let mut event = message.event(EventKind::AuthFailure);
    event.source_ip = Cow::Borrowed(address);
    if let Some(rest) = said.strip_prefix("USER ") {
        // Of a name that imitates a verdict the last verdict is the daemon's.
        let verdicts = [
            (" (Login failed): ", EventKind::AuthFailure),
            (": no such user found from ", EventKind::AuthInvalidUser),
            (": Login successful", EventKind::AuthSuccess),
            (": no such user", EventKind::AuthInvalidUser),
        ];
        let (user, kind) = verdicts
            .iter()
            .find_map(|(words, kind)| rest.rsplit_once(words).map(|(user, _)| (user, *kind)))?;
        event.user = Cow::Borrowed(user);
        event.kind = kind;
        return Some(event);
    }
    event.kind = if said.to_ascii_lowercase().starts_with("security violation") {
        event.user = Cow::Borrowed("root");
        EventKind::AuthFailure
    } else if said.starts_with("Maximum login attempts") {
        EventKind::ServiceAbuse
    } else if said.starts_with("FTP session opened") {
        EventKind::SessionOpen
    } else if said.starts_with("FTP session closed") {
        EventKind::SessionClose
    } else {
        return None;
    };
    event.with("reason", said);
    Some(event)
}

/// `(?@192.0.2.7) [WARNING] Authentication failed for user [ann]`.
fn pure<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let (who, rest) = message.text.strip_prefix('(')?.split_once(") [")?;
    let (user, address) = who.rsplit_once('@')?;
    let (level, said) = rest.split_once("] ")?;
    let kind = match level {
        // In whatever language: a warning that ends with a name in brackets.
        "WARNING" if said.trim_end().ends_with(']') => EventKind::AuthFailure,
        "INFO" if said.ends_with(" is now logged in") => EventKind::AuthSuccess,
        "INFO" if said.starts_with("New connection from ") => EventKind::NetworkListen,
        "INFO" if said.starts_with("Logout") => EventKind::SessionClose,
        "NOTICE" if said.contains(" uploaded ") || said.contains(" downloaded ") => {
            EventKind::FileTransfer
        }
        "NOTICE" if said.starts_with("Deleted ") => EventKind::FileDelete,
        _ => return None,
    };
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(cut::address(address));
    event.user = Cow::Borrowed(user.trim_matches('?'));
    match kind {
        EventKind::AuthFailure => {
            let (_, name) = said.trim_end().trim_end_matches(']').split_once('[')?;
            event.user = Cow::Borrowed(name);
        }
        EventKind::AuthSuccess => {
            event.user = Cow::Borrowed(said.strip_suffix(" is now logged in").unwrap_or_default());
        }
        EventKind::FileTransfer => {
            let (path, _) =
                said.rsplit_once(" uploaded ").or_else(|| said.rsplit_once(" downloaded "))?;
            event.path = Cow::Borrowed(path);
        }
        _ => {}
    }
    Some(event)
}

/// `failed login from host [192.0.2.7], ann`, `repeated login failures from 192.0.2.7 (host)`.
fn old<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text;
    let lower = text.get(..24).unwrap_or(text).to_ascii_lowercase();
    let kind = if lower.starts_with("failed login from")
        || lower.starts_with("repeated login failures")
        || lower.starts_with("login failed from")
        || text.starts_with("FTP LOGIN REFUSED")
        || text.starts_with("FTP LOGIN FAILED")
    {
        EventKind::AuthFailure
    } else if text.starts_with("FTP LOGIN FROM ") || text.starts_with("ANONYMOUS FTP LOGIN FROM ") {
        EventKind::AuthSuccess
    } else {
        return None;
    };
    let (_, who) = text.rsplit_once(" from ").or_else(|| text.rsplit_once(" FROM "))?;
    let (address, rest) = match cut::bracketed(who) {
        Some(found) => found,
        None => (cut::address(cut::word(who).0), cut::word(who).1),
    };
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(address);
    event.user = Cow::Borrowed(rest.strip_prefix(", ").unwrap_or_default());
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(program: &str, text: &str) -> Option<(EventKind, String, String, String)> {
        let message = Message { program, text, ..Message::default() };
        parse(&message)
            .map(|event| (event.kind, event.user.into(), event.source_ip.into(), event.path.into()))
    }

    #[test]
    fn uploads_and_logins_of_every_daemon() {
        use EventKind::{AuthFailure, AuthSuccess, FileTransfer};
        for (program, text, kind, user, path) in [
            (
                "vsftpd",
                "[ann] OK UPLOAD: Client \"192.0.2.7\", \"/srv/x.php\", 12 bytes, 3.1Kbyte/sec",
                FileTransfer,
                "ann",
                "/srv/x.php",
            ),
            ("vsftpd", "[ann] OK LOGIN: Client \"::ffff:192.0.2.7\"", AuthSuccess, "ann", ""),
            (
                "vsftpd",
                "[a] OK LOGIN: x] FAIL LOGIN: Client \"192.0.2.7\"",
                AuthFailure,
                "a] OK LOGIN: x",
                "",
            ),
            (
                "pure-ftpd",
                "(ann@192.0.2.7) [NOTICE] /home/ann//x.php uploaded  (12 bytes, 0.5KB/sec)",
                FileTransfer,
                "ann",
                "/home/ann//x.php",
            ),
            ("pure-ftpd", "(?@192.0.2.7) [INFO] ann is now logged in", AuthSuccess, "ann", ""),
            (
                "pure-ftpd",
                "(?@192.0.2.7) [WARNING] Echec d'authentification pour l'utilisateur [ann]",
                AuthFailure,
                "ann",
                "",
            ),
            (
                "proftpd",
                "localhost (h[192.0.2.7]) - USER ann: Login successful.",
                AuthSuccess,
                "ann",
                "",
            ),
            ("ftpd", "failed login from h.example [192.0.2.7], ann", AuthFailure, "ann", ""),
        ] {
            let expected = (kind, user.into(), "192.0.2.7".into(), path.into());
            assert_eq!(read(program, text), Some(expected), "{text}");
        }
    }
}
