//! Before the shop opens: the sign over the door, the terminal, the articles with their barcodes, the delivery, the promotion, and the
//! customer of the house. All of it over HTTP with the manager's key, as a back office would.

use reqwest::Method;
use serde_json::{Value, json};

use super::answers::{Done, Made};
use super::api::Post;
use super::cart::TAKE_AND_PAY;
use super::goods::GREEN_TEA;
use super::plan::Plan;
use super::shop::Shop;
use super::tally::quantity;
use super::terminal::CardTerminal;

/// Pieces below which an article is reordered.
const REORDER_AT: u64 = 3;
/// One point for each whole hundred yen.
const MINOR_PER_POINT: i64 = 100;

impl Shop {
    /// Makes everything ready for the day of this plan.
    pub async fn open(&mut self, plan: &Plan) -> anyhow::Result<()> {
        self.put_up_the_sign().await?;
        self.terminal = Some(CardTerminal::set_up(self).await?);
        for place in 0..self.goods.len() {
            let id = self.add_article(place).await?;
            self.articles.push(id);
        }
        self.opening = plan.opening(&self.goods);
        self.take_delivery().await?;
        self.watch_the_stock().await?;
        self.start_the_promotion().await?;
        self.welcome_the_regular().await
    }

    /// What receipts say of the shop. The registration number is the example of a right check digit, not a shop's.
    async fn put_up_the_sign(&self) -> anyhow::Result<()> {
        let issuer = json!({
            "legal_name": "Demo Shop K.K.",
            "registration_number": "T5835678256246",
            "minor_per_point": MINOR_PER_POINT,
        });
        self.manager.change(Method::PATCH, "/v1/merchant", &issuer).await?.read::<Done>(200)?;
        let contact = json!({ "address": ["1-2-3 Ginza, Chuo-ku", "Tokyo 104-0061"], "phone": "03-0000-0000" });
        let path = format!("/v1/locations/{}", self.location.id);
        self.manager.change(Method::PATCH, &path, &contact).await?.read::<Done>(200)?;
        Ok(())
    }

    /// An article. Food and drink bear the full rate when they are eaten in the shop.
    async fn add_article(&self, place: usize) -> anyhow::Result<String> {
        let goods = &self.goods[place];
        let body = json!({
            "sku": goods.sku,
            "barcodes": [goods.barcode],
            "name": goods.name_ja,
            "names": { "en": goods.name_en, "ja": goods.name_ja },
            "unit": goods.unit,
            "unit_price": goods.price.to_string(),
            "tax_class": goods.tax_class,
            "eat_in_tax_class": (goods.tax_class == "reduced").then_some("standard"),
        });
        self.make("/v1/articles", &format!("article-{}", goods.sku), body).await
    }

    /// One delivery note for all of it.
    async fn take_delivery(&self) -> anyhow::Result<()> {
        let lines = self.articles.iter().zip(&self.opening);
        let lines = lines.map(|(id, stock)| json!({ "article_id": id, "quantity": quantity(*stock) }));
        let body = json!({
            "location_id": self.location.id,
            "kind": "receipt",
            "reason": "Delivery of the morning",
            "lines": lines.collect::<Vec<Value>>(),
        });
        let post = Post { path: "/v1/stock-movements", key: "demo-delivery", body };
        self.manager.post(&post).await?.read::<Done>(201)?;
        Ok(())
    }

    async fn watch_the_stock(&self) -> anyhow::Result<()> {
        for id in &self.articles {
            let path = format!("/v1/stock-levels/{}/{id}/threshold", self.location.id);
            let body = json!({ "reorder_at": REORDER_AT });
            self.manager.change(Method::PUT, &path, &body).await?.read::<Done>(200)?;
        }
        Ok(())
    }

    async fn start_the_promotion(&self) -> anyhow::Result<()> {
        let (take, pay) = TAKE_AND_PAY;
        let body = json!({
            "name": format!("緑茶 {take} 本で {pay} 本分 / {take} green teas for {pay}"),
            "rule": { "kind": "take_and_pay", "take": take, "pay": pay },
            "article_ids": [self.articles[GREEN_TEA]],
        });
        self.make("/v1/promotions", "promotion", body).await.map(drop)
    }

    async fn welcome_the_regular(&mut self) -> anyhow::Result<()> {
        let body = json!({ "name": "Aiko Demo", "phone": "090-0000-0000" });
        self.regular = self.make("/v1/customers", "customer", body).await?;
        Ok(())
    }

    async fn make(&self, path: &str, key: &str, body: Value) -> anyhow::Result<String> {
        let key = format!("demo-{key}");
        Ok(self.manager.post(&Post { path, key: &key, body }).await?.read::<Made>(201)?.id)
    }
}
