//! What is told of an article and no sale depends on: its names in other languages, what it is, what it looks like. A
//! record of its own, so that no sale reads it.

use std::collections::BTreeMap;

use super::{Refusal, check_name};
use crate::guard;
use crate::id::{ArticleId, MerchantId};

/// Longest description, in characters: a screen of text.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// Languages that an article may have a name in beside its own.
pub const NAMES_MAX: usize = 20;

/// Images that an article may have.
pub const IMAGES_MAX: usize = 10;

/// Longest URL of an image, in characters.
pub const IMAGE_URL_CHARS_MAX: usize = 500;

/// Longest tag of a language, in characters: `zh-Hant-TW` and more.
const LANGUAGE_CHARS_MAX: usize = 20;

/// What is told of an article.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Its names by language, a BCP 47 tag such as `en` or `zh-Hans`.
    pub names: BTreeMap<String, String>,
    /// What it is, in a few sentences.
    pub description: String,
    /// Where its pictures are, the first one first. The hub never fetches them.
    pub image_urls: Vec<String>,
}

/// The details of one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleDetails {
    /// The article.
    pub article: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What is told.
    pub details: Details,
    /// Row version.
    pub version: i64,
}

/// A change of details: the fields that are given.
#[derive(Debug, Clone, Default)]
pub struct NewDetails {
    /// All the names by language from now on.
    pub names: Option<BTreeMap<String, String>>,
    /// The new description.
    pub description: Option<String>,
    /// All the images from now on.
    pub image_urls: Option<Vec<String>>,
}

impl NewDetails {
    /// The details after the change.
    pub(super) fn apply(&self, mut details: Details) -> Result<Details, Refusal> {
        if let Some(names) = &self.names {
            check_names(names)?;
            details.names.clone_from(names);
        }
        if let Some(description) = &self.description {
            check_description(description)?;
            details.description.clone_from(description);
        }
        if let Some(image_urls) = &self.image_urls {
            check_image_urls(image_urls)?;
            details.image_urls.clone_from(image_urls);
        }
        Ok(details)
    }
}

fn check_names(names: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if names.len() > NAMES_MAX {
        return Err(Refusal::TooManyNames);
    }
    for (language, name) in names {
        if !is_language(language) {
            return Err(Refusal::LanguageInvalid);
        }
        check_name(name)?;
    }
    Ok(())
}

/// Two or three letters, and subtags behind hyphens (RFC 5646, section 2.1, without its rare forms).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    let is_primary = matches!(primary.len(), 2 | 3) && primary.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut subtags =
        parts.map(|part| matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_primary && tag.len() <= LANGUAGE_CHARS_MAX && subtags.all(|is_subtag| is_subtag)
}

fn check_description(description: &str) -> Result<(), Refusal> {
    let steers = |c: char| c.is_control() && c != '\n';
    if description.chars().count() > DESCRIPTION_CHARS_MAX || description.chars().any(steers) {
        return Err(Refusal::DescriptionInvalid);
    }
    if guard::looks_like_card_number(description) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

/// An address that a browser may be sent to: of a script, a file or a page inside this page there is no picture.
fn check_image_urls(urls: &[String]) -> Result<(), Refusal> {
    if urls.len() > IMAGES_MAX {
        return Err(Refusal::TooManyImages);
    }
    let is_url = |url: &String| {
        let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let is_visible = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
        !host.is_empty() && is_visible && url.len() <= IMAGE_URL_CHARS_MAX
    };
    if urls.iter().all(is_url) { Ok(()) } else { Err(Refusal::ImageUrlInvalid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::UpdateArticle;
    use crate::testing::{MERCHANT, TEA, World};

    fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(language, name)| ((*language).to_owned(), (*name).to_owned())).collect()
    }

    fn an_update(details: NewDetails) -> UpdateArticle {
        UpdateArticle { details, ..UpdateArticle::nothing(MERCHANT, TEA) }
    }

    #[test]
    fn only_given_details_change() {
        let mut world = World::new();
        let names = names(&[("en", "Green tea"), ("zh-Hans", "绿茶")]);
        let named = world.run(&an_update(NewDetails { names: Some(names.clone()), ..NewDetails::default() })).unwrap();
        assert_eq!((named.article.version, &named.details.names), (2, &names));
        let image_urls = vec!["https://example.com/tea.png".to_owned()];
        let change = NewDetails { image_urls: Some(image_urls.clone()), ..NewDetails::default() };
        let pictured = world.run(&an_update(change.clone())).unwrap();
        let expected = Details { names, image_urls, description: String::new() };
        assert_eq!((pictured.article.version, &pictured.details), (3, &expected));
        assert_eq!(world.run(&an_update(change)).unwrap().article.version, 3);
        assert_eq!(world.run(&UpdateArticle::nothing(MERCHANT, TEA)).unwrap().details, expected);
        assert_eq!(world.event_kinds(), ["article.updated"; 2]);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let one = |language: &str, name: &str| Some(names(&[(language, name)]));
        let new = NewDetails::default;
        let urls = |url: &str, count| Some(vec![url.to_owned(); count]);
        let many = (0..21_u8).map(|n| (format!("en-{}x", char::from(b'a' + n)), "x".to_owned())).collect();
        for (code, wrong) in [
            ("article_language_invalid", NewDetails { names: one("", "Tea"), ..new() }),
            ("article_language_invalid", NewDetails { names: one("EN", "Tea"), ..new() }),
            ("article_language_invalid", NewDetails { names: one("en_US", "Tea"), ..new() }),
            ("article_name_invalid", NewDetails { names: one("en", " "), ..new() }),
            ("text_looks_like_card_number", NewDetails { names: one("en", "4111 1111 1111 1111"), ..new() }),
            ("article_too_many_names", NewDetails { names: Some(many), ..new() }),
            ("article_description_invalid", NewDetails { description: Some("x".repeat(2_001)), ..new() }),
            ("article_description_invalid", NewDetails { description: Some("\u{1b}p".to_owned()), ..new() }),
            ("text_looks_like_card_number", NewDetails { description: Some("4111111111111111".to_owned()), ..new() }),
            ("article_image_url_invalid", NewDetails { image_urls: urls("http://example.com/a.png", 1), ..new() }),
            ("article_image_url_invalid", NewDetails { image_urls: urls("https:///a.png", 1), ..new() }),
            ("article_image_url_invalid", NewDetails { image_urls: urls("javascript:alert(1)", 1), ..new() }),
            ("article_image_url_invalid", NewDetails { image_urls: urls("https://a/\"><script>", 1), ..new() }),
            ("article_too_many_images", NewDetails { image_urls: urls("https://a/b", 11), ..new() }),
        ] {
            assert_eq!(World::new().refused(&an_update(wrong)).code(), code);
        }
    }
}
