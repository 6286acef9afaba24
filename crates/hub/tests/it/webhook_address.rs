//! Who webhooks are never sent to: every refused network in every spelling, names that lead there, and names that change
//! their mind between the look and the connection.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::time::Timestamp;
use domain::webhook_delivery::Told;
use futures::future::BoxFuture;
use hub::webhook::address::{Addresses, Reach, Unfit};
use hub::webhook::sender::{Lookup, Outgoing, Sender};

use crate::support::Receiver;

/// The first, the last and one in the middle of each network that is not public.
const REFUSED_V4: [&str; 49] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.1.2.3",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.1.1.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.20.10.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.77",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.1",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    "224.0.0.0",
    "224.0.0.251",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.0",
    "250.1.2.3",
    "255.0.0.0",
    "255.255.255.254",
    "255.255.255.255",
];

/// Not public, or leading to an IPv4 address. What embeds the address of this machine or of a metadata service is here in
/// each way of embedding.
const REFUSED_V6: [&str; 39] = [
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::",
    "100::1",
    "100:0:0:1::1",
    "1fff:ffff::1",
    "2001::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::",
    "2001:db8::1",
    "2001:db8:ffff:ffff::1",
    "2002::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
];

const PUBLIC: [&str; 24] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2400:cb00:2048:1::c629:d7a2",
    "2606:4700:4700::1111",
    "3ffe::1",
];

fn nobody_inside() -> Addresses {
    Addresses::new(Vec::new())
}

/// Every way to write an IPv4 address that some program reads.
fn spellings_v4(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let (whole, low_24, low_16) = (u32::from(address), u32::from(address) & 0xff_ffff, u32::from(address) & 0xffff);
    let wide = |digit: u8| char::from_u32(0xff10 + u32::from(digit - b'0')).unwrap();
    let circled = |digit: u8| match digit {
        b'0' => '⓪',
        digit => char::from_u32(0x2460 + u32::from(digit - b'1')).unwrap(),
    };
    let dotted = address.to_string();
    let with_digits = |digit: &dyn Fn(u8) -> char| -> String {
        dotted.bytes().map(|byte| if byte == b'.' { '.' } else { digit(byte) }).collect()
    };
    let escaped: String = dotted.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        dotted.clone(),
        format!("{dotted}."),
        format!("{a}.{b}.{low_16}"),
        format!("{a}.{low_24}"),
        format!("{whole}"),
        format!("{whole}."),
        format!("0x{whole:x}"),
        format!("0X{whole:X}"),
        format!("0x{whole:016x}"),
        format!("0{whole:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:x}.0x{low_24:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0000{a:o}.0000{b:o}.0000{c:o}.0000{d:o}"),
        format!("0x{a:02x}.0{b:o}.{low_16}"),
        format!("{a}.0x{b:x}.0{c:o}.{d}"),
        with_digits(&wide),
        with_digits(&circled),
        dotted.replace('.', "。"),
        dotted.replace('.', "．"),
        escaped,
        dotted.replace('.', "%2e"),
        format!("\t{dotted}"),
        format!("[::ffff:{dotted}]"),
        format!("[::ffff:{:x}:{:x}]", whole >> 16, low_16),
        format!("[0:0:0:0:0:FFFF:{dotted}]"),
        format!("[::{dotted}]"),
        format!("[64:ff9b::{dotted}]"),
        format!("[2002:{:x}:{:x}::]", whole >> 16, low_16),
    ]
}

fn spellings_v6(address: Ipv6Addr) -> Vec<String> {
    let long: Vec<String> = address.segments().iter().map(|part| format!("{part:04x}")).collect();
    let long = long.join(":");
    vec![format!("[{address}]"), format!("[{long}]"), format!("[{}]", long.to_uppercase())]
}

fn parsed<T: std::str::FromStr>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().unwrap_or_else(|_| panic!("{text}"))).collect()
}

/// Hosts that have to be refused, without repeats.
fn hosts() -> BTreeSet<String> {
    let v4 = parsed::<Ipv4Addr>(&REFUSED_V4).into_iter().flat_map(spellings_v4);
    let v6 = parsed::<Ipv6Addr>(&REFUSED_V6).into_iter().flat_map(spellings_v6);
    // Digits may be missing behind the sign of a base, and a part may be empty.
    let odd = ["127.0.0.0x", "0", "0x", "0x0", "00", "127.0x.0.1", "0x7f.1", "017700000001"].map(str::to_owned);
    v4.chain(v6).chain(odd).collect()
}

