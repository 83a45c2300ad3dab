//! What runs code or commands, and what reaches it.

use super::super::value::Value;
use super::Runner;
use super::sources::UPLOAD;

/// Functions that run code.
const CODE: [&str; 3] = ["eval", "assert", "create_function"];
/// Functions that run commands.
const COMMANDS: [&str; 13] = [
    "system",
    "exec",
    "shell_exec",
    "passthru",
    "popen",
    "proc_open",
    "pcntl_exec",
    "expect_popen",
    "win_shell_execute",
    "win32_create_service",
    "ssh2_exec",
    "w32api_invoke_function",
    super::super::tokens::COMMAND,
];
/// Functions that give what lies in a file or at an address.
const FETCHING: [&str; 12] = [
    "file_get_contents",
    "fopen",
    "curl_exec",
    "file",
    "stream_get_contents",
    "fread",
    "fgets",
    "readline",
    "gzfile",
    "exif_read_data",
    "dns_get_record",
    "stream_get_line",
];

/// Whether a function runs code or commands.
pub(super) fn is_sink(name: &str) -> bool {
    CODE.contains(&name) || COMMANDS.contains(&name)
}

/// Whether a function runs commands.
pub(super) fn is_command(name: &str) -> bool {
    COMMANDS.contains(&name)
}

/// Whether a function gives what lies in a file or at an address.
pub(super) fn is_fetching(name: &str) -> bool {
    FETCHING.contains(&name)
}

