//! Every parser that takes bytes of a machine, so that tests and fuzzing can try each with any
//! bytes. What a parser needs beside the bytes (a path, an owner) is given here.
// list: one entry a parser, in the order of their names.

pub mod logs;
pub mod packages;

use std::path::Path;

use stanch_words::{Gap, GapKind, Row, Seen};

use crate::content::{self, Kind};
use crate::load_history::{sar_text, sysstat};
use crate::tables as t;
use crate::{
    baseline, descriptors, initial_ramdisk, memory_map, memory_totals, process_files, sockets,
};

/// A parser, and bytes that it understands.
#[derive(Debug)]
pub struct Parser {
    /// The name of its table, with a word more where a table has several parsers.
    pub name: &'static str,
    /// Parses any bytes.
    pub parse: fn(&[u8], &mut Seen),
    /// A sample to begin mutating from.
    pub seed: &'static [u8],
}

const PATH: &str = "/etc/sample";

fn path() -> &'static Path {
    Path::new(PATH)
}

fn one(row: Option<Row>, seen: &mut Seen) {
    seen.rows.extend(row);
}

/// Pushes a row for something that was understood, where a parser makes no rows itself.
fn understood(seen: &mut Seen) {
    seen.push(t::users::SPEC.row());
}

fn load(samples: Vec<crate::load_history::Sample>, seen: &mut Seen) {
    samples.iter().for_each(|_| understood(seen));
}
/// A library that gives `readdir64` and needs `dlsym`.
const LIBRARY: &[u8] =
    b"\x7fELF\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0@\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\08\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0I\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\
    \0\xb0\0\0\0\0\0\0\0\xb0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\x05\0\0\0\0\0\0\08\x01\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\xf0\0\0\0\0\0\0\0\
    \x0a\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x12\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\
    \0\0\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0readdir64\0dlsym\0";

/// An archive of cpio with one script in it.
const RAMDISK: &[u8] =
    b"07070100000001000081ed000000000000000000000001000000000000000a0000000000000000000000\
    00000000000000000500000000init\0\0#!/bin/sh\n\0\x0007070100000001000000000000000000000\
    000000000010000000000000000000000000000000000000000000000000000000b00000000TRAILER!!\
    !\0\0\0\0";

macro_rules! parsers {
    ($($name:literal $parse:expr, $seed:expr;)+) => {
        /// All parsers.
        pub static ALL: &[Parser] =
            &[$(Parser { name: $name, parse: $parse, seed: $seed }),+];
    };
}

