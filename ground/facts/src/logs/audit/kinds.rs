//! What an audit event is about: its kind, who acted, on what.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::address::Address;
use super::gather::{Gathered, Part};

/// Sets the kind, and what follows from it.
pub(super) fn tell(all: &mut Gathered<'_>, parts: &[Part<'_>]) {
    let of_records = parts.iter().find_map(|part| of_record(part, all));
    if let Some(kind) = of_records {
        all.event.kind = kind;
    }
    if parts.iter().any(|part| part.kind == "KERN_MODULE") {
        let module = all.event.text("name").to_owned();
        all.event.with("module", module);
    }
    let is_kernel = parts.iter().any(|part| !is_user_space(part.kind));
    if is_kernel {
        let by_call = of_call(all);
        if of_records.is_none() {
            all.event.kind = by_call;
        }
        all.event.program = Cow::Borrowed("kernel");
        all.event.user = Cow::Borrowed(all.uid_name);
        if all.event.command.is_empty() {
            all.event.command = Cow::Owned(std::mem::take(&mut all.proctitle));
        }
    } else {
        of_program(all, parts);
    }
    if all.event.path.is_empty() {
        let path = if all.path.is_empty() { &all.exe } else { &all.path };
        all.event.path = path.clone();
    }
}

/// Returns whether a type of record comes from a program: such an event has one record.
pub(super) fn is_user_space(kind: &str) -> bool {
    const BEGINNINGS: [&str; 19] = [
        "USER", "CRED_", "SERVICE_", "SYSTEM_", "CRYPTO_", "DAEMON_", "ADD_", "DEL_", "GRP_",
        "ACCT_", "ROLE_", "LABEL_", "VIRT_", "RESP_", "USYS_", "CHGRP", "CHUSER", "DAC_", "DEV_",
    ];
    match kind {
        "ANOM_PROMISCUOUS" | "ANOM_ABEND" | "ANOM_LINK" | "ANOM_CREAT" | "DEL_RULE"
        | "ADD_RULE" => false,
        "TEST" | "TRUSTED_APP" | "SOFTWARE_UPDATE" | "FS_RELABEL" | "MAC_CHECK" => true,
        _ if kind.starts_with("ANOM_") => true,
        _ => BEGINNINGS.iter().any(|beginning| kind.starts_with(beginning)),
    }
}

/// Returns the kind that a record tells by itself.
fn of_record(part: &Part<'_>, all: &Gathered<'_>) -> Option<EventKind> {
    use EventKind as K;
    let done = all.success != Some(false);
    let if_done = |kind| Some(if done { kind } else { K::AuditRecord });
    match part.kind {
        "USER_AUTH" | "USER_LOGIN" | "GRP_AUTH" => Some(of_login(part.kind, all)),
        "USER_ERR" if all.op == "PAM:bad_ident" => Some(K::AuthInvalidUser),
        "USER_ACCT" if !done => Some(K::AuthFailure),
        "USER_START" => if_done(K::SessionOpen),
        "USER_END" | "USER_LOGOUT" => if_done(K::SessionClose),
        "USER_CMD" => Some(if done { K::PrivilegeUse } else { K::PrivilegeFailure }),
        "ADD_USER" => if_done(K::AccountAdd),
        "DEL_USER" => if_done(K::AccountRemove),
        "USER_CHAUTHTOK" | "ACCT_LOCK" | "ACCT_UNLOCK" | "CHUSER_ID" | "ROLE_ASSIGN"
        | "ROLE_REMOVE" => if_done(K::AccountChange),
        "USER_MGMT" if all.op.contains("group") => if_done(K::GroupChange),
        "USER_MGMT" => if_done(K::AccountChange),
        "ADD_GROUP" | "DEL_GROUP" | "GRP_MGMT" | "GRP_CHAUTHTOK" | "CHGRP_ID" => {
            if_done(K::GroupChange)
        }
        "SERVICE_START" => Some(if done { K::ServiceStart } else { K::ServiceFail }),
        "SERVICE_STOP" => Some(if done { K::ServiceStop } else { K::ServiceFail }),
        "SYSTEM_BOOT" => Some(K::Boot),
        "SYSTEM_SHUTDOWN" => Some(K::Shutdown),
        "SOFTWARE_UPDATE" => of_software(all.op, done),
        "CONFIG_CHANGE" | "FEATURE_CHANGE" => Some(K::AuditConfig),
        kind if kind.starts_with("DAEMON_") => Some(K::AuditConfig),
        "KERN_MODULE" => if_done(K::ModuleLoad),
        "NETFILTER_CFG"
        | "MAC_POLICY_LOAD"
        | "MAC_STATUS"
        | "MAC_CONFIG_CHANGE"
        | "USER_MAC_POLICY_LOAD"
        | "USER_MAC_CONFIG_CHANGE"
        | "USER_MAC_STATUS" => if_done(K::ConfigChange),
        "USYS_CONFIG" if part.body.contains("system time") => if_done(K::ClockChange),
        "USYS_CONFIG" => if_done(K::ConfigChange),
        "TIME_INJOFFSET" => if_done(K::ClockChange),
        "ANOM_ABEND" => Some(K::KernelComplaint),
        _ => None,
    }
}

