//! The checksum of a shop's code: CRC-16/CCITT-FALSE.

const POLYNOMIAL: u16 = 0x1021;
const TOP_BIT: u16 = 0x8000;

/// Over these bytes, from `0xffff` on, neither reflected nor inverted at the end.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        let mixed = crc ^ (u16::from(*byte) << 8);
        (0..8).fold(mixed, |crc, _| if crc & TOP_BIT == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_algorithm_comes_out() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
        assert_eq!(crc16(b""), 0xffff);
    }

    /// The shared vectors, where they are at hand.
    #[test]
    fn the_shared_vectors_hold() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/crc16_ccitt_false.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: the shared vectors are not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = vectors["vectors"].as_array().unwrap();
        for case in cases {
            let crc = format!("{:04X}", crc16(case["in"].as_str().unwrap().as_bytes()));
            assert_eq!(crc, case["crc16_ccitt_false_hex"].as_str().unwrap(), "{case}");
        }
        assert!(cases.len() > 20);
    }
}
