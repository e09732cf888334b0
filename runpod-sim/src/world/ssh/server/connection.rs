//! One connection: its bytes, and what may happen to them.

use std::{io, sync::Arc};

use russh::server::run_stream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split},
    net::TcpStream,
};

use super::{life::Life, session::Session, strike::Strike};
use crate::faults::{FaultKind, SSH_CONNECT};

/// Bytes of a piece, and of the pipe to the protocol.
const PIECE: usize = 64 * 1024;

/// Serves one connection until either side closes it, or the container is gone.
pub(super) async fn serve(life: Arc<Life>, stream: TcpStream) -> io::Result<()> {
    // The protocol runs in a task of the library's own. What it is given ends with this future.
    let (wire, inner) = duplex(PIECE);
    let strike = Arc::new(Strike::default());
    let session = protocol(life.clone(), strike.clone(), inner);
    tokio::select! {
        carried = carry(&life, &strike, stream, wire) => carried,
        () = session => Ok(()),
        () = life.over() => Ok(()),
    }
}

/// Lets the library speak the protocol. Never returns: the connection is over when its bytes are.
async fn protocol(life: Arc<Life>, strike: Arc<Strike>, inner: DuplexStream) {
    let server = life.server.clone();
    let ended = match run_stream(server, inner, Session::new(life, strike)).await {
        Ok(running) => running.await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a pod's sshd ended early");
    }
    std::future::pending().await
}

/// Carries bytes both ways.
async fn carry(life: &Life, strike: &Strike, stream: TcpStream, wire: DuplexStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut from_server, mut to_server) = split(wire);
    let upwards = async {
        // Who says nothing is a probe, which no fault is for.
        let mut first = vec![0; PIECE];
        let length = from_client.read(&mut first).await?;
        if length > 0 {
            hang(life, strike).await?;
        }
        to_server.write_all(&first[..length]).await?;
        pump(&mut from_client, &mut to_server, strike).await?;
        to_server.shutdown().await?;
        // The server has its last word.
        std::future::pending().await
    };
    tokio::select! {
        ended = upwards => ended,
        ended = pump(&mut from_server, &mut to_client, strike) => ended,
    }
}

/// Draws the fault of a connection, and stays in one that hangs until it is to be closed.
async fn hang(life: &Life, strike: &Strike) -> io::Result<()> {
    match life.spec.faults.draw(SSH_CONNECT) {
        Some(FaultKind::SshHang { lasting }) => {
            tokio::time::sleep(lasting).await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Some(fault) => {
            strike.set(fault);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Carries bytes one way until there are no more, or the strike cuts them off.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    strike: &Strike,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let passes = strike.pass(length);
        to.write_all(&piece[..passes]).await?;
        if passes < length {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
