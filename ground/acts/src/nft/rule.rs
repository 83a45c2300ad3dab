//! One rule: expressions, the outcome last.

use super::Attributes;

/// `NFT_REG_1`, the register that all our expressions use.
const REGISTER: u32 = 1;

/// What a packet's meta data is asked for (`NFT_META_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// The Ethernet type, two bytes in network order.
    Protocol = 1,
    /// The kind of the device that it came in by (`ARPHRD_*`), two bytes.
    InKind = 8,
    /// The kind of the device that it goes out by.
    OutKind = 9,
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`, one byte.
    Family = 15,
    /// The transport protocol, one byte.
    Transport = 16,
    /// The name of the device that it goes out by, 16 bytes.
    OutName = 7,
}

/// Where in a packet (`NFT_PAYLOAD_*_HEADER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// From the IP header on.
    Network = 1,
    /// From the transport header on.
    Transport = 2,
}

/// How something is compared (`NFT_CMP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Equal.
    Equal = 0,
    /// At most.
    AtMost = 3,
    /// At least.
    AtLeast = 5,
}

/// A rule in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule(Vec<Attributes>);

impl Rule {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Loads meta data.
    #[must_use]
    pub(crate) fn meta(self, key: Meta) -> Self {
        self.expression("meta", |data| {
            data.number(1, REGISTER);
            data.number(2, key as u32);
        })
    }

    /// Loads bytes of the packet.
    #[must_use]
    pub(crate) fn payload(self, base: Base, offset: u32, length: u32) -> Self {
        self.expression("payload", |data| {
            data.number(1, REGISTER);
            data.number(2, base as u32);
            data.number(3, offset);
            data.number(4, length);
        })
    }

    /// Loads a number of our own.
    #[must_use]
    pub(crate) fn constant(self, bytes: &[u8]) -> Self {
        self.expression("immediate", |data| {
            data.number(1, REGISTER);
            data.nest(2, |value| value.bytes(1, bytes));
        })
    }

    /// Loads the direction of the packet's connection: 0 as it began, 1 back (`NFT_CT_DIRECTION`).
    #[must_use]
    pub(crate) fn direction(self) -> Self {
        self.expression("ct", |data| {
            data.number(1, REGISTER);
            data.number(2, 1);
        })
    }

    /// Keeps only the bits of a mask.
    #[must_use]
    pub(crate) fn mask(self, mask: &[u8]) -> Self {
        let nothing = vec![0_u8; mask.len()];
        let length = u32::try_from(mask.len()).unwrap_or(0);
        self.expression("bitwise", |data| {
            data.number(1, REGISTER);
            data.number(2, REGISTER);
            data.number(3, length);
            data.nest(4, |value| value.bytes(1, mask));
            data.nest(5, |value| value.bytes(1, &nothing));
        })
    }

    /// Goes on only if what was loaded compares so.
    #[must_use]
    pub(crate) fn compare(self, how: Compare, with: &[u8]) -> Self {
        self.expression("cmp", |data| {
            data.number(1, REGISTER);
            data.number(2, how as u32);
            data.nest(3, |value| value.bytes(1, with));
        })
    }

    /// Goes on only if what was loaded is in a set.
    #[must_use]
    pub(crate) fn within(self, set: &str) -> Self {
        self.lookup(set, 0)
    }

    /// Goes on only if what was loaded is not in a set (`NFT_LOOKUP_F_INV`).
    #[must_use]
    pub(crate) fn without(self, set: &str) -> Self {
        self.lookup(set, 1)
    }

    fn lookup(self, set: &str, flags: u32) -> Self {
        self.expression("lookup", |data| {
            data.text(1, set);
            data.number(2, REGISTER);
            data.number(5, flags);
        })
    }

    /// Counts what comes here.
    #[must_use]
    pub(crate) fn counted(self) -> Self {
        self.expression("counter", |_from_zero| {})
    }

    /// Lets the packet go on.
    #[must_use]
    pub(crate) fn accept(self) -> Self {
        self.verdict(1)
    }

    /// Ends the packet: no other table can bring it back.
    #[must_use]
    pub(crate) fn drop(self) -> Self {
        self.verdict(0)
    }

    fn verdict(self, code: u32) -> Self {
        self.expression("immediate", |data| {
            // NFT_REG_VERDICT.
            data.number(1, 0);
            data.nest(2, |value| value.nest(2, |verdict| verdict.number(1, code)));
        })
    }

    fn expression(mut self, name: &str, data: impl FnOnce(&mut Attributes)) -> Self {
        let mut all = Attributes::default();
        all.text(1, name);
        all.nest(2, data);
        self.0.push(all);
        self
    }

    /// Writes the list of expressions.
    pub(super) fn write(&self, list: &mut Attributes) {
        for expression in &self.0 {
            list.bytes(1 | 0x8000, &expression.0);
        }
    }
}