/// A failed attempt is told by PAM (`USER_AUTH`, `USER_ERR` for a name that no account has), by
/// sshd in the same words, and once more as `USER_LOGIN`: the last counts for a success only.
fn of_login(kind: &str, all: &Gathered<'_>) -> EventKind {
    match all.success {
        Some(false) if kind == "USER_LOGIN" => EventKind::AuditRecord,
        Some(false) if is_unknown(&all.acct) => EventKind::AuthInvalidUser,
        Some(false) => EventKind::AuthFailure,
        Some(true) | None => EventKind::AuthSuccess,
    }
}

/// `(unknown)`, `(invalid user)`, `?`: what stands for a name that no account has.
fn is_unknown(account: &str) -> bool {
    account.starts_with('(') || account.is_empty()
}

fn of_software(op: &str, done: bool) -> Option<EventKind> {
    if !done {
        return Some(EventKind::AuditRecord);
    }
    match op {
        "install" => Some(EventKind::PackageInstall),
        "update" | "upgrade" => Some(EventKind::PackageUpgrade),
        "remove" => Some(EventKind::PackageRemove),
        _ => None,
    }
}

/// Returns the kind of a system call, and sets what it says of files and addresses.
fn of_call(all: &mut Gathered<'_>) -> EventKind {
    use EventKind as K;
    let done = all.success != Some(false);
    if !all.names.is_empty() {
        all.event.path = path(all);
    }
    let call = std::mem::take(&mut all.syscall);
    let kind = match &*call {
        "execve" | "execveat" => {
            all.event.path = all.exe.clone();
            if done { K::ProcessStart } else { K::AuditRecord }
        }
        "exit" | "exit_group" => K::ProcessEnd,
        "connect" | "sendto" | "sendmsg" | "sendmmsg" => of_peer(all, K::NetworkConnect),
        "accept" | "accept4" | "recvfrom" | "recvmsg" | "getpeername" => {
            let is_new = call.starts_with("accept") && done;
            of_peer(all, if is_new { K::NetworkListen } else { K::AuditRecord })
        }
        "bind" | "getsockname" | "listen" => {
            let kind = of_peer(all, if done { K::NetworkListen } else { K::AuditRecord });
            if call == "getsockname" { K::AuditRecord } else { kind }
        }
        _ if !done => K::AuditRecord,
        "open" | "openat" | "openat2" | "open_by_handle_at" => {
            if is_written(all, &call) {
                K::FileWrite
            } else {
                K::FileAccess
            }
        }
        "creat" | "truncate" | "ftruncate" | "mkdir" | "mkdirat" | "mknod" | "mknodat" | "link"
        | "linkat" | "symlink" | "symlinkat" | "fallocate" => K::FileWrite,
        "unlink" | "unlinkat" | "rmdir" | "rename" | "renameat" | "renameat2" => K::FileDelete,
        "chmod" | "fchmod" | "fchmodat" | "fchmodat2" | "chown" | "fchown" | "lchown"
        | "fchownat" | "chown32" | "fchown32" | "lchown32" | "setxattr" | "lsetxattr"
        | "fsetxattr" | "removexattr" | "lremovexattr" | "fremovexattr" | "utime" | "utimes"
        | "utimensat" | "futimesat" => K::FileAccess,
        "init_module" | "finit_module" | "delete_module" => K::ModuleLoad,
        "settimeofday" | "clock_settime" | "clock_settime64" | "stime" => K::ClockChange,
        "sethostname" | "setdomainname" => K::ConfigChange,
        _ => K::AuditRecord,
    };
    match all.address.take() {
        Some(Address::Internet { address, port, .. }) => {
            all.event.with("destination_ip", address).with("destination_port", i64::from(port));
        }
        Some(Address::Unix(path)) => all.event.path = Cow::Owned(path),
        Some(Address::Other(_)) | None => {}
    }
    match kind {
        K::ModuleLoad if call == "delete_module" => all.event.method = Cow::Borrowed("unload"),
        K::ModuleLoad => all.event.method = Cow::Borrowed("load"),
        _ => {}
    }
    kind
}

