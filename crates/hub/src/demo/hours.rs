//! The hours of the shop: when its customers come, and how fast the day is played. Only the pauses between the customers
//! follow from it; what happens does not.

use std::time::{Duration, Instant};

/// From when to when the shop is open.
pub const OPENS: u32 = 9 * HOUR;
pub const CLOSES: u32 = 21 * HOUR;
/// Minutes of an hour.
pub const HOUR: u32 = 60;

/// How many of a hundred customers come in each hour: most at noon and after work.
const SHARES: [u64; (CLOSES / HOUR - OPENS / HOUR) as usize] = [4, 5, 7, 17, 11, 6, 5, 7, 11, 13, 9, 5];

/// In which minute of the day the customer with this number comes.
pub fn minute_of(number: u64, customers: u64) -> u32 {
    let hundredth = |share: u64| share * customers;
    let (mut before, mut hour) = (0, OPENS);
    let wanted = (number - 1) * 100;
    for share in SHARES {
        if wanted < before + hundredth(share) {
            let minute = (wanted - before) * u64::from(HOUR) / hundredth(share).max(1);
            return hour + minute as u32;
        }
        before += hundredth(share);
        hour += HOUR;
    }
    CLOSES
}

/// `12:05`
pub fn clock(minute: u32) -> String {
    format!("{}:{:02}", minute / HOUR, minute % HOUR)
}

/// How fast the day is played.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    day: Duration,
    opened_at: Instant,
}

impl Pace {
    /// The day begins now and takes so long, or longer where the work does.
    pub fn of(day: Duration) -> Self {
        Self { day, opened_at: Instant::now() }
    }

    /// Until that minute of the day.
    pub async fn wait_until(&self, minute: u32) {
        let at = self.day * (minute - OPENS) / (CLOSES - OPENS);
        tokio::time::sleep_until((self.opened_at + at).into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_while_the_shop_is_open_and_in_turn() {
        assert_eq!(SHARES.iter().sum::<u64>(), 100);
        for customers in [40, 300, 5_000] {
            let minutes: Vec<u32> = (1..=customers).map(|number| minute_of(number, customers)).collect();
            assert!(minutes.is_sorted());
            assert_eq!((minutes.first(), clock(OPENS)), (Some(&OPENS), "9:00".to_owned()));
            assert!(minutes.iter().all(|minute| (OPENS..CLOSES).contains(minute)));
        }
    }
}
