//! What a customer tells of themselves.

use std::fmt;

use super::{Refusal, normal_email, normal_phone};
use crate::guard;
use crate::locale::Locale;
use crate::metadata::Metadata;
use crate::text;
use crate::time::Timestamp;

/// Longest name, in characters: both names of a couple, or a company's.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest note, in characters: a few sentences, not a document.
pub const NOTE_CHARS_MAX: usize = 500;
/// Longest name of where a consent was given, in characters.
pub const CONSENT_SOURCE_CHARS_MAX: usize = 40;

/// What is known of a person. Nothing of it is ever written to a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// How the customer is called.
    pub name: Option<String>,
    /// A mail address, in one spelling.
    pub email: Option<String>,
    /// A telephone number, `+` and digits.
    pub phone: Option<String>,
    /// The language that the customer reads.
    pub language: Option<Locale>,
    /// Whether the customer wants to hear of offers; `None` where nobody asked.
    pub marketing: Option<Consent>,
    /// Free text of the shop; guarded against card numbers.
    pub note: String,
    /// What a vendor notes on it.
    pub metadata: Metadata,
}

/// A yes or a no of the customer, with what shows that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Yes or no.
    pub is_given: bool,
    /// When it was said.
    pub at: Timestamp,
    /// Where, for example `register` or `web form`.
    pub source: String,
}

/// A yes or a no as it is told.
#[derive(Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// Yes or no.
    pub is_given: bool,
    /// When it was said; now where it is left out.
    pub at: Option<Timestamp>,
    /// Where.
    pub source: String,
}

/// What is told of a person: the fields that are given; a field that is given as `None` is emptied.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewPerson {
    /// The name.
    pub name: Option<Option<String>>,
    /// The mail address, as it was typed.
    pub email: Option<Option<String>>,
    /// The telephone number, as it was typed.
    pub phone: Option<Option<String>>,
    /// The language.
    pub language: Option<Option<Locale>>,
    /// Whether the customer wants to hear of offers.
    pub marketing: Option<Option<NewConsent>>,
    /// The note.
    pub note: Option<String>,
}

impl Person {
    /// Whether offers may be sent.
    pub fn is_marketing_allowed(&self) -> bool {
        self.marketing.as_ref().is_some_and(|consent| consent.is_given)
    }
}

impl NewPerson {
    /// What is known afterwards.
    pub(super) fn apply(
        &self,
        mut person: Person,
        calling_code: Option<u16>,
        now: Timestamp,
    ) -> Result<Person, Refusal> {
        if let Some(name) = &self.name {
            person.name = name.as_deref().map(checked_name).transpose()?;
        }
        if let Some(email) = &self.email {
            person.email = email.as_deref().map(normal_email).transpose()?;
        }
        if let Some(phone) = &self.phone {
            person.phone = phone.as_deref().map(|phone| normal_phone(phone, calling_code)).transpose()?;
        }
        person.language = self.language.unwrap_or(person.language);
        if let Some(consent) = &self.marketing {
            person.marketing = consent.as_ref().map(|consent| consent.checked(now)).transpose()?;
        }
        if let Some(note) = &self.note {
            person.note = checked_note(note)?;
        }
        Ok(person)
    }
}

impl NewConsent {
    /// The consent, if it is not of a time to come.
    fn checked(&self, now: Timestamp) -> Result<Consent, Refusal> {
        let at = self.at.unwrap_or(now);
        let source = self.source.trim();
        if at > now || at < Timestamp(0) || !text::is_line(source, CONSENT_SOURCE_CHARS_MAX) {
            return Err(Refusal::ConsentInvalid);
        }
        check_guard(source)?;
        Ok(Consent { is_given: self.is_given, at, source: source.to_owned() })
    }
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if !text::is_line(name, NAME_CHARS_MAX) {
        return Err(Refusal::NameInvalid);
    }
    check_guard(name)?;
    Ok(name.to_owned())
}

fn checked_note(note: &str) -> Result<String, Refusal> {
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(Refusal::NoteTooLong);
    }
    check_guard(note)?;
    Ok(note.to_owned())
}

fn check_guard(text: &str) -> Result<(), Refusal> {
    if guard::looks_like_card_number(text) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

/// What is printed of a person where a program shows its values.
const HIDDEN: &str = "Person(***)";

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Debug for NewConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
