//! Netlink messages in the making, for whoever asks the kernel something.
//!
//! Source: netlink(7), linux/netlink.h.

/// Returns a message with its header: a kind, flags (`NLM_F_*`), and a body. Its number is 1, since
/// each socket of ours asks one thing.
pub fn request(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(16);
    let mut bytes = Vec::with_capacity(body.len().saturating_add(16));
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&1_u32.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Returns one attribute (`struct nlattr`), padded to four bytes.
pub fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len().saturating_add(4)).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_the_header_and_not_the_padding() {
        assert_eq!(attribute(3, b"lo\0"), [&[7, 0, 3, 0][..], b"lo\0\0"].concat());
        let request = request(18, 0x301, &[9]);
        assert_eq!((request.len(), &request[..4]), (17, &17_u32.to_ne_bytes()[..]));
    }
}
