//! Rows and columns as aligned text.

use stanch_words::{Value, text};

use crate::{Look, Tone, width};

/// Cells between two columns.
const GAP: usize = 2;
/// The widest that a column is padded to when what is printed is not for a terminal: one value of
/// a megabyte must not make every row a megabyte.
const PADDED: usize = 60;
/// The narrowest that a column is cut to on a terminal.
const NARROWEST: usize = 6;

/// Returns rows under their column names. On a terminal wide columns are cut to fit; elsewhere
/// nothing is cut.
pub fn grid(columns: &[String], rows: &[Vec<Value>], look: Look) -> String {
    let names: Vec<String> = columns.iter().map(|name| text::escaped(name)).collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|value| text::escaped(&value.to_string())).collect())
        .collect();
    let mut widths: Vec<usize> = names.iter().map(|name| width::of(name)).collect();
    for row in &cells {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width::of(cell));
        }
    }
    match look.terminal {
        Some(terminal) => fit(&mut widths, terminal),
        None => widths.iter_mut().for_each(|width| *width = (*width).min(PADDED)),
    }
    let numbers: Vec<bool> = (0..names.len()).map(|column| is_number(rows, column)).collect();
    let line = |cells: &[String]| {
        let mut line = String::new();
        for ((cell, &wide), &number) in cells.iter().zip(&widths).zip(&numbers) {
            let cell = if look.terminal.is_some() { width::cut(cell, wide) } else { cell.clone() };
            let cell =
                if number { width::padded_left(&cell, wide) } else { width::padded(&cell, wide) };
            line.push_str(&cell);
            line.push_str(&" ".repeat(GAP));
        }
        line.truncate(line.trim_end().len());
        match look.terminal {
            Some(terminal) => width::cut(&line, terminal),
            None => line,
        }
    };
    let mut out = look.paint(Tone::Strong, &line(&names));
    out.push('\n');
    for row in &cells {
        out.push_str(&line(row));
        out.push('\n');
    }
    out
}

/// Returns whether a column holds numbers only, and at least one.
fn is_number(rows: &[Vec<Value>], column: usize) -> bool {
    let mut some = false;
    for row in rows {
        match row.get(column) {
            Some(Value::Integer(_) | Value::Real(_)) => some = true,
            Some(Value::Text(_)) => return false,
            Some(Value::Null) | None => {}
        }
    }
    some
}

/// Cuts the widest columns until all fit, as far as they stay readable.
fn fit(widths: &mut [usize], terminal: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    let room = terminal.saturating_sub(gaps);
    let mut most = widths.iter().copied().max().unwrap_or(0);
    while most > NARROWEST && widths.iter().map(|&width| width.min(most)).sum::<usize>() > room {
        most -= 1;
    }
    widths.iter_mut().for_each(|width| *width = (*width).min(most));
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_words::Lang;

    fn rows() -> (Vec<String>, Vec<Vec<Value>>) {
        let columns = vec!["uid".to_owned(), "name".to_owned(), "shell".to_owned()];
        let rows = vec![
            vec![0.into(), "止血".into(), "/bin/sh".into()],
            vec![1000.into(), "a\u{1b}[2J".into(), Value::Null],
        ];
        (columns, rows)
    }

    #[test]
    fn columns_align_and_nothing_drives_the_terminal() {
        let (columns, rows) = rows();
        let grid = grid(&columns, &rows, Look::plain(Lang::En));
        assert_eq!(grid, " uid  name        shell\n   0  止血        /bin/sh\n1000  a\\u{1b}[2J\n");
    }

    #[test]
    fn a_terminal_gets_no_line_wider_than_itself() {
        let (columns, rows) = rows();
        let look = Look { terminal: Some(20), ..Look::plain(Lang::En) };
        let grid = grid(&columns, &rows, look);
        assert!(grid.lines().all(|line| width::of(line) <= 20), "{grid}");
        assert!(grid.contains('…'), "{grid}");
    }
}
