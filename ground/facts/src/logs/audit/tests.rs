use stanch_words::{Event, EventKind, Field};

use super::super::{Context, Counts, Stream};
use super::FORMAT;

/// Returns a line an event: kind, user, program, path, command, from where, and the counts.
fn read(text: &str) -> (Vec<Event<'static>>, Counts) {
    let mut events = Vec::new();
    let mut stream = Stream::new(Context::new("audit.log", 1_795_435_200_000_000), Some(&FORMAT));
    stream.feed(text.as_bytes(), &mut |event| events.push(owned(event)));
    let (counts, gaps) = stream.end(&mut |event| events.push(owned(event)));
    assert_eq!(gaps, []);
    (events, counts)
}

fn owned(event: &Event<'_>) -> Event<'static> {
    let text = |text: &str| text.to_owned().into();
    let mut copy = Event::new(event.kind);
    copy.time = event.time;
    copy.pid = event.pid;
    copy.ppid = event.ppid;
    copy.uid = event.uid;
    copy.trust = event.trust;
    copy.host = text(&event.host);
    copy.user = text(&event.user);
    copy.target = text(&event.target);
    copy.program = text(&event.program);
    copy.path = text(&event.path);
    copy.command = text(&event.command);
    copy.source_ip = text(&event.source_ip);
    copy.source_port = event.source_port;
    copy.session = text(&event.session);
    copy.unit = text(&event.unit);
    copy.tty = text(&event.tty);
    copy.method = text(&event.method);
    for (name, field) in &event.more {
        let field = match field {
            Field::Text(value) => Field::from(value.clone().into_owned()),
            Field::Number(number) => Field::Number(*number),
            Field::List(list) => Field::List(list.iter().map(|value| text(value)).collect()),
        };
        copy.with(name.clone().into_owned(), field);
    }
    copy
}

fn list(event: &Event<'_>, name: &str) -> String {
    match event.field(name) {
        Some(Field::List(list)) => list.join(","),
        Some(Field::Text(value)) => value.clone().into_owned(),
        Some(Field::Number(number)) => number.to_string(),
        None => String::new(),
    }
}

const EXECVE: &str = "\
type=SYSCALL msg=audit(1783414661.350:487): arch=c000003e syscall=59 success=yes exit=0 a0=5611 a1=5612 a2=5613 a3=21 items=2 ppid=2176 pid=2221 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=8 comm=\"sh\" exe=\"/usr/bin/bash\" subj=u:r:t:s0 key=\"exec\"\x1dARCH=x86_64 SYSCALL=execve AUID=\"ann\" UID=\"root\"
type=EXECVE msg=audit(1783414661.350:487): argc=3 a0=\"/bin/sh\" a1=\"-c\" a2=67726570202D63202E202F6574632F686F73746E616D65
type=CWD msg=audit(1783414661.350:487): cwd=\"/root\"
type=PATH msg=audit(1783414661.350:487): item=0 name=\"/bin/sh\" inode=8437791 mode=0100755 nametype=NORMAL\x1dOUID=\"root\"
type=PATH msg=audit(1783414661.350:487): item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=27086311 mode=0100755 nametype=NORMAL\x1dOUID=\"root\"
type=PROCTITLE msg=audit(1783414661.350:487): proctitle=2F62696E2F7368002D63
";

#[test]
fn the_records_of_an_execve_are_one_start_of_a_program() {
    let (events, counts) = read(EXECVE);
    assert_eq!((events.len(), counts.lines, counts.events, counts.not_understood), (1, 6, 1, 0));
    let event = &events[0];
    assert_eq!(event.kind, EventKind::ProcessStart);
    assert_eq!(
        (&*event.path, &*event.command),
        ("/usr/bin/bash", "/bin/sh -c grep -c . /etc/hostname")
    );
    assert_eq!((event.pid, event.ppid, event.uid), (Some(2221), Some(2176), Some(0)));
    assert_eq!((&*event.user, &*event.session, &*event.program), ("root", "8", "kernel"));
    assert_eq!(event.number("auid"), Some(1000));
    assert_eq!(event.time, Some(1_783_414_661_350_000));
    for (name, expected) in [
        ("type", "SYSCALL,EXECVE,CWD,PATH,PROCTITLE"),
        ("syscall", "execve"),
        ("SYSCALL", "execve"),
        ("arch", "x86_64"),
        ("a0", "/bin/sh"),
        ("a2", "grep -c . /etc/hostname"),
        ("name", "/bin/sh,/lib64/ld-linux-x86-64.so.2"),
        ("inode", "8437791,27086311"),
        ("nametype", "NORMAL,NORMAL"),
        ("cwd", "/root"),
        ("comm", "sh"),
        ("exe", "/usr/bin/bash"),
        ("key", "exec"),
        ("proctitle", "/bin/sh -c"),
        ("success", "yes"),
        ("result", "success"),
        ("exit", "0"),
        ("AUID", "ann"),
    ] {
        assert_eq!(list(event, name), expected, "{name}");
    }
}

#[test]
fn records_that_are_interleaved_and_out_of_order_find_their_event() {
    let line = |kind: &str, serial: u32, body: &str| {
        format!("node=web01 type={kind} msg=audit(1783414661.350:{serial}): {body}\n")
    };
    let text = [
        line("EXECVE", 8, "argc=2 a0=\"id\" a1=\"-u\""),
        line("SYSCALL", 7, "arch=c000003e syscall=59 success=yes exit=0 pid=70 exe=\"/bin/a\""),
        line("SYSCALL", 8, "arch=c000003e syscall=59 success=yes exit=0 pid=80 exe=\"/bin/id\""),
        line("PROCTITLE", 8, "proctitle=\"id\""),
        line("EXECVE", 7, "argc=1 a0=\"a\""),
        line("CWD", 8, "cwd=\"/tmp\""),
        line("EOE", 7, ""),
        line("EOE", 8, ""),
    ]
    .concat();
    let (events, counts) = read(&text);
    let lines: Vec<String> = events
        .iter()
        .map(|event| {
            format!("{} {:?} {} {}", event.host, event.pid, event.command, list(event, "cwd"))
        })
        .collect();
    assert_eq!(lines, ["web01 Some(70) a ", "web01 Some(80) id -u /tmp"]);
    assert_eq!((counts.lines, counts.events, counts.not_understood), (8, 2, 0));
}

#[test]
fn arguments_in_pieces_are_put_together() {
    let text = "\
type=SYSCALL msg=audit(1.000:1): arch=c00000b7 syscall=221 success=yes exit=0 pid=1 exe=\"/bin/sh\"
type=EXECVE msg=audit(1.000:1): argc=3 a0=\"sh\" a1_len=8 a1[0]=2D632065
type=EXECVE msg=audit(1.000:1): a1[1]=63686F20C3 a1[2]=A9 a2=FF
";
    let (events, _) = read(text);
    assert_eq!(events[0].kind, EventKind::ProcessStart);
    assert_eq!(events[0].command, "sh -c echo é \\xff");
    assert_eq!(list(&events[0], "a1"), "-c echo é");
}

#[test]
fn logins_are_told_once_however_often_they_are_told() {
    let user = |kind: &str, serial: u32, inside: &str| {
        format!(
            "type={kind} msg=audit(1783414661.350:{serial}): pid=30 uid=0 auid=4294967295 \
             ses=4294967295 msg='{inside}'\x1dUID=\"root\" AUID=\"unset\"\n"
        )
    };
    let from = "exe=\"/usr/sbin/sshd\" hostname=? addr=198.51.100.7 terminal=ssh";
    let text = [
        user("USER_AUTH", 1, &format!("op=pubkey acct=\"ann\" {from} res=failed")),
        user("USER_AUTH", 2, &format!("op=PAM:authentication acct=\"ann\" {from} res=failed")),
        user("USER_LOGIN", 3, &format!("op=login acct=\"ann\" {from} res=failed")),
        user("USER_ERR", 4, &format!("op=PAM:bad_ident acct=\"?\" {from} res=failed"))
            .replace("pid=30", "pid=31"),
        user("USER_AUTH", 5, &format!("op=PAM:authentication acct=\"ann\" {from} res=success")),
        user("USER_START", 6, &format!("op=PAM:session_open acct=\"ann\" {from} res=success")),
        user("USER_LOGIN", 7, &format!("op=login id=1000 {from} res=success")),
        user("USER_END", 8, &format!("op=PAM:session_close acct=\"ann\" {from} res=success")),
        user("USER_LOGOUT", 9, &format!("op=login id=1000 {from} res=success")),
    ]
    .concat();
    let (events, counts) = read(&text);
    let lines: Vec<String> = events
        .iter()
        .filter(|event| event.kind != EventKind::AuditRecord)
        .map(|event| {
            format!("{} {} {} {}", event.kind.name(), event.user, event.program, event.source_ip)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "auth.failure ann sshd 198.51.100.7",
            "auth.failure ann sshd 198.51.100.7",
            "auth.invalid_user  sshd 198.51.100.7",
            "auth.success ann sshd 198.51.100.7",
            "session.open ann sshd 198.51.100.7",
            "session.close ann sshd 198.51.100.7",
        ]
    );
    assert_eq!((counts.lines, counts.events), (9, 9));
    assert_eq!(events[0].method, "publickey");
}

/// Lines, and what they are: kind, who, on whom, path, more.
const LINES: [(&str, &str); 16] = [
    (
        "type=ADD_USER msg=audit(1.1:1): pid=1 uid=0 auid=1000 ses=6 msg='op=add-user acct=\"evil\" exe=\"/usr/sbin/useradd\" hostname=? addr=? terminal=? res=success'\x1dUID=\"root\" AUID=\"ann\"",
        "account.add root>evil /usr/sbin/useradd",
    ),
    (
        "type=DEL_USER msg=audit(1.1:1): pid=1 uid=0 auid=0 ses=6 msg='op=deleting-user-not-found acct=\"x\" exe=\"/usr/bin/userdel\" hostname=? addr=? terminal=? res=failed'",
        "audit.record x> /usr/bin/userdel",
    ),
    (
        "type=USER_MGMT msg=audit(1.1:1): pid=1 uid=0 auid=0 ses=6 msg='op=add-user-to-group grp=\"wheel\" acct=\"evil\" exe=\"/usr/sbin/usermod\" hostname=? addr=? terminal=? res=success'\x1dUID=\"root\"",
        "group.change root>evil /usr/sbin/usermod",
    ),
    (
        "type=USER_CMD msg=audit(1.1:1): pid=9 uid=1001 auid=1001 ses=1 msg='cwd=\"/home/a\" cmd=2E2F782079 exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'\x1dUID=\"ann\" AUID=\"ann\"",
        "privilege.use ann> /usr/bin/sudo ./x y",
    ),
    (
        "type=CONFIG_CHANGE msg=audit(1.1:1): audit_enabled=0 old=1 auid=0 ses=1 res=1",
        "audit.config > ",
    ),
    (
        "type=DAEMON_END msg=audit(1.1:1): auditd normal halt, sending auid=? pid=? subj=? res=success",
        "audit.config > ",
    ),
    (
        "type=SERVICE_STOP msg=audit(1.1:1): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=firewalld comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'",
        "service.stop > /usr/lib/systemd/systemd",
    ),
    (
        "type=SYSTEM_BOOT msg=audit(1.1:1): pid=2 uid=0 auid=4294967295 ses=4294967295 msg=' comm=\"systemd-update-utmp\" exe=\"/usr/lib/systemd/systemd-update-utmp\" hostname=? addr=? terminal=? res=success'",
        "boot > /usr/lib/systemd/systemd-update-utmp",
    ),
    (
        "type=SYSCALL msg=audit(1.1:1): arch=c000003e syscall=42 success=no exit=-115 a0=6 a1=7f a2=10 a3=fe pid=1 uid=33 exe=\"/bin/nc\"\ntype=SOCKADDR msg=audit(1.1:1): saddr=02000050A9FEA9FE0000000000000000",
        "network.connect > /bin/nc 169.254.169.254 80 EINPROGRESS",
    ),
    (
        "type=SYSCALL msg=audit(1.1:1): arch=c000003e syscall=43 success=yes exit=5 a0=3 pid=1 exe=\"/usr/sbin/sshd\"\ntype=SOCKADDR msg=audit(1.1:1): saddr=0200E31C4853E6640000000000000000",
        "network.listen > /usr/sbin/sshd 72.83.230.100",
    ),
    (
        "type=SYSCALL msg=audit(1.1:1): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=241 a3=1b6 items=2 pid=1 exe=\"/bin/sh\"\ntype=CWD msg=audit(1.1:1): cwd=\"/etc\"\ntype=PATH msg=audit(1.1:1): item=0 name=\"./\" nametype=PARENT\ntype=PATH msg=audit(1.1:1): item=1 name=\"ld.so.preload\" nametype=CREATE",
        "file.write > /etc/ld.so.preload",
    ),
    (
        "type=SYSCALL msg=audit(1.1:1): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=80000 a3=0 items=1 pid=1 exe=\"/bin/cat\"\ntype=PATH msg=audit(1.1:1): item=0 name=\"/etc/shadow\" nametype=NORMAL",
        "file.access > /etc/shadow",
    ),
    (
        "type=SYSCALL msg=audit(1.1:1): arch=40000003 syscall=10 success=yes exit=0 items=2 pid=1 exe=\"/bin/rm\"\ntype=PATH msg=audit(1.1:1): item=0 name=\"/var/log/\" nametype=PARENT\ntype=PATH msg=audit(1.1:1): item=1 name=\"/var/log/wtmp\" nametype=DELETE",
        "file.delete > /var/log/wtmp",
    ),
    (
        "type=KERN_MODULE msg=audit(1.1:1): name=\"evil\"\ntype=SYSCALL msg=audit(1.1:1): arch=c000003e syscall=313 success=yes exit=0 pid=1 exe=\"/usr/bin/kmod\"",
        "module.load > /usr/bin/kmod",
    ),
    (
        "type=AVC msg=audit(1.1:1): avc:  denied  { read write } for  pid=13010 comm=\"pickup\" name=\"maildrop\" scontext=a:b:c:s0 tclass=dir",
        "audit.record > ",
    ),
    (
        "type=LOGIN msg=audit(1.1:1): login pid=13015 uid=0 old auid=4294967295 new auid=7 old ses=4294967295 new ses=1165",
        "audit.record > ",
    ),
];

#[test]
fn each_kind_of_record_is_what_it_tells() {
    for (text, expected) in LINES {
        let (events, counts) = read(text);
        assert_eq!((events.len(), counts.not_understood), (1, 0), "{text}");
        let event = &events[0];
        let mut told =
            format!("{} {}>{} {}", event.kind.name(), event.user, event.target, event.path);
        let more = [
            event.command.to_string(),
            event.source_ip.to_string(),
            event.text("destination_ip").to_owned(),
            list(event, "destination_port"),
            event.text("error").to_owned(),
        ];
        for word in more.iter().filter(|word| !word.is_empty()) {
            told = format!("{told} {word}");
        }
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn what_decisions_and_old_logins_say_is_kept() {
    let (events, _) = read(LINES[14].0);
    assert_eq!((events[0].text("seresult"), events[0].text("seperms")), ("denied", "read write"));
    let (events, _) = read(LINES[15].0);
    assert_eq!(events[0].number("auid"), Some(7));
    assert_eq!((&*events[0].session, events[0].text("old_auid")), ("1165", "4294967295"));
}

#[test]
fn records_in_a_kernel_log_are_put_together_too() {
    let text = "\
Nov  2 08:12:44 web01 kernel: [   12.345678] audit: type=1300 audit(1783414661.350:7): arch=c000003e syscall=59 success=yes exit=0 pid=5 exe=\"/bin/id\"
Nov  2 08:12:44 web01 kernel: [   12.345679] audit: type=1309 audit(1783414661.350:7): argc=1 a0=\"id\"
Nov  2 08:12:44 web01 audispd: node=db1 type=USER_LOGIN msg=audit(1783414661.351:8): pid=6 uid=0 auid=1 ses=2 msg='op=login acct=\"ann\" exe=\"/usr/sbin/sshd\" hostname=? addr=198.51.100.7 terminal=ssh res=success'
";
    let mut events = Vec::new();
    let mut stream = Stream::new(Context::new("kern.log", 1_795_435_200_000_000), None);
    stream.feed(text.as_bytes(), &mut |event| events.push(owned(event)));
    let (counts, _) = stream.end(&mut |event| events.push(owned(event)));
    assert_eq!((counts.events, counts.not_understood), (2, 0));
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            format!("{} {} {} {}", event.kind.name(), event.host, event.path, event.trust.name())
        })
        .collect();
    assert_eq!(
        told,
        ["auth.success db1 /usr/sbin/sshd claim", "process.start web01 /bin/id claim"]
    );
}

#[test]
fn what_is_no_record_is_counted() {
    let text = "\
type=WRONGDATE msg=audit(1337845201): missing milliseconds
type=EMPTYDATE msg=audit(): empty
type= msg=audit(1337845333.174:94984): no type
msg=audit(1337845201.174:94984): no type at all
type=UNKNOWN[1329] msg=?
";
    let (events, counts) = read(text);
    assert_eq!((events.len(), counts.not_understood), (0, 5));
}

#[test]
fn a_cut_at_any_byte_loses_no_line_in_silence() {
    let whole = format!("{EXECVE}{}\n{}\n", LINES[3].0, LINES[8].0);
    for cut in 0..whole.len() {
        let part = stanch_words::text::from_bytes(&whole.as_bytes()[..cut]);
        let (events, counts) = read(&part);
        assert_eq!(counts.lines, part.lines().count() as u64);
        assert!(counts.not_understood <= 1, "{cut}");
        assert!(!events.is_empty() || counts.lines <= 1, "{cut}");
    }
}

#[test]
fn an_event_without_end_is_bounded_and_said() {
    let record = format!("type=EXECVE msg=audit(1.000:1): a1[0]=\"{}\"\n", "x".repeat(7000));
    let mut stream = Stream::new(Context::new("audit.log", 0), Some(&FORMAT));
    let mut lengths = Vec::new();
    for _ in 0..100 {
        stream.feed(record.as_bytes(), &mut |event| lengths.push(event.command.len()));
    }
    let (counts, gaps) = stream.end(&mut |event| lengths.push(event.command.len()));
    assert_eq!((counts.lines, counts.events, counts.not_understood), (100, 1, 0));
    assert!(lengths[0] <= 80_000, "{lengths:?}");
    assert!(gaps[0].detail.contains("1 audit events"), "{gaps:?}");
}

#[test]
fn plasos_files_give_the_events_that_plaso_counts() {
    let enriched = data("plaso/audit_enriched.log");
    let (events, counts) = read(&enriched);
    // Plaso makes an event of each record, we one of each audit event.
    assert_eq!((counts.lines, counts.not_understood), (29, 0));
    let records: std::collections::BTreeSet<i64> =
        events.iter().filter_map(|event| event.number("serial")).collect();
    assert_eq!(records.len(), events.len());
    let (_, counts) = read(&data("plaso/selinux.log"));
    assert_eq!((counts.lines, counts.silent, counts.not_understood), (12, 1, 4));
}

#[test]
fn crowdsecs_execve_records_give_its_fields() {
    let (events, counts) = read(&data("crowdsec-hub-tests/auditd-logs/auditd-logs.log"));
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {} {} {:?} {:?} {:?} {}",
                event.kind.name(),
                list(event, "serial"),
                event.path,
                event.uid,
                event.number("auid"),
                event.ppid,
                event.tty
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "process.start 2995 /usr/bin/perl Some(1000) Some(1000) Some(26843) pts2",
            "process.start 2996 /usr/bin/base64 Some(1000) Some(1000) Some(26843) pts2",
            "audit.record 2997 /usr/bin/perl Some(1000) Some(1000) Some(26843) pts2",
            "process.start 2998 /usr/bin/id Some(1000) Some(1000) Some(26843) pts2",
        ]
    );
    assert_eq!(counts.not_understood, 0);
}

/// Returns a log of another project's.
#[expect(clippy::disallowed_methods, reason = "a test reads its own data")]
fn data(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}
