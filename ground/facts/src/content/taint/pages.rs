//! Pages: what between `<%` and `%>`, or in a script that the server runs, is code.

/// A part of a page that is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Where it begins.
    pub(crate) at: usize,
    /// What opened it: the bytes after `<%`, up to the code, or the tag.
    pub(crate) mark: &'a [u8],
    /// The code.
    pub(crate) code: &'a [u8],
}

/// How many parts are looked at.
const MOST: usize = 20_000;

/// Returns the parts of a page: those between `<%` and `%>`, those of tags that begin with one of
/// these names and have `needs` among their attributes, and those between `${` or `#{` and `}`.
pub(crate) fn parts<'a>(
    page: &'a [u8],
    tags: &[&str],
    needs: &str,
    has_expressions: bool,
) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while parts.len() < MOST {
        let rest = page.get(at..).unwrap_or_default();
        let marks = if has_expressions {
            memchr::memchr3(b'<', b'$', b'#', rest)
        } else {
            memchr::memchr(b'<', rest)
        };
        let Some(next) = marks else { break };
        at = at.saturating_add(next);
        let rest = page.get(at..).unwrap_or_default();
        let found = if rest.starts_with(b"<%") {
            Some(scriptlet(rest))
        } else if has_expressions && (rest.starts_with(b"${") || rest.starts_with(b"#{")) {
            let length = super::scanner::braces(rest.get(2..).unwrap_or_default());
            Some((2, 2_usize.saturating_add(length), 1))
        } else {
            tagged(rest, tags, needs)
        };
        match found {
            Some((from, to, close)) => {
                let mark = rest.get(..from).unwrap_or_default();
                let code = rest.get(from..to).unwrap_or_default();
                parts.push(Part { at: at.saturating_add(from), mark, code });
                at = at.saturating_add(to).saturating_add(close).max(at.saturating_add(1));
            }
            None => at = at.saturating_add(1),
        }
    }
    parts
}

fn scriptlet(rest: &[u8]) -> (usize, usize, usize) {
    let from = match rest.get(2) {
        Some(b'-') if rest.get(3) == Some(&b'-') => {
            let end = memchr::memmem::find(rest, b"--%>").unwrap_or(rest.len());
            return (4, 4, end);
        }
        Some(b'=' | b'!' | b'@' | b'#' | b':' | b'$') => 3,
        _ => 2,
    };
    let body = rest.get(from..).unwrap_or_default();
    let length = memchr::memmem::find(body, b"%>").unwrap_or(body.len());
    (from, from.saturating_add(length), 2)
}

fn tagged(rest: &[u8], tags: &[&str], needs: &str) -> Option<(usize, usize, usize)> {
    let tag = tags.iter().find(|tag| {
        rest.get(1..tag.len().saturating_add(1))
            .is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes()))
    })?;
    let open = memchr::memchr(b'>', rest.get(..2000.min(rest.len()))?)?;
    let attributes = String::from_utf8_lossy(rest.get(..open)?).to_ascii_lowercase();
    if !attributes.contains(needs) {
        return None;
    }
    let from = open.saturating_add(1);
    let body = rest.get(from..)?;
    let close = [b"</", tag.as_bytes()].concat();
    let length = memchr::memmem::find_iter(body, b"</").take(10_000).find(|&at| {
        body.get(at..at.saturating_add(close.len()))
            .is_some_and(|end| end.eq_ignore_ascii_case(&close))
    });
    Some((from, from.saturating_add(length.unwrap_or(body.len())), close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_text() {
        let page =
            b"a <%= b %> <script runat='server'>c</SCRIPT> <script>d</script> <%-- e --%> ${f}";
        let of = |expressions| -> Vec<String> {
            parts(page, &["script"], "server", expressions)
                .iter()
                .map(|part| String::from_utf8_lossy(part.code).trim().to_owned())
                .collect()
        };
        assert_eq!(of(false), ["b", "c", ""]);
        assert_eq!(of(true), ["b", "c", "", "f"]);
        assert_eq!(parts(b"<%", &[], "", true).len(), 1);
    }
}
