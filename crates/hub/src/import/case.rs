//! Skus that differ by case, and those that are written otherwise than the others: they are kept as they are, and named.

use std::collections::{BTreeMap, BTreeSet};

use super::issue::{Class, Issue};
use super::plan::{Entry, Outcome, shown_sku};

/// Looks at all lines together, and at the skus that are there.
pub fn look_at<'s>(entries: &mut [Entry], skus_there: impl Iterator<Item = &'s str>) {
    let mut twins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let own: Vec<String> = entries.iter().map(|entry| entry.sku.clone()).collect();
    for sku in skus_there.map(str::to_owned).chain(own.iter().cloned()) {
        twins.entry(sku.to_lowercase()).or_default().insert(sku);
    }
    let count = |is_one: fn(&str) -> bool| own.iter().filter(|sku| is_one(sku)).count();
    // Two thirds make a habit.
    let is_in_capitals = count(is_upper) > 2 * count(is_lower);
    let taken = entries.iter_mut().filter(|entry| entry.outcome != Outcome::Refused && !entry.is_implied);
    for entry in taken {
        let others = twins.get(&entry.sku.to_lowercase()).into_iter().flatten().filter(|other| **other != entry.sku);
        let others: Vec<String> = others.map(|other| shown_sku(other)).collect();
        if !others.is_empty() {
            entry.issues.push(Issue::new(Class::SkuCaseTwin, None, format!("there is {}, too", others.join(" and "))));
        } else if is_in_capitals && is_lower(&entry.sku) {
            entry.issues.push(Issue::quoting(Class::SkuCaseUnusual, None, &entry.sku));
        }
    }
}

fn is_upper(sku: &str) -> bool {
    sku.chars().any(char::is_uppercase) && !sku.chars().any(char::is_lowercase)
}

fn is_lower(sku: &str) -> bool {
    sku.chars().any(char::is_lowercase) && !sku.chars().any(char::is_uppercase)
}
