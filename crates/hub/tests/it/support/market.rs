//! A merchant whose catalogue is imported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::article::{Described, UpdateArticle};
use domain::call::{Actor, Role};
use domain::id::{ArticleId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{Location, Merchant};
use domain::money::Currency;
use domain::tax::{TaxRate, TaxRules};
use hub::app::App;
use hub::clock::RandomIds;
use hub::import::{self, Carrier, Import, Request, Wish};
use storage::{Answer, Envelope, Handle, Idempotency, Lane};

use super::TestHub;
use super::hub::NOON;
use super::shop::{run, set_up};

/// Whose catalogue it is, and where the stock lies.
pub struct Market {
    pub merchant: Merchant,
    pub location: Location,
}

impl Market {
    /// The shop of the other tests: yen, 8 % and 10 %.
    pub async fn of_shop(hub: &TestHub) -> Self {
        Self::find(&hub.running.app, hub.shop.merchant, hub.shop.location).await
    }

    pub async fn find(app: &App, merchant: MerchantId, location: LocationId) -> Self {
        let location = app.reader.find_location(merchant, location).await.unwrap().unwrap();
        Self { merchant: app.reader.find_merchant(merchant).await.unwrap().unwrap(), location }
    }

    /// An empty shop with another currency and other taxes.
    pub async fn open(app: &App, currency: &str, classes: &[(&str, u32)]) -> Self {
        let mut ids = RandomIds::new();
        let mut next = || ids.next(NOON);
        let (merchant, location) = (MerchantId::from_uuid(next()), LocationId::from_uuid(next()));
        let registers = [RegisterId::from_uuid(next()), RegisterId::from_uuid(next())];
        let mut command = set_up(merchant, location, registers, "Market");
        command.merchant.currency = Currency::parse(currency).unwrap();
        let classes = classes.iter().map(|(class, rate)| ((*class).to_owned(), TaxRate(*rate))).collect();
        command.merchant.tax = TaxRules { classes, ..TaxRules::japan() };
        run(app, merchant, command).await;
        Self::find(app, merchant, location).await
    }

    pub fn request(&self, file: &Path) -> Request {
        let (merchant, location) = (self.merchant.clone(), Some(self.location.clone()));
        Request { file: file.to_owned(), wish: Wish::default(), merchant, location, tax_class: None }
    }

    pub fn carrier<'a>(&self, committer: &'a Handle, progress: &'a (dyn Fn(u64) + Sync)) -> Carrier<'a> {
        Carrier { committer, merchant: self.merchant.id, location: Some(self.location.id), progress }
    }

    pub async fn articles(&self, app: &App) -> Vec<Described> {
        let mut all: Vec<Described> = Vec::new();
        loop {
            let after = all.last().map(|last| last.article.id.to_string()).unwrap_or_default();
            let page = app.reader.list_articles(self.merchant.id, &after, 200).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    pub async fn on_hand(&self, app: &App, article: ArticleId) -> String {
        let (merchant, location) = (self.merchant.id, self.location.id);
        let levels = app.reader.list_stock_levels(merchant, location, Some(article), "", 1).await.unwrap();
        levels.first().map_or("none".to_owned(), |level| level.on_hand.to_string())
    }

    /// What a person sees of the catalogue, by sku.
    pub async fn shelves(&self, app: &App) -> BTreeMap<String, String> {
        let mut shelves = BTreeMap::new();
        for Described { article, .. } in self.articles(app).await {
            let on_hand = self.on_hand(app, article.id).await;
            let options = article.variant.as_ref().map(|variant| variant.options.clone());
            let told = format!(
                "{} {} {} {} {:?} {options:?} {on_hand}",
                article.name,
                article.unit_price,
                article.unit.as_str(),
                article.tax_class,
                article.barcodes
            );
            shelves.insert(article.sku, told);
        }
        shelves
    }
}

/// Waits for all that was sent through the bulk lane: what comes last is answered last.
pub async fn drained(app: &App, market: &Market) {
    let article = market.articles(app).await[0].article.id;
    let envelope = Envelope {
        merchant: market.merchant.id,
        actor: Arc::new(Actor::new("test", Role::System)),
        request_id: String::new(),
        idempotency: Idempotency::None,
        lane: Lane::Bulk,
        weight: 0,
    };
    let nothing = UpdateArticle::nothing(market.merchant.id, article);
    app.committer.submit(envelope, nothing, |_| Answer::default()).await.unwrap();
}

pub async fn planned(app: &App, request: &Request) -> Import {
    import::plan(&app.reader, request, app.clock.now()).await.unwrap()
}

/// Plans and carries out.
pub async fn imported(app: &App, market: &Market, request: &Request) -> Import {
    let mut import = planned(app, request).await;
    market.carrier(&app.committer, &|_| {}).carry_out(&mut import.entries).await.unwrap();
    import
}

pub fn a_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// A file of the shared data; `None` where they are not at hand.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the shared data are not here");
    None
}

/// The lines that have an issue of each class.
pub fn lines_by_class(import: &Import) -> BTreeMap<String, Vec<u64>> {
    let mut lines: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in &import.entries {
        for issue in &entry.issues {
            lines.entry(issue.class.code().to_owned()).or_default().push(entry.line);
        }
    }
    lines
}

pub fn outcomes(import: &Import) -> Vec<(u64, &'static str)> {
    import.entries.iter().map(|entry| (entry.line, entry.outcome.as_str())).collect()
}

pub async fn assert_clean(hub: &TestHub) {
    let database = hub.own_database();
    let report = tokio::task::spawn_blocking(move || hub::check::run(&database)).await.unwrap().unwrap().report;
    assert!(report.is_clean(), "{:?}", report.findings);
}