impl Runner<'_> {
    /// What a function runs of what it is given; what comes of it, if that is known.
    pub(super) fn sinks(&mut self, name: &str, given: &[Value], offset: usize) -> Option<Value> {
        let first = given.first().cloned().unwrap_or_default();
        match name {
            "create_function" => {
                let code = given.get(1).cloned().unwrap_or_default();
                self.runs(name, &code, 95, offset);
                if first.tainted.is_some() {
                    self.runs_request(name, &first, 95, offset);
                }
                let parameters = first.exact().cloned();
                return Some(match (parameters, code.exact().cloned()) {
                    (Some(one), Some(two)) => self.function_of(&one, &two, offset),
                    _ => Value::default(),
                });
            }
            _ if CODE.contains(&name) => return Some(self.runs(name, &first, 95, offset)),
            "pcntl_exec" | "proc_open" | "popen" | "expect_popen" | "win_shell_execute" => {
                self.command(name, &first, offset);
                let rest = given.get(1).map(Value::gathered).unwrap_or_default();
                let is_shell = is_shell(&first);
                if is_shell && name == "pcntl_exec" {
                    self.runs_request(name, &Value { is_word: false, ..rest }, 80, offset);
                }
            }
            "ssh2_exec" | "w32api_invoke_function" | "win32_create_service" => {}
            _ if COMMANDS.contains(&name) => self.command(name, &first, offset),
            "preg_replace" | "preg_filter" | "mb_ereg_replace" | "mb_eregi_replace"
            | "mbereg_replace" => self.replaces(given, &first, offset),
            "unserialize" => {
                let first = first.gathered();
                let is_upload =
                    first.tainted.as_deref().is_some_and(|by| by.starts_with("$_FILES"));
                if given.len() == 1 && !first.has_head && first.tainted.is_some() && !is_upload {
                    let score = if self.is_part { 40 } else { 55 };
                    self.runs_request("unserialize", &first, score, offset);
                    self.unserialized(&first);
                }
            }
            _ => self.sinks_of_settings(name, given, &first, offset),
        }
        None
    }

    /// Functions that change what PHP, or a program that it runs, does.
    fn sinks_of_settings(&mut self, name: &str, given: &[Value], first: &Value, offset: usize) {
        match name {
            "mail" | "mb_send_mail" => {
                let extra = given.get(4).cloned().unwrap_or_default();
                if extra.tainted.is_some() && !extra.is_word {
                    let detail = "the arguments of the program that mail() runs";
                    self.runs_request(detail, &extra, 60, offset);
                }
            }
            "putenv" => {
                if first.begins(b"LD_PRELOAD") {
                    let detail = "putenv() sets LD_PRELOAD for what the page runs".to_owned();
                    self.flow(offset, 75, detail, true);
                } else if first.tainted.is_some() && !first.has_head {
                    self.runs_request("putenv", first, 60, offset);
                }
            }
            "ini_set" | "ini_alter" => self.sets(given, first, offset),
            "dl" => self.runs_request("dl", first, 80, offset),
            "imap_open" if first.tainted.is_some() && !first.has_head && !self.is_part => {
                self.runs_request("imap_open", first, 55, offset);
            }
            _ => {}
        }
    }

    /// A line for the shell.
    fn command(&mut self, name: &str, line: &Value, offset: usize) {
        let line = line.gathered();
        if line.is_word && line.has_head {
            return;
        }
        self.runs_request(name, &line, if line.has_head { 70 } else { 90 }, offset);
    }

    /// `preg_replace` with `e`, which ran the replacement until PHP 7; or with a pattern of the
    /// request's, which may bring it.
    fn replaces(&mut self, given: &[Value], first: &Value, offset: usize) {
        let patterns = match &first.array {
            Some(array) => array.values().cloned().collect(),
            None => vec![first.clone()],
        };
        let runs = patterns.iter().any(|one| one.told().iter().any(|it| is_evaluated(it)))
            || first.tail.as_deref().is_some_and(|end| end.ends_with(b"/e"))
            || given
                .get(3)
                .is_some_and(|options| options.names().iter().any(|options| options.contains('e')));
        if runs || (first.tainted.is_some() && !first.has_head && !first.is_word) {
            for one in given.iter().take(3) {
                let one = if one.array.is_some() { one.any() } else { one.clone() };
                let _ran = self.runs("preg_replace /e", &one, 85, offset);
            }
        }
    }

    /// Settings that make PHP run a file, or a program.
    fn sets(&mut self, given: &[Value], first: &Value, offset: usize) {
        let value = given.get(1).cloned().unwrap_or_default();
        let runs = first.names().iter().any(|name| {
            ["auto_prepend_file", "auto_append_file", "extension", "sendmail_path", "mail.log"]
                .contains(&name.as_str())
        });
        if runs {
            self.runs_request("a setting of what PHP runs", &value, 75, offset);
        } else if first.tainted.is_some() && !first.has_head && value.tainted.is_some() {
            self.runs_request("any setting of PHP", first, 60, offset);
        }
    }

    /// A file that is included: bad if a request names it or brought it.
    pub(super) fn included(&mut self, name: &str, value: &Value, offset: usize) -> Value {
        let is_request = value.tainted.is_some();
        if value.begins(b"php://input") || value.ends_with(&|end| end.ends_with(b"php://input")) {
            self.flow(offset, 95, format!("php://input reaches {name}"), true);
            return Value::default();
        }
        let addresses = [b"http://".as_slice(), b"https://", b"ftp://", b"data:"];
        if addresses.iter().any(|it| value.begins(it)) {
            let score = if is_request { 90 } else { 75 };
            self.flow(offset, score, format!("{name} of an address"), is_request);
        }
        for text in value.told().to_vec() {
            if let Some(data) = self.written.get(&text).cloned() {
                let data = data.gathered();
                self.runs_request(&format!("{name} of what was written before"), &data, 85, offset);
            }
        }
        if value.path.as_deref() == Some(UPLOAD) {
            self.flow(offset, 95, format!("an upload reaches {name}"), true);
            return Value::default();
        }
        if !value.is_word {
            let score = if value.has_head { 40 } else { 75 };
            self.runs_request(name, value, score, offset);
        }
        Value::default()
    }

    /// A value that is run as code: bad if a request sends it, odd if it was packed.
    pub(super) fn runs(&mut self, by: &str, value: &Value, score: i64, offset: usize) -> Value {
        if value.gathered().tainted.is_some() {
            // What is only letters and digits, within code, is a name or number.
            if !(value.is_word && value.has_head) {
                self.runs_request(by, &value.gathered(), score, offset);
            }
            return Value::default();
        }
        let mut all: Option<Value> = None;
        for text in value.told().to_vec().iter().take(4) {
            let one = self.run_text(text, offset);
            all = Some(all.map_or(one.clone(), |all| all.or(&one)));
        }
        if let Some(how) = &value.decoded {
            let is_fetched = is_fetching(how);
            let detail = if is_fetched {
                format!("{by} runs what {how}() fetches")
            } else {
                format!("{by} runs what {how}() unpacks")
            };
            self.flow(offset, if is_fetched { 70 } else { 60 }, detail, false);
        }
        all.unwrap_or_default()
    }

    pub(super) fn runs_request(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        if let Some(from) = &value.tainted {
            let through =
                value.decoded.as_ref().map_or_else(String::new, |how| format!(" through {how}()"));
            let by = if by == super::super::tokens::COMMAND { "`…`" } else { by };
            let detail = format!("{from}{through} reaches {by}");
            self.flow(offset, score, detail, true);
        }
    }
}

/// Whether a program is one that runs what it is given.
pub(super) fn is_shell(program: &Value) -> bool {
    const SHELLS: [&[u8]; 8] =
        [b"sh", b"bash", b"dash", b"ksh", b"python3", b"perl", b"php", b"cmd.exe"];
    program.told().iter().any(|program| {
        let word = program.split(|byte| *byte == b' ').next().unwrap_or_default();
        let base = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        SHELLS.contains(&base)
    })
}

/// Whether a pattern has the modifier `e`, which ran the replacement until PHP 7.
pub(super) fn is_evaluated(pattern: &[u8]) -> bool {
    let Some(&open) = pattern.first().filter(|byte| byte.is_ascii_punctuation()) else {
        return false;
    };
    let close = match open {
        b'(' => b')',
        b'{' => b'}',
        b'[' => b']',
        b'<' => b'>',
        other => other,
    };
    let Some(end) = memchr::memrchr(close, pattern).filter(|end| *end > 0) else { return false };
    let modifiers = pattern.get(end.saturating_add(1)..).unwrap_or_default();
    modifiers.contains(&b'e') && modifiers.iter().all(u8::is_ascii_alphabetic)
}
