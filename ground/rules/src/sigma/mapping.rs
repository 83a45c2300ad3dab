//! Which field of a Sigma rule is which of an event: the tables that decide whether a rule can
//! fire at all.
//!
//! Sigma's Linux rules are written in the words of Sysmon for Linux (`Image`, `CommandLine`),
//! of auditd's own records (`a0`, `SYSCALL`) and of W3C web logs (`cs-method`). One row here is
//! one such word. A field that stands in no row is looked up under the source's own name in
//! [`stanch_words::Event::more`], so that rules over audit's or the journal's names work as they
//! are.

use super::source::Category;

/// Where in an event a field's value is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program that ran; where only a command line is known, its first word in the places
    /// where a shell would find it.
    Image,
    /// The last part of that path.
    ImageName,
    /// The command line.
    Command,
    /// The program that started it.
    ParentImage,
    /// That program's command line.
    ParentCommand,
    /// The account that the program runs as: for sudo and su the one turned into.
    RunsAs,
    /// The account that acted.
    User,
    /// The account that was acted on.
    Target,
    /// The file that the event is about.
    Path,
    /// The program that did it to the file or spoke over the network.
    Actor,
    /// The process.
    Pid,
    /// Its parent.
    Ppid,
    /// Where it came from.
    SourceIp,
    /// The port there.
    SourcePort,
    /// `true` if the machine itself began the connection.
    Initiated,
    /// The terminal.
    Tty,
    /// The host.
    Host,
    /// The program that tells it.
    Program,
    /// The unit of the init system.
    Unit,
    /// The source's own words.
    Message,
    /// The method of a web request, or how somebody logged in.
    Method,
    /// The whole address asked for, and what it means without `%` escapes.
    Url,
    /// The part before `?`.
    UrlStem,
    /// The part after `?`.
    UrlQuery,
    /// A further field of that name.
    More(&'static str),
    /// A further field of the first name that is there.
    Either(&'static str, &'static str),
    /// The types of all records that make up an audit event.
    AuditType,
    /// The system call, by name and by number.
    AuditCall,
    /// An argument of an audit event; the program's own name also without its path.
    AuditArgument(&'static str),
    /// Constant text.
    Always(&'static str),
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The name that rules use.
    pub(super) field: &'static str,
    /// Where its value comes from.
    pub(super) from: Origin,
}

const fn row(field: &'static str, from: Origin) -> Row {
    Row { field, from }
}

use Origin::{
    Actor, Always, AuditArgument, AuditCall, AuditType, Command, Either, Host, Image, ImageName,
    Initiated, Message, Method, More, ParentCommand, ParentImage, Path, Pid, Ppid, Program, RunsAs,
    SourceIp, SourcePort, Target, Tty, Unit, Url, UrlQuery, UrlStem, User,
};

/// `process_creation`, `process_termination`.
// list: one line a field
static PROCESS: &[Row] = &[
    row("Image", Image),
    row("CommandLine", Command),
    row("ParentImage", ParentImage),
    row("ParentCommandLine", ParentCommand),
    row("User", RunsAs),
    row("CurrentDirectory", More("cwd")),
    row("LogonId", Either("auid", "uid")),
    row("LogonGuid", More("session")),
    row("TerminalSessionId", More("ses")),
    row("ProcessId", Pid),
    row("ParentProcessId", Ppid),
    row("OriginalFileName", ImageName),
    row("ProcessName", ImageName),
    row("ParentUser", User),
    row("Hashes", More("sha256")),
    row("md5", More("md5")),
    row("sha1", More("sha1")),
    row("sha256", More("sha256")),
    row("Computer", Host),
];

/// `file_event`, `file_change`, `file_access`, `file_delete`, `file_rename`.
static FILE: &[Row] = &[
    row("TargetFilename", Path),
    row("FileName", Path),
    row("Filename", Path),
    row("SourceFilename", More("old_path")),
    row("Image", Actor),
    row("User", User),
    row("ProcessId", Pid),
    row("CommandLine", Command),
    row("ParentImage", ParentImage),
    row("Computer", Host),
];

/// `network_connection`, `firewall`.
static NETWORK: &[Row] = &[
    row("Image", Actor),
    row("User", User),
    row("ProcessId", Pid),
    row("CommandLine", Command),
    row("ParentImage", ParentImage),
    row("Initiated", Initiated),
    row("Protocol", More("protocol")),
    row("SourceIp", SourceIp),
    row("SourcePort", SourcePort),
    row("SourceHostname", More("source_host")),
    row("DestinationIp", More("destination_ip")),
    row("DestinationPort", More("destination_port")),
    row("DestinationHostname", Either("destination_host", "query")),
    row("src_ip", SourceIp),
    row("src_port", SourcePort),
    row("dst_ip", More("destination_ip")),
    row("dst_port", More("destination_port")),
    row("action", More("action")),
    row("Computer", Host),
];

/// `dns_query`, `dns`.
static NAMES: &[Row] = &[
    row("QueryName", Either("query", "destination_host")),
    row("query", Either("query", "destination_host")),
    row("record_type", Either("query_type", "qtype_name")),
    row("answer", Either("answer", "answers")),
    row("QueryResults", Either("answer", "answers")),
    row("Image", Actor),
    row("ProcessId", Pid),
    row("src_ip", SourceIp),
];

/// `webserver`, `proxy`.
static WEB: &[Row] = &[
    row("c-uri", Url),
    row("cs-uri", Url),
    row("cs-uri-stem", UrlStem),
    row("c-uri-stem", UrlStem),
    row("cs-uri-query", UrlQuery),
    row("c-uri-query", UrlQuery),
    row("cs-method", Method),
    row("sc-status", More("status")),
    row("sc-bytes", More("bytes")),
    row("cs-user-agent", More("user_agent")),
    row("c-useragent", More("user_agent")),
    row("cs-useragent", More("user_agent")),
    row("cs-referer", More("referrer")),
    row("cs-referrer", More("referrer")),
    row("c-referer", More("referrer")),
    row("cs-host", More("virtual_host")),
    row("cs-username", User),
    row("cs-cookie", More("cookie")),
    row("c-ip", SourceIp),
    row("src_ip", SourceIp),
    row("clientip", SourceIp),
    row("client_ip", SourceIp),
    row("Computer", Host),
];

/// Service `auditd`, under audit's names.
static AUDIT: &[Row] = &[
    row("type", AuditType),
    row("SYSCALL", AuditCall),
    row("syscall", AuditCall),
    row("a0", AuditArgument("a0")),
    row("exe", Either("exe", "path")),
    row("name", Either("name", "path")),
    row("cwd", More("cwd")),
    row("key", More("key")),
    row("proctitle", Either("proctitle", "command")),
    row("unit", Unit),
    row("acct", Either("acct", "user")),
    row("addr", Either("addr", "source_ip")),
    row("pid", Pid),
    row("ppid", Ppid),
    row("uid", Either("uid", "")),
    row("res", Either("res", "result")),
];

/// Category `authentication` and services that speak of accounts.
static ACCOUNT: &[Row] = &[
    row("User", User),
    row("TargetUserName", Target),
    row("TargetUser", Target),
    row("IpAddress", SourceIp),
    row("src_ip", SourceIp),
    row("AuthenticationMethod", Method),
    row("Computer", Host),
];

/// Category `antivirus`, as scanners on Linux tell it.
static ANTIVIRUS: &[Row] = &[
    row("Signature", More("signature")),
    row("Filename", Path),
    row("FileName", Path),
    row("Computer", Host),
];

/// What every log line has, under our names and the commonest of others.
static ANY: &[Row] = &[
    row("message", Message),
    row("host", Host),
    row("hostname", Host),
    row("program", Program),
    row("process", Program),
    row("user", User),
    row("target", Target),
    row("source_ip", SourceIp),
    row("source_port", SourcePort),
    row("command", Command),
    row("path", Path),
    row("method", Method),
    row("tty", Tty),
    row("unit", Unit),
    row("pid", Pid),
    row("ppid", Ppid),
    row("os", Always("linux")),
];

/// Returns the table of a category; `None` is a log source without one.
pub(super) fn rows(category: Option<Category>, is_audit: bool) -> &'static [Row] {
    match category {
        _ if is_audit => AUDIT,
        Some(Category::ProcessCreation | Category::ProcessTermination) => PROCESS,
        Some(
            Category::FileEvent
            | Category::FileChange
            | Category::FileAccess
            | Category::FileDelete
            | Category::FileRename,
        ) => FILE,
        Some(Category::NetworkConnection | Category::Firewall) => NETWORK,
        Some(Category::DnsQuery) => NAMES,
        Some(Category::Webserver) => WEB,
        Some(Category::Authentication) => ACCOUNT,
        Some(Category::Antivirus) => ANTIVIRUS,
        Some(Category::Database | Category::Application) | None => ANY,
    }
}

/// Returns where a field comes from.
pub(super) fn origin(rows: &'static [Row], field: &str) -> Option<Origin> {
    let find = |rows: &'static [Row]| rows.iter().find(|row| row.field == field);
    find(rows).or_else(|| find(ANY)).map(|row| row.from)
}

/// Returns whether a rule's field has a row, whatever its letters' case.
pub(super) fn nearest(rows: &'static [Row], field: &str) -> Option<&'static str> {
    let same = rows.iter().find(|row| row.field.eq_ignore_ascii_case(field));
    same.map(|row| row.field).or_else(|| {
        let close = rows.iter().map(|row| (crate::functions::edit_distance(row.field, field), row));
        let best = close.min_by_key(|(distance, _)| *distance)?;
        (best.0 <= 2).then_some(best.1.field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_stands_twice_in_a_table() {
        for rows in [PROCESS, FILE, NETWORK, NAMES, WEB, AUDIT, ACCOUNT, ANTIVIRUS, ANY] {
            let mut names: Vec<&str> = rows.iter().map(|row| row.field).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{names:?}");
        }
    }

    #[test]
    fn a_misspelt_field_has_a_neighbour() {
        assert_eq!(nearest(PROCESS, "Imge"), Some("Image"));
        assert_eq!(nearest(PROCESS, "commandline"), Some("CommandLine"));
        assert_eq!(nearest(PROCESS, "SomethingElse"), None);
    }
}
