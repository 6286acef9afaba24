//! The words of a receipt, one table a language.

use super::{CivilTime, Discount, Kind};
use crate::decimal;
use crate::locale::Locale;
use crate::tax::{PriceMode, TaxRate};

/// Decimals of a rate in per cent: rates are basis points.
const PER_CENT_PLACES: u32 = 2;

/// The words of one language.
pub(super) struct Words {
    pub receipt: &'static str,
    pub formal: &'static str,
    pub returned: &'static str,
    pub qualified_invoice: &'static str,
    pub return_invoice: &'static str,
    pub copy: &'static str,
    pub registration_number: &'static str,
    pub phone: &'static str,
    pub receipt_number: &'static str,
    pub register: &'static str,
    /// Said of what is eaten in the shop: its tax may be another.
    pub eat_in: &'static str,
    pub date: &'static str,
    pub issued: &'static str,
    /// Before the number of the sale that goods were sold with.
    pub sale_receipt_number: &'static str,
    /// Before its date.
    pub sold: &'static str,
    pub lines: &'static str,
    pub returned_lines: &'static str,
    pub subtotal: &'static str,
    pub before_discounts: &'static str,
    pub discounts: &'static str,
    pub total: &'static str,
    pub returned_total: &'static str,
    pub tax_within: &'static str,
    pub tax_on_top: &'static str,
    pub paid: &'static str,
    pub cash: &'static str,
    /// What was paid, or given back, with another system.
    pub elsewhere: &'static str,
    pub given: &'static str,
    pub change: &'static str,
    pub electronic: &'static str,
    /// What the shop owed for goods that came back paid for others.
    pub return_credit: &'static str,
    /// Before the number of the return's receipt.
    pub return_receipt_number: &'static str,
    pub reference: &'static str,
    pub given_back: &'static str,
    pub cash_back: &'static str,
    pub electronic_back: &'static str,
    /// What is owed for goods that came back pays for others.
    pub credited: &'static str,
    /// Before the number of the receipt of those goods.
    pub exchange_receipt_number: &'static str,
    /// Of money that a provider has not given back for certain yet.
    pub under_way: &'static str,
    /// What the shop still owes the customer.
    pub still_owed: &'static str,
    /// Stands behind the name of a line at the reduced rate.
    pub reduced_mark: &'static str,
    pub reduced_legend: &'static str,
    pub goods: &'static str,
    pub received: &'static str,
    pub stamp: &'static str,
    pub qr: &'static str,
    pub thanks: &'static str,
}

const JA: Words = Words {
    receipt: "レシート",
    formal: "領収書",
    returned: "返品レシート",
    qualified_invoice: "適格簡易請求書",
    return_invoice: "適格返還請求書",
    copy: "再発行",
    registration_number: "登録番号",
    phone: "電話",
    receipt_number: "レシートNo.",
    register: "レジ",
    eat_in: "店内飲食",
    date: "日時",
    issued: "発行日時",
    sale_receipt_number: "お買上げNo.",
    sold: "お買上げ",
    lines: "お買上げ明細",
    returned_lines: "返品明細",
    subtotal: "小計",
    before_discounts: "値引前合計",
    discounts: "値引合計",
    total: "合計",
    returned_total: "返品合計",
    tax_within: "(内消費税等)",
    tax_on_top: "消費税等",
    paid: "お支払い",
    cash: "現金",
    elsewhere: "他システムで精算",
    given: "お預り",
    change: "お釣り",
    electronic: "電子決済",
    return_credit: "返品充当",
    return_receipt_number: "返品No.",
    reference: "取引番号",
    given_back: "ご返金",
    cash_back: "ご返金 現金",
    electronic_back: "ご返金 電子決済",
    credited: "お買上げに充当",
    exchange_receipt_number: "レシートNo.",
    under_way: "返金処理中",
    still_owed: "未返金額",
    reduced_mark: "※",
    reduced_legend: "※は軽減税率対象",
    goods: "お品代",
    received: "上記正に領収いたしました",
    stamp: "収入印紙",
    qr: "この取引のQRコード",
    thanks: "ありがとうございました",
};

