//! The little of Markdown that the laws read.

/// A line of Markdown with its number, from 1.
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    /// Whether it stands in a fenced block or in front matter.
    pub(crate) in_block: bool,
}

/// Returns the lines of a page, with what is code set apart.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut fence: Option<&str> = None;
    (1..).zip(text.lines()).map(move |(number, text)| {
        let mark = ["```", "+++"].into_iter().find(|mark| text.starts_with(mark));
        let in_block = fence.is_some() || mark.is_some();
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            _ => {}
        }
        Line { number, text, in_block }
    })
}

/// Returns the rows of the table that follows a marker comment, as trimmed cells without
/// backticks; the heading and the rule under it are left out.
pub(crate) fn table_after<'a>(text: &'a str, marker: &str) -> Vec<(usize, Vec<&'a str>)> {
    (1_usize..)
        .zip(text.lines())
        .skip_while(|(_, line)| !line.contains(marker))
        .skip_while(|(_, line)| !line.starts_with('|'))
        .take_while(|(_, line)| line.starts_with('|'))
        .skip(2)
        .map(|(number, line)| {
            let cells = line.trim_matches('|').split('|');
            (number, cells.map(|cell| cell.trim().trim_matches('`')).collect())
        })
        .collect()
}

/// Returns a line without its code spans.
pub(crate) fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// Returns the code spans of a line.
pub(crate) fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Returns the targets of the links of a line.
pub(crate) fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}
