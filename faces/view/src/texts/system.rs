//! The system's own words for why something did not work, and what they mean in Chinese.

use stanch_words::{Both, Lang};

/// What the commonest of the system's words mean. Others stay as they are.
const MEANINGS: [(&str, &str); 12] = [
    ("No such file or directory", "没有这个文件或目录"),
    ("Not a directory", "不是目录"),
    ("Is a directory", "是一个目录"),
    ("Permission denied", "权限不足"),
    ("Operation not permitted", "不允许此操作"),
    ("Read-only file system", "文件系统只读"),
    ("No space left on device", "磁盘空间已满"),
    ("Input/output error", "输入输出错误"),
    ("Too many levels of symbolic links", "符号链接层数过多"),
    ("File name too long", "文件名过长"),
    ("Connection timed out", "等待超时"),
    ("Stale file handle", "文件句柄已失效"),
];

/// What is said of a file that is none to read, before the kind that it is.
const NOT_REGULAR: &str = "not a regular file: ";

/// Returns the system's words in both languages, with its number: that can be looked up. Sentences
/// of the ground are known, too.
pub fn both(words: &str) -> Both {
    Both::new(words, super::known::chinese(words).unwrap_or_else(|| words.to_owned()))
}

/// Returns the system's words in one language.
pub fn said(words: &str, lang: Lang) -> String {
    both(words).text(lang).to_owned()
}

/// Returns what something is that was not read because it is no regular file.
pub fn instead_of_a_file(words: &str) -> Option<&str> {
    words.strip_prefix(NOT_REGULAR)
}

/// Returns the Chinese word for a kind of file by its name.
pub(crate) fn kind_of_file(name: &str) -> &'static str {
    match name {
        "regular" => "普通文件",
        "directory" => "目录",
        "symlink" => "符号链接",
        "fifo" => "管道",
        "socket" => "套接字",
        "character" => "字符设备",
        "block" => "块设备",
        _ => "未知类型",
    }
}

/// Returns the meaning of the system's own words.
pub(super) fn chinese(words: &str) -> Option<String> {
    if let Some(kind) = instead_of_a_file(words) {
        let kind = kind_of_file(kind);
        return Some(format!("不是普通文件，而是{kind}"));
    }
    let (english, number) = words.split_once(" (os error ")?;
    let (_, meaning) = MEANINGS.iter().find(|(known, _)| *known == english)?;
    Some(format!("{meaning}（os error {}）", number.trim_end_matches(')')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_told_in_both_languages_and_keeps_its_number() {
        let both = both("No such file or directory (os error 2)");
        assert_eq!(both.en.as_str(), "No such file or directory (os error 2)");
        assert_eq!(both.zh.as_str(), "没有这个文件或目录（os error 2）");
        assert_eq!(said("not a regular file: fifo", Lang::Zh), "不是普通文件，而是管道");
        assert_eq!(
            said("Exec format error (os error 8)", Lang::Zh),
            "Exec format error (os error 8)"
        );
        assert_eq!(instead_of_a_file("not a regular file: directory"), Some("directory"));
    }
}