const EN: Words = Words {
    receipt: "Receipt",
    formal: "Formal receipt",
    returned: "Return receipt",
    qualified_invoice: "Simplified qualified invoice",
    return_invoice: "Qualified return invoice",
    copy: "COPY",
    registration_number: "Reg. no.",
    phone: "Tel.",
    receipt_number: "Receipt no.",
    register: "Register",
    eat_in: "Eaten in",
    date: "Date",
    issued: "Issued",
    sale_receipt_number: "Receipt of sale",
    sold: "Sold",
    lines: "Items",
    returned_lines: "Items returned",
    subtotal: "Subtotal",
    before_discounts: "Before discounts",
    discounts: "Discounts",
    total: "Total",
    returned_total: "Total of return",
    tax_within: "(tax within)",
    tax_on_top: "Tax",
    paid: "Paid",
    cash: "Cash",
    elsewhere: "Settled elsewhere",
    given: "Cash given",
    change: "Change",
    electronic: "Electronic",
    return_credit: "Return credit",
    return_receipt_number: "Return no.",
    reference: "Reference",
    given_back: "Given back",
    cash_back: "Cash back",
    electronic_back: "Refund",
    credited: "Paid for other goods",
    exchange_receipt_number: "Receipt no.",
    under_way: "under way",
    still_owed: "Still owed to you",
    reduced_mark: "*",
    reduced_legend: "* Reduced tax rate",
    goods: "goods",
    received: "Received with thanks.",
    stamp: "Revenue stamp",
    qr: "QR code of this sale",
    thanks: "Thank you.",
};

impl Words {
    /// The words of a language.
    pub const fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Ja => &JA,
            Locale::En => &EN,
        }
    }

    /// What a receipt is called.
    pub const fn title(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Receipt => self.receipt,
            Kind::Formal { .. } => self.formal,
            Kind::Return { .. } => self.returned,
        }
    }

    /// What makes it a document for the tax office.
    pub const fn invoice(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Receipt | Kind::Formal { .. } => self.qualified_invoice,
            Kind::Return { .. } => self.return_invoice,
        }
    }

    /// What all of it comes to.
    pub const fn total_of(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Receipt | Kind::Formal { .. } => self.total,
            Kind::Return { .. } => self.returned_total,
        }
    }

    /// What the tax of a rate is called, within the prices or on top of them.
    pub const fn tax(&self, mode: PriceMode) -> &'static str {
        match mode {
            PriceMode::Inclusive => self.tax_within,
            PriceMode::Exclusive => self.tax_on_top,
        }
    }
}

/// What comes to a tax rate, for example `8%対象`.
pub(super) fn at_rate(locale: Locale, rate: TaxRate, is_reduced: bool) -> String {
    let per_cent = decimal::format(i64::from(rate.0), PER_CENT_PLACES);
    let mark = if is_reduced { Words::of(locale).reduced_mark } else { "" };
    match locale {
        Locale::Ja => format!("{per_cent}%対象{mark}"),
        Locale::En => format!("At {per_cent}%{mark}"),
    }
}

/// What a discount is called: by the name of its promotion, or with the part of the price that was given off.
pub(super) fn discount(locale: Locale, discount: &Discount) -> String {
    if let Some(name) = &discount.promotion {
        return name.clone();
    }
    let per_cent = discount.basis_points.map(|points| decimal::format(i64::from(points), PER_CENT_PLACES));
    match (locale, per_cent) {
        (Locale::Ja, Some(per_cent)) => format!("割引 {per_cent}%"),
        (Locale::Ja, None) => "値引".to_owned(),
        (Locale::En, Some(per_cent)) => format!("Discount {per_cent}%"),
        (Locale::En, None) => "Discount".to_owned(),
    }
}

/// A date with its time of day.
pub(super) fn date_and_time(locale: Locale, at: CivilTime) -> String {
    let CivilTime { year, month, day, hour, minute } = at;
    match locale {
        Locale::Ja => format!("{year}年{month}月{day}日 {hour:02}:{minute:02}"),
        Locale::En => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
    }
}

/// To whom a formal receipt is made out; a line to write on where it is not said.
pub(super) fn addressee(locale: Locale, name: Option<&str>) -> String {
    match (locale, name) {
        (Locale::Ja, Some(name)) => format!("{name} 様"),
        (Locale::Ja, None) => "________________ 様".to_owned(),
        (Locale::En, Some(name)) => format!("To: {name}"),
        (Locale::En, None) => "To: ________________".to_owned(),
    }
}

/// What a formal receipt is for.
pub(super) fn proviso(locale: Locale, text: Option<&str>) -> String {
    let text = text.unwrap_or(Words::of(locale).goods);
    match locale {
        Locale::Ja => format!("但し {text}として"),
        Locale::En => format!("For: {text}"),
    }
}

/// The sum that a formal receipt is about, closed at both ends so that no digit is added.
pub(super) fn closed_sum(locale: Locale, amount: &str) -> String {
    match locale {
        Locale::Ja => format!("金 {amount} 也"),
        Locale::En => format!("{amount}-"),
    }
}
