//! The code that a shop shows, by itself or on paper (merchant-presented mode). The money goes to the accounts that the
//! shop's acquirers gave it; an amount makes it a code for one payment.

use super::Refusal;
use super::checksum::crc16;
use super::field::{Field, Tag, parse, write};
use crate::money::{Currency, format_minor};

/// How every shop's code begins: field 00, two characters, version 01.
pub const SHOP_CODE_HEAD: &str = "000201";
/// The tag and the length of the checksum, which is computed over them, too.
const CHECKSUM_HEAD: &str = "6304";
/// Digits of the checksum.
const CHECKSUM_DIGITS: usize = 4;
/// Longest amount (field 54), in characters.
const AMOUNT_CHARS_MAX: usize = 13;
/// The unique id of JPQR in its account field (JPQR profile, field 26).
const JPQR: &str = "jp.or.paymentsjapan";
/// How many digits the fields of a JPQR account have, by tag.
const JPQR_DIGITS: [(u8, usize); 4] = [(1, 13), (2, 4), (3, 6), (4, 6)];

const FORMAT: u8 = 0;
const INITIATION: u8 = 1;
const ACCOUNTS: std::ops::RangeInclusive<u8> = 2..=51;
/// From here on an account is a row of fields itself; before, it is the number at a card scheme.
const ACCOUNT_TEMPLATES: u8 = 26;
const CATEGORY: u8 = 52;
const CURRENCY: u8 = 53;
const AMOUNT: u8 = 54;
const COUNTRY: u8 = 58;
const NAME: u8 = 59;
const CITY: u8 = 60;
const POSTAL_CODE: u8 = 61;
const ADDITIONAL: u8 = 62;
const CHECKSUM: u8 = 63;
const LOCAL: u8 = 64;
/// The name inside of it.
const LOCAL_NAME: u8 = 1;

/// Each field that a shop's code must have (EMVCo, merchant-presented mode, table 3.2), and the longest it may be.
const MANDATORY: [(u8, usize); 5] = [(CATEGORY, 4), (CURRENCY, 3), (COUNTRY, 2), (NAME, 25), (CITY, 15)];

/// Longest postal code, and longest name in another language, in characters (the same table).
const POSTAL_CODE_CHARS_MAX: usize = 10;
const LOCAL_NAME_CHARS_MAX: usize = 25;

/// A shop's code: its fields without the checksum, in the order in which they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopCode {
    fields: Vec<Field>,
}

/// Whose code it is: what does not change from payment to payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the money goes, with tags 02 to 51: the number at a card scheme, or from 26 on a row of fields.
    pub accounts: Vec<(Tag, Vec<Field>)>,
    /// The merchant category code of ISO 18245, four digits.
    pub category: String,
    /// The currency.
    pub currency: Currency,
    /// ISO 3166, two letters.
    pub country: String,
    /// At most 25 characters of ASCII.
    pub name: String,
    /// At most 15 characters of ASCII.
    pub city: String,
    /// The postal code; JPQR wants one.
    pub postal_code: Option<String>,
    /// ISO 639 of a language, and the name in it; JPQR wants the Japanese one.
    pub local_name: Option<(String, String)>,
}

