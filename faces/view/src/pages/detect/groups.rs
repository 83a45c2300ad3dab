//! One sign on many subjects is one line: forty miners are one thing to read.

use stanch_words::{Both, Finding, Lang, Level, Subject, SubjectKind, text};

use crate::{Look, width};

/// Cells of a path that still say something.
const LEAST: usize = 18;

/// The findings of one sign at one level, in the order of the page.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    first: &'a Finding,
    rest: Vec<&'a Finding>,
}

/// Groups ranked findings; groups keep the order of their first.
pub(super) fn of(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let same = groups.iter_mut().find(|group| {
            group.first.sign == finding.sign
                && group.first.level == finding.level
                && group.first.title == finding.title
        });
        match same {
            Some(group) => group.rest.push(finding),
            None => groups.push(Group { first: finding, rest: Vec::new() }),
        }
    }
    groups
}

impl<'a> Group<'a> {
    pub(super) fn first(&self) -> &'a Finding {
        self.first
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &'a Finding> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len() + 1
    }

    pub(super) fn level(&self) -> Level {
        self.first.level
    }

    pub(super) fn title(&self) -> &'a Both {
        &self.first.title
    }

    /// Returns the subjects in as many cells as there are: the one, or how many and the first.
    pub(super) fn subjects(&self, look: Look, room: usize) -> String {
        if self.rest.is_empty() {
            let label = label(&self.first.subject, look);
            if width::of(&label) <= room {
                return label;
            }
            // A process is known by its pid already; of a path the end says more.
            let short = short(&self.first.subject, look);
            let enough = room.max(LEAST);
            return if short.starts_with('/') { cut_front(&short, enough) } else { short };
        }
        let count = counted(self.first.subject.kind, self.len(), look);
        let mut out = count.clone();
        let mut before = look.say(": ", "：");
        for (number, finding) in self.all().enumerate() {
            let name = name(&finding.subject);
            if width::of(&out) + width::of(before) + width::of(&name) + 3 > room {
                if number == 0 {
                    return count;
                }
                out.push_str(before);
                out.push('…');
                break;
            }
            out.push_str(before);
            out.push_str(&name);
            before = look.say(", ", "、");
        }
        out
    }
}

/// Cuts the front off: of a path the end says more.
fn cut_front(path: &str, room: usize) -> String {
    let excess = width::of(path).saturating_sub(room.saturating_sub(1));
    if width::of(path) <= room {
        return path.to_owned();
    }
    let mut dropped = 0;
    let tail: String = path
        .chars()
        .skip_while(|&c| {
            let drop = dropped < excess;
            dropped += width::of_char(c);
            drop
        })
        .collect();
    format!("…{tail}")
}

/// Returns what a subject is, in a few words: `process 4242 /tmp/.x`.
pub(super) fn label(subject: &Subject, look: Look) -> String {
    match (subject.kind, &subject.path) {
        (SubjectKind::Process, Some(path)) if subject.pid.is_some() => {
            format!("{} {}", short(subject, look), text::escaped(path))
        }
        _ => short(subject, look),
    }
}

fn short(subject: &Subject, look: Look) -> String {
    let (one, _, zh) = words(subject.kind);
    match subject.kind {
        SubjectKind::File | SubjectKind::Log => name(subject),
        SubjectKind::Host => look.say("the machine itself", "该机器").to_owned(),
        _ => format!("{} {}", look.say(one, zh), name(subject)),
    }
}

/// Returns what tells a subject from others of its kind.
pub(super) fn name(subject: &Subject) -> String {
    let name = match subject {
        Subject { pid: Some(pid), .. } => pid.to_string(),
        Subject { address: Some(address), port: Some(port), .. } if address.contains(':') => {
            format!("[{address}]:{port}")
        }
        Subject { address: Some(address), port: Some(port), .. } => format!("{address}:{port}"),
        Subject { name: Some(name), .. } => name.clone(),
        Subject { path: Some(path), .. } => path.clone(),
        Subject { address: Some(address), .. } => address.clone(),
        Subject { port: Some(port), .. } => port.to_string(),
        Subject { .. } => String::new(),
    };
    text::shortened(&text::escaped(&name), 200)
}

fn counted(kind: SubjectKind, count: usize, look: Look) -> String {
    let (_, many, zh) = words(kind);
    match look.lang {
        Lang::En => format!("{count} {many}"),
        Lang::Zh => format!("{count} 个{zh}"),
    }
}

fn words(kind: SubjectKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        SubjectKind::Process => ("process", "processes", "进程"),
        SubjectKind::File => ("file", "files", "文件"),
        SubjectKind::Account => ("account", "accounts", "账户"),
        SubjectKind::Key => ("key", "keys", "密钥"),
        SubjectKind::Address => ("address", "addresses", "地址"),
        SubjectKind::Socket => ("socket", "sockets", "套接字"),
        SubjectKind::Unit => ("unit", "units", "单元"),
        SubjectKind::Module => ("module", "modules", "内核模块"),
        SubjectKind::Log => ("log", "logs", "日志"),
        SubjectKind::Host => ("machine", "machines", "主机"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_end_is_kept() {
        assert_eq!(cut_front("/usr/local/lib/evil.so", 10), "…b/evil.so");
        assert_eq!(cut_front("/a", 10), "/a");
    }
}
