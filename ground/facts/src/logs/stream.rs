//! A source as it flows by: bytes go in, events come out, everything is counted.

use stanch_words::{Event, EventKind, Gap, GapKind, Place, text};

use super::{Context, Each, Form, Format, Line, Reader, RecordReader, Sample, Understood};

/// How many bytes are gathered before the format is told.
pub const HEAD: usize = 64 << 10;
/// The longest line that is read whole; what follows in it is left out, and said.
pub const LONGEST_LINE: usize = 1 << 20;
/// How many lines that nobody understood are kept as samples.
const SAMPLES: usize = 20;

/// What a source held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines, or records.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Lines that say nothing by design: blank, a comment, the rest of a record of several lines.
    pub silent: u64,
    /// Lines or records that gave none.
    pub not_understood: u64,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// The first places that nobody understood: line, offset.
    pub samples: Vec<(u64, u64)>,
    /// The SHA-256 of the source, hexadecimal, where the context asked for it and the source was
    /// read as it is from its beginning to its end.
    pub sha256: Option<String>,
}

/// Reads one source piece by piece. Memory stays the same whatever its size.
pub struct Stream {
    context: Context,
    /// Bytes that wait for more: the head, or the beginning of a line or record.
    waiting: Vec<u8>,
    /// Where `waiting` begins.
    offset: u64,
    state: State,
    fixed: Option<&'static Format>,
    counts: Counts,
    /// Whether the rest of an overlong line is being skipped.
    skipping: bool,
    overlong: u64,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({}, {:?})", self.context.file, self.counts)
    }
}

enum State {
    /// The format is not known yet.
    Head,
    Lines(Lines),
    Records(usize, Box<dyn RecordReader>),
    /// A file that is read at will, but came compressed or through a pipe: only counted.
    Whole,
}

/// The reader that a source's lines were recognised for, and those that stand in for a line that
/// it does not know.
struct Lines {
    format: Option<&'static Format>,
    reader: Option<Box<dyn Reader>>,
    others: Vec<Box<dyn Reader>>,
    /// Which of the others understood last: the next strange line is likely its too.
    likely: usize,
    /// Whether a line that nobody understood is shown too.
    tell_strange: bool,
}

impl Counts {
    /// Returns how many lines gave events.
    pub fn understood(&self) -> u64 {
        self.lines.saturating_sub(self.silent).saturating_sub(self.not_understood)
    }
}

impl Stream {
    /// Returns a stream for a source; the format is told from its beginning if none is given.
    pub fn new(context: Context, format: Option<&'static Format>) -> Self {
        Self {
            context,
            waiting: Vec::new(),
            offset: 0,
            state: State::Head,
            fixed: format,
            counts: Counts::default(),
            skipping: false,
            overlong: 0,
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8], each: &mut Each<'_>) {
        self.counts.bytes = self.counts.bytes.saturating_add(bytes.len() as u64);
        if matches!(self.state, State::Head) {
            self.waiting.extend_from_slice(bytes);
            if self.waiting.len() < HEAD {
                return;
            }
            self.decide();
            let head = std::mem::take(&mut self.waiting);
            self.pass(&head, each);
        } else {
            self.pass(bytes, each);
        }
    }

    /// Tells the format of a source that ended within its head.
    pub(super) fn settle(&mut self, each: &mut Each<'_>) {
        if matches!(self.state, State::Head) {
            self.decide();
            let head = std::mem::take(&mut self.waiting);
            self.pass(&head, each);
        }
    }

    /// Ends the source: shows what was left, and returns what it held.
    pub fn end(mut self, each: &mut Each<'_>) -> (Counts, Vec<Gap>) {
        self.settle(each);
        let torn = std::mem::take(&mut self.waiting);
        let mut gaps = Vec::new();
        let mut counting = Counting { counts: &mut self.counts, each };
        match &mut self.state {
            State::Lines(lines) => {
                if !torn.is_empty() && !self.skipping {
                    lines.line(&torn, &self.context.file, self.offset, &mut counting);
                }
                for reader in lines.reader.iter_mut().chain(&mut lines.others) {
                    reader.end(&mut |event| counting.show(event));
                    gaps.append(&mut reader.gaps());
                }
            }
            State::Records(size, _) if !torn.is_empty() => {
                counting.counts.lines = counting.counts.lines.saturating_add(1);
                counting.not_understood(self.offset);
                let detail = format!("{} bytes after the last record of {size}", torn.len());
                gaps.push(Gap::new("", GapKind::Damaged, detail));
            }
            State::Whole => {
                counting.counts.lines = 1;
                counting.not_understood(0);
                let name = self.fixed.map_or("", |format| format.name);
                let detail = format!("a file of kind {name} is read only by its path, unpacked");
                gaps.push(Gap::new("", GapKind::Failed, detail));
            }
            State::Records(..) | State::Head => {}
        }
        if self.overlong > 0 {
            let detail =
                format!("lines longer than {LONGEST_LINE} bytes, cut there: {}", self.overlong);
            gaps.push(Gap::new("", GapKind::Truncated, detail));
        }
        for gap in &mut gaps {
            gap.path.get_or_insert_with(|| self.context.file.clone());
        }
        (self.counts, gaps)
    }