/// Sets the address that a call had to do with; what is not of the internet is no network event.
fn of_peer(all: &mut Gathered<'_>, kind: EventKind) -> EventKind {
    match all.address.take() {
        Some(Address::Internet { address, port, .. }) => {
            if kind == EventKind::NetworkConnect || is_own(all) {
                all.event.with("destination_ip", address);
                all.event.with("destination_port", i64::from(port));
            } else {
                all.event.source_ip = Cow::Owned(address);
                all.event.source_port = Some(port);
            }
            kind
        }
        Some(Address::Unix(path)) => {
            all.event.path = Cow::Owned(path);
            EventKind::AuditRecord
        }
        Some(Address::Other(_)) | None => EventKind::AuditRecord,
    }
}

/// Returns whether the call's address is the socket's own.
fn is_own(all: &Gathered<'_>) -> bool {
    matches!(all.event.text("syscall"), "bind" | "getsockname")
}

/// Returns whether an opened file was opened for writing, or made.
fn is_written(all: &Gathered<'_>, call: &str) -> bool {
    /// `O_ACCMODE`, `O_CREAT`, `O_TRUNC` (open(2)): the last two only matter with CREATE.
    const ACCESS: u64 = 3;
    let flags = match call {
        "open" => all.registers.get(1),
        _ => all.registers.get(2),
    };
    let flags = match all.event.text("oflag") {
        "" if call == "openat2" => None,
        "" => flags.and_then(|flags| u64::from_str_radix(flags, 16).ok()),
        octal => u64::from_str_radix(octal, 8).ok(),
    };
    flags.is_some_and(|flags| flags & ACCESS != 0)
        || all.name_types.iter().any(|kind| kind == "CREATE")
}

/// Returns the path of the file that an event is about: not a directory that holds it, and of a
/// rename the old name.
fn path<'l>(all: &Gathered<'l>) -> Cow<'l, str> {
    let types = all.name_types.iter().map(AsRef::as_ref).chain(std::iter::repeat(""));
    let files = || all.names.iter().zip(types.clone()).filter(|(name, _)| !name.is_empty());
    let found = files()
        .find(|(_, kind)| *kind == "DELETE")
        .or_else(|| files().find(|(_, kind)| *kind != "PARENT"))
        .or_else(|| files().next());
    let Some((name, _)) = found else { return Cow::Borrowed("") };
    // Relative to another directory than the working one: the record does not tell which.
    let [directory, ..] = all.registers;
    let is_elsewhere = takes_directory(&all.syscall) && directory != "ffffff9c";
    if name.starts_with('/') || all.cwd.is_empty() || is_elsewhere {
        return name.clone();
    }
    let name = name.strip_prefix("./").unwrap_or(name);
    Cow::Owned(format!("{}/{name}", all.cwd.trim_end_matches('/')))
}

