//! Commands for tests.

use domain::article::Article;
use domain::call::Call;
use domain::command::{Command, Refusal};
use domain::id::{ArticleId, SaleId};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::promotion::{CreatePromotion, NewCoupon, NewPromotion, Rule};
use domain::sale::{Consumption, NewLine, NewSale, NewTender, RingSale};
use domain::stock::{Booking, MoveStock};
use domain::work::{Key, Stop, UnitOfWork};
use uuid::Uuid;

use super::shop::{LOCATION, MERCHANT, REGISTER, TEA};

/// A command that decides by a closure.
pub struct Do<F> {
    name: &'static str,
    keys: Vec<Key>,
    decide: F,
}

/// A command of its own making.
pub fn act<R, F>(name: &'static str, keys: impl IntoIterator<Item = Key>, decide: F) -> Do<F>
where
    F: Fn(&mut UnitOfWork, &mut Call<'_>) -> Result<R, Stop<Refusal>>,
{
    Do { name, keys: keys.into_iter().collect(), decide }
}

impl<R, F> Command for Do<F>
where
    F: Fn(&mut UnitOfWork, &mut Call<'_>) -> Result<R, Stop<Refusal>>,
{
    type Reply = R;

    fn name(&self) -> &'static str {
        self.name
    }

    fn keys(&self) -> Vec<Key> {
        self.keys.clone()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<R, Stop<Refusal>> {
        (self.decide)(work, call)
    }
}

/// Puts goods on the shelf.
pub fn receive(article: ArticleId, pieces: i64) -> MoveStock {
    MoveStock::one(MERCHANT, LOCATION, Booking::Receipt, article, Quantity(pieces * 1_000))
}

/// Sells one piece for cash; every article of the shop costs 100 yen.
pub fn sell(sale: u128, article: ArticleId) -> RingSale {
    RingSale {
        id: sale_id(sale),
        currency: Currency::JPY,
        sale: a_sale(&[(article, 1)]),
        tenders: vec![NewTender::Cash { amount_minor: None, given_minor: 1_000 }],
    }
}

/// Sells one tea for cash to somebody who shows a coupon.
pub fn sell_with_coupon(sale: u128, code: &str) -> RingSale {
    let ring = sell(sale, TEA);
    RingSale { sale: NewSale { coupons: vec![code.to_owned()], ..ring.sale }, ..ring }
}

/// Half the price for so many sales that show a coupon.
pub fn a_promotion(code: &str, uses_max: i64) -> CreatePromotion {
    let promotion = NewPromotion {
        name: "Half".to_owned(),
        rule: Rule::Percent { basis_points: 5_000 },
        articles: Vec::new(),
        locations: Vec::new(),
        coupon: Some(NewCoupon { code: code.to_owned(), uses_max: Some(uses_max) }),
        priority: 1,
        valid_from: None,
        valid_until: None,
        is_active: true,
    };
    CreatePromotion { merchant: MERCHANT, promotion }
}

/// A sale of so many pieces each.
pub fn a_sale(lines: &[(ArticleId, i64)]) -> NewSale {
    let line = |(article, pieces): &(ArticleId, i64)| NewLine {
        article: (*article).into(),
        quantity: Quantity(pieces * 1_000),
    };
    NewSale {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        lines: lines.iter().map(line).collect(),
        consumption: Consumption::TakeAway,
        coupons: Vec::new(),
        customer: None,
        discounts: Vec::new(),
        note: String::new(),
    }
}

/// An article of 100 yen.
pub fn an_article(id: ArticleId) -> Article {
    Article {
        id,
        merchant: MERCHANT,
        sku: id.to_string(),
        barcodes: Vec::new(),
        name: "Tea".to_owned(),
        unit: domain::article::Unit::Piece,
        unit_price: UnitPrice(1_000_000),
        prices: Vec::new(),
        currency: Currency::JPY,
        tax_class: "reduced".to_owned(),
        eat_in_tax_class: None,
        is_stocked: true,
        is_active: true,
        variant: None,
        metadata: domain::metadata::Metadata::default(),
        has_variants: false,
        created_at: domain::time::Timestamp(0),
        version: 1,
    }
}

/// Makes an article under an id that it does not look for first: it breaks when one stands there.
pub fn insert_article(article: Article) -> Do<impl Fn(&mut UnitOfWork, &mut Call<'_>) -> Result<(), Stop<Refusal>>> {
    act("test.insert_article", [], move |work, call| {
        work.articles.insert(article.clone());
        work.emit(call, "article.created", article.id, &serde_json::json!({}));
        Ok(())
    })
}

pub fn article_id(number: u128) -> ArticleId {
    ArticleId::from_uuid(Uuid::from_u128((7 << 96) + number))
}

pub fn sale_id(number: u128) -> SaleId {
    SaleId::from_uuid(Uuid::from_u128((8 << 96) + number))
}
