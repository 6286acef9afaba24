//! Test cards and the readers that read them. The layout of what a reader gives is not published, so it is one of our own:
//! `<key serial number>:<card data>`, and behind another colon the PIN block where a PIN was entered, all in hexadecimal
//! digits. Card data are the track text `;<number>=<YYMM>?`. The label `…-EMV` is of a chip card.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::dukpt::{self, Cipher, Usage, hex, hex_bytes, parse_hex, pin_block};

/// The PIN of every test card.
pub const PIN: &str = "1234";
/// What stands behind the label of a chip card: the issuer's answer has to be brought to it.
const CHIP: &str = "-EMV";

/// A reader that the bank knows: its first key serial number, the base key, and how it encrypts.
#[derive(Clone, PartialEq, Eq)]
pub struct Reader {
    /// 20 hexadecimal digits of TDES or 24 of AES, the counter at zero.
    pub first_ksn: String,
    /// 32 hexadecimal digits.
    pub bdk: String,
    /// How it encrypts.
    pub cipher: Cipher,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("first_ksn", &self.first_ksn)
            .field("cipher", &self.cipher)
            .finish_non_exhaustive()
    }
}

/// What a reader gives.
#[derive(Clone, PartialEq, Eq)]
pub struct Swipe {
    /// `encrypted-data`
    pub encrypted_data: String,
    /// `encrypted-type`
    pub encrypted_type: String,
}

/// A reader at work: each card is encrypted under the next key.
#[derive(Debug)]
pub struct PlayedReader {
    reader: Reader,
    ksn: Mutex<String>,
}

impl PlayedReader {
    /// One that has read nothing yet.
    pub fn new(reader: Reader) -> Self {
        Self { ksn: Mutex::new(reader.first_ksn.clone()), reader }
    }

    /// Reads a card. `None` if the reader's keys are no keys, or the card has no number.
    pub fn read(&self, number: &str, pin: Option<&str>, is_chip: bool) -> Option<Swipe> {
        let mut ksn = self.ksn.lock().unwrap_or_else(PoisonError::into_inner);
        let bdk = parse_hex(&self.reader.bdk)?;
        let track = format!(";{number}=2912?");
        let (next, data, pin, label) = match self.reader.cipher {
            Cipher::Tdes(variant) => {
                let next = dukpt::tdes_next(&parse_hex(&ksn)?);
                let transaction = dukpt::tdes_transaction_key(&bdk, &next);
                let data = dukpt::tdes_cbc(&dukpt::tdes_card_key(&transaction, variant), track.as_bytes(), false)?;
                let pin_key = dukpt::tdes_pin_key(&transaction);
                let pin = pin.map(|pin| dukpt::tdes_cbc(&pin_key, &pin_block(pin, number)?, false));
                (hex(&next), data, pin.map_or(Some(None), |pin| pin.map(Some))?, "TDES-DUKPT")
            }
            Cipher::Aes => {
                let next = dukpt::aes_next(&parse_hex(&ksn)?);
                let key = dukpt::aes_working_key(&dukpt::aes_transaction_key(&bdk, &next), Usage::Data, &next);
                (hex(&next), dukpt::aes_cbc(&key, track.as_bytes(), false)?, None, "AES-DUKPT")
            }
        };
        let pin = pin.map(|pin| format!(":{}", hex(&pin))).unwrap_or_default();
        ksn.clone_from(&next);
        Some(Swipe {
            encrypted_data: format!("{next}:{}{pin}", hex(&data)),
            encrypted_type: format!("{label}{}", if is_chip { CHIP } else { "" }),
        })
    }
}

/// A card as the bank reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    pub last_four: [u8; 4],
    pub is_visa: bool,
    pub is_chip: bool,
    /// A PIN was entered: whether it is right.
    pub pin: Option<bool>,
}

