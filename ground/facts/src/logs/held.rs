//! A record of several lines, held until it is whole.

use stanch_words::Place;

use super::{Context, Line};

/// The most that is kept of a record; what follows in it is left out.
const MOST: usize = 64 << 10;

/// What is held of one source.
#[derive(Clone, Debug)]
pub struct Held {
    file: String,
    text: String,
    line: u64,
    offset: u64,
}

impl Held {
    /// Returns nothing held of a source.
    pub fn new(context: &Context) -> Self {
        Self { file: context.file.clone(), text: String::new(), line: 0, offset: 0 }
    }

    /// Begins a record. What was held before must have been taken.
    pub fn begin(&mut self, line: &Line<'_>) {
        self.text.clear();
        self.text.push_str(super::cut::clip(line.text, MOST));
        (self.line, self.offset) = (line.place.line, line.place.offset);
    }

    /// Adds a line to the record, after a line feed. Returns whether there is one to add to.
    pub fn add(&mut self, text: &str) -> bool {
        if self.text.is_empty() {
            return false;
        }
        let room = MOST.saturating_sub(self.text.len());
        if room > 1 {
            self.text.push('\n');
            self.text.push_str(super::cut::clip(text, room - 1));
        }
        true
    }

    /// Returns whether a record is held.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns what is held so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes what is held and passes it on as one line, if there is any.
    pub fn take(&mut self, pass: impl FnOnce(&Line<'_>)) {
        if self.text.is_empty() {
            return;
        }
        let place = Place { file: &self.file, line: self.line, offset: self.offset };
        pass(&Line { text: &self.text, place });
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_end_is_cut() {
        let mut held = Held::new(&Context::new("a", 0));
        assert!(!held.add("lost"));
        held.begin(&Line { text: "first", place: Place::default() });
        for _ in 0..10_000 {
            assert!(held.add("0123456789止"));
        }
        let mut length = 0;
        held.take(|line| length = line.text.len());
        assert!((MOST - 16..=MOST).contains(&length), "{length}");
        assert!(held.is_empty());
    }
}