parsers! {
    "account_changes" |b, s| t::account_changes::parse(b"ann:x:1:1:::\n", b, s), PASSWD;
    "apt_sources" |b, s| t::apt_sources::parse(b, path(), s),
        b"deb [arch=amd64 signed-by=/k.gpg] http://deb.debian.org/debian bookworm main contrib\n# x\n";
    "apt_sources stanzas" |b, s| t::apt_sources::parse_stanzas(b, path(), s),
        b"Types: deb\nURIs: http://a/ http://b/\nSuites: stable\nComponents: main\n more\n\n# c\n";
    "at_jobs" |b, s| one(t::at_jobs::parse(b, path()), s),
        b"#!/bin/sh\n# atrun uid=1000 gid=1000\n# mail ann 0\numask 22\ncd /home/ann || exit 1\nid\n";
    "authorized_keys" |b, s| t::authorized_keys::parse(b, path(), 0, "root", s),
        b"command=\"a b\",no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ann@x\n# c\nssh-rsa AAAA\n";
    "baseline items" |b, s| (0..baseline::format::parse_items(b, s)).for_each(|_| understood(s)),
        b"\0\0\x04/etc\0\0\xed\x83\x01\0\0\0\0\x02\0\0\0\x01\x04\x02/x\x02\x04\x02/y";
    "cpu_time" |b, s| t::cpu_time::parse(b, s),
        b"cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n";
    "crontab" |b, s| t::crontab::parse(b, path(), t::crontab::Form::System, "root", s), CRONTAB;
    "crontab anacron" |b, s| t::crontab::parse(b, path(), t::crontab::Form::Anacron, "root", s),
        b"START_HOURS_RANGE=3-22\n1 5 cron.daily nice run-parts /etc/cron.daily\n@monthly 45 m /m\n";
    "crontab user" |b, s| t::crontab::parse(b, path(), t::crontab::Form::User, "ann", s), CRONTAB;
    "deb_packages" |b, s| t::deb_packages::parse(b, s),
        b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.3-4\n\
        Conffiles:\n /etc/a 0123456789abcdef0123456789abcdef\nDescription: x\n .\n y\n\n";
    "descriptors" |b, s| {
        let _target = descriptors::Target::parse(b, &mut std::sync::Arc::default());
        understood(s);
    }, b"socket:[4026]";
    "deb_package_files" |b, s| {
        t::deb_package_files::parse(b"a", b, b, &std::collections::HashMap::new(), s);
    }, b"/.\n/usr\n/usr/bin/a\n0123456789abcdef0123456789abcdef  usr/bin/a\n";
    "dns_resolvers" |b, s| t::dns_resolvers::parse(b, s),
        b"nameserver 1.1.1.1\nnameserver fe80::1%eth0\nsearch a b\noptions ndots:2 rotate\n; c\n";
    "etc_hosts" |b, s| t::etc_hosts::parse(b, s), b"127.0.0.1 localhost a # c\n::1 localhost\n";
    "etc_protocols" |b, s| t::etc_protocols::parse(b, s), b"ip 0 IP # c\ntcp 6 TCP\n";
    "etc_services" |b, s| t::etc_services::parse(b, s), b"ssh 22/tcp a b # c\ndomain 53/udp\n";
    "foreign_packages" |b, s| {
        let (mut names, mut count) = (t::foreign_packages::Names::default(), 0_usize);
        names.take(b, &mut |_| count = count.saturating_add(1));
        (0..count).for_each(|_| understood(s));
    }, b"Package: a\nVersion: 1\nDescription: x\n y\n\nPackage: b\n";
    "ftrace_functions" |b, s| t::ftrace_functions::parse(b, "enabled_functions", s),
        b"__x64_sys_getdents64 (1) R I   M \ttramp: 0xffffffffc0a03000 (h+0x0/0x40 [m]) ->f+0x0/0xf0\n\tx\n";
    "groups" |b, s| t::groups::parse(b, s), b"root:x:0:\nsudo:x:27:ann,bob\n+::::\n";
    "initial_ramdisk_files" |b, s| {
        let mut source = b;
        let mut count = 0_usize;
        let read = initial_ramdisk::members(&mut source, &mut |_| count = count.saturating_add(1));
        (0..count).for_each(|_| understood(s));
        if let Err(why) = read {
            s.gap(Gap::new("initial_ramdisk_files", GapKind::Damaged, why));
        }
    }, RAMDISK;
    "kernel_modules" |b, s| t::kernel_modules::parse(b, s),
        b"nf_tables 1 2 a,b, Live 0xffffffffc0000000 (OE)\nloop 40960 0 - Live 0x0000000000000000\n";
    "known_hosts" |b, s| t::known_hosts::parse(b, path(), 0, s),
        b"db1,10.0.0.9 ssh-ed25519 AAAA\n|1|abc|def ssh-rsa AAAA\n@revoked x ssh-rsa A\n";
    "last" |b, s| t::last::parse(b, PATH, s), &LOGIN;
    "last database" |b, s| t::last::parse_database(b.to_vec(), PATH, s), b"SQLite format 3\0\x10\0";
    "lastlog" |b, s| t::lastlog::parse(b, s), &LASTLOG;
    "hidden_files directory blocks" |b, s| {
        let mut names = Vec::new();
        crate::hiding::ext4::parse_block(b, &mut names);
        if !names.is_empty() {
            understood(s);
        }
    }, b"\x02\0\0\0\x0c\0\x01\x02.\0\0\0\x0c\0\0\0\x10\0\x05\x01shown\0\0\0";
    "library_hooks symbols" |b, s| {
        let read_at = |offset: u64, length: usize| {
            let rest = b.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
            rest.get(..length).unwrap_or(rest).to_vec()
        };
        if crate::elf_symbols::read(&read_at).is_some_and(|all| !all.given.is_empty()) {
            understood(s);
        }
    }, LIBRARY;
    "ld_preload" |b, s| t::ld_preload::parse_file(b, s), b"/lib/a.so:/lib/b.so c.so\n# c\n";
    "ld_preload environment" |b, s| t::ld_preload::parse_environment(1, b, s),
        b"A=b\0LD_PRELOAD=/a.so:/b.so\0LD_AUDIT=/c.so\0";
    "load_history sar" |b, s| {
        load(sar_text::parse(b, &PATH.into(), None, &jiff::tz::TimeZone::UTC, s), s);
    },
        include_bytes!("../fixtures/load/sar30");
    "load_history sysstat" |b, s| load(sysstat::parse(b, &PATH.into(), s), s),
        include_bytes!("../fixtures/load/sa30");
    "load_average" |b, s| t::load_average::parse(b, s), b"0.00 0.01 0.05 1/123 4567\n";
    "logged_in_users" |b, s| t::logged_in_users::parse(b, PATH, s), &LOGIN;
    "login_record_damage" |b, s| {
        t::login_record_damage::parse(b, PATH, s);
        understood(s);
    }, &LOGIN;
    "memory_totals" |b, s| {
        let _totals = memory_totals::MemoryTotals::parse(b);
        understood(s);
    }, b"MemTotal: 1 kB\nHugePages_Total: 0\n";
    "os_version" |b, s| t::os_version::parse(b, PATH, "x86_64", s),
        b"NAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nID_LIKE=\n# c\n";
    "package_changes" |b, s| t::package_changes::parse(b, &jiff::tz::TimeZone::UTC, s),
        b"2026-03-01 08:12:44 install a:amd64 <none> 1.0\n2026-03-01 08:12:45 status unpacked a:amd64 1.0\n";
    "pam_rules" |b, s| t::pam_rules::parse(b, path(), Some("sshd"), s),
        b"# c\n@include common-auth\nauth [success=1 default=ignore]\tpam_unix.so nullok\n\
        session optional \\\n pam_exec.so /x\n";
    "process_envs" |b, s| t::process_envs::parse(1, b, s), b"A=b\0PATH=/bin\0odd\0";
    "process_memory_map" |b, s| t::process_memory_map::parse(1, b, false, s), MAPS;
    "processes memory" |b, s| {
        for line in b.split(|&b| b == b'\n') {
            if memory_map::Mapping::parse(line).is_some() {
                understood(s);
            }
        }
    }, MAPS;
    "processes stat" |b, s| {
        if process_files::ProcessStat::parse(b).is_some() {
            understood(s);
        }
    }, b"42 (a) b) S 1 42 42 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 777 1000 200 18446744073709551615 \
        1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 1 1 1 1 1 1 1 0\n";
    "processes status" |b, s| {
        let _status = process_files::ProcessStatus::parse(b);
        understood(s);
    }, b"Name:\ta\nTgid:\t42\nPid:\t42\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n";
    "shadow" |b, s| t::shadow::parse(b, s),
        b"root:$6$salt$hash:19000:0:99999:7:::\nann::19000::::::\nbob:!:19000:0:99999:7:::\n";
    "shell_history" |b, s| {
        t::shell_history::parse(b, path(), t::shell_history::Form::Lines, (0, "root"), s);
    }, b"ls\n#1700000000\nid\n: 1700000000:0;echo\n";
    "shell_history fish" |b, s| {
        t::shell_history::parse(b, path(), t::shell_history::Form::Fish, (0, "root"), s);
    }, b"- cmd: curl x\n  when: 1700000000\n  paths:\n    - x\n- cmd: id\n";
    "shell_history zsh" |b, s| {
        t::shell_history::parse(b, path(), t::shell_history::Form::Zsh, (0, "root"), s);
    }, b": 1700000000:0;echo \xe6\xad\x83\x82\nplain\n";
    "shells" |b, s| t::shells::parse(b, s), b"# c\n/bin/sh\n/bin/bash\n";
    "socket_list tcp" |b, s| socket_list("tcp6", b, s),
        b"  sl  local_address remote_address\n   0: 00000000000000000000000001000000:0016 \
        00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12 1 0\n";
    "socket_list unix" |b, s| socket_list("unix", b, s),
        b"Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 1 /x\n";
    "socket_messages" |b, s| {
        let mut dump = sockets::diag::Dump::default();
        sockets::diag::parse(b, 6, &mut dump);
        account(dump.sockets.len(), dump.malformed, s);
    }, &SOCKET;
    "ssh_configs" |b, s| t::ssh_configs::parse(b, path(), 0, s),
        b"Port 22\nHost DB*\n  ProxyCommand \"/tmp/x\" %h\nMatch host a\nX=1\n";
    "startup_items" |b, s| t::startup_items::parse(b, path(), "ann", s),
        b"[Desktop Entry]\nName=U\nExec=\"/home/ann/.x y\" -d %U\nHidden=true\n[Other]\nExec=/no\n";
    "sudoers" |b, s| t::sudoers::parse(b, path(), s),
        b"Defaults\tenv_reset\nCmnd_Alias X = ALL\nann ALL=(ALL:ALL) NOPASSWD: /bin/a, \\\n /bin/b\n";
    "uptime" |b, s| t::uptime::parse(b, s), b"12345.67 23456.78\n";
    "user_ssh_keys" |b, s| one(t::user_ssh_keys::parse(b, path()), s),
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ==\n-----END OPENSSH PRIVATE KEY-----\n";
    "users" |b, s| t::users::parse(b, s), PASSWD;
    "web page active" |b, s| page(b, Kind::Asp, "a.asp", s), b"<% a = Request(\"x\") : Execute a %>";
    "web page java" |b, s| page(b, Kind::Jsp, "a.jsp", s),
        b"<% String a = request.getParameter(\"x\"); Runtime.getRuntime().exec(a); %>";
    "web page php" |b, s| page(b, Kind::Php, "a.php", s),
        b"<?php foreach (['sy', 'stem'] as $p) { $f .= $p; } $f(\"$_GET[1]\" . chr(60+2)); ?>x";
    "web program lua" |b, s| page(b, Kind::Script, "a.lua", s),
        b"local function f(a) return io.popen(a .. [[ x]]) end\nf(ngx.var.arg_x)\n";
    "web program node" |b, s| page(b, Kind::Script, "a.js", s),
        b"const { exec: e } = require('child_process'); f((req, res) => { e(`${req.query.x}`); });";
    "web program perl" |b, s| page(b, Kind::Script, "a.pl", s),
        b"use CGI; my ($a, $b) = (param('x'), qw(a b)); $a =~ s/x/y/g; print <<E, `$a @{[1]}`;\nt\nE\n";
    "web program python" |b, s| page(b, Kind::Script, "a.py", s),
        b"import os as o\ndef f(a, b=1):\n    o.system(f'{a}' % b)\nf(request.args['x'][::-1])\n";
    "web program ruby" |b, s| page(b, Kind::Script, "a.rb", s),
        b"def f(a)\n  `x #{a}`\nend\nf params[:x] if a\n";
    "web rules" |b, s| page(b, Kind::Text, ".htaccess", s),
        b"<FilesMatch \"x.jpg\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n";
    "wordpress_files" |b, s| {
        if !t::wordpress_files::parse("wordpress-6.1.9.json", b).is_empty() {
            understood(s);
        }
    }, b"{\"checksums\":{\"a.php\":\"900150983cd24fb0d6963f7d28e17f72\"}}";
    "yum_sources" |b, s| t::yum_sources::parse(b, path(), s),
        b"[base]\nname=Base - $releasever\nbaseurl = http://a/\n  http://b/\nenabled=1\ngpgcheck=0\n";
}

