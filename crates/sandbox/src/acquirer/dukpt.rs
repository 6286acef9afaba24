//! DUKPT, both kinds: what a reader encrypts and a bank decrypts. TDES after ANSI X9.24-1:2009, AES-128 after ANSI
//! X9.24-3:2017. Keys of tests only: a hub has none.

use aes::Aes128;
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use des::{Des, TdesEde2};

/// Bytes of a block of TDES.
const TDES_BLOCK: usize = 8;
/// Bytes of a block of AES.
const AES_BLOCK: usize = 16;
/// What the right keys of a derivation are masked with.
const MASK: [u8; 16] = [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0, 0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0];
/// The counter of a TDES key serial number has 21 bits.
const TDES_COUNTER_BITS: u32 = 21;

/// Which variant of the transaction key a TDES reader encrypts card data with. The standard names the data key; old readers
/// take the one for PINs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// As X9.24 has it: the data key of the request.
    Data,
    /// The PIN key.
    Pin,
}

/// How a reader encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// TDES, with this variant of the key.
    Tdes(Variant),
    /// AES-128.
    Aes,
}

/// A key serial number of TDES, 10 bytes.
pub(super) type TdesKsn = [u8; 10];
/// A key serial number of AES, 12 bytes.
pub(super) type AesKsn = [u8; 12];
type Key = [u8; 16];

fn tdes(key: &Key) -> TdesEde2 {
    TdesEde2::new(GenericArray::from_slice(key))
}

fn tdes_block(key: &Key, block: [u8; TDES_BLOCK]) -> [u8; TDES_BLOCK] {
    let mut block = GenericArray::from(block);
    tdes(key).encrypt_block(&mut block);
    block.into()
}

fn des_block(key: &[u8], block: [u8; TDES_BLOCK]) -> [u8; TDES_BLOCK] {
    let mut block = GenericArray::from(block);
    Des::new(GenericArray::from_slice(key)).encrypt_block(&mut block);
    block.into()
}

fn xor<const N: usize>(a: [u8; N], b: [u8; N]) -> [u8; N] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

fn half(key: &Key, right: bool) -> [u8; TDES_BLOCK] {
    let from = if right { TDES_BLOCK } else { 0 };
    std::array::from_fn(|at| key[from + at])
}

fn joined(left: [u8; TDES_BLOCK], right: [u8; TDES_BLOCK]) -> Key {
    std::array::from_fn(|at| if at < TDES_BLOCK { left[at] } else { right[at - TDES_BLOCK] })
}

fn counter_of(ksn: &TdesKsn) -> u32 {
    u32::from_be_bytes([ksn[6], ksn[7], ksn[8], ksn[9]]) & ((1 << TDES_COUNTER_BITS) - 1)
}

/// The number with its counter at zero: what names a reader.
pub(super) fn initial(ksn: &TdesKsn) -> TdesKsn {
    let mut initial = *ksn;
    initial[7] &= 0xE0;
    (initial[8], initial[9]) = (0, 0);
    initial
}

/// The initial key of a reader.
pub(super) fn tdes_initial_key(bdk: &Key, ksn: &TdesKsn) -> Key {
    let initial = initial(ksn);
    let block = std::array::from_fn(|at| initial[at]);
    joined(tdes_block(bdk, block), tdes_block(&xor(*bdk, MASK), block))
}

/// The transaction key of a key serial number.
pub(super) fn tdes_transaction_key(bdk: &Key, ksn: &TdesKsn) -> Key {
    let mut key = tdes_initial_key(bdk, ksn);
    let initial = initial(ksn);
    let mut register = u64::from_be_bytes(std::array::from_fn(|at| initial[at + 2]));
    let counter = counter_of(ksn);
    for bit in (0..TDES_COUNTER_BITS).rev().map(|place| 1_u32 << place).filter(|bit| counter & bit != 0) {
        register |= u64::from(bit);
        let next = |key: &Key| {
            let right = half(key, true);
            xor(des_block(&half(key, false), xor(register.to_be_bytes(), right)), right)
        };
        key = joined(next(&xor(key, MASK)), next(&key));
    }
    key
}

