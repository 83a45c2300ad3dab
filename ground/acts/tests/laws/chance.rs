//! Chance that comes out the same each time: xorshift64* (Marsaglia 2003, Vigna 2016).

/// A source of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Returns the source for a machine and an act.
    pub(crate) fn of(seed: u64, name: &str) -> Self {
        let salt = name.bytes().fold(1469_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt | 1)
    }

    /// Returns a number below another.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }

    /// Returns one of a list.
    pub(crate) fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(list.len() as u64)).unwrap();
        list.get(at).unwrap()
    }

    /// Returns whether a coin fell so.
    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}
