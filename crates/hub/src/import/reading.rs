//! Reads the fields of a row. What is wrong with a field is told of the line; a line is refused with all that is wrong with it, not
//! with the first.

use std::collections::BTreeMap;

use domain::article::{Barcode, Unit};
use domain::money::{QUANTITY_PLACES, Quantity, UNIT_PRICE_PLACES, UnitPrice};
use domain::{command, decimal};

use super::code::{self, Ruin};
use super::issue::{Class, Issue, quoted};
use super::line::{Goods, Role, Whole};
use super::number::Unreadable;
use super::sheet::{OptionPlaces, Sheet};
use super::word::{self, Tax};
use crate::table_file::Row;

/// Ten-thousandths of the minor unit in one.
const MINOR: i64 = 10_i64.pow(UNIT_PRICE_PLACES);

/// What the line before has said.
pub struct Before {
    pub group: String,
    pub name: String,
    pub option_names: Vec<String>,
}

/// The name of a line.
pub struct Name {
    /// The whole of it.
    pub text: String,
    /// The name of what it is a variant of, if it is one.
    pub whole: String,
    /// Whether the text is no more than that.
    pub is_of_whole: bool,
}

/// A row that is being read.
pub struct Reading<'a> {
    pub sheet: &'a Sheet,
    pub row: &'a Row,
    pub issues: Vec<Issue>,
}

