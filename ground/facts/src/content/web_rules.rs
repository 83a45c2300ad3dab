//! Rules that lie beside pages: `.htaccess` and `.user.ini` that have PHP run what is no page, or
//! put a file before every page.
//!
//! Source: the Apache HTTP Server's `mod_mime` and `core`; the PHP manual, ".user.ini files".

use super::Oddity;

/// The largest file that is read.
pub(super) const LARGEST: usize = 256 << 10;
/// Endings of what no server should run.
const TEXTS: [&str; 24] = [
    "jpg", "jpeg", "png", "gif", "webp", "ico", "svg", "bmp", "txt", "css", "js", "json", "xml",
    "pdf", "zip", "gz", "html", "htm", "log", "md", "csv", "bak", "woff", "mp4",
];

/// Returns whether a file holds such rules, by its name.
pub(super) fn is_one(name: &str) -> bool {
    matches!(name, ".htaccess" | ".user.ini")
}

/// Returns what is odd in rules beside pages.
pub(super) fn judge(bytes: &[u8]) -> Option<Oddity> {
    let bytes = bytes.get(..bytes.len().min(LARGEST))?;
    let (mut offset, mut within) = (0_usize, String::new());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("<files") {
            within.clone_from(&lower);
        } else if lower.starts_with("</files") {
            within.clear();
        }
        if let Some(detail) = rule(&text, &lower, &within) {
            let lines = vec![super::line_at(bytes, offset)];
            return Some(Oddity { what: "web-rule", score: 80, detail, lines });
        }
        offset = offset.saturating_add(line.len());
    }
    None
}

fn rule(text: &str, lower: &str, within: &str) -> Option<String> {
    let words: Vec<&str> =
        lower.split([' ', '\t', '=', '"', '\'']).filter(|it| !it.is_empty()).collect();
    let is_php = words.get(1).is_some_and(|handler| {
        handler.contains("httpd-php")
            || handler.starts_with("php")
            || handler.contains("cgi-script")
    });
    match *words.first()? {
        "addtype" | "addhandler" if is_php => {
            let ending =
                words.get(2..)?.iter().find(|it| TEXTS.contains(&it.trim_start_matches('.')))?;
            Some(format!("`{ending}` files are run as pages"))
        }
        "sethandler" | "forcetype" if is_php => {
            let endings = within.split(|c: char| !c.is_ascii_alphanumeric());
            let ending = endings.into_iter().find(|it| TEXTS.contains(it))?;
            Some(format!("`{ending}` files are run as pages"))
        }
        "php_value" | "php_admin_value"
            if words.get(1).is_some_and(|name| name.starts_with("auto_")) =>
        {
            put_before(text, words.get(2)?)
        }
        "auto_prepend_file" | "auto_append_file" => put_before(text, words.get(1)?),
        _ => None,
    }
}

/// A file that runs before or after every page: odd if it is itself no page.
fn put_before(text: &str, path: &str) -> Option<String> {
    let is_page = [".php", ".inc", ".phtml"].iter().any(|ending| path.ends_with(ending));
    let is_address =
        ["php:", "data:", "http:", "https:", "ftp:"].iter().any(|it| path.starts_with(it));
    let is_none = path == "none" || path.is_empty();
    (!is_none && (!is_page || is_address)).then(|| format!("`{text}` runs it with every page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(rules: &str) -> Option<String> {
        judge(rules.as_bytes()).map(|oddity| oddity.detail)
    }

    #[test]
    fn what_is_no_page_is_not_run() {
        let told = detail("# rules\nAddHandler php7-script .php .ICO\n");
        assert_eq!(told.as_deref(), Some("`.ico` files are run as pages"));
        assert_eq!(detail("AddHandler php7-script .php\nAddType image/x-icon .ico"), None);
        assert!(detail("auto_prepend_file=php://input").is_some());
        assert_eq!(detail("auto_prepend_file = /srv/site/start.php"), None);
        assert_eq!(detail("php_value auto_prepend_file none"), None);
    }
}
