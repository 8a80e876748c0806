use std::net::IpAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// Connections to a server from another address than the client's own. They end when it is dropped.
pub struct Relay {
    port: u16,
    task: JoinHandle<()>,
}

impl Relay {
    /// Passes connections on to `port` here; its server sees them come from `from`.
    pub async fn start(port: u16, from: IpAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((from, 0).into()).unwrap();
                let mut server = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
                connections.spawn(async move {
                    // Whichever side ended it, the other one sees it.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port: own_port, task }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
