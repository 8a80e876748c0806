//! A server that is nothing but Weir's RTMP session: it accepts every key and throws the media away.

use std::net::{Ipv4Addr, SocketAddr};

use rtmp_ingest::{Connection, Event, Limits};
use tokio::net::{TcpListener, TcpStream};

use crate::Error;

/// The app that it is published to; any other would do as well.
pub const APP: &str = "live";

/// Serves on `port` of the loopback interface until the process is ended.
pub async fn serve(port: u16) -> Result<(), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = tokio::net::TcpSocket::new_v4().map_err(Error::io("make a socket"))?;
    socket.set_reuseaddr(true).map_err(Error::io("share the port with its last owner"))?;
    socket.bind(address).map_err(Error::io("listen"))?;
    let listener: TcpListener = socket.listen(4096).map_err(Error::io("listen"))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(Error::io("accept a publisher"))?;
        stream.set_nodelay(true).map_err(Error::io("turn Nagle's algorithm off"))?;
        tokio::spawn(take(stream));
    }
}

async fn take(stream: TcpStream) {
    // Publishers of this benchmark may pause for as long as they like.
    let limits = Limits { idle_timeout: std::time::Duration::from_secs(3600), ..Limits::default() };
    let mut connection = Connection::new(stream, limits);
    loop {
        match connection.next_event().await {
            Ok(Some(Event::PublishRequested(_))) => {
                if connection.accept_publish().await.is_err() {
                    return;
                }
            }
            Ok(Some(event)) => drop(std::hint::black_box(event)),
            Ok(None) | Err(_) => return,
        }
    }
}
