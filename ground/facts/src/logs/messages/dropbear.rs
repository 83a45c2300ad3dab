//! Dropbear, the small SSH server.
//!
//! Source: dropbear `src/svr-{auth,authpasswd,authpubkey,authpam,session,main}.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what dropbear says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    attempt(message, text).or_else(|| exit(message, text))
}

/// `Bad password attempt for 'root' from 1.2.3.4:5678`, `Login attempt for nonexistent user from
/// 1.2.3.4:5678`, `Password auth succeeded for 'root' from 1.2.3.4:5678`.
fn attempt<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    use EventKind::{AuthFailure, AuthInvalidUser, AuthSuccess, NetworkListen};
    let forms = [
        ("Bad password attempt for ", AuthFailure, "password"),
        ("bad password attempt for ", AuthFailure, "password"),
        ("Bad PAM password attempt for ", AuthFailure, "pam"),
        ("Login attempt for nonexistent user", AuthInvalidUser, ""),
        ("login attempt for nonexistent user", AuthInvalidUser, ""),
        ("Login attempt with wrong user ", AuthInvalidUser, ""),
        ("Password auth succeeded for ", AuthSuccess, "password"),
        ("password auth succeeded for ", AuthSuccess, "password"),
        ("PAM password auth succeeded for ", AuthSuccess, "pam"),
        ("Pubkey auth succeeded for ", AuthSuccess, "publickey"),
        ("pubkey auth succeeded for ", AuthSuccess, "publickey"),
        ("Child connection from ", NetworkListen, ""),
    ];
    let (rest, kind, method) = forms
        .into_iter()
        .find_map(|(start, kind, method)| Some((text.strip_prefix(start)?, kind, method)))?;
    let mut event = message.event(kind);
    event.method = Cow::Borrowed(method);
    let (who, address) = match rest.rsplit_once("from ") {
        Some(parts) => parts,
        None if kind == NetworkListen => ("", rest),
        None => (rest, ""),
    };
    put_address(&mut event, address);
    let who = who.trim();
    event.user = Cow::Borrowed(match who.strip_prefix('\'') {
        Some(quoted) => {
            quoted.split_once("' with ").map_or(quoted, |(user, _)| user).trim_end_matches('\'')
        }
        None => who,
    });
    if let Some((_, key)) = who.rsplit_once(" key ") {
        event.with("fingerprint", cut::until(key, " "));
    }
    Some(event)
}

/// `Exit before auth (user 'root', 3 fails): Max auth tries reached - user 'root' from
/// 1.2.3.4:56`, `Exit before auth from <1.2.3.4:56>: (user 'root', 0 fails): Exited normally`.
fn exit<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest =
        text.strip_prefix("Exit before auth").or_else(|| text.strip_prefix("exit before auth"));
    let Some(rest) = rest else {
        let rest = text.strip_prefix("Exit (")?;
        let (user, rest) = rest.split_once(')')?;
        let mut event = message.event(EventKind::SessionClose);
        event.user = Cow::Borrowed(user);
        put_address(&mut event, cut::between(rest, "<", ">").unwrap_or_default());
        return Some(event);
    };
    // Failures were told one by one; what remains is how the connection ended.
    let limit = rest.contains("Max auth tries reached");
    let fails = cut::between(rest, "', ", " fails)").and_then(|fails| fails.parse::<i64>().ok());
    let kind = match fails {
        _ if limit => EventKind::AuthFailure,
        Some(_) => EventKind::AuthAborted,
        None => EventKind::ServiceAbuse,
    };
    let mut event = message.event(kind);
    event.user = Cow::Borrowed(cut::between(rest, "(user '", "', ").unwrap_or_default());
    let address = cut::between(rest, "from <", ">").or_else(|| Some(rest.rsplit_once(" from ")?.1));
    put_address(&mut event, address.unwrap_or_default());
    event.with("reason", rest.trim_start_matches([':', ' ']));
    Some(event)
}

/// `1.2.3.4:5678`, `::ffff:1.2.3.4:5678`, `2001:db8::1:5678`.
fn put_address<'l>(event: &mut Event<'l>, text: &'l str) {
    let (address, port) = text.trim().rsplit_once(':').unwrap_or((text, ""));
    event.source_ip = super::sshd_address(Cow::Borrowed(address));
    event.source_port = port.parse().ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn attempts_and_ends() {
        use EventKind::{AuthAborted, AuthFailure, AuthInvalidUser, AuthSuccess, NetworkListen};
        for (line, kind, user) in [
            ("Bad password attempt for 'root' from 1.2.3.4:56", AuthFailure, "root"),
            (
                "Bad password attempt for 'a' from 9.9.9.9:1' from 1.2.3.4:56",
                AuthFailure,
                "a' from 9.9.9.9:1",
            ),
            ("Login attempt for nonexistent user from ::ffff:1.2.3.4:56", AuthInvalidUser, ""),
            ("Password auth succeeded for 'root' from 1.2.3.4:56", AuthSuccess, "root"),
            (
                "Pubkey auth succeeded for 'root' with ssh-rsa key SHA256:abc from 1.2.3.4:56",
                AuthSuccess,
                "root",
            ),
            ("Child connection from 1.2.3.4:56", NetworkListen, ""),
            (
                "Exit before auth (user 'root', 3 fails): Max auth tries reached - user 'root' from 1.2.3.4:56",
                AuthFailure,
                "root",
            ),
            (
                "Exit before auth from <1.2.3.4:56>: (user 'root', 0 fails): Exited normally",
                AuthAborted,
                "root",
            ),
        ] {
            let event = only(&format!("dropbear[7]: {line}"));
            let told = (event.kind, &*event.user, &*event.source_ip, event.source_port);
            assert_eq!(told, (kind, user, "1.2.3.4", Some(56)), "{line}");
        }
    }
}
