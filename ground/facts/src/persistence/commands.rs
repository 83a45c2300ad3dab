//! What a line of a shell, of a program's source or of a setting runs: all of its parts, not only
//! the first. Nothing is looked up; the words are as written.
//!
//! Source: sh(1), bash(1) "trap", "alias"; environment variables of ld.so(8), bash(1), python(1),
//! perlrun(1), ruby(1), node(1), git(1), lesspipe(1), java(1).

use super::target::{SILENT, WRAPPERS, segments};
use crate::command_text::INTERPRETERS;

/// Variables through which a program is made to load or run something else.
pub(super) const LOADERS: [&str; 29] = [
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "PATH",
    "BASH_ENV",
    "ENV",
    "PROMPT_COMMAND",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "PYTHONHOME",
    "PERL5OPT",
    "PERL5LIB",
    "PERL5DB",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_OPTIONS",
    "NODE_PATH",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_PAGER",
    "GIT_EXTERNAL_DIFF",
    "LESSOPEN",
    "LESSCLOSE",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "GCONV_PATH",
    "PAGER",
    "SHELL",
];
/// Calls of program languages and keys of settings that run what is quoted after them.
const CALLS: [&str; 19] = [
    "system(",
    "popen(",
    "Popen(",
    "execute(",
    "exec(",
    "shell_exec(",
    "passthru(",
    "call(",
    "run(",
    "spawn(",
    "program =",
    "program=",
    "command =",
    "command=",
    "silent !",
    "silent! !",
    "= !",
    "run-shell ",
    "run -b ",
];
/// Programs of login and of looking for intruders, for which an alias stands only to deceive.
const LOGIN: [&str; 8] = ["sudo", "su", "ssh", "passwd", "doas", "scp", "login", "sshd"];
/// How often a text within a text is read again, and how many words are told.
const DEPTH: u32 = 4;
const MOST: usize = 64;

/// Returns the words that a line runs.
pub(super) fn runs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // An entry of a list in YAML.
    look(text.strip_prefix("- ").unwrap_or(text), 0, &mut found);
    if CALLS.iter().any(|call| text.contains(call)) {
        for part in text.split(['"', '\'', '!', '=']).skip(1).take(MOST) {
            if part.contains('/') {
                look(part, 1, &mut found);
            }
        }
    }
    found.truncate(MOST);
    found
}

fn look(text: &str, depth: u32, found: &mut Vec<String>) {
    if depth > DEPTH || found.len() >= MOST {
        return;
    }
    for words in segments(text) {
        segment(&words, depth.saturating_add(1), found);
    }
}

fn segment(words: &[String], depth: u32, found: &mut Vec<String>) {
    let mut rest = words.iter().map(String::as_str);
    let mut wrapped = false;
    while let Some(word) = rest.next() {
        let base = word.rsplit('/').next().unwrap_or_default();
        let is_assignment = word.contains('=') && !word.starts_with('/');
        match word {
            _ if is_assignment => continue,
            "then" | "else" | "do" | "!" | "if" | "while" | "until" | "elif" => continue,
            "." | "source" | "include" => found.extend(rest.next().map(str::to_owned)),
            "eval" => look(&rest.collect::<Vec<_>>().join(" "), depth, found),
            "trap" => look(rest.next().unwrap_or_default(), depth, found),
            _ if wrapped && word.starts_with('-') => continue,
            _ if WRAPPERS.contains(&base) => {
                wrapped = true;
                continue;
            }
            _ if SILENT.contains(&word) => {}
            _ if INTERPRETERS.contains(&base) => interpreted(rest, depth, found),
            _ if wrapped && !word.starts_with('/') => {
                // An option's argument, or the program itself: what has a path is what counts.
                let path = rest.find(|word| word.starts_with('/'));
                found.push(path.unwrap_or(word).to_owned());
            }
            _ => found.push(word.trim_start_matches(['@', '-', ':', '+', '|']).to_owned()),
        }
        return;
    }
}

fn interpreted<'a>(mut rest: impl Iterator<Item = &'a str>, depth: u32, found: &mut Vec<String>) {
    while let Some(word) = rest.next() {
        if word.starts_with('-') && word.ends_with('c') {
            return look(rest.next().unwrap_or_default(), depth, found);
        }
        if !word.starts_with(['-', '<', '>']) {
            return found.push(word.to_owned());
        }
    }
}

