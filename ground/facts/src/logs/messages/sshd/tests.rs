use super::super::testing::{only, owned, read as read_lines};
use super::*;

fn check(line: &str, kind: EventKind, user: &str, address: &str, port: Option<u16>) {
    let event = only(&format!("sshd[7]: {line}"));
    assert_eq!(
        (event.kind, &*event.user, &*event.source_ip, event.source_port),
        (kind, user, address, port),
        "{line}"
    );
}

#[test]
fn verdicts_of_every_version() {
    use EventKind::{AuthFailure, AuthInvalidUser, AuthSuccess};
    let port = Some(22);
    check(
        "Failed password for root from 1.2.3.4 port 22 ssh2",
        AuthFailure,
        "root",
        "1.2.3.4",
        port,
    );
    check(
        "Failed password for invalid user x from ::ffff:1.2.3.4 port 22 ssh2",
        AuthInvalidUser,
        "x",
        "1.2.3.4",
        port,
    );
    check(
        "Failed password for illegal user x from 2001:db8::1 port 22 ssh2",
        AuthInvalidUser,
        "x",
        "2001:db8::1",
        port,
    );
    check(
        "error: PAM: Authentication failure for root from 1.2.3.4",
        AuthFailure,
        "root",
        "1.2.3.4",
        None,
    );
    check("Invalid user  from 1.2.3.4 port 22", AuthInvalidUser, "", "1.2.3.4", port);
    check("Invalid user from from 1.2.3.4 port 22", AuthInvalidUser, "from", "1.2.3.4", port);
    check(
        "User root from 1.2.3.4 not allowed because not listed in AllowUsers",
        AuthInvalidUser,
        "root",
        "1.2.3.4",
        None,
    );
    check(
        "ROOT LOGIN REFUSED FROM 1.2.3.4 port 22 [preauth]",
        AuthFailure,
        "root",
        "1.2.3.4",
        port,
    );
    check(
        "error: maximum authentication attempts exceeded for invalid user x from 1.2.3.4 port 22 ssh2 [preauth]",
        AuthInvalidUser,
        "x",
        "1.2.3.4",
        port,
    );
    check(
        "Accepted password for ann from 1.2.3.4 port 22 ssh2",
        AuthSuccess,
        "ann",
        "1.2.3.4",
        port,
    );
}

#[test]
fn a_certificate_is_told_with_its_key() {
    let event = only(
        "sshd-session[7]: Accepted publickey for ann from 1.2.3.4 port 22 ssh2: ED25519-CERT SHA256:AbC ID x from 9.9.9.9 port 1 (serial 0) CA RSA SHA256:d",
    );
    assert_eq!(
        (event.kind, &*event.user, &*event.source_ip),
        (EventKind::AuthSuccess, "ann", "1.2.3.4")
    );
    assert_eq!((event.text("key_type"), event.text("fingerprint")), ("ED25519-CERT", "SHA256:AbC"));
}

#[test]
fn ends_of_connections() {
    use EventKind::{AuthAborted, AuthFailure, AuthInvalidUser, ServiceAbuse, SessionClose};
    let port = Some(22);
    check(
        "Connection closed by authenticating user root 1.2.3.4 port 22 [preauth]",
        AuthFailure,
        "root",
        "1.2.3.4",
        port,
    );
    check(
        "Connection reset by invalid user x 1.2.3.4 port 22 [preauth]",
        AuthInvalidUser,
        "x",
        "1.2.3.4",
        port,
    );
    check("Disconnected from user ann 1.2.3.4 port 22", SessionClose, "ann", "1.2.3.4", port);
    check("Connection closed by 1.2.3.4 port 22 [preauth]", ServiceAbuse, "", "1.2.3.4", port);
    check("Connection closed by 1.2.3.4 port 22", AuthAborted, "", "1.2.3.4", port);
    check(
        "Received disconnect from 1.2.3.4 port 22:14: No supported authentication methods available [preauth]",
        AuthFailure,
        "",
        "1.2.3.4",
        port,
    );
    check(
        "Received disconnect from 1.2.3.4: 11: disconnected by user",
        AuthAborted,
        "",
        "1.2.3.4",
        None,
    );
    check(
        "fatal: Timeout before authentication for 1.2.3.4 port 22",
        ServiceAbuse,
        "",
        "1.2.3.4",
        port,
    );
    check(
        "Timeout before authentication for connection from 1.2.3.4 to 5.6.7.8, pid = 9",
        ServiceAbuse,
        "",
        "1.2.3.4",
        None,
    );
    check(
        "Disconnecting invalid user x 1.2.3.4 port 22: Change of username or service not allowed: (x,ssh-connection) -> (y,ssh-connection) [preauth]",
        AuthInvalidUser,
        "x",
        "1.2.3.4",
        port,
    );
}

#[test]
fn peers_that_are_no_clients() {
    for line in [
        "Did not receive identification string from 1.2.3.4 port 22",
        "Unable to negotiate with 1.2.3.4 port 22: no matching cipher found. Their offer: x [preauth]",
        "Bad protocol version identification 'a' from 9.9.9.9' from 1.2.3.4 port 22",
        "banner exchange: Connection from 1.2.3.4 port 22: invalid format",
        "ssh_dispatch_run_fatal: Connection from 1.2.3.4 port 22: Connection corrupted [preauth]",
    ] {
        check(line, EventKind::ServiceAbuse, "", "1.2.3.4", Some(22));
    }
    check(
        "refused connect from _a=_@::ffff:9.9.9.9 (::ffff:1.2.3.4)",
        EventKind::ServiceAbuse,
        "",
        "1.2.3.4",
        None,
    );
}