/// The counter after this one: those with more than ten one-bits are left out.
pub(super) fn tdes_next(ksn: &TdesKsn) -> TdesKsn {
    let mut counter = counter_of(ksn) + 1;
    while counter.count_ones() > 10 {
        counter += 1;
    }
    let mut next = initial(ksn);
    let low = u32::from_be_bytes([next[6], next[7], next[8], next[9]]) | counter;
    next[6..].copy_from_slice(&low.to_be_bytes());
    next
}

/// A transaction key with all bits of these two bytes turned over.
fn variant(key: &Key, bytes: [usize; 2]) -> Key {
    let mut variant = *key;
    for at in bytes {
        variant[at] ^= 0xFF;
    }
    variant
}

/// The key for PINs.
pub(super) fn tdes_pin_key(transaction: &Key) -> Key {
    variant(transaction, [7, 15])
}

/// The key for card data: the variant, each half encrypted under it.
pub(super) fn tdes_data_key(transaction: &Key) -> Key {
    let key = variant(transaction, [5, 13]);
    joined(tdes_block(&key, half(&key, false)), tdes_block(&key, half(&key, true)))
}

/// The key that a reader of this kind encrypts card data with.
pub(super) fn tdes_card_key(transaction: &Key, kind: Variant) -> Key {
    match kind {
        Variant::Data => tdes_data_key(transaction),
        Variant::Pin => tdes_pin_key(transaction),
    }
}

/// CBC with a first block of zeros. What is encrypted is filled up with zeros; what is not whole blocks is not decrypted.
pub(super) fn tdes_cbc(key: &Key, data: &[u8], is_decrypting: bool) -> Option<Vec<u8>> {
    let cipher = tdes(key);
    cbc::<TDES_BLOCK>(data, is_decrypting, |block| {
        let mut block = GenericArray::from(block);
        if is_decrypting {
            cipher.decrypt_block(&mut block)
        } else {
            cipher.encrypt_block(&mut block)
        }
        block.into()
    })
}

/// The same with AES.
pub(super) fn aes_cbc(key: &Key, data: &[u8], is_decrypting: bool) -> Option<Vec<u8>> {
    let cipher = Aes128::new(GenericArray::from_slice(key));
    cbc::<AES_BLOCK>(data, is_decrypting, |block| {
        let mut block = GenericArray::from(block);
        if is_decrypting {
            cipher.decrypt_block(&mut block)
        } else {
            cipher.encrypt_block(&mut block)
        }
        block.into()
    })
}

fn cbc<const N: usize>(data: &[u8], is_decrypting: bool, work: impl Fn([u8; N]) -> [u8; N]) -> Option<Vec<u8>> {
    if is_decrypting && !data.len().is_multiple_of(N) {
        return None;
    }
    let mut last = [0; N];
    let mut done = Vec::with_capacity(data.len().next_multiple_of(N));
    for chunk in data.chunks(N) {
        let block: [u8; N] = std::array::from_fn(|at| chunk.get(at).copied().unwrap_or(0));
        let worked = if is_decrypting { xor(work(block), last) } else { work(xor(block, last)) };
        last = if is_decrypting { block } else { worked };
        done.extend(worked);
    }
    Some(done)
}

/// What an AES key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Initial = 0x8001,
    Derivation = 0x8000,
    #[cfg(test)]
    Pin = 0x1000,
    #[cfg(test)]
    MacGeneration = 0x2000,
    Data = 0x3000,
}

/// AES-128 among the algorithms of the standard, and its bits.
const AES_128: [u8; 4] = [0x00, 0x02, 0x00, 0x80];

fn aes_derive(key: &Key, usage: Usage, context: [u8; 8]) -> Key {
    let [high, low] = (usage as u16).to_be_bytes();
    let mut block = [0x01, 0x01, high, low, AES_128[0], AES_128[1], AES_128[2], AES_128[3], 0, 0, 0, 0, 0, 0, 0, 0];
    block[8..].copy_from_slice(&context);
    let mut block = GenericArray::from(block);
    Aes128::new(GenericArray::from_slice(key)).encrypt_block(&mut block);
    block.into()
}

/// The right half of the reader's id, and a counter.
fn aes_context(ksn: &AesKsn, counter: u32) -> [u8; 8] {
    let counter = counter.to_be_bytes();
    std::array::from_fn(|at| if at < 4 { ksn[at + 4] } else { counter[at - 4] })
}