    /// Returns the name of the format, once it is known.
    pub fn format(&self) -> Option<&'static str> {
        match &self.state {
            State::Lines(lines) => lines.format.map(|format| format.name),
            State::Head | State::Whole | State::Records(..) => self.fixed.map(|format| format.name),
        }
    }

    fn decide(&mut self) {
        let sample = Sample { bytes: &self.waiting, name: self.context.file_name() };
        let format = self.fixed.or_else(|| super::recognise(&sample));
        self.state = match format.map(|format| format.form) {
            Some(Form::Records(size, open)) => {
                self.fixed = format;
                let size = size(&self.waiting).max(1);
                State::Records(size, open(&self.context, &self.waiting))
            }
            Some(Form::Lines(open)) => {
                State::Lines(Lines::new(format, Some(open(&self.context)), &self.context))
            }
            Some(Form::Whole(_)) => {
                self.fixed = format;
                State::Whole
            }
            None => State::Lines(Lines::new(None, None, &self.context)),
        };
    }

    fn pass(&mut self, bytes: &[u8], each: &mut Each<'_>) {
        match &self.state {
            State::Records(size, _) => self.pass_records(*size, bytes, each),
            State::Lines(_) | State::Head => self.pass_lines(bytes, each),
            State::Whole => {}
        }
    }

    fn pass_records(&mut self, size: usize, bytes: &[u8], each: &mut Each<'_>) {
        let State::Records(_, reader) = &mut self.state else { return };
        self.waiting.extend_from_slice(bytes);
        let whole = self.waiting.len() / size * size;
        let records = self.waiting.get(..whole).unwrap_or_default();
        let mut counting = Counting { counts: &mut self.counts, each };
        let file = &self.context.file;
        let strange = reader.records(records, file, self.offset, &mut |event| counting.show(event));
        let counts = counting.counts;
        counts.lines = counts.lines.saturating_add((whole / size) as u64);
        counts.not_understood = counts.not_understood.saturating_add(strange);
        self.offset = self.offset.saturating_add(whole as u64);
        self.waiting.drain(..whole);
    }

    fn pass_lines(&mut self, bytes: &[u8], each: &mut Each<'_>) {
        let State::Lines(lines) = &mut self.state else { return };
        let mut counting = Counting { counts: &mut self.counts, each };
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let mut taken = end as u64;
            if self.skipping {
                self.skipping = false;
            } else if self.waiting.is_empty() {
                lines.line(line, &self.context.file, self.offset, &mut counting);
            } else {
                taken = taken.saturating_add(self.waiting.len() as u64);
                self.waiting.extend_from_slice(line);
                lines.line(&self.waiting, &self.context.file, self.offset, &mut counting);
                self.waiting.clear();
            }
            self.offset = self.offset.saturating_add(taken).saturating_add(1);
        }
        if self.skipping {
            self.offset = self.offset.saturating_add(rest.len() as u64);
            return;
        }
        self.waiting.extend_from_slice(rest);
        if self.waiting.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.waiting);
            let cut = line.get(..LONGEST_LINE).unwrap_or_default();
            lines.line(cut, &self.context.file, self.offset, &mut counting);
            self.offset = self.offset.saturating_add(line.len() as u64);
            self.skipping = true;
            self.overlong = self.overlong.saturating_add(1);
        }
    }
}

/// Counts what is shown.
struct Counting<'c, 'e> {
    counts: &'c mut Counts,
    each: &'c mut Each<'e>,
}

impl Counting<'_, '_> {
    fn show(&mut self, event: &Event<'_>) {
        self.counts.events = self.counts.events.saturating_add(1);
        (self.each)(event);
    }

    fn not_understood(&mut self, offset: u64) {
        self.counts.not_understood = self.counts.not_understood.saturating_add(1);
        if self.counts.samples.len() < SAMPLES {
            self.counts.samples.push((self.counts.lines, offset));
        }
    }
}

impl Lines {
    fn new(
        format: Option<&'static Format>,
        reader: Option<Box<dyn Reader>>,
        context: &Context,
    ) -> Self {
        let others = super::ALL.iter().filter(|other| {
            other.stands_alone && format.is_none_or(|format| format.name != other.name)
        });
        let open = |other: &&Format| match other.form {
            Form::Lines(open) => Some(open(context)),
            Form::Records(..) | Form::Whole(_) => None,
        };
        Self {
            format,
            reader,
            others: others.filter_map(open).collect(),
            likely: 0,
            tell_strange: context.tell_strange,
        }
    }

    fn line(&mut self, bytes: &[u8], file: &str, offset: u64, counting: &mut Counting<'_, '_>) {
        counting.counts.lines = counting.counts.lines.saturating_add(1);
        let number = counting.counts.lines;
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        // A run of zero bytes before a line: a log that was cut while its writer held it open.
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let bytes = bytes.get(zeros..).unwrap_or_default();
        if bytes.trim_ascii().is_empty() && zeros == 0 {
            counting.counts.silent = counting.counts.silent.saturating_add(1);
            return;
        }
        let owned;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_escape) => {
                owned = text::from_bytes(bytes);
                &owned
            }
        };
        let line = Line { text, place: Place { file, line: number, offset } };
        let before = counting.counts.events;
        match self.read(&line, &mut |event| counting.show(event)) {
            Understood::No => {
                counting.not_understood(offset);
                if self.tell_strange {
                    let mut event = Event::new(EventKind::LogStrange);
                    event.message = line.text.into();
                    event.place = line.place;
                    (counting.each)(&event);
                }
            }
            Understood::Silent if counting.counts.events == before => {
                counting.counts.silent = counting.counts.silent.saturating_add(1);
            }
            Understood::Silent | Understood::Yes => {}
        }
    }

    fn read(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if let Some(reader) = &mut self.reader {
            let understood = reader.line(line, each);
            if understood != Understood::No {
                return understood;
            }
        }
        let count = self.others.len();
        for step in 0..count {
            let at = self.likely.wrapping_add(step) % count;
            let Some(reader) = self.others.get_mut(at) else { continue };
            let understood = reader.line(line, each);
            if understood != Understood::No {
                self.likely = at;
                return understood;
            }
        }
        Understood::No
    }
}