/// Returns the values of variables through which something is loaded or run, with their names.
pub(super) fn variables(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for name in LOADERS {
        for (at, _) in text.match_indices(name).take(MOST) {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at.saturating_add(name.len())..).unwrap_or_default();
            if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '{')) {
                continue;
            }
            let set = after.strip_prefix('=').or_else(|| {
                // pam_env.conf(5): `NAME DEFAULT=value`; csh: `setenv NAME value`.
                let after = after.strip_prefix([' ', '\t'])?.trim_start();
                let by = ["DEFAULT=", "OVERRIDE=", "="];
                by.iter().find_map(|by| after.strip_prefix(by)).or_else(|| {
                    let csh = text.get(..at)?.trim_end().ends_with("setenv");
                    csh.then_some(after)
                })
            });
            if let Some(value) = set {
                found.push((name, value_of(value.trim_start(), before)));
            }
        }
    }
    found
}

fn value_of(text: &str, before: Option<char>) -> String {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let value = match (quote, before) {
        (Some(quote), _) => text.get(1..).unwrap_or_default().split(quote).next(),
        // `Environment="LD_AUDIT=/a b"`: the quote stands before the name.
        (None, Some(quote @ ('"' | '\''))) => text.split(quote).next(),
        (None, _) => text.split([' ', '\t', ';', '"', '\'']).next(),
    };
    value.unwrap_or_default().to_owned()
}

/// Returns whether a line makes another program stand for one of login: an alias or a function
/// that leads to a path where no shipped program lies.
pub(super) fn stands_for_login(line: &str) -> bool {
    let aliased = |name: &str| {
        let value = line.strip_prefix("alias ")?.trim_start().strip_prefix(name)?;
        value.strip_prefix('=')
    };
    let defined = |name: &str| {
        let line = line.strip_prefix("function ").map_or(line, str::trim_start);
        let body = line.strip_prefix(name)?.trim_start();
        (body.starts_with("()") || body.starts_with('{')).then_some(body)
    };
    LOGIN.iter().any(|name| {
        let body = aliased(name).or_else(|| defined(name)).unwrap_or_default();
        let words = body.split(|c: char| c.is_whitespace() || "\"'`;|&(){}=".contains(c));
        words.filter(|word| word.contains('/')).any(|word| {
            let shipped = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/etc/", "/dev/null"];
            (word.starts_with('/') || word.starts_with('~') || word.starts_with('$'))
                && !shipped.iter().any(|place| word.starts_with(place))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_of_a_line_that_run_are_told() {
        for (line, expected) in [
            ("[ -r /a ] && . /dev/shm/.p", "/dev/shm/.p"),
            ("(nohup /var/tmp/b &) >/dev/null 2>&1", "/var/tmp/b"),
            ("trap '/var/tmp/d &' DEBUG", "/var/tmp/d"),
            ("exec chpst -u root /dev/shm/log", "/dev/shm/log"),
            ("true; if [ -x /tmp/x ]; then /tmp/x; fi", "/tmp/x"),
            ("import os; os.system('/tmp/a &')", "/tmp/a"),
            ("autocmd BufRead * silent !/tmp/x", "/tmp/x"),
            ("  start program = \"/bin/sh -c '/tmp/web'\"", "/tmp/web"),
            ("/bin/sh /var/tmp/t", "/var/tmp/t"),
        ] {
            assert!(runs(line).iter().any(|word| word == expected), "{line}: {:?}", runs(line));
        }
        for line in ["tar cf /tmp/a.tar /etc", "[ -f /tmp/lock ] || exit", "LOG=/tmp/x.log"] {
            assert!(!runs(line).iter().any(|word| word.starts_with("/tmp/")), "{line}");
        }
    }

    #[test]
    fn variables_that_load_are_read_in_every_manner_of_writing() {
        for (line, expected) in [
            ("export PATH=/dev/shm:$PATH", ("PATH", "/dev/shm:$PATH")),
            ("LD_PRELOAD DEFAULT=/tmp/a.so", ("LD_PRELOAD", "/tmp/a.so")),
            ("Environment=\"A=b\" \"LD_AUDIT=/tmp/a.so\"", ("LD_AUDIT", "/tmp/a.so")),
            ("export PERL5OPT='-I/var/tmp/p -Mx'", ("PERL5OPT", "-I/var/tmp/p -Mx")),
            ("setenv LD_PRELOAD /tmp/x.so", ("LD_PRELOAD", "/tmp/x.so")),
        ] {
            assert_eq!(variables(line), [(expected.0, expected.1.to_owned())], "{line}");
        }
        assert_eq!(variables("PIDFILE_PATH=/tmp/a echo $PATH"), []);
    }

    #[test]
    fn only_what_deceives_stands_for_a_program_of_login() {
        assert!(stands_for_login("alias sudo='/root/.config/sudo'"));
        assert!(stands_for_login("ssh() { /opt/.s/ssh \"$@\"; }"));
        assert!(!stands_for_login("alias sudo='sudo '") && !stands_for_login("alias ls='/opt/ls'"));
        assert!(!stands_for_login("ssh() { /usr/bin/ssh -A \"$@\"; }"));
    }
}
