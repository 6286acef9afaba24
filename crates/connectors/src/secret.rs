//! Provider credentials that cannot be printed by accident.

use std::fmt;

/// The credentials of one connection, in the form that its connector defines. Prints as `***`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps credentials.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The credentials themselves: for connectors only, never for a log.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }
}
