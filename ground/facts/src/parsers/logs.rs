//! Every format of logs, so that tests and fuzzing can try each with any bytes.
// list: one sample a format, in the order of their names.

use std::path::Path;

use stanch_machine::Pretend;
use stanch_words::{Gap, GapKind, Seen};

use crate::logs::{self, Context, Form, Format, Stream};

/// What the last change of every sample is: in November 2026.
const MODIFIED: i64 = 1_795_435_200_000_000;

/// Reads any bytes as a format: a row an event, a gap for each line that gave none.
pub fn parse(format: &'static Format, bytes: &[u8], seen: &mut Seen) {
    let path = sample(format).map_or("/var/log/sample", |sample| sample.path);
    let context = Context::new(path, MODIFIED);
    let mut events = 0_usize;
    let mut each = |_event: &stanch_words::Event<'_>| events = events.saturating_add(1);
    let (counts, gaps) = match format.form {
        Form::Whole(read) => {
            let machine = Pretend::new().file(path, bytes);
            match read(&machine, Path::new(path), &context, &mut each) {
                Ok(read) => read,
                Err(miss) => (logs::Counts::default(), vec![miss.gap("")]),
            }
        }
        Form::Lines(_) | Form::Records(..) => {
            let mut stream = Stream::new(context, Some(format));
            // Pieces of many sizes: a line or record can end anywhere in one.
            let mut rest = bytes;
            let mut size = 1_usize;
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                stream.feed(piece, &mut each);
                rest = after;
                size = size.saturating_mul(3);
            }
            stream.end(&mut each)
        }
    };
    (0..events).for_each(|_| super::understood(seen));
    seen.gaps.extend(gaps);
    for _ in 0..counts.not_understood {
        seen.gap(Gap::new("", GapKind::Damaged, "not understood"));
    }
}

/// A log of a format.
#[derive(Debug)]
pub struct LogSample {
    /// The format's name.
    pub format: &'static str,
    /// A usual path.
    pub path: &'static str,
    /// A log to begin mutating from.
    pub bytes: &'static [u8],
}

/// Returns the sample of a format.
pub fn sample(format: &Format) -> Option<&'static LogSample> {
    SAMPLES.iter().find(|sample| sample.format == format.name)
}

macro_rules! samples {
    ($($format:literal $path:literal $bytes:expr;)+) => {
        /// All samples.
        pub static SAMPLES: &[LogSample] =
            &[$(LogSample { format: $format, path: $path, bytes: $bytes }),+];
    };
}

