//! The position of a line within its invoice, also where the lines of an invoice do not stand together.

use std::collections::HashMap;

use anyhow::bail;
use sha2::{Digest, Sha256};

/// Invoices of one file, at most: their counts take some 20 MiB.
const INVOICES_MAX: usize = 500_000;

/// How many lines each invoice has had.
#[derive(Default)]
pub struct Positions {
    /// By the first bytes of a hash: two invoices that share them count together, and each of their lines has a position of its
    /// own all the same.
    counts: HashMap<u64, u32>,
}

impl Positions {
    /// The position of the next line of the invoice: 1, 2, 3 …
    pub fn next(&mut self, invoice: &str) -> anyhow::Result<u32> {
        let digest = Sha256::digest(invoice);
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        let count = self.counts.entry(u64::from_be_bytes(head)).or_default();
        *count = count.saturating_add(1);
        let position = *count;
        if self.counts.len() > INVOICES_MAX {
            bail!("The file has more than {INVOICES_MAX} invoices: split it, between two invoices.");
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invoice_counts_its_own_lines() {
        let mut positions = Positions::default();
        let told: Vec<u32> = ["1", "1", "2", "1", "2"].iter().map(|invoice| positions.next(invoice).unwrap()).collect();
        assert_eq!(told, [1, 2, 1, 3, 2]);
    }
}