/// Returns whether a call's first argument is the directory that names are relative to, where
/// `AT_FDCWD` (-100) is the working one.
fn takes_directory(call: &str) -> bool {
    let stem = call.strip_suffix('2').unwrap_or(call);
    stem.ends_with("at") && !matches!(stem, "creat" | "stat" | "lstat" | "fstat" | "symlinkat")
}

/// Sets who acted and on whom, for what a program told.
fn of_program(all: &mut Gathered<'_>, parts: &[Part<'_>]) {
    let kind = parts.first().map_or("", |part| part.kind);
    let name = all.exe.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.map(str::to_owned);
    all.event.program = match name {
        Some(name) => Cow::Owned(name),
        None if kind.starts_with("DAEMON_") => Cow::Borrowed("auditd"),
        None => all.comm.clone(),
    };
    let acting = if all.uid_name.is_empty() { all.auid_name } else { all.uid_name };
    let account = [&*all.acct, all.id_name].into_iter().find(|name| !name.is_empty());
    let account = account.unwrap_or_default().to_owned();
    use EventKind as K;
    match all.event.kind {
        K::AccountAdd | K::AccountChange | K::AccountRemove => {
            all.event.user = Cow::Borrowed(acting);
            all.event.target = Cow::Owned(account);
        }
        K::GroupChange => {
            all.event.user = Cow::Borrowed(acting);
            let group = all.event.text("grp");
            let group = if group.is_empty() { account.clone() } else { group.to_owned() };
            if kind == "USER_MGMT" {
                all.event.target = Cow::Owned(account);
            }
            if !group.is_empty() {
                all.event.with("group", group);
            }
        }
        K::PrivilegeUse | K::PrivilegeFailure => {
            let acting = if all.auid_name.is_empty() { all.uid_name } else { all.auid_name };
            all.event.user = Cow::Borrowed(acting);
            all.event.command = Cow::Owned(all.event.text("cmd").to_owned());
        }
        _ if !account.is_empty() && !is_unknown(&account) => {
            all.event.user = Cow::Owned(account);
        }
        K::SessionOpen | K::SessionClose | K::AuthSuccess => {
            all.event.user = Cow::Borrowed(all.auid_name);
        }
        K::AuthFailure | K::AuthInvalidUser => {}
        _ if account.is_empty() => all.event.user = Cow::Borrowed(acting),
        _ => {}
    }
    from_where(all);
    if all.op.starts_with("pubkey") || all.op.starts_with("key") {
        all.event.method = Cow::Borrowed("publickey");
    } else if all.op == "password" {
        all.event.method = Cow::Borrowed("password");
    }
    if !all.event.text("sw").is_empty() {
        let package = all.event.text("sw").to_owned();
        all.event.with("package", package);
    }
}

/// Sets the address of the client.
fn from_where(all: &mut Gathered<'_>) {
    let is_known = |text: &str| !matches!(text, "" | "?" | "UNKNOWN" | "0.0.0.0");
    let texts = ["addr", "hostname"].map(|name| all.event.text(name));
    let known = texts.iter().find(|text| is_known(text));
    let address = known.map(|text| super::super::cut::address(text).to_owned());
    if let Some(address) = address {
        all.event.source_ip = Cow::Owned(address);
    }
    if let Ok(port) = all.event.text("rport").parse() {
        all.event.source_port = Some(port);
    }
}
