//! The keys of the played WeChat Pay. They are in the repository for everybody to see, and guard nothing.

use super::sign::Key;

/// The merchant's key, which a hub signs with.
pub(super) const MERCHANT: &str = include_str!("keys/merchant.pem");
/// The public half of WeChat's key, and of the one that comes after it.
pub(super) const PLATFORM_PUBLIC: &str = include_str!("keys/platform_public.pem");
pub(super) const NEXT_PLATFORM_PUBLIC: &str = include_str!("keys/next_platform_public.pem");
/// The names of both.
pub(super) const PLATFORM: &str = "PUB_KEY_ID_0000000000000000000000000000000001";
pub(super) const NEXT_PLATFORM: &str = "PUB_KEY_ID_0000000000000000000000000000000002";

pub(super) fn merchant(serial: &str) -> Key {
    Key::new(serial, MERCHANT)
}

/// What WeChat signs with: the key of now, and the one after it.
pub(super) fn platform() -> [Key; 2] {
    let next = Key::new(NEXT_PLATFORM, include_str!("keys/next_platform.pem"));
    [Key::new(PLATFORM, include_str!("keys/platform.pem")), next]
}
