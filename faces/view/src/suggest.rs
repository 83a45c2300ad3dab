//! "Did you mean": the nearest word of a list.

/// Returns the word of a list that is nearest to what was written, if it is near enough.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    words
        .into_iter()
        .map(|word| (distance(&written, &word.to_ascii_lowercase()), word))
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, word)| word)
}

/// Counts the letters to add, drop, change or swap with a neighbour to get from one word to the
/// other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (row, a) in a.chars().take(64).enumerate() {
        let mut line = vec![row + 1];
        let mut last_b = None;
        for (column, &b) in b.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(0);
            let changed = at(&above, column) + usize::from(a != b);
            let mut best = changed.min(at(&above, column + 1) + 1).min(at(&line, column) + 1);
            if column > 0 && last_a == Some(b) && last_b == Some(a) {
                best = best.min(at(&before, column - 1) + 1);
            }
            line.push(best);
            last_b = Some(b);
        }
        last_a = Some(a);
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not_offered() {
        let words = ["processes", "users", "mounts"];
        assert_eq!(nearest("proceses", words), Some("processes"));
        assert_eq!(nearest("Procesess", words), Some("processes"));
        assert_eq!(nearest("usres", words), Some("users"));
        assert_eq!(nearest("sockets", words), None);
        assert_eq!(nearest("", words), None);
    }
}
