//! Sends bytes to a printer in the network, once, and says how far they came. What matters is where it broke: before the
//! first byte nothing can come out, after it anything may.

use std::time::Duration;

use domain::print_job::{Told, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::webhook::address::{Addresses, Reach};

/// A printer that does not take a connection in this time is off, or busy with somebody else.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a printer may take to take a receipt: one of 500 lines takes ten seconds. Within a claim (`CLAIM_MS`).
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to say that it is done; many never say anything.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// GS r 1: the printer answers with a byte once it has come this far in what it was sent.
const ASK_STATUS: [u8; 3] = [0x1D, b'r', 1];

/// Prints on the printer at `host`, if it has an address that may be called.
pub async fn send(addresses: &Addresses, host: &str, port: u16, bytes: &[u8]) -> Told {
    let Ok(Ok(found)) = timeout(CONNECT_TIMEOUT, lookup_host((host, port))).await else {
        return Told::Nothing(Trouble::NotReached);
    };
    // Judged by the address that is connected to, however often a name changes its mind.
    let Some(address) = found.into_iter().find(|found| addresses.may_call(found.ip(), Reach::Inside)) else {
        return Told::Nothing(Trouble::AddressRefused);
    };
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => print(stream, bytes).await,
        Ok(Err(_)) | Err(_) => Told::Nothing(Trouble::NotReached),
    }
}

async fn print(mut stream: TcpStream, bytes: &[u8]) -> Told {
    let all = [bytes, &ASK_STATUS].concat();
    let written = timeout(WRITE_TIMEOUT, async {
        stream.write_all(&all).await?;
        stream.flush().await
    });
    if !matches!(written.await, Ok(Ok(()))) {
        return Told::Unsure(Trouble::BrokenOff);
    }
    match timeout(STATUS_TIMEOUT, stream.read_u8()).await {
        Ok(Ok(_)) => Told::Printed,
        // It hung up in peace, or says nothing: it took all of it.
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Told::Sent,
        Err(_) => Told::Sent,
        Ok(Err(_)) => Told::Unsure(Trouble::BrokenOff),
    }
}
