//! All that stands on a receipt: the sale, which never changes, and of a return's receipt the returns of the sale, too.

use domain::id::{MerchantId, ReceiptId, ReturnId, SaleId};
use domain::merchant::{Connection, Location, Merchant, Register};
use domain::payment::{Operation, Payment};
use domain::receipt::{IssuedReceipt, OtherReceipt, PaidBy, paid_by};
use domain::returns::{History, RefundKind, Return};
use domain::sale::{Sale, SaleLine, Tender, TenderKind, TenderState};

use super::{query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::{Query, Reader};
use crate::record::Stored;

/// A receipt that was given, and the records that it is made from.
#[derive(Debug, Clone)]
pub struct WholeReceipt {
    /// That it was given.
    pub issued: IssuedReceipt,
    /// The sale.
    pub sale: Sale,
    /// Its lines, by number.
    pub lines: Vec<SaleLine>,
    /// Its tenders, by id.
    pub tenders: Vec<Tender>,
    /// Whose it is.
    pub merchant: Merchant,
    /// Where the sale was made, or the goods came back.
    pub location: Location,
    /// The register that rang the sale, or took the goods.
    pub register: Register,
    /// Who took its payments.
    pub paid_by: Vec<PaidBy>,
    /// The returns of the sale, where the receipt is about one of them.
    pub history: Option<History>,
    /// The other halves of exchanges that it names.
    pub others: Vec<OtherReceipt>,
}

/// The payments behind the tenders of a sale, and those that money went back by.
const PAYMENTS_OF: &str = "IN (SELECT payment_id FROM tender WHERE sale_id = $1 AND payment_id IS NOT NULL \
     UNION SELECT payment_id FROM refund WHERE sale_id = $1 AND payment_id IS NOT NULL)";

impl Reader {
    /// The receipts of a sale, without those of its returns, in the order they were given; `None` where there is no such
    /// sale.
    pub async fn list_receipts(
        &self,
        merchant: MerchantId,
        sale: SaleId,
    ) -> Result<Option<Vec<IssuedReceipt>>, EngineError> {
        let by_sale = || vec![Cell::display(sale), Cell::display(merchant)];
        let queries = vec![
            query::<Sale>("WHERE id = $1 AND merchant_id = $2", by_sale()),
            query::<IssuedReceipt>(
                "WHERE sale_id = $1 AND merchant_id = $2 AND return_number IS NULL ORDER BY number",
                by_sale(),
            ),
        ];
        self.list_of_parent(queries).await
    }

    /// The receipts of a return, in the order they were given; `None` where there is no such return.
    pub async fn list_return_receipts(
        &self,
        merchant: MerchantId,
        origin: ReturnId,
    ) -> Result<Option<Vec<IssuedReceipt>>, EngineError> {
        let by_return =
            || vec![Cell::display(origin.sale), Cell::display(merchant), Cell::Int(i64::from(origin.number))];
        let queries = vec![
            query::<Return>("WHERE sale_id = $1 AND merchant_id = $2 AND number = $3", by_return()),
            query::<IssuedReceipt>(
                "WHERE sale_id = $1 AND merchant_id = $2 AND return_number = $3 ORDER BY number",
                by_return(),
            ),
        ];
        self.list_of_parent(queries).await
    }

    /// The rows of the second query, if the first has any.
    async fn list_of_parent(&self, queries: Vec<Query>) -> Result<Option<Vec<IssuedReceipt>>, EngineError> {
        let mut answers = self.run(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (parents, receipts) = (next(), next());
        if parents.is_empty() { Ok(None) } else { records(receipts).map(Some) }
    }

    /// The sale that has a receipt number.
    pub async fn find_sale_by_receipt_number(
        &self,
        merchant: MerchantId,
        number: &str,
    ) -> Result<Option<Sale>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::Text(number.to_owned().into())];
        // From the newest sale back: what somebody holds in the hand is rarely old. An index over the numbers would cost every
        // sale a page of its own.
        let tail =
            "WHERE merchant_id = $1 AND closed_at IS NOT NULL AND receipt_number = $2 ORDER BY closed_at DESC LIMIT 1";
        let found = self.list(tail, params).await?;
        Ok(found.into_iter().next())
    }

    /// The sale that a receipt was given of.
    pub async fn find_sale_of_receipt(
        &self,
        merchant: MerchantId,
        id: ReceiptId,
    ) -> Result<Option<SaleId>, EngineError> {
        let found = self.find::<IssuedReceipt>(merchant, Cell::display(id)).await?;
        Ok(found.map(|receipt| receipt.sale))
    }

    /// One receipt with all that stands on it.
    pub async fn find_receipt(&self, merchant: MerchantId, id: ReceiptId) -> Result<Option<WholeReceipt>, EngineError> {
        let Some(issued) = self.find::<IssuedReceipt>(merchant, Cell::display(id)).await? else { return Ok(None) };
        let history = match issued.kind.return_number() {
            Some(_) => self.find_returns(merchant, issued.sale).await?,
            None => None,
        };
        let about = history.as_ref().zip(issued.kind.return_number());
        let origin = about.and_then(|(history, number)| history.returns.iter().find(|one| one.id.number == number));
        let by_sale = || vec![Cell::display(issued.sale), Cell::display(merchant)];
        let connections =
            format!("WHERE merchant_id = $2 AND id IN (SELECT connection_id FROM payment WHERE id {PAYMENTS_OF})");
        let queries = vec![
            query::<Sale>("WHERE id = $1 AND merchant_id = $2", by_sale()),
            query::<SaleLine>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY number", by_sale()),
            query::<Tender>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY id", by_sale()),
            query::<Merchant>("WHERE id = $1", vec![Cell::display(merchant)]),
            match origin {
                Some(origin) => by_id::<Location>(merchant, Cell::display(origin.location)),
                None => query::<Location>(
                    "WHERE merchant_id = $2 AND id = (SELECT location_id FROM sale WHERE id = $1)",
                    by_sale(),
                ),
            },
            match origin {
                Some(origin) => by_id::<Register>(merchant, Cell::display(origin.register)),
                None => query::<Register>(
                    "WHERE merchant_id = $2 AND id = (SELECT register_id FROM sale WHERE id = $1)",
                    by_sale(),
                ),
            },
            query::<Payment>(&format!("WHERE merchant_id = $2 AND id {PAYMENTS_OF}"), by_sale()),
            query::<Operation>(
                &format!("WHERE merchant_id = $2 AND payment_id {PAYMENTS_OF} ORDER BY payment_id, number"),
                by_sale(),
            ),
            query::<Connection>(&connections, by_sale()),
        ];
        let mut answers = self.run(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (sales, lines, tenders) = (records(next())?, records(next())?, records(next())?);
        let (merchants, locations, registers) = (records(next())?, records(next())?, records(next())?);
        let (payments, operations, connections) = (records(next())?, records(next())?, records(next())?);
        let sale: Option<Sale> = sales.into_iter().next();
        let places = (merchants.into_iter().next(), locations.into_iter().next(), registers.into_iter().next());
        let (Some(sale), (Some(merchant), Some(location), Some(register))) = (sale, places) else { return Ok(None) };
        let paid_by = name_providers(&payments, &operations, &connections);
        let others = match about {
            Some((history, number)) => self.sales_paid_by(sale.merchant, history, number).await?,
            None => self.returns_that_paid(sale.merchant, &tenders).await?,
        };
        Ok(Some(WholeReceipt { issued, sale, lines, tenders, merchant, location, register, paid_by, history, others }))
    }

    /// The receipts of the returns that paid for a sale.
    async fn returns_that_paid(
        &self,
        merchant: MerchantId,
        tenders: &[Tender],
    ) -> Result<Vec<OtherReceipt>, EngineError> {
        let origins = tenders.iter().filter_map(|tender| match (tender.kind, tender.state) {
            (TenderKind::ReturnCredit { origin, .. }, TenderState::Paid) => Some(origin),
            _ => None,
        });
        let by_id = |id: ReturnId| {
            let params = vec![Cell::display(id.sale), Cell::display(merchant), Cell::Int(i64::from(id.number))];
            query::<Return>("WHERE sale_id = $1 AND merchant_id = $2 AND number = $3", params)
        };
        let found: Vec<Return> = self.each_of(origins.map(by_id).collect()).await?;
        Ok(found.into_iter().map(|one| OtherReceipt::Return(one.id, one.receipt_number)).collect())
    }

    /// The receipts of the sales that a return paid for. A sale that is still open has none.
    async fn sales_paid_by(
        &self,
        merchant: MerchantId,
        history: &History,
        number: u32,
    ) -> Result<Vec<OtherReceipt>, EngineError> {
        let of_return = history.refunds.iter().filter(|refund| refund.origin.number == number);
        let sales = of_return.filter_map(|refund| match refund.kind {
            RefundKind::ReturnCredit { sale, released_at: None, .. } => Some(sale),
            _ => None,
        });
        let found: Vec<Sale> =
            self.each_of(sales.map(|id| by_id::<Sale>(merchant, Cell::display(id))).collect()).await?;
        Ok(found.into_iter().filter_map(|sale| Some(OtherReceipt::Sale(sale.id, sale.receipt_number?))).collect())
    }

    /// The records of some queries one after another; none are asked for where there is nothing to ask.
    async fn each_of<R: Stored>(&self, queries: Vec<Query>) -> Result<Vec<R>, EngineError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for rows in self.run(queries).await? {
            found.extend(records(rows)?);
        }
        Ok(found)
    }
}

fn by_id<R: Stored>(merchant: MerchantId, id: Cell<'static>) -> Query {
    query::<R>("WHERE id = $1 AND merchant_id = $2", vec![id, Cell::display(merchant)])
}

fn name_providers(payments: &[Payment], operations: &[Operation], connections: &[Connection]) -> Vec<PaidBy> {
    let provider = |payment: &Payment| connections.iter().find(|connection| connection.id == payment.connection);
    let named = payments.iter().filter_map(|payment| Some((payment, &provider(payment)?.provider)));
    named.map(|(payment, provider)| paid_by(payment, operations, provider)).collect()
}