impl<'a> Reading<'a> {
    fn field(&self, place: usize) -> &'a str {
        self.row.fields.get(place).map_or("", |field| field.trim())
    }

    fn text(&self, place: Option<usize>) -> &'a str {
        place.map_or("", |place| self.field(place))
    }

    /// The first of these columns in which something stands.
    fn first(&self, places: &[usize]) -> Option<(usize, &'a str)> {
        places.iter().map(|place| (*place, self.field(*place))).find(|(_, text)| !text.is_empty())
    }

    fn say(&mut self, class: Class, place: usize, text: &str) {
        self.issues.push(Issue::quoting(class, self.sheet.header(place), text));
    }

    /// A code in one spelling, of which nothing is said.
    pub fn code(&self, place: Option<usize>) -> String {
        code::in_one_spelling(self.text(place)).0
    }

    /// The name.
    pub fn name(&mut self, before: Option<&Before>) -> Name {
        let places = &self.sheet.places;
        let mut parts: Vec<&str> = Vec::new();
        for place in &places.name {
            let text = self.field(*place);
            if text.len() != self.row.fields.get(*place).map_or(0, String::len) {
                self.issues.push(Issue::quoting(Class::NamePadded, self.sheet.header(*place), text));
            }
            if !text.is_empty() && !self.sheet.map.left_out_of_names.iter().any(|part| part == text) {
                parts.push(text);
            }
        }
        let group = self.text(places.group);
        let inherited = before.filter(|before| !group.is_empty() && before.group == group).map(|before| &before.name);
        let text = match (parts.is_empty(), inherited) {
            (true, Some(name)) => name.clone(),
            _ => parts.join(" "),
        };
        let whole = match self.text(places.whole_name) {
            "" => text.clone(),
            told => told.to_owned(),
        };
        let is_of_whole = whole == text;
        Name { text, whole, is_of_whole }
    }

    /// What tells it from other variants, in the order of the columns.
    pub fn options(&self, before: Option<&Before>) -> Vec<(String, String)> {
        let names = self.option_names(before);
        let values = self.sheet.places.options.iter().map(|option| self.field(option.value_place).to_owned());
        names.into_iter().zip(values).filter(|(name, value)| !name.is_empty() && !value.is_empty()).collect()
    }

    fn option_names(&self, before: Option<&Before>) -> Vec<String> {
        let group = self.text(self.sheet.places.group);
        let before = before.filter(|before| !group.is_empty() && before.group == group);
        let name = |(number, option): (usize, &OptionPlaces)| {
            let inherited = before.and_then(|before| before.option_names.get(number)).map_or("", String::as_str);
            match (self.text(option.name_place), option.name.as_deref()) {
                ("", None) => inherited.to_owned(),
                ("", Some(name)) => name.to_owned(),
                (told, _) => told.to_owned(),
            }
        };
        self.sheet.places.options.iter().enumerate().map(name).collect()
    }

    /// What the lines behind this one may leave out.
    pub fn before(&self, name: &str, before: Option<Before>) -> Before {
        let option_names = self.option_names(before.as_ref());
        Before { group: self.text(self.sheet.places.group).to_owned(), name: name.to_owned(), option_names }
    }

    /// What it is to others.
    pub fn role(&self, whole_name: &str, options: &[(String, String)]) -> Role {
        let places = &self.sheet.places;
        let kind = word::folded(self.text(places.kind));
        if kind.split(',').any(|kind| kind.trim() == "variable") {
            return Role::Whole;
        }
        let options: BTreeMap<String, String> = options.iter().cloned().collect();
        let parent = self.text(places.parent);
        let group = self.code(places.group);
        if !parent.is_empty() {
            return Role::Variant { of: Whole::Line(code::in_one_spelling(parent).0), options };
        }
        if group.is_empty() || options.is_empty() {
            return Role::Single;
        }
        Role::Variant { of: Whole::Group { group, name: whole_name.to_owned() }, options }
    }

    /// What it wants to be.
    pub fn goods(&mut self, role: Role) -> Goods {
        let places = &self.sheet.places;
        let unit = self.unit();
        let barcodes = self.barcodes(unit);
        let is_whole = role == Role::Whole;
        let unit_price = self.unit_price(is_whole);
        let (tax_class, eat_in_tax_class) = self.taxes();
        let is_stocked = self.yes_or_no(places.is_stocked);
        Goods {
            barcodes,
            description: self.description(),
            unit,
            unit_price,
            tax_class,
            eat_in_tax_class,
            stock: if is_whole { None } else { self.stock() },
            is_active: self.yes_or_no(places.is_active),
            is_stocked,
            role,
        }
    }

    /// The sku: that of the table, or what comes nearest to one of its own.
    pub fn sku(&mut self, goods: &Goods, name: &str) -> (String, bool) {
        let places = &self.sheet.places;
        let (sku, is_exchanged) = code::in_one_spelling(self.text(places.sku));
        if let Some(place) = places.sku.filter(|_| !sku.is_empty()) {
            if code::ruin(&sku) == Some(Ruin::Rounded) {
                self.say(Class::SkuRounded, place, &sku);
            }
            if is_exchanged {
                self.say(Class::CodeRespelled, place, self.field(place));
            }
            return (sku, true);
        }
        let id = self.code(places.id);
        let barcode = goods.barcodes.first().map(|barcode| barcode.as_str().to_owned());
        let of_group = match &goods.role {
            Role::Variant { of: Whole::Group { group, .. }, options } => {
                Some(std::iter::once(group).chain(options.values()).cloned().collect::<Vec<_>>().join("-"))
            }
            _ => None,
        };
        let named = Some(name.to_owned());
        let derived = [Some(id), barcode, of_group, named].into_iter().flatten().find(|code| !code.is_empty());
        let Some(derived) = derived else {
            self.issues.push(Issue::new(Class::SkuMissing, places.sku.and_then(|place| self.sheet.header(place)), ""));
            return (String::new(), false);
        };
        let column = places.sku.and_then(|place| self.sheet.header(place));
        self.issues.push(Issue::quoting(Class::SkuDerived, column, &derived));
        (derived, false)
    }

    fn barcodes(&mut self, unit: Option<Unit>) -> Vec<Barcode> {
        let mut barcodes: Vec<Barcode> = Vec::new();
        let places = self.sheet.places.barcodes.clone();
        for place in &places {
            for part in code::split(self.field(*place), self.sheet.map.between_codes.as_deref()) {
                if let Some(barcode) = self.barcode(*place, part)
                    && !barcodes.contains(&barcode)
                {
                    barcodes.push(barcode);
                }
            }
        }
        let is_weighed = unit.is_some_and(|unit| unit != Unit::Piece);
        if let Some((place, shown)) = places.first().zip(barcodes.iter().find(|barcode| code::is_for_one_shop(barcode)))
            && is_weighed
        {
            self.say(Class::BarcodeInStore, *place, shown.as_str());
        }
        if is_weighed {
            barcodes.extend(self.scale_pattern());
        }
        let is_blank = places.iter().all(|place| self.field(*place).is_empty());
        if !places.is_empty() && is_blank && barcodes.is_empty() {
            let column = places.first().and_then(|place| self.sheet.header(*place));
            self.issues.push(Issue::new(Class::BarcodeMissing, column, ""));
        }
        barcodes
    }

    fn barcode(&mut self, place: usize, text: &str) -> Option<Barcode> {
        let (code, is_exchanged) = code::in_one_spelling(text);
        match code::ruin(&code) {
            Some(Ruin::Rounded) => self.say(Class::BarcodeRounded, place, &code),
            Some(Ruin::Decimal) => self.say(Class::BarcodeDecimal, place, &code),
            Some(Ruin::ZerosLost(whole)) => {
                let what = format!("`{code}` may be {whole}");
                self.issues.push(Issue::new(Class::BarcodeZerosLost, self.sheet.header(place), what));
            }
            None => match Barcode::parse(&code) {
                Ok(barcode) => {
                    if is_exchanged {
                        self.say(Class::CodeRespelled, place, text);
                    }
                    return Some(barcode);
                }
                Err(refusal) => {
                    let refusal = command::Refusal::Article(refusal);
                    let mut issue = Issue::of_rule(&refusal, self.sheet.header(place));
                    issue.what = format!("`{}`", quoted(&code));
                    self.issues.push(issue);
                }
            },
        }
        None
    }

    fn scale_pattern(&mut self) -> Option<Barcode> {
        let (place, pattern) = self.sheet.places.plu.zip(self.sheet.map.weighed.barcode.as_deref())?;
        let plu = self.code(Some(place));
        if plu.is_empty() {
            return None;
        }
        let barcode = code::scale_pattern(pattern, &plu).and_then(|code| Barcode::parse(&code).ok());
        if barcode.is_none() {
            self.say(Class::PluUnreadable, place, &plu);
        }
        barcode
    }

    fn unit_price(&mut self, is_whole: bool) -> Option<UnitPrice> {
        let places = u32::from(self.sheet.merchant.currency.decimals()) + UNIT_PRICE_PLACES;
        let (place, text) = match self.first(&self.sheet.places.price) {
            Some((place, text)) => (Some(place), text),
            None => (None, self.sheet.map.defaults.price.as_deref().unwrap_or_default()),
        };
        let column = place.or(self.sheet.places.price.first().copied()).and_then(|place| self.sheet.header(place));
        if text.is_empty() {
            if !is_whole {
                self.issues.push(Issue::new(Class::PriceMissing, column, ""));
            }
            return None;
        }
        let class = match self.sheet.style.read(text) {
            Ok(number) => match decimal::parse(without_zeros(&number.plain), places) {
                Some(price) if price < 0 => Class::PriceNegative,
                Some(price) => {
                    if number.is_respelled {
                        self.issues.push(Issue::quoting(Class::PriceRespelled, column, text));
                    }
                    if price % MINOR != 0 {
                        self.issues.push(Issue::quoting(Class::PriceFraction, column, text));
                    }
                    return Some(UnitPrice(price));
                }
                None => Class::PriceUnreadable,
            },
            Err(Unreadable::NoNumber) => Class::PriceUnreadable,
            Err(Unreadable::OtherCurrency) => Class::PriceOtherCurrency,
            Err(Unreadable::TwoReadings) => Class::PriceAmbiguous,
        };
        self.issues.push(Issue::quoting(class, column, text));
        None
    }

    /// The tax class, and that where it is eaten in the shop; `None` for what the line says nothing of.
    fn taxes(&mut self) -> (Option<String>, Option<Option<String>>) {
        let class = self.first(&self.sheet.places.tax).and_then(|(place, text)| self.tax_class(place, text));
        let Some(place) = self.sheet.places.eat_in_tax else { return (class, None) };
        let text = self.field(place);
        let is_told = self.first(&self.sheet.places.tax).is_some_and(|(taken, _)| taken == place);
        if text.is_empty() || is_told {
            return (class, Some(None));
        }
        let eat_in = self.tax_class(place, text).filter(|eat_in| Some(eat_in) != class.as_ref());
        (class, Some(eat_in))
    }

    fn tax_class(&mut self, place: usize, text: &str) -> Option<String> {
        let (class, what) = match word::tax(text, &self.sheet.map.tax, &self.sheet.merchant.tax) {
            Tax::Class { class, is_respelled } => {
                if is_respelled {
                    self.say(Class::TaxRespelled, place, text);
                }
                return Some(class);
            }
            Tax::NoClass(_) => (Class::TaxClassUnknown, String::new()),
            Tax::SeveralClasses(classes) => (Class::TaxClassAmbiguous, format!(" may be {}", classes.join(" or "))),
            Tax::Unreadable => (Class::TaxUnreadable, String::new()),
        };
        let what = format!("`{}`{what}", quoted(text));
        self.issues.push(Issue::new(class, self.sheet.header(place), what));
        None
    }

    fn unit(&mut self) -> Option<Unit> {
        let (places, map) = (&self.sheet.places, &self.sheet.map);
        let is_weighed = self.yes_or_no(places.weighed);
        if is_weighed == Some(true) {
            return map.weighed.unit.as_deref().map_or(Some(Unit::Kilogram), |unit| self.unit_of(places.weighed, unit));
        }
        let text = self.text(places.unit);
        if !text.is_empty() {
            return self.unit_of(places.unit, text);
        }
        match (is_weighed, map.defaults.unit.as_deref()) {
            (_, Some(unit)) => self.unit_of(None, unit),
            (Some(_), None) => Some(Unit::Piece),
            (None, None) => None,
        }
    }

    fn unit_of(&mut self, place: Option<usize>, text: &str) -> Option<Unit> {
        let unit = word::unit(text, &self.sheet.map.units);
        if unit.is_none() {
            let column = place.and_then(|place| self.sheet.header(place));
            self.issues.push(Issue::quoting(Class::UnitUnknown, column, text));
        }
        unit
    }

    fn yes_or_no(&mut self, place: Option<usize>) -> Option<bool> {
        let place = place.filter(|place| !self.field(*place).is_empty())?;
        let answer = word::is_yes(self.field(place));
        if answer.is_none() {
            self.say(Class::YesNoUnreadable, place, self.field(place));
        }
        answer
    }

    fn description(&self) -> Option<String> {
        let place = self.sheet.places.description?;
        let text = self.field(place).replace("\r\n", "\n").replace('\t', " ");
        (!text.is_empty()).then_some(text)
    }

    fn stock(&mut self) -> Option<Quantity> {
        let (place, text) = self.first(&self.sheet.places.stock)?;
        let number = self.sheet.style.read(text).ok();
        let quantity = number.and_then(|number| decimal::parse(without_zeros(&number.plain), QUANTITY_PLACES));
        let class = match quantity.map(Quantity) {
            None => Class::StockUnreadable,
            Some(quantity) if quantity < Quantity::ZERO => Class::StockNegative,
            Some(quantity) => return (quantity > Quantity::ZERO).then_some(quantity),
        };
        self.say(class, place, text);
        None
    }
}

/// `12.5000` has one decimal that says something.
fn without_zeros(plain: &str) -> &str {
    if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { plain }
}
