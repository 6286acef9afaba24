//! Who may come in, and what the played Alipay signs, with code of its own (RSA2).

use super::Options;
use super::wire::Problem;
use crate::clock::wall_time;
use crate::rsa::Keys;

/// How far the caller's clock may be off.
const SKEW_MS_MAX: i64 = 15 * 60 * 1_000;

/// The parameters of a request, from its address and its form, decoded.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

/// All that a call to the gateway may have.
const KNOWN: [&str; 12] = [
    "alipay_sdk",
    "app_auth_token",
    "app_id",
    "biz_content",
    "charset",
    "format",
    "method",
    "notify_url",
    "sign",
    "sign_type",
    "timestamp",
    "version",
];

impl Parameters {
    /// Reads them. One that is there twice or that nobody knows is refused.
    pub fn read(query: &str, form: &[u8]) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        let mut pairs: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        pairs.sort_unstable();
        let is_twice = pairs.windows(2).any(|two| two[0].0 == two[1].0);
        let is_known = pairs.iter().all(|(name, _)| KNOWN.contains(&name.as_str()));
        if is_twice || !is_known { Err(Problem::INVALID) } else { Ok(Self(pairs)) }
    }

    /// The value of one; empty where it is left out.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What the caller has signed.
    fn signed(&self) -> String {
        // They are sorted.
        let kept = self.0.iter().filter(|(name, value)| name != "sign" && !value.is_empty());
        kept.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// Whether the caller may come in.
    pub fn let_in(&self, options: &Options, keys: &Keys, now_ms: i64) -> Result<(), Problem> {
        if self.get("app_id") != options.app_id {
            return Err(Problem::APP_ID);
        }
        if self.get("sign_type") != "RSA2" {
            return Err(Problem::SIGN_TYPE);
        }
        if !keys.is_signed(self.signed().as_bytes(), self.get("sign")) {
            return Err(Problem::SIGNATURE);
        }
        // Texts of one length and form are in the order of their times.
        let told = self.get("timestamp");
        let is_now = told.len() == wall_time(now_ms).len()
            && (wall_time(now_ms - SKEW_MS_MAX)..wall_time(now_ms + SKEW_MS_MAX)).contains(&told.to_owned());
        let is_plain = self.get("charset").eq_ignore_ascii_case("utf-8") && self.get("version") == "1.0";
        match (is_now, is_plain) {
            (false, _) => Err(Problem::TIMESTAMP),
            (true, false) => Err(Problem::INVALID),
            (true, true) => Ok(()),
        }
    }
}

/// An answer: the node of the method, and its signature.
pub(super) fn answer(keys: &Keys, method: &str, node: &str) -> String {
    let name = if method.is_empty() { "error".to_owned() } else { method.replace('.', "_") };
    format!("{{\"{name}_response\":{node},\"sign\":\"{}\"}}", keys.sign(node))
}

/// The form of a notification, signed without `sign_type` by whatever signs.
pub(super) fn notification(fields: &[(&str, String)], sign: impl Fn(&str) -> String) -> String {
    let mut signed: Vec<&(&str, String)> =
        fields.iter().filter(|(name, value)| *name != "sign_type" && !value.is_empty()).collect();
    signed.sort_unstable();
    let text: Vec<String> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).append_pair("sign", &sign(&text.join("&"))).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::forge;

    const NOW_MS: i64 = 1_769_567_400_000;

    fn form(change: impl Fn(&mut Vec<(String, String)>)) -> Parameters {
        let texts = [
            ("app_id", "2021000000000001"),
            ("biz_content", "{}"),
            ("charset", "utf-8"),
            ("method", "alipay.trade.query"),
            ("notify_url", ""),
            ("sign_type", "RSA2"),
            ("timestamp", "2026-01-28 10:30:00"),
            ("version", "1.0"),
        ];
        let mut pairs: Vec<_> = texts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let text = "app_id=2021000000000001&biz_content={}&charset=utf-8&method=alipay.trade.query&sign_type=RSA2&timestamp=2026-01-28 10:30:00&version=1.0";
        // The merchant signs.
        pairs.push(("sign".to_owned(), forge(text)));
        change(&mut pairs);
        pairs.sort_unstable();
        Parameters(pairs)
    }

    #[test]
    fn what_the_merchant_signed_is_let_in_and_what_was_altered_is_not() {
        let (options, keys) = (Options::default(), Keys::for_play());
        let tried = |parameters: &Parameters, now_ms| parameters.let_in(&options, &keys, now_ms);
        assert_eq!(tried(&form(|_| {}), NOW_MS), Ok(()));
        let other = form(|pairs| pairs[1].1 = "{\"out_trade_no\":\"1\"}".to_owned());
        assert_eq!(tried(&other, NOW_MS), Err(Problem::SIGNATURE));
        assert_eq!(tried(&form(|pairs| pairs[0].1.push('1')), NOW_MS), Err(Problem::APP_ID));
        assert_eq!(tried(&form(|pairs| pairs[5].1 = "RSA".to_owned()), NOW_MS), Err(Problem::SIGN_TYPE));
        assert_eq!(tried(&form(|pairs| drop(pairs.pop())), NOW_MS), Err(Problem::SIGNATURE));
        for (skew_ms, expected) in [(SKEW_MS_MAX, Ok(())), (SKEW_MS_MAX + 1_000, Err(Problem::TIMESTAMP))] {
            assert_eq!(tried(&form(|_| {}), NOW_MS + skew_ms - 1_000), Ok(()));
            assert_eq!(tried(&form(|_| {}), NOW_MS + skew_ms), expected);
        }
    }

    #[test]
    fn parameters_are_read_once_each() {
        let read = Parameters::read("a=1&app_id=1", b"").map(drop);
        assert_eq!(read, Err(Problem::INVALID), "what nobody knows is refused");
        assert_eq!(Parameters::read("app_id=1", b"app_id=2").map(drop), Err(Problem::INVALID));
        let read = Parameters::read("app_id=1", b"biz_content=%7B%22a%22%3A%22b+c%22%7D").unwrap();
        assert_eq!((read.get("app_id"), read.get("biz_content"), read.get("sign")), ("1", "{\"a\":\"b c\"}", ""));
    }
}