/// Decrypts what a reader gave; `None` for what none of these readers can have given.
pub(super) fn decrypt(readers: &[Reader], data: &str, label: &str) -> Option<Card> {
    let mut parts = data.split(':');
    let (ksn, cipher_text, pin) = (parts.next()?, hex_bytes(parts.next()?)?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let name = match ksn.len() {
        20 => hex(&dukpt::initial(&parse_hex(ksn)?)),
        _ => format!("{}00000000", ksn.get(..16)?),
    };
    let reader = readers.iter().find(|reader| reader.first_ksn.eq_ignore_ascii_case(&name))?;
    let bdk = parse_hex(&reader.bdk)?;
    let is_chip = label.ends_with(CHIP);
    let (track, pin) = match (reader.cipher, label.trim_end_matches(CHIP)) {
        (Cipher::Tdes(variant), "TDES-DUKPT") => {
            let transaction = dukpt::tdes_transaction_key(&bdk, &parse_hex(ksn)?);
            let track = dukpt::tdes_cbc(&dukpt::tdes_card_key(&transaction, variant), &cipher_text, true)?;
            let pin = pin.map(|pin| dukpt::tdes_cbc(&dukpt::tdes_pin_key(&transaction), &hex_bytes(pin)?, true));
            (track, pin)
        }
        (Cipher::Aes, "AES-DUKPT") if pin.is_none() => {
            let ksn = parse_hex(ksn)?;
            let key = dukpt::aes_working_key(&dukpt::aes_transaction_key(&bdk, &ksn), Usage::Data, &ksn);
            (dukpt::aes_cbc(&key, &cipher_text, true)?, None)
        }
        _ => return None,
    };
    let track = String::from_utf8(track).ok()?;
    let number = track.trim_end_matches('\0').strip_prefix(';')?.strip_suffix('?')?.split_once('=')?.0;
    if !(12..=19).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let right = pin_block(PIN, number)?;
    let pin = pin.map(|block| block.is_some_and(|block| block == right));
    let last_four = number.as_bytes().last_chunk().copied()?;
    Some(Card { last_four, is_visa: number.starts_with('4'), is_chip, pin })
}

#[cfg(test)]
mod tests {
    use super::super::dukpt::Variant;
    use super::*;

    fn reader(cipher: Cipher) -> Reader {
        let (first_ksn, bdk) = match cipher {
            Cipher::Tdes(_) => ("FFFF9876543210E00000", "0123456789ABCDEFFEDCBA9876543210"),
            Cipher::Aes => ("123456789012345600000000", "FEDCBA9876543210F1F1F1F1F1F1F1F1"),
        };
        Reader { first_ksn: first_ksn.to_owned(), bdk: bdk.to_owned(), cipher }
    }

    #[test]
    fn what_each_reader_gives_only_its_own_keys_open() {
        for cipher in [Cipher::Tdes(Variant::Data), Cipher::Tdes(Variant::Pin), Cipher::Aes] {
            let played = PlayedReader::new(reader(cipher));
            let mut given = Vec::new();
            for _ in 0..40 {
                let swipe = played.read("4012345678909", None, true).unwrap();
                let card = decrypt(&[reader(cipher)], &swipe.encrypted_data, &swipe.encrypted_type).unwrap();
                assert_eq!((&card.last_four, card.is_visa, card.is_chip, card.pin), (b"8909", true, true, None));
                assert!(!given.contains(&swipe.encrypted_data), "{cipher:?}: each card has a key of its own");
                given.push(swipe.encrypted_data);
            }
            let other = Reader { bdk: "00112233445566778899AABBCCDDEEFF".to_owned(), ..reader(cipher) };
            assert_eq!(decrypt(&[other], &given[0], "TDES-DUKPT"), None);
            assert_eq!(decrypt(&[], &given[0], "TDES-DUKPT"), None);
        }
        let swipe = PlayedReader::new(reader(Cipher::Tdes(Variant::Data))).read("4012345678909", None, false).unwrap();
        let old = reader(Cipher::Tdes(Variant::Pin));
        assert_eq!(decrypt(&[old], &swipe.encrypted_data, &swipe.encrypted_type), None);
        for wrong in ["", ":", "FFFF9876543210E00001:", "FFFF9876543210E00001:00", "x:y", "é:00"] {
            assert_eq!(decrypt(&[reader(Cipher::Aes), reader(Cipher::Tdes(Variant::Data))], wrong, "TDES-DUKPT"), None);
        }
    }

    #[test]
    fn a_pin_is_right_or_wrong() {
        let cipher = Cipher::Tdes(Variant::Data);
        for (pin, is_right) in [("1234", true), ("4321", false)] {
            let swipe = PlayedReader::new(reader(cipher)).read("4012345678909", Some(pin), false).unwrap();
            let card = decrypt(&[reader(cipher)], &swipe.encrypted_data, &swipe.encrypted_type).unwrap();
            assert_eq!(card.pin, Some(is_right));
        }
    }
}