samples! {
    "apt-history" "/var/log/apt/history.log"
        b"Start-Date: 2026-02-03  04:05:06\nCommandline: apt install nc\nInstall: a:amd64 (1, automatic), \
        b:amd64 (2)\nRemove: c:amd64 (3)\nEnd-Date: 2026-02-03  04:07:06\n\n";
    "asterisk" "/var/log/asterisk/messages"
        b"[2026-01-02 03:04:05] NOTICE[1:C-0] chan_sip.c: Registration from '<sip:1@a>' failed for \
        '192.0.2.7:5060' - Wrong password\n";
    "audit" "/var/log/audit/audit.log"
        b"node=a type=SYSCALL msg=audit(1783414661.350:7): arch=c000003e syscall=42 success=no \
        exit=-115 a0=5 a1=6 a2=7 a3=8 ppid=1 pid=2 auid=1 uid=0 tty=(none) ses=3 comm=\"a\" \
        exe=2F612062 key=65786563013634\x1dUID=\"root\"\n\
        type=SOCKADDR msg=audit(1783414661.350:7): saddr=02000050A9FEA9FE\n\
        type=EXECVE msg=audit(1783414661.350:8): argc=3 a0=\"sh\" a1_len=4 a1[0]=2D63 a1[1]=6C a2=FF\n\
        type=PATH msg=audit(1783414661.350:8): item=0 name=\"x\" nametype=CREATE\n\
        type=AVC msg=audit(1783414661.350:8): avc:  denied  { read } for  pid=1 name=\"m\"\n\
        type=PROCTITLE msg=audit(1783414661.350:8): proctitle=6100\n\
        type=USER_AUTH msg=audit(1.1:9): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:x \
        acct=\"r\" exe=\"/x\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'\n";
    "named" "/var/log/named/security.log"
        b"27-May-2026 03:19:45.123 security: info: client @0x7f 192.0.2.7#53 (a.example): query (cache) \
        'a.example/A/IN' denied\n";
    "client-history" "/root/.mysql_history"
        b"_HiStOrY_V2_\nselect\\0401\\040into\\040outfile\\040'/x';\nsystem id;\n";
    "container-output" "/var/lib/docker/containers/a/a-json.log"
        br#"{"log":"plain words\n","stream":"stderr","time":"2026-01-02T03:04:06.1Z"}
"#;
    "counter-strike" "/var/log/hlds.log"
        b"L 01/01/2026 - 01:25:17: Bad Rcon: \"rcon 1 \"x\" a\" from \"192.0.2.7:27005\"\n";
    "cowrie" "/var/log/cowrie.json"
        br#"{"eventid":"cowrie.login.failed","username":"root","password":"a","timestamp":"2026-02-03T04:05:06.123456Z","src_ip":"192.0.2.7","session":"a"}
"#;
    "dnf" "/var/log/dnf.rpm.log"
        b"2026-01-02T03:04:05+0000 DDEBUG Command: dnf install -y nmap\n\
        2026-01-02T03:04:06+0000 SUBDEBUG Installed: nmap-3:7.9-1.el9.x86_64\n";
    "domino" "/var/log/domino.log"
        b"[28325:00010-3735542592] 22-06-2026 09:56:12   smtp: a [192.0.2.7] authentication failure \
        using internet password\n";
    "dpkg" "/var/log/dpkg.log"
        b"2026-02-03 04:05:06 install nc:amd64 <none> 1.0\n2026-02-03 04:05:07 upgrade a:amd64 5.1 5.2\n";
    "editor-history" "/root/.viminfo"
        b"# This viminfo file was generated by Vim 9.0.\n*encoding=utf-8\n:!id\n\
        |2,0,1700000000,,\"!id\"\n'0  12  0  /etc/passwd\n> ~/x\n\t*\t1700000001\t0\n";
    "ejabberd" "/var/log/ejabberd/ejabberd.log"
        b"2026-01-02 03:04:05.123 [info] <0.1.0>@ejabberd_c2s:handle_auth_failure:1 (tcp|<0.1.0>) \
        Failed c2s PLAIN authentication for a@b from ::FFFF:192.0.2.7: Invalid\n";
    "eve" "/var/log/suricata/eve.json"
        br#"{"timestamp":"2026-01-02T03:04:05.123456+0000","event_type":"alert","src_ip":"192.0.2.7","src_port":5,"dest_ip":"10.0.0.1","dest_port":80,"proto":"TCP","alert":{"signature_id":2013028,"signature":"ET","severity":1}}
"#;
    "exim" "/var/log/exim4/mainlog"
        b"2026-01-02 03:04:05 login authenticator failed for (x) [192.0.2.7]: 535 Incorrect \
        authentication data (set_id=ann)\n2026-01-02 03:04:07 1oK3xJ-0002Aa-7f <= a@b H=(x) [192.0.2.7] P=esmtp S=7\n";
    "fail2ban" "/var/log/fail2ban.log"
        b"2026-01-02 03:04:05,123 fail2ban.filter         [77]: INFO    [sshd] Found 192.0.2.7 - x\n\
        2026-01-02 03:04:06,123 fail2ban.actions        [77]: NOTICE  [sshd] Ban 192.0.2.7\n";
    "ids-fast" "/var/log/snort/alert"
        b"11/02/2026-08:12:44.123456  [**] [1:2013028:4] ET curl [**] [Classification: x] [Priority: 2] \
        {TCP} 192.0.2.7:55 -> 10.0.0.1:80\n";
    "journal" "/var/log/journal/a/system.journal"
        include_bytes!("../../fixtures/journal/small.journal");
    "lastlog" "/var/log/lastlog" &LASTLOG;
    "lastlog2" "/var/lib/lastlog/lastlog2.db" b"SQLite format 3\0\x10\0CREATE TABLE Lastlog2(";
    "login-records" "/var/log/wtmp" &super::LOGIN;
    "logrus" "/var/log/docker.log"
        b"time=\"2026-01-02T03:04:05.6Z\" level=debug msg=\"Calling POST /v1.41/containers/create?name=x\"\n";
    "mongodb" "/var/log/mongodb/mongod.log"
        b"2026-11-20T00:04:00.110+0100 I ACCESS   [conn1] Failed to authenticate root@admin with mechanism X\n";
    "mssql" "/var/opt/mssql/log/errorlog"
        b"2026-02-24 16:05:21.00 Logon       Login failed for user 'a'. Reason: x [CLIENT: 192.0.2.7]\n";
    "mysql" "/var/log/mysql/error.log"
        b"2026-01-02T03:04:05.123456Z 8 [Note] Access denied for user 'a'@'192.0.2.8' (using password: YES)\n\
        2026-01-02T03:04:05.123456Z\t    8 Connect\troot@192.0.2.7 on db using TCP/IP\n";
    "openvpn" "/var/log/openvpn.log"
        b"Fri Jan 02 03:04:05 2026 192.0.2.7:5 TLS Auth Error: Auth Username/Password verification failed for peer\n";
    "oracle-messaging" "/var/log/oracleims.log"
        b"<co ts=\"2026-06-02T22:02:13.94\" pi=\"1.1\" sc=\"tcp_submit\" dr=\"+\" ac=\"U\" \
        tr=\"TCP|1.1.1.1|465|192.0.2.7|4\" ap=\"a\" mi=\"Bad password\" us=\"a\" di=\"535 5.7.8\"/>\n";
    "ossec" "/var/ossec/logs/alerts/alerts.log"
        b"** Alert 1510376401.0: - syslog,sshd,\n2026 Nov 11 00:00:01 web->/var/log/auth.log\n\
        Rule: 5710 (level 5) -> 'Attempt'\nSrc IP: 192.0.2.7\nUser: ann\nx\n\n";
    "pacct" "/var/account/pacct" &ACCOUNTING;
    "pacman" "/var/log/pacman.log"
        b"[2026-01-02T03:04:05+0000] [PACMAN] Running 'pacman -S nmap'\n\
        [2026-01-02T03:04:07+0000] [ALPM] upgraded bash (5.1-1 -> 5.2-1)\n";
    "postgresql" "/var/log/postgresql/postgresql-15-main.log"
        b"2026-01-02 03:04:05.678 UTC [77] LOG:  connection received: host=192.0.2.7 port=5555\n\
        2026-01-02 03:04:06.678 UTC [77] a@s LOG:  statement: COPY t\n\tFROM PROGRAM 'id';\n";
    "redis" "/var/log/redis/redis-server.log"
        b"7:M 02 Nov 2026 08:12:44.123 * Ready to accept connections\n\
        7:S 02 Nov 2026 08:12:46.123 * Module 'system' loaded from /tmp/exp.so\n";
    "shell-history" "/root/.bash_history" b"id\n#1700000000\ncurl x \\\n | sh\n: 1700000000:0;echo\n";
    "softether" "/var/log/softether/security_log/a.log"
        b"2026-05-12 10:53:19.781 Connection \"CID-72\": User authentication failed. The user name \
        that has been provided was \"bob\", from 192.0.2.7.\n";
    "squid" "/var/log/squid/access.log"
        b"1386543323.000      4 192.0.2.7 TCP_DENIED/403 4099 GET http://a.example/ - HIER_NONE/- text/html\n";
    "stunnel" "/var/log/stunnel.log"
        b"2026.11.21 09:04:28 LOG3[1]: SSL_accept from 192.0.2.7:44561 : 140890C7: peer did not return a certificate\n";
    "syslog" "/var/log/auth.log"
        b"<38>Nov  2 08:12:44 web01 sshd[7]: Failed password for invalid user a from 192.0.2.7 port 22 ssh2\n\
        2026-11-02T08:12:44.123456+00:00 web01 sudo:  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id\n\
        Nov  2 08:12:45 web01 kernel: [   1.5] audit: type=1400 audit(1.1:2): apparmor=\"DENIED\"\n\
        Nov  2 08:12:45 web01 last message repeated 2 times\n";
    "3proxy" "/var/log/3proxy.log"
        b"1120319045 PROXY.8080 00004 ann 192.0.2.7:4444 0.0.0.0:0 0 0 0 GET http://a/\n\
        11-06-2026 02:09:40 +0300 PROXY.3128 00004 - 192.0.2.7:28696 0.0.0.0:0 0 0 0 GET http://a/\n";
    "unbound" "/var/log/unbound.log"
        b"[1700000001.250] unbound[9:0] info: 10.0.0.5 x.example. TXT IN\n\
        [1700000000] unbound[9:0] notice: init module 0: validator\n";
    "vsftpd" "/var/log/vsftpd.log"
        b"Fri Jan  2 03:04:05 2026 [pid 2] [ann] FAIL LOGIN: Client \"192.0.2.7\"\n";
    "web-access" "/var/log/nginx/access.log"
        b"192.0.2.7 - ann [02/Nov/2026:08:12:44 +0100] \"GET /a?b=%27 HTTP/1.1\" 404 5 \"-\" \"x \\\"y\"\n";
    "web-apps" "/var/log/webmail.log"
        b"[22-Jan-2026 22:28:21 +0200]: FAILED login for a from 192.0.2.1 in session x\n";
    "web-error" "/var/log/apache2/error.log"
        b"[Mon Nov 02 08:12:44.25 2026] [core:error] [pid 1] [client 192.0.2.7:5] AH00126: Invalid URI\n\
        2026/11/02 08:12:44 [error] 1#1: *1 user \"a\" was not found, client: 192.0.2.7, server: _\n";
    "wget-hsts" "/root/.wget-hsts"
        b"# HSTS 1.0 Known Hosts database for GNU Wget.\nraw.example.org\t0\t1\t1700000000\t31536000\n";
    "wtmpdb" "/var/lib/wtmpdb/wtmp.db" b"SQLite format 3\0\x10\0CREATE TABLE wtmp(";
    "xferlog" "/var/log/xferlog"
        b"Fri Jan  2 03:04:05 2026 1 192.0.2.7 10 /x b _ i r ann ftp 0 * c\n";
    "xrdp" "/var/log/xrdp-sesman.log"
        b"[20260102-03:04:05] [INFO ] AUTHFAIL: user=ann ip=::ffff:192.0.2.7 time=1611757081\n";
    "yum" "/var/log/yum.log" b"Nov 02 08:12:44 Installed: 2:nmap-7.4-1.el7.x86_64\nNov 02 08:12:45 Erased: a\n";
    "zeek" "/opt/zeek/logs/current/dns.log"
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n\
        #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\n\
        #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\n\
        1700000000.12345\tC1\t192.0.2.7\t5\t10.0.0.1\t53\tudp\ta.example\n";
    "zypper" "/var/log/zypp/history"
        b"# 2026-01-02 03:04:05 nmap.rpm installed ok\n2026-01-02 03:04:06|install|nmap|7.9-1|x86_64|root@web|repo|abc|\n";
}

/// One record of lastlog: 1,700,000,000 at 0, the terminal at 4.
static LASTLOG: [u8; 292] = {
    let mut record = [0; 292];
    record[1] = 0xf1;
    record[2] = 0x53;
    record[3] = 0x65;
    record[4] = b'a';
    record
};

/// One process in version 3 of accounting: version at 1, start at 24, ticks at 28, name at 48.
static ACCOUNTING: [u8; 64] = {
    let mut record = [0; 64];
    record[1] = 3;
    record[25] = 0xf1;
    record[26] = 0x53;
    record[27] = 0x65;
    record[31] = 0x43;
    record[48] = b's';
    record[49] = b'h';
    record
};
