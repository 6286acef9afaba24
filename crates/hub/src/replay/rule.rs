//! What a line of an export is: a rule of the map names it by what stands in the line.

use anyhow::bail;
use serde::Deserialize;

use super::line::Line;

/// What a line ends as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Goods were sold.
    Sold,
    /// Goods came back.
    Returned,
    /// Goods are gone.
    WrittenOff,
    /// It is not recorded.
    Refused,
}

impl Outcome {
    /// All of them, in the order of the summary.
    pub const ALL: [Self; 4] = [Self::Sold, Self::Returned, Self::WrittenOff, Self::Refused];

    /// The word in the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::Returned => "returned",
            Self::WrittenOff => "written_off",
            Self::Refused => "refused",
        }
    }
}

/// One rule: lines of which all that it names holds are what it says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    is: Option<Outcome>,
    because: Option<String>,
    invoice_starts_with: Option<Vec<String>>,
    code: Option<Vec<String>>,
    code_starts_with: Option<Vec<String>>,
    description: Option<Vec<String>>,
    quantity: Option<Sign>,
    unit_price: Option<Sign>,
    customer: Option<Presence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sign {
    Negative,
    Zero,
    Positive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Presence {
    Present,
    Absent,
}

impl Rule {
    /// Goes on only if the rule can be followed.
    pub fn check(&self, number: usize, is_last: bool) -> anyhow::Result<()> {
        let Some(outcome) = self.is else {
            bail!(
                "rule {number} does not say what the lines are: is = \"sold\", \"returned\", \"written_off\" or \"refused\"."
            );
        };
        let has_reason = self.because.as_ref().is_some_and(|why| !why.trim().is_empty());
        if (outcome == Outcome::Refused) != has_reason {
            bail!("rule {number}: a line that is refused says why in `because`, and no other does.");
        }
        let lists = [&self.invoice_starts_with, &self.code, &self.code_starts_with, &self.description];
        let mut lists = lists.into_iter().flatten();
        if lists.clone().any(|list| list.is_empty() || list.iter().any(String::is_empty)) {
            bail!(
                "rule {number} has a list without an entry, or an entry without a letter: it fits no line, or every one."
            );
        }
        let is_for_all =
            lists.next().is_none() && self.quantity.is_none() && self.unit_price.is_none() && self.customer.is_none();
        if is_for_all && !is_last {
            bail!("rule {number} fits every line: put it last, or say which lines it is for.");
        }
        Ok(())
    }

    /// What the line is, with the reason where it is refused; `None` where the rule is not for it.
    pub fn apply(&self, line: &Line) -> Option<(Outcome, Option<&str>)> {
        let starts = |list: &Option<Vec<String>>, text: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|head| text.starts_with(head.as_str())))
        };
        let is_one_of = |list: &Option<Vec<String>>, text: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == text))
        };
        let has_sign = |wanted: Option<Sign>, number: i64| wanted.is_none_or(|wanted| wanted == Sign::of(number));
        let presence = if line.customer.is_empty() { Presence::Absent } else { Presence::Present };
        let fits = starts(&self.invoice_starts_with, &line.invoice)
            && starts(&self.code_starts_with, &line.code)
            && is_one_of(&self.code, &line.code)
            && is_one_of(&self.description, &line.name)
            && has_sign(self.quantity, line.quantity.0)
            && has_sign(self.unit_price, line.unit_price.0)
            && self.customer.is_none_or(|wanted| wanted == presence);
        self.is.filter(|_| fits).map(|outcome| (outcome, self.because.as_deref()))
    }
}

impl Sign {
    const fn of(number: i64) -> Self {
        match number {
            ..0 => Self::Negative,
            0 => Self::Zero,
            1.. => Self::Positive,
        }
    }
}

/// What a line is by the rules of a map, the first that fits. `Err` says why it is not recorded.
pub fn classify(rules: &[Rule], line: &Line) -> Result<Outcome, String> {
    let found = rules.iter().find_map(|rule| rule.apply(line));
    let outcome = match found {
        Some((Outcome::Refused, because)) => return Err(because.unwrap_or_default().to_owned()),
        Some((outcome, _)) => outcome,
        None => Outcome::Sold,
    };
    if line.quantity.0 == 0 {
        return Err("the quantity is zero".to_owned());
    }
    if line.unit_price.0 < 0 {
        return Err("the price is below zero, and no rule of the map says what that is".to_owned());
    }
    if outcome == Outcome::Sold && line.quantity.0 < 0 {
        return Err("the quantity is below zero, and no rule of the map says what that is".to_owned());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::line::tests::a_line;
    use crate::replay::map::Map;
    use crate::replay::map::tests::MAP;

    #[test]
    fn the_first_rule_that_fits_says_what_a_line_is() {
        let rules = Map::parse(MAP).unwrap().rules;
        let of = |invoice: &str, code: &str, quantity: i64, price: i64| {
            classify(&rules, &Line { code: code.to_owned(), ..a_line(invoice, 1, quantity, price) })
        };
        assert_eq!(of("1", "A", 1_000, 500), Ok(Outcome::Sold));
        assert_eq!(of("1", "A", 1_000, 0), Ok(Outcome::Sold));
        assert_eq!(of("C1", "A", -1_000, 500), Ok(Outcome::Returned));
        assert_eq!(of("C1", "A", -1_000, 0), Ok(Outcome::Returned), "the first that fits");
        assert_eq!(of("1", "A", -1_000, 0), Ok(Outcome::WrittenOff));
        assert_eq!(of("1", "B", 1_000, 500), Err("an adjustment of a debt".to_owned()));
        for (quantity, price, why) in
            [(-1_000, 500, "quantity is below"), (0, 500, "quantity is zero"), (1_000, -1, "price is below")]
        {
            assert!(of("1", "A", quantity, price).is_err_and(|told| told.contains(why)), "{why}");
        }
    }

    #[test]
    fn a_rule_may_ask_for_a_customer_and_a_text() {
        let text = "is = \"written_off\"\ncustomer = \"absent\"\ndescription = [\"lost\"]\ncode_starts_with = [\"8\"]";
        let rule: Rule = toml::from_str(text).unwrap();
        let line = Line { name: "lost".to_owned(), code: "85A".to_owned(), ..a_line("1", 1, -1_000, 1) };
        assert_eq!(rule.apply(&Line { customer: String::new(), ..line.clone() }), Some((Outcome::WrittenOff, None)));
        assert_eq!(rule.apply(&line), None);
        assert_eq!(rule.apply(&Line { customer: String::new(), code: "9".to_owned(), ..line.clone() }), None);
        assert_eq!(rule.apply(&Line { customer: String::new(), name: "found".to_owned(), ..line }), None);
    }
}
