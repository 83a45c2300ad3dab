//! A request for a time stamp over a seal, to be answered by an authority that the machine need not
//! reach.
//!
//! Source: RFC 3161, 2.4.1, in DER (X.690); SHA-256 is `2.16.840.1.101.3.4.2.1` (RFC 5754).
//!
//! ```text
//!   TimeStampReq ::= SEQUENCE { version 1, messageImprint, nonce, certReq TRUE }
//!   messageImprint ::= SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }
//! ```

/// Version, and the imprint up to its bytes.
const BEFORE: [u8; 22] = [
    0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
/// The authority is to send its certificate along.
const CERTIFICATE: [u8; 3] = [0x01, 0x01, 0xff];

/// Returns the request for a digest, with a number that nobody can guess: an answer that was made
/// before cannot be passed off for it.
pub fn request(sha256: [u8; 32], mut nonce: [u8; 8]) -> Vec<u8> {
    // Positive, and as long as it is: DER knows one spelling of each number.
    if let Some(first) = nonce.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    let mut body = BEFORE.to_vec();
    body.extend_from_slice(&sha256);
    body.extend_from_slice(&[0x02, 0x08]);
    body.extend_from_slice(&nonce);
    body.extend_from_slice(&CERTIFICATE);
    let length = u8::try_from(body.len()).unwrap_or(0);
    [&[0x30, length], body.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_der_whatever_the_number() {
        for first in [0, 0x7f, 0x80, 0xff] {
            let mut nonce = [9; 8];
            nonce[0] = first;
            let request = request([7; 32], nonce);
            assert_eq!((request.len(), request[1]), (69, 67));
            assert_eq!(&request[24..56], &[7; 32]);
            assert_eq!(&request[56..58], &[2, 8]);
            assert!((0x40..0x80).contains(&request[58]));
            assert_eq!(&request[66..], &CERTIFICATE);
        }
    }
}