/// The initial key of a reader.
pub(super) fn aes_initial_key(bdk: &Key, ksn: &AesKsn) -> Key {
    aes_derive(bdk, Usage::Initial, std::array::from_fn(|at| ksn[at]))
}

fn aes_counter(ksn: &AesKsn) -> u32 {
    u32::from_be_bytes([ksn[8], ksn[9], ksn[10], ksn[11]])
}

/// The transaction key of a key serial number.
pub(super) fn aes_transaction_key(bdk: &Key, ksn: &AesKsn) -> Key {
    let (mut key, counter, mut so_far) = (aes_initial_key(bdk, ksn), aes_counter(ksn), 0);
    for bit in (0..u32::BITS).rev().map(|place| 1_u32 << place).filter(|bit| counter & bit != 0) {
        so_far |= bit;
        key = aes_derive(&key, Usage::Derivation, aes_context(ksn, so_far));
    }
    key
}

/// A working key of a transaction key.
pub(super) fn aes_working_key(transaction: &Key, usage: Usage, ksn: &AesKsn) -> Key {
    aes_derive(transaction, usage, aes_context(ksn, aes_counter(ksn)))
}

/// The counter after this one: those with more than sixteen one-bits are left out.
pub(super) fn aes_next(ksn: &AesKsn) -> AesKsn {
    let mut counter = aes_counter(ksn) + 1;
    while counter.count_ones() > 16 {
        counter += 1;
    }
    let mut next = *ksn;
    next[8..].copy_from_slice(&counter.to_be_bytes());
    next
}

/// The PIN block of format 0 (ISO 9564-1): the PIN and its length, against the last twelve digits before the check digit.
pub(super) fn pin_block(pin: &str, pan: &str) -> Option<[u8; TDES_BLOCK]> {
    let pan = pan.get(pan.len().checked_sub(13)?..pan.len() - 1)?;
    let pin = format!("0{}{pin:F<14}", pin.len());
    Some(xor(parse_hex(&pin)?, parse_hex(&format!("0000{pan}"))?))
}

/// The bytes of hexadecimal digits.
pub(super) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex_bytes(text)?.try_into().ok()
}