#[test]
fn no_spelling_of_a_refused_address_passes() {
    let addresses = nobody_inside();
    let hosts = hosts();
    assert!(hosts.len() > 1_300, "{}", hosts.len());
    let mut passed = Vec::new();
    for host in &hosts {
        for url in [
            format!("https://{host}/"),
            format!("https://{host}:443/hook"),
            format!("https://{host}:8443/"),
            format!("http://{host}/"),
            format!("HTTPS:\\\\{host}\\"),
            format!("https:{host}"),
            format!("https://example.jp@{host}/"),
            format!("https://example.jp:443@{host}/"),
            format!("https://{host}#@example.jp/"),
            format!("https://{host}?@example.jp/"),
        ] {
            if addresses.judge(&url).is_ok() {
                passed.push(url);
            }
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
}

#[test]
fn what_the_parser_reads_as_an_address_is_judged_as_that_address() {
    // A spelling that was refused for its form alone would prove nothing: most of them are the address in disguise.
    let addresses = Addresses::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let spellings = spellings_v4(Ipv4Addr::LOCALHOST);
    let read = spellings.iter().filter_map(|host| addresses.judge(&format!("https://{host}/")).ok());
    let read: Vec<String> = read.map(|target| target.url.host_str().unwrap().to_owned()).collect();
    assert!(read.len() >= 20, "{read:?}");
    assert!(read.iter().all(|host| host == "127.0.0.1"), "{read:?}");
}

#[test]
fn public_addresses_pass_and_the_others_do_not() {
    let addresses = nobody_inside();
    for address in parsed::<IpAddr>(&PUBLIC) {
        assert!(addresses.may_call(address, Reach::Anywhere), "{address}");
        assert!(!addresses.may_call(address, Reach::Inside), "{address}");
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        assert!(addresses.judge(&format!("https://{host}/hook")).is_ok(), "{host}");
        assert_eq!(addresses.judge(&format!("http://{host}/hook")).unwrap_err(), Unfit::Refused);
    }
    for text in REFUSED_V4.iter().chain(&REFUSED_V6) {
        assert!(!addresses.may_call(text.parse().unwrap(), Reach::Anywhere), "{text}");
    }
}

#[test]
fn ports_and_forms_are_judged() {
    let (addresses, inside) = (nobody_inside(), Addresses::new(vec!["10.1.0.0/16".parse().unwrap()]));
    for port in [1, 22, 25, 53, 80, 110, 465, 993, 1_023] {
        let url = format!("https://example.jp:{port}/");
        assert_eq!(addresses.judge(&url).unwrap_err(), Unfit::Refused, "{url}");
        assert_eq!(inside.judge(&url).unwrap().reach, Reach::Inside, "{url}");
    }
    for port in [443, 1_024, 8_443, 65_535] {
        assert_eq!(addresses.judge(&format!("https://example.jp:{port}/")).unwrap().reach, Reach::Anywhere);
    }
    assert!(inside.judge("http://10.1.2.3:8080/hook").is_ok());
    for url in ["http://10.2.0.1/", "https://10.2.0.1/", "http://8.8.8.8/", "https://[::ffff:10.1.2.3]/"] {
        assert_eq!(inside.judge(url).unwrap_err(), Unfit::Refused, "{url}");
    }
    for url in [
        "",
        "example.jp",
        "//example.jp/",
        "ftp://example.jp/",
        "file:///etc/passwd",
        "gopher://example.jp/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https://",
        "https:///",
        "https://user@example.jp/",
        "https://:secret@example.jp/",
        "https://example.jp/#x",
        "https://example.jp:99999/",
        "https://exa mple.jp/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
    ] {
        assert_eq!(addresses.judge(url).unwrap_err(), Unfit::Invalid, "{url}");
    }
}

/// Names whose addresses change with each look.
struct Fickle {
    answers: Vec<Vec<IpAddr>>,
    looks: AtomicUsize,
}

impl Lookup for Fickle {
    fn look_up(&self, _: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[look.min(self.answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn fickle(answers: &[&[&str]]) -> Arc<Fickle> {
    let answers = answers.iter().map(|addresses| parsed(addresses)).collect();
    Arc::new(Fickle { answers, looks: AtomicUsize::new(0) })
}

async fn send(sender: &Sender, url: &str) -> Told {
    let message =
        Outgoing { id: "evt_1".to_owned(), timestamp_s: 1, signature: "v1,x".to_owned(), body: b"{}".to_vec() };
    sender.send(url, message, Timestamp(0)).await
}

#[tokio::test]
async fn a_name_is_judged_again_at_each_connection() {
    hub::tls::install_provider();
    let allowed = Receiver::at("127.0.0.2:0").await;
    let port = allowed.addr.port();
    // The same port of another address of this machine, which nobody allowed.
    let secret = Receiver::at(&format!("127.0.0.1:{port}")).await;
    allowed.answer(crate::support::receiver::Reply::With(200, "connection", "close".to_owned()));
    let lookup = fickle(&[&["127.0.0.2"], &["127.0.0.1"], &["127.0.0.1", "127.0.0.2"]]);
    let addresses = Addresses::new(vec!["127.0.0.2/32".parse().unwrap()]);
    let sender = Sender::try_new(addresses, lookup).unwrap();
    let url = format!("http://rebind.example:{port}/");
    let answered = Told::Answered { status: 200, retry_after_ms: None };
    assert_eq!(send(&sender, &url).await, answered);
    assert_eq!(send(&sender, &url).await, Told::AddressRefused);
    // Of several addresses only those that may be called are.
    assert_eq!(send(&sender, &url).await, answered);
    assert_eq!((allowed.count(), secret.count()), (2, 0));
}

#[tokio::test]
async fn no_name_leads_to_a_refused_address() {
    hub::tls::install_provider();
    for address in REFUSED_V4.iter().chain(&REFUSED_V6) {
        let sender = Sender::try_new(nobody_inside(), fickle(&[&[address]])).unwrap();
        assert_eq!(send(&sender, "https://inside.example:8443/").await, Told::AddressRefused, "{address}");
    }
}

#[tokio::test]
async fn a_url_is_judged_before_each_request() {
    hub::tls::install_provider();
    let receiver = Receiver::start().await;
    // It was registered while the settings still allowed it.
    let sender = Sender::try_new(nobody_inside(), fickle(&[&["127.0.0.1"]])).unwrap();
    assert_eq!(send(&sender, &receiver.url()).await, Told::AddressRefused);
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_not_reached() {
    hub::tls::install_provider();
    let receiver = Receiver::start().await;
    let url = receiver.url();
    drop(receiver);
    let addresses = Addresses::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let sender = Sender::try_new(addresses, fickle(&[&["127.0.0.1"]])).unwrap();
    crate::support::receiver::wait_until("its port is closed", async || send(&sender, &url).await == Told::NotReached)
        .await;
}
