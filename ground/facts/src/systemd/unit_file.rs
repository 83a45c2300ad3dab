//! What stands in unit files.
//!
//! Source: systemd.syntax(7).

use stanch_words::text;

/// The settings of a unit's file and its drop-ins together.
#[derive(Debug, Default)]
pub struct Settings(Vec<Setting>);

#[derive(Debug)]
struct Setting {
    section: String,
    key: String,
    value: String,
}

impl Settings {
    /// Adds a file. An empty value takes back what was set before. Returns how many lines were
    /// not understood.
    pub fn add(&mut self, bytes: &[u8]) -> usize {
        let mut strange = 0_usize;
        let mut section = String::new();
        for line in logical_lines(bytes) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=')
                && !section.is_empty()
            {
                let (key, value) = (key.trim(), value.trim());
                if value.is_empty() {
                    self.0.retain(|old| old.section != section || old.key != key);
                } else {
                    let (section, key, value) = (section.clone(), key.to_owned(), value.to_owned());
                    self.0.push(Setting { section, key, value });
                }
            } else {
                strange = strange.saturating_add(1);
            }
        }
        strange
    }

    /// Returns the last value of a setting, in any section.
    pub fn last(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|setting| setting.key == key).map(|setting| &*setting.value)
    }

    /// Returns whether a section has any setting.
    pub fn has_section(&self, section: &str) -> bool {
        self.0.iter().any(|setting| setting.section == section)
    }

    /// Returns lines of settings whose key is accepted, as `Key=value`, joined by newlines.
    pub fn lines(&self, accept: impl Fn(&str) -> bool) -> String {
        let lines = self.0.iter().filter(|setting| accept(&setting.key));
        lines.map(|s| format!("{}={}", s.key, s.value)).collect::<Vec<_>>().join("\n")
    }

    /// Returns the program of the first `ExecStart=`, without the marks before it.
    pub fn program(&self) -> Option<String> {
        let setting = self.0.iter().find(|setting| setting.key == "ExecStart")?;
        let line = setting.value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        let word = match line.chars().next()? {
            quote @ ('"' | '\'') => line.split(quote).nth(1)?,
            _ => line.split_whitespace().next()?,
        };
        Some(word.to_owned())
    }
}

/// Joins lines that end in a backslash; comments between them are left out.
fn logical_lines(bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in bytes.split(|&b| b == b'\n') {
        let line = text::from_bytes(line.trim_ascii());
        if line.starts_with(['#', ';']) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                open.push_str(part);
                open.push(' ');
            }
            None => {
                open.push_str(&line);
                let whole = std::mem::take(&mut open);
                if !whole.trim().is_empty() {
                    lines.push(whole.trim().to_owned());
                }
            }
        }
    }
    if !open.trim().is_empty() {
        lines.push(open.trim().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_in_takes_back_and_sets_anew() {
        let mut settings = Settings::default();
        let file = b"[Unit]\nDescription=A\n# comment\n[Service]\nExecStart=/usr/bin/a \\\n  ; not this\n  --flag\nUser=daemon\n[Install]\nWantedBy=x.target\n";
        assert_eq!(settings.add(file), 0);
        assert_eq!(settings.lines(|key| key == "ExecStart"), "ExecStart=/usr/bin/a  --flag");
        assert_eq!(settings.add(b"[Service]\nExecStart=\nExecStart=-+/tmp/b\nUser=root\n"), 0);
        assert_eq!(settings.program().as_deref(), Some("/tmp/b"));
        assert_eq!(settings.last("User"), Some("root"));
        assert!(settings.has_section("Install"));
    }

    #[test]
    fn quoted_programs_and_damage() {
        let mut settings = Settings::default();
        assert_eq!(
            settings.add(b"[Service]\nExecStart=\"/opt/my app/x\" y\n\xff\nno setting\n"),
            2
        );
        assert_eq!(settings.program().as_deref(), Some("/opt/my app/x"));
        assert_eq!(Settings::default().add(b"Key=before any section\n"), 1);
        assert_eq!(Settings::default().add(b"[Unit]\nDescription=ends in \\"), 0);
    }
}
