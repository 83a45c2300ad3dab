//! Web servers that speak through syslog or the journal: their access and error lines in it.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::web_error::{Complaint, apache, lighttpd, nginx, php};
use crate::logs::{Context, Stamps, web_access};

/// Parses what nginx, Apache, lighttpd, HAProxy or suhosin says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    if let Some(access) = web_access::read(message.text, &mut stamps) {
        return Some(in_envelope(access.event(), message));
    }
    let text = message.text;
    let complaint = match message.program {
        "nginx" => {
            let text = text.split_once("nginx: ").map_or(text, |(_, text)| text);
            nginx::read(text, &mut stamps)
        }
        "lighttpd" => lighttpd::body(text),
        "suhosin" => {
            let mut complaint = Complaint::new("suhosin", text);
            php::suhosin(text, &mut complaint);
            (complaint.kind != EventKind::WebError).then_some(complaint)
        }
        _ => apache::body(text),
    };
    complaint.map(|complaint| complaint.event_in(message))
}

/// Gives an access line what the envelope says; its own time has a year and a zone.
fn in_envelope<'l>(event: Event<'l>, message: &Message<'l>) -> Event<'l> {
    let envelope = message.event(event.kind);
    let mut event = event;
    if event.time.is_none() {
        (event.time, event.clock) = (envelope.time, envelope.clock);
    }
    event.trust = envelope.trust;
    event.host = envelope.host;
    event.program = Cow::Borrowed(message.program);
    event.pid = message.pid;
    event.message = envelope.message;
    event.place = envelope.place;
    event.more.extend(envelope.more);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(program: &'static str, text: &'static str) -> (EventKind, String, String) {
        let message = Message { program, text, host: "web01", ..Message::default() };
        let event = parse(&message).unwrap();
        assert_eq!(event.host, "web01");
        (event.kind, event.source_ip.into_owned(), event.user.into_owned())
    }

    #[test]
    fn servers_in_the_envelope_of_syslog() {
        for (program, text, kind, source) in [
            (
                "nginx",
                "192.0.2.1 - - [15/Sep/2021:16:13:46 +0000] \"POST /wp-login.php HTTP/1.1\" 200 5364 \"-\" \"x\"",
                EventKind::AuthFailure,
                "192.0.2.1",
            ),
            (
                "nginx",
                "2023/12/09 21:35:20 [error] 983478#983478: *3 user \"f\" was not found in \"/h\", client: 192.0.2.3, server: s",
                EventKind::AuthInvalidUser,
                "192.0.2.3",
            ),
            (
                "httpd",
                "[authz_core:error] [pid 22034] [client 192.0.2.1:58585] AH01630: client denied by server configuration: /home/www/",
                EventKind::WebAbuse,
                "192.0.2.1",
            ),
            (
                "haproxy",
                "192.0.2.1:58430 [14/Nov/2015:22:45:11.608] main main/<NOSRV> -1/-1/-1/-1/0 401 248 - - PR-- 0/0/0/0/0 0/0 \"GET / HTTP/1.1\"",
                EventKind::AuthFailure,
                "192.0.2.1",
            ),
            (
                "lighttpd",
                "(mod_auth.c.853) password doesn't match for / username: user1 IP: 192.0.2.211",
                EventKind::AuthFailure,
                "192.0.2.211",
            ),
            (
                "suhosin",
                "ALERT - script tried to increase memory_limit (attacker '198.51.100.77', file '/a.php', line 161)",
                EventKind::WebAbuse,
                "198.51.100.77",
            ),
        ] {
            let (found, address, _) = read(program, text);
            assert_eq!((found, address.as_str()), (kind, source), "{text}");
        }
    }

    #[test]
    fn other_words_of_theirs_stay_messages() {
        for program in ["nginx", "apache2", "lighttpd", "haproxy", "suhosin"] {
            let message = Message { program, text: "Proxy main started.", ..Message::default() };
            assert_eq!(parse(&message), None, "{program}");
        }
    }
}