impl ShopCode {
    /// The code in a text, as it was scanned.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let cut = text.len().checked_sub(CHECKSUM_DIGITS).ok_or(Refusal::NotEmv)?;
        let (body, told) = text.split_at_checked(cut).ok_or(Refusal::NotEmv)?;
        if !text.starts_with(SHOP_CODE_HEAD) || !body.ends_with(CHECKSUM_HEAD) {
            return Err(Refusal::NotEmv);
        }
        if !told.eq_ignore_ascii_case(&checksum(body)) {
            return Err(Refusal::ChecksumWrong);
        }
        let mut fields = parse(text)?;
        let last = fields.pop().filter(|last| last.tag == Tag::of(CHECKSUM));
        last.map(|_| Self { fields }).ok_or(Refusal::NotEmv)
    }

    /// A code for any amount, as it would hang on the wall.
    pub fn of(place: &Place) -> Result<Self, Refusal> {
        let mut fields = vec![Field::new(FORMAT, "01"), Field::new(INITIATION, "11")];
        for (tag, parts) in &place.accounts {
            require(tag.number(), ACCOUNTS.contains(&tag.number()))?;
            let value = match parts.as_slice() {
                [one] if tag.number() < ACCOUNT_TEMPLATES => one.value.clone(),
                parts => write(parts)?,
            };
            fields.push(Field { tag: *tag, value });
        }
        fields.push(Field::new(CATEGORY, place.category.as_str()));
        fields.push(Field::new(CURRENCY, place.currency.digits()));
        fields.push(Field::new(COUNTRY, place.country.as_str()));
        fields.push(Field::new(NAME, place.name.as_str()));
        fields.push(Field::new(CITY, place.city.as_str()));
        fields.extend(place.postal_code.iter().map(|code| Field::new(POSTAL_CODE, code.as_str())));
        if let Some((language, name)) = &place.local_name {
            let parts = [Field::new(0, language.as_str()), Field::new(1, name.as_str())];
            fields.push(Field::new(LOCAL, write(&parts)?));
        }
        let code = Self { fields };
        code.check()?;
        Ok(code)
    }

    /// The same code for one payment: with its amount, and the reference by which the shop finds it again.
    pub fn for_payment(&self, amount_minor: i64, reference: Option<&str>) -> Result<Self, Refusal> {
        let currency = self.currency().ok_or(Refusal::FieldInvalid { tag: Tag::of(CURRENCY) })?;
        let amount = format_minor(amount_minor, currency);
        if amount_minor < 1 || amount.len() > AMOUNT_CHARS_MAX {
            return Err(Refusal::AmountInvalid);
        }
        let mut code = self.clone();
        code.set(INITIATION, "12".to_owned());
        code.set(AMOUNT, amount);
        if let Some(reference) = reference {
            let mut parts = code.nested(ADDITIONAL)?.unwrap_or_default();
            parts.retain(|part| part.tag != Tag::of(REFERENCE));
            parts.push(Field::new(REFERENCE, reference));
            code.set(ADDITIONAL, write(&parts)?);
        }
        code.check()?;
        Ok(code)
    }

    /// What a field says.
    pub fn find(&self, tag: u8) -> Option<&str> {
        self.fields.iter().find(|field| field.tag == Tag::of(tag)).map(|field| field.value.as_str())
    }

    /// The fields, without the checksum.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The fields inside a field, if it is there.
    pub fn nested(&self, tag: u8) -> Result<Option<Vec<Field>>, Refusal> {
        self.find(tag).map(parse).transpose()
    }

    /// The currency, if it is one that something can be priced in.
    pub fn currency(&self) -> Option<Currency> {
        self.find(CURRENCY).and_then(Currency::of_digits)
    }

    /// What the QR code says.
    pub fn text(&self) -> Result<String, Refusal> {
        let body = write(&self.fields)? + CHECKSUM_HEAD;
        let checksum = checksum(&body);
        Ok(body + &checksum)
    }

    fn set(&mut self, tag: u8, value: String) {
        let tag = Tag::of(tag);
        match self.fields.iter_mut().find(|field| field.tag == tag) {
            Some(field) => field.value = value,
            None => self.fields.push(Field { tag, value }),
        }
    }

    /// What a phone needs in order to pay. A code that was scanned has been parsed, but is only held to this when another
    /// one is made from it.
    fn check(&self) -> Result<(), Refusal> {
        let is_twice = |field: &&Field| self.fields.iter().filter(|other| other.tag == field.tag).count() > 1;
        if self.fields.iter().any(|field| is_twice(&field)) {
            return Err(Refusal::TagTwice);
        }
        let mut accounts = self.fields.iter().filter(|field| ACCOUNTS.contains(&field.tag.number())).peekable();
        accounts.peek().ok_or(Refusal::AccountMissing)?;
        for (tag, chars_max) in MANDATORY {
            let value = self.find(tag).ok_or(Refusal::FieldMissing { tag: Tag::of(tag) })?;
            if value.is_empty() || value.chars().count() > chars_max {
                return Err(Refusal::FieldInvalid { tag: Tag::of(tag) });
            }
        }
        let is_short = |text: &str, chars_max: usize| (1..=chars_max).contains(&text.chars().count());
        require(POSTAL_CODE, self.find(POSTAL_CODE).is_none_or(|text| is_short(text, POSTAL_CODE_CHARS_MAX)))?;
        let local = self.nested(LOCAL)?.unwrap_or_default();
        let name = local.iter().find(|part| part.tag == Tag::of(LOCAL_NAME));
        require(LOCAL, name.is_none_or(|part| is_short(&part.value, LOCAL_NAME_CHARS_MAX)))?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_letters = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        require(CATEGORY, self.find(CATEGORY).is_some_and(|text| text.len() == 4 && is_digits(text)))?;
        require(COUNTRY, self.find(COUNTRY).is_some_and(is_letters))?;
        require(CURRENCY, self.currency().is_some())?;
        for account in accounts {
            if account.tag.number() >= ACCOUNT_TEMPLATES {
                self.check_account(account)?;
            }
        }
        Ok(())
    }

    /// An account says by its field 00 whose it is. That of JPQR has four numbers and wants more of the code.
    fn check_account(&self, account: &Field) -> Result<(), Refusal> {
        let parts = parse(&account.value).map_err(|_| Refusal::FieldInvalid { tag: account.tag })?;
        let part = |tag: u8| parts.iter().find(|part| part.tag == Tag::of(tag)).map(|part| part.value.as_str());
        let id = part(0).ok_or(Refusal::FieldInvalid { tag: account.tag })?;
        if id != JPQR {
            return Ok(());
        }
        let is_number = |(tag, digits): &(u8, usize)| {
            part(*tag).is_some_and(|text| text.len() == *digits && text.bytes().all(|byte| byte.is_ascii_digit()))
        };
        require(account.tag.number(), JPQR_DIGITS.iter().all(is_number))?;
        require(COUNTRY, self.find(COUNTRY) == Some("JP"))?;
        require(CURRENCY, self.currency() == Some(Currency::JPY))?;
        self.find(POSTAL_CODE).ok_or(Refusal::FieldMissing { tag: Tag::of(POSTAL_CODE) })?;
        let local = self.nested(LOCAL)?.ok_or(Refusal::FieldMissing { tag: Tag::of(LOCAL) })?;
        let tags: Vec<u8> = local.iter().map(|part| part.tag.number()).collect();
        let is_japanese = local.first().is_some_and(|part| part.value == "JA");
        require(LOCAL, tags == [0, 1] && is_japanese)
    }
}

