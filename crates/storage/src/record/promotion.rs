//! Promotions and their coupons.

use domain::promotion::{Coupon, CouponCode, Promotion};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

/// The merchant stands first: all that it has are read together.
impl Stored for Promotion {
    const TABLE: &'static Table = &table(
        "promotion",
        2,
        false,
        &[
            ("merchant_id", TEXT),
            ("id", TEXT),
            ("name", TEXT),
            ("rule", TEXT),
            ("articles", TEXT),
            ("locations", TEXT),
            ("coupon_code", TEXT),
            ("priority", INT),
            ("valid_from", INT),
            ("valid_until", INT),
            ("is_active", BOOL),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::display(self.id),
            Cell::text(&self.name),
            json(&self.rule),
            json(&self.articles),
            json(&self.locations),
            Cell::option(self.coupon.as_ref(), Cell::display),
            Cell::Int(i64::from(self.priority)),
            Cell::Int(self.valid_from.0),
            Cell::option(self.valid_until, |at| Cell::Int(at.0)),
            Cell::Bool(self.is_active),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            merchant: row.parse()?,
            id: row.parse()?,
            name: row.text()?,
            rule: row.json()?,
            articles: row.json()?,
            locations: row.json()?,
            coupon: row.text_option()?.map(CouponCode::stored),
            priority: row.small()?,
            valid_from: Timestamp(row.int()?),
            valid_until: row.int_option()?.map(Timestamp),
            is_active: row.bool()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for Coupon {
    const TABLE: &'static Table = &table(
        "coupon",
        2,
        true,
        &[
            ("merchant_id", TEXT),
            ("code", TEXT),
            ("promotion_id", TEXT),
            ("uses_max", INT),
            ("use_count", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::display(&self.code),
            Cell::display(self.promotion),
            Cell::option(self.uses_max, Cell::Int),
            Cell::Int(self.use_count),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            merchant: row.parse()?,
            code: CouponCode::stored(row.text()?),
            promotion: row.parse()?,
            uses_max: row.int_option()?,
            use_count: row.int()?,
            version: row.int()?,
        })
    }
}