/// What a peer can put into its user name, and what must come of it.
#[test]
fn a_name_that_holds_an_address_moves_none() {
    for (line, user) in [
        ("Failed password for invalid user from 9.9.9.9 from 1.2.3.4 port 22 ssh2", "from 9.9.9.9"),
        (
            "Failed password for invalid user a from 9.9.9.9 port 22 ssh2 from 1.2.3.4 port 22 ssh2",
            "a from 9.9.9.9 port 22 ssh2",
        ),
        ("Invalid user a from 9.9.9.9 port 22 from 1.2.3.4 port 22", "a from 9.9.9.9 port 22"),
        (
            "Invalid user a from 9.9.9.9 port 22 ssh2: b from 1.2.3.4 port 22",
            "a from 9.9.9.9 port 22 ssh2: b",
        ),
        (
            "Connection closed by invalid user a 9.9.9.9 port 22 1.2.3.4 port 22 [preauth]",
            "a 9.9.9.9 port 22",
        ),
    ] {
        check(line, EventKind::AuthInvalidUser, user, "1.2.3.4", Some(22));
    }
}

#[test]
fn a_doubtful_address_is_the_one_that_the_connection_has() {
    let lines = [
        "Nov  2 08:12:44 web01 sshd[7]: Invalid user a from 9.9.9.9 port 22 ssh2: x from 1.2.3.4 port 50",
        "Nov  2 08:12:45 web01 sshd[7]: Failed password for invalid user a from 9.9.9.9 port 22 ssh2: x from 1.2.3.4 port 50 ssh2",
    ];
    let mut seen = Vec::new();
    read_lines(&lines, &mut |_, event| seen.push(event.source_ip.clone().into_owned()));
    assert_eq!(seen, ["1.2.3.4", "1.2.3.4"]);
}

fn told(lines: &[&str]) -> Vec<(usize, EventKind, String, String)> {
    let lines: Vec<String> =
        lines.iter().map(|line| format!("Nov  2 08:12:44 web01 sshd[{line}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut seen = Vec::new();
    read_lines(&lines, &mut |at, event| {
        let event = owned(event);
        seen.push((at, event.kind, event.user.into_owned(), event.source_ip.into_owned()));
    });
    seen
}

const PAM: &str = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4";

#[test]
fn one_failed_password_is_one_event_though_told_twice() {
    let pam = format!("7]: {PAM}  user=root");
    let failed = "7]: Failed password for root from 1.2.3.4 port 22 ssh2";
    let closed = "7]: Connection closed by authenticating user root 1.2.3.4 port 22 [preauth]";
    let seen = told(&[&pam, failed, &pam, failed, closed]);
    let row = |at, kind| (at, kind, "root".to_owned(), "1.2.3.4".to_owned());
    use EventKind::{AuthAborted, AuthFailure};
    assert_eq!(seen, [row(2, AuthFailure), row(4, AuthFailure), row(5, AuthAborted)]);
}

#[test]
fn a_second_key_or_module_that_does_is_no_failure() {
    let pam = format!("7]: {PAM}  user=ann");
    let key = "7]: Failed publickey for ann from 1.2.3.4 port 22 ssh2: RSA SHA256:x";
    let accepted = "7]: Accepted password for ann from 1.2.3.4 port 22 ssh2";
    let seen = told(&[key, &pam, accepted]);
    assert_eq!(seen, [(3, EventKind::AuthSuccess, "ann".to_owned(), "1.2.3.4".to_owned())]);
}

#[test]
fn keys_that_all_fail_are_a_failure_when_the_connection_ends() {
    let key = "7]: Failed publickey for git from 1.2.3.4 port 22 ssh2: RSA SHA256:x";
    let seen = told(&[key, key, "7]: Connection closed by 1.2.3.4 [preauth]"]);
    assert_eq!(seen, [(3, EventKind::AuthFailure, "git".to_owned(), "1.2.3.4".to_owned())]);
}

#[test]
fn what_is_never_decided_is_shown_at_the_end() {
    let pam = format!("7]: {PAM}  user=ann");
    let seen = told(&[&pam]);
    assert_eq!(seen, [(0, EventKind::AuthFailure, "ann".to_owned(), "1.2.3.4".to_owned())]);
}

#[test]
fn the_oldest_of_too_many_connections_is_shown_and_forgotten() {
    let lines: Vec<String> = (0..5000).map(|pid| format!("{pid}]: {PAM}  user=ann")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let seen = told(&lines);
    assert_eq!(seen.len(), 5000);
    assert_eq!(seen.iter().filter(|(at, ..)| *at == 0).count(), 4096);
}

#[test]
fn a_helper_process_of_pam_does_not_count_again() {
    let pam = format!("9]: {PAM}  user=root");
    let failed = "7]: error: PAM: Authentication failure for root from 1.2.3.4";
    let seen = told(&[&pam, failed]);
    assert_eq!(seen, [(2, EventKind::AuthFailure, "root".to_owned(), "1.2.3.4".to_owned())]);
}

#[test]
fn a_pid_that_another_connection_got_starts_anew() {
    let first = "7]: Failed password for root from 1.2.3.4 port 22 ssh2";
    let second = "7]: Connection closed by authenticating user ann 5.6.7.8 port 23 [preauth]";
    let kinds: Vec<EventKind> =
        told(&[first, second]).into_iter().map(|(_, kind, ..)| kind).collect();
    assert_eq!(kinds, [EventKind::AuthFailure, EventKind::AuthFailure]);
}
