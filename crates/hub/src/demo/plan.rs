//! Who comes to the shop: mostly people with cash, some who pay electronically, and one each of what goes wrong.

/// What happens with a customer. Every scene ends in one completed sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Rung and paid in one request.
    Cash,
    /// An open sale, its lines, a payment.
    Electronic,
    /// The payment is declined; the customer pays cash.
    Declined,
    /// The provider's reply is lost after it took the money.
    LostReply,
    /// The customer has to confirm first.
    PendingThenApproved,
    /// The provider takes the money after it said that it knows of nothing; the customer has paid cash by then.
    LateApproval,
    /// Paid electronically, all of it brought back, and the money given back by the provider.
    Return,
    /// Paid in cash, a part of it brought back, and the money given back out of the drawer.
    PartReturn,
    /// Line by line, one taken off again, paid by cash.
    StepByStep,
    /// More than there is; refused; the customer takes less.
    StockOut,
    /// The register sends the same sale twice, as after a lost answer.
    Repeat,
    /// Keyed into a stand-alone terminal by hand.
    KeyedByHand,
}

/// The scenes that are played once each, the one that takes longest first.
const SPECIAL: [Scene; 9] = [
    Scene::LateApproval,
    Scene::LostReply,
    Scene::PendingThenApproved,
    Scene::Return,
    Scene::PartReturn,
    Scene::StepByStep,
    Scene::StockOut,
    Scene::Repeat,
    Scene::KeyedByHand,
];

/// Somebody with a cart.
#[derive(Debug, Clone, Copy)]
pub struct Customer {
    /// From 1 on.
    pub number: u64,
    /// What happens.
    pub scene: Scene,
}

/// So many customers, the special ones spread among them.
pub fn customers(count: u64) -> Vec<Customer> {
    let special = SPECIAL.len() as u64;
    let scene = |number: u64| {
        let place = (0..special).find(|place| number == 2 + place * count / special);
        place.map_or_else(|| ordinary(number), |place| SPECIAL[place as usize])
    };
    (1..=count).map(|number| Customer { number, scene: scene(number) }).collect()
}

/// Of twenty customers five pay electronically and one is declined.
const fn ordinary(number: u64) -> Scene {
    match number % 20 {
        3 | 6 | 10 | 15 | 19 => Scene::Electronic,
        9 => Scene::Declined,
        _ => Scene::Cash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_scene_is_played_once() {
        for count in [20, 21, 37, 300, 5_000] {
            let customers = customers(count);
            assert_eq!(customers.len() as u64, count);
            for scene in SPECIAL {
                assert_eq!(
                    customers.iter().filter(|customer| customer.scene == scene).count(),
                    1,
                    "{scene:?} of {count}"
                );
            }
        }
    }
}
