//! Numbers and texts as a baseline's rows hold them: numbers in groups of seven bits, the lowest
//! first (LEB128), so that small ones are short.

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Appends a number that may be negative: the sign is its lowest bit.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63).cast_unsigned());
}

/// Appends a text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Appends a time, seconds apart from the rest: most times of shipped files are whole seconds.
pub(super) fn put_time(out: &mut Vec<u8>, time: i64) {
    const SECOND: i64 = 1_000_000_000;
    put_signed(out, time.div_euclid(SECOND));
    put(out, time.rem_euclid(SECOND).cast_unsigned());
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn time(&mut self) -> Option<i64> {
        let seconds = self.signed()?;
        let rest = i64::try_from(self.number()?).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(rest)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_come_back_and_a_number_that_is_too_large_does_not() {
        let mut out = Vec::new();
        for number in [0, 1, 127, 128, 300, u64::MAX] {
            put(&mut out, number);
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            put_signed(&mut out, number);
        }
        for time in [0, -1, 1_772_323_200_123_456_789] {
            put_time(&mut out, time);
        }
        let mut bytes = Bytes(&out);
        for number in [0, 1, 127, 128, 300, u64::MAX] {
            assert_eq!(bytes.number(), Some(number));
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(bytes.signed(), Some(number));
        }
        for time in [0, -1, 1_772_323_200_123_456_789] {
            assert_eq!(bytes.time(), Some(time));
        }
        assert_eq!(bytes.byte(), None);
        assert_eq!(Bytes(&[0xff; 10]).number(), None);
        assert_eq!(Bytes(&[0x80; 3]).number(), None);
    }
}