/// Reads a page for what a request could run; what is odd is understood.
fn page(bytes: &[u8], kind: Kind, name: &str, seen: &mut Seen) {
    if !content::oddities(bytes, kind, name).is_empty() {
        understood(seen);
    }
}

fn socket_list(file: &str, bytes: &[u8], seen: &mut Seen) {
    let mut list = Vec::new();
    let malformed = sockets::listed::parse(file, bytes, &mut list);
    account(list.len(), malformed, seen);
}

/// Puts what was understood as rows, and what was not as gaps.
fn account(rows: usize, malformed: u64, seen: &mut Seen) {
    (0..rows).for_each(|_| understood(seen));
    (0..malformed).for_each(|_| seen.gap(Gap::new("sockets", GapKind::Damaged, "")));
}

const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/sh\n+nis::::::\n";
const CRONTAB: &[u8] =
    b"SHELL=/bin/sh\n# m h\n17 *\t* * *\troot    cd / && a\n@reboot root /x\n*/5 * * * 1-5 ann b%c\n";
const MAPS: &[u8] = b"00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x (deleted)\n\
    7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n7ffe00000000-7ffe00001000 rw-p 0 00:00 0 [stack]\n";

/// One login of `ann` on pts/0 in the layout of x86-64 (utmp(5)): kind 7 at 0, pid at 4, terminal
/// at 8, user at 44, seconds at 340.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static LOGIN: [u8; 384] = {
    const PARTS: [(usize, &[u8]); 5] =
        [(0, &[7]), (4, &[42]), (8, b"pts/0"), (44, b"ann"), (340, &[0, 0xf1, 0x53, 0x65])];
    let mut record = [0; 384];
    let mut part = 0;
    while part < PARTS.len() {
        let (at, bytes) = PARTS[part];
        let mut byte = 0;
        while byte < bytes.len() {
            record[at + byte] = bytes[byte];
            byte += 1;
        }
        part += 1;
    }
    record
};

/// One listening socket as sock_diag(7) sends it: a header of 16 bytes, `inet_diag_msg` of 72.
static SOCKET: [u8; 88] = {
    let mut message = [0; 88];
    message[0] = 88; // length
    message[4] = 20; // SOCK_DIAG_BY_FAMILY
    message[6] = 2; // multi
    message[16] = 2; // AF_INET
    message[17] = 10; // listening
    message[21] = 22; // port
    message[24] = 127;
    message[27] = 1;
    message[84] = 12; // inode
    message
};

/// One record of lastlog: time, terminal, host.
static LASTLOG: [u8; 292] = [b'1'; 292];