/// The same of any length.
pub(super) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BDK: &str = "0123456789ABCDEFFEDCBA9876543210";

    fn ksn(last: &str) -> TdesKsn {
        parse_hex(&format!("FFFF98765432{:0>8}", format!("10{last}"))).unwrap()
    }

    fn key(text: &str) -> Key {
        parse_hex(text).unwrap()
    }

    /// ANSI X9.24-1:2009, Annex A.4.
    #[test]
    fn the_vectors_of_tdes_are_made() {
        let bdk = key(BDK);
        assert_eq!(hex(&tdes_initial_key(&bdk, &ksn("E00000"))), "6AC292FAA1315B4D858AB3A3D7D5933A");
        for (last, expected) in [
            ("E00001", "042666B49184CFA368DE9628D0397BC9"),
            ("E00002", "C46551CEF9FD24B0AA9AD834130D3BC7"),
            ("E00003", "0DF3D9422ACA56E547676D07AD6BADFA"),
            ("E00008", "27F66D5244FF62E1AA6F6120EDEB4280"),
            ("E00015", "E161D1956A61F6D2F37AFD7F9CC3699A"),
            ("EFF800", "F9CDFEBF4F5B1D9EB3EC12454527E176"),
        ] {
            assert_eq!(hex(&tdes_transaction_key(&bdk, &ksn(last))), expected, "{last}");
        }
        let first = tdes_transaction_key(&bdk, &ksn("E00001"));
        assert_eq!(hex(&tdes_pin_key(&first)), "042666B49184CF5C68DE9628D0397B36");
        assert_eq!(hex(&tdes_data_key(&first)), "448D3F076D8304036A55A3D7E0055A78");
        let eighth = tdes_transaction_key(&bdk, &ksn("E00008"));
        assert_eq!(hex(&tdes_data_key(&eighth)), "C39B2778B058AC376FB18DC906F75CBA");
        // The response data key: the other variant, made the same way.
        let response = variant(&first, [3, 11]);
        let response =
            joined(tdes_block(&response, half(&response, false)), tdes_block(&response, half(&response, true)));
        assert_eq!(hex(&response), "AD7BFC8B06AD3A08A560B4105CF8D9E5");
    }

    #[test]
    fn pin_and_data_are_encrypted_as_published() {
        let first = tdes_transaction_key(&key(BDK), &ksn("E00001"));
        let clear = pin_block("1234", "4012345678909").unwrap();
        assert_eq!(hex(&clear), "041274EDCBA9876F");
        assert_eq!(hex(&tdes_block(&tdes_pin_key(&first), clear)), "1B9C1845EB993A7A");
        let data = tdes_cbc(&tdes_data_key(&first), b"4012345678909D987", false).unwrap();
        assert_eq!(hex(&data), "FC0D53B7EA1FDA9EE68AAF2E70D9B9506229BE2AA993F04F");
        let clear = tdes_cbc(&tdes_data_key(&first), &data, true).unwrap();
        assert_eq!(clear, b"4012345678909D987\0\0\0\0\0\0\0");
        // The MACs of the same text (ANSI X9.19: the last block under the whole key), request and response.
        for (bytes, expected) in [([6, 14], "9CCC7817"), ([4, 12], "20364223")] {
            assert_eq!(&hex(&mac(&variant(&first, bytes), b"4012345678909D987"))[..8], expected);
        }
    }

    fn mac(key: &Key, data: &[u8]) -> [u8; TDES_BLOCK] {
        let mut last = [0; TDES_BLOCK];
        let blocks = data.chunks(TDES_BLOCK).count();
        for (at, chunk) in data.chunks(TDES_BLOCK).enumerate() {
            let block = xor(std::array::from_fn(|at| chunk.get(at).copied().unwrap_or(0)), last);
            last = if at + 1 == blocks { tdes_block(key, block) } else { des_block(&half(key, false), block) };
        }
        last
    }

    #[test]
    fn counters_with_many_ones_are_left_out() {
        // 0x7FE has ten ones; 0x7FF has eleven, and is left out.
        assert_eq!(tdes_next(&ksn("E007FE")), ksn("E00800"));
        assert_eq!(tdes_next(&ksn("E00001")), ksn("E00002"));
        let aes = |text| parse_hex::<12>(&format!("1234567890123456{text}")).unwrap();
        assert_eq!(aes_next(&aes("0001FFFE")), aes("00020000"));
        assert_eq!(aes_next(&aes("00000001")), aes("00000002"));
    }

    /// ANSI X9.24-3:2017, supplement.
    #[test]
    fn the_vectors_of_aes_are_made() {
        let bdk = key("FEDCBA9876543210F1F1F1F1F1F1F1F1");
        let ksn = |last: &str| parse_hex::<12>(&format!("1234567890123456{last}")).unwrap();
        assert_eq!(hex(&aes_initial_key(&bdk, &ksn("00000000"))), "1273671EA26AC29AFA4D1084127652A1");
        for (last, expected) in [
            ("00000001", "4F21B565BAD9835E112B6465635EAE44"),
            ("00000002", "2F34D68DE10F68D38091A73B9E7C437C"),
            ("00000008", "718EE6CF0B27E53D5F7AF99C4D8146A2"),
            ("0001FFFE", "E21E8C8D347F8561A2BE752DAA85A111"),
            ("FFFF0000", "F6BA59389BD14A9855BE9727E7C52E3C"),
        ] {
            assert_eq!(hex(&aes_transaction_key(&bdk, &ksn(last))), expected, "{last}");
        }
        for (last, usage, expected) in [
            ("00000001", Usage::Pin, "AF8CB133A78F8DC2D1359F18527593FB"),
            ("00000001", Usage::MacGeneration, "A2DC23DE6FDE0824A2BC321E08E4B8B7"),
            ("00000001", Usage::Data, "A35C412EFD41FDB98B69797C02DCD08F"),
            ("00000002", Usage::Pin, "D30BDC73EC9714B000BEC66BDB7B6D09"),
            ("00000002", Usage::Data, "D639514AA33AC43AD9229E433D6D4E5B"),
            ("00000008", Usage::Pin, "4D9DF3FBEE3448FC3E676D04320A90F5"),
            ("00000008", Usage::Data, "650F34204ABD4E57764D61AC3D266FB1"),
        ] {
            let ksn = ksn(last);
            let transaction = aes_transaction_key(&bdk, &ksn);
            assert_eq!(hex(&aes_working_key(&transaction, usage, &ksn)), expected, "{last} {usage:?}");
        }
    }
}