/// The reference label in field 62.
const REFERENCE: u8 = 5;

fn require(tag: u8, holds: bool) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::FieldInvalid { tag: Tag::of(tag) }) }
}

/// Over the bytes of everything before it, its own tag and length included.
fn checksum(body: &str) -> String {
    format!("{:04X}", crc16(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jpqr() -> Place {
        let account = [(0, JPQR), (1, "0000000000001"), (2, "0001"), (3, "000001"), (4, "000001")];
        Place {
            accounts: vec![(Tag::of(26), account.map(|(tag, value)| Field::new(tag, value)).to_vec())],
            category: "5411".to_owned(),
            currency: Currency::JPY,
            country: "JP".to_owned(),
            name: "TILLBRIDGE TEA".to_owned(),
            city: "TOKYO".to_owned(),
            postal_code: Some("1040061".to_owned()),
            local_name: Some(("JA".to_owned(), "お茶のチルブリッジ".to_owned())),
        }
    }

    #[test]
    fn a_code_for_the_wall_becomes_one_for_a_payment() {
        let wall = ShopCode::of(&jpqr()).unwrap();
        assert_eq!((wall.find(INITIATION), wall.find(AMOUNT)), (Some("11"), None));
        let text = wall.text().unwrap();
        assert!(text.starts_with(SHOP_CODE_HEAD));
        assert_eq!(ShopCode::parse(&text).unwrap(), wall);
        let one = ShopCode::parse(&text).unwrap().for_payment(1_980, Some("T1-7")).unwrap();
        assert_eq!((one.find(INITIATION), one.find(AMOUNT)), (Some("12"), Some("1980")));
        assert_eq!(one.nested(ADDITIONAL).unwrap(), Some(vec![Field::new(5, "T1-7")]));
        let other = one.for_payment(500, Some("T1-8")).unwrap();
        assert_eq!(other.find(ADDITIONAL), Some("0504T1-8"));
        assert_eq!(ShopCode::parse(&one.text().unwrap()).unwrap(), one);
    }

    #[test]
    fn cents_are_written_with_a_point() {
        let usd = Currency::parse("USD").unwrap();
        let accounts = vec![(Tag::of(2), vec![Field::new(0, "4000123456789012")])];
        let place = Place { accounts, currency: usd, country: "US".to_owned(), ..jpqr() };
        let code = ShopCode::of(&place).unwrap().for_payment(2_372, None).unwrap();
        assert_eq!(
            (code.find(AMOUNT), code.find(CURRENCY), code.find(2)),
            (Some("23.72"), Some("840"), Some("4000123456789012"))
        );
    }

    #[test]
    fn what_no_phone_could_pay_is_refused() {
        let tag = |number| Tag::of(number);
        let invalid = |number| Refusal::FieldInvalid { tag: tag(number) };
        let account =
            |parts: &[(u8, &str)]| vec![(tag(26), parts.iter().map(|(tag, value)| Field::new(*tag, *value)).collect())];
        for (place, refusal) in [
            (Place { accounts: Vec::new(), ..jpqr() }, Refusal::AccountMissing),
            (Place { accounts: account(&[(1, "x")]), ..jpqr() }, invalid(26)),
            (Place { accounts: account(&[(0, JPQR), (1, "1")]), ..jpqr() }, invalid(26)),
            (Place { accounts: [account(&[(0, "a")]), account(&[(0, "b")])].concat(), ..jpqr() }, Refusal::TagTwice),
            (Place { accounts: vec![(tag(53), vec![Field::new(0, "x")])], ..jpqr() }, invalid(53)),
            (Place { category: "541".to_owned(), ..jpqr() }, invalid(52)),
            (Place { country: "jp".to_owned(), ..jpqr() }, invalid(58)),
            (Place { country: "US".to_owned(), ..jpqr() }, invalid(58)),
            (Place { currency: Currency::parse("USD").unwrap(), ..jpqr() }, invalid(53)),
            (Place { name: "x".repeat(26), ..jpqr() }, invalid(59)),
            (Place { city: String::new(), ..jpqr() }, invalid(60)),
            (Place { postal_code: None, ..jpqr() }, Refusal::FieldMissing { tag: tag(61) }),
            (Place { postal_code: Some("1".repeat(11)), ..jpqr() }, invalid(61)),
            (Place { local_name: Some(("JA".to_owned(), "茶".repeat(26))), ..jpqr() }, invalid(64)),
            (Place { local_name: None, ..jpqr() }, Refusal::FieldMissing { tag: tag(64) }),
            (Place { local_name: Some(("EN".to_owned(), "Tea".to_owned())), ..jpqr() }, invalid(64)),
        ] {
            assert_eq!(ShopCode::of(&place), Err(refusal), "{place:?}");
        }
        let wall = ShopCode::of(&jpqr()).unwrap();
        for amount_minor in [0, -1, 10_000_000_000_000] {
            assert_eq!(wall.for_payment(amount_minor, None), Err(Refusal::AmountInvalid));
        }
        let long = "x".repeat(100);
        assert_eq!(wall.for_payment(1, Some(&long)), Err(Refusal::ValueInvalid { tag: tag(5) }));
    }

    #[test]
    fn a_changed_character_is_seen() {
        let text = ShopCode::of(&jpqr()).unwrap().text().unwrap();
        for (at, character) in text.char_indices().filter(|(_, character)| character.is_ascii()) {
            let other = if character == 'x' { 'y' } else { 'x' };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(ShopCode::parse(&changed).is_err(), "{at}");
        }
        for wrong in ["", "6304", "0002016304", "hQVDUFYw", "4901234567894"] {
            assert_eq!(ShopCode::parse(wrong), Err(Refusal::NotEmv), "{wrong}");
        }
    }

    /// The shared vectors, where they are at hand.
    #[test]
    fn the_shared_vectors_hold() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/emv-qr.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: the shared vectors are not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = vectors["merchant_presented"].as_array().unwrap();
        for case in cases {
            let payload = case["payload"].as_str().unwrap();
            let code = ShopCode::parse(payload).unwrap();
            let told: Vec<(String, String)> = serde_json::from_value(case["top_level"].clone()).unwrap();
            let (last, told) = told.split_last().unwrap();
            assert_eq!(*last, ("63".to_owned(), case["crc"].as_str().unwrap().to_owned()));
            let fields = code.fields().iter().map(|field| (field.tag.to_string(), field.value.clone()));
            assert!(fields.eq(told.iter().cloned()), "{case}");
            assert_eq!(code.text().unwrap(), payload);
        }
        assert_eq!(cases.len(), 6);
    }

    proptest! {
        #[test]
        fn whatever_is_built_is_parsed(
            name in "[ -~]{1,25}", city in "[ -~]{1,15}", local in "[あ-ん一-龠ァ-ヶ]{1,25}", amount in 1_i64..1_000_000_000,
            reference in prop::option::of("[A-Z0-9-]{1,25}"),
        ) {
            let place = Place { name, city, local_name: Some(("JA".to_owned(), local)), ..jpqr() };
            let code = ShopCode::of(&place).unwrap().for_payment(amount, reference.as_deref()).unwrap();
            prop_assert_eq!(ShopCode::parse(&code.text().unwrap()).unwrap(), code);
        }
    }
}
