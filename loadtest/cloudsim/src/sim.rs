//! A running simulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::behaviour::Behaviour;
use crate::connection;
use crate::kind::CloudKind;
use crate::log::{Ended, Received};
use crate::reply::Reply;
use crate::service::Server;

/// A running simulator. Dropping it closes its listener and all its connections at once.
#[derive(Debug)]
pub struct Sim {
    kind: CloudKind,
    addr: SocketAddr,
    server: Arc<Server>,
    stop: Arc<Notify>,
    accept: JoinHandle<()>,
}

impl Sim {
    /// Starts OpenAI on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port could be bound.
    pub async fn start(behaviour: Behaviour) -> io::Result<Self> {
        Self::start_cloud(CloudKind::OpenAi, behaviour).await
    }

    /// Starts that cloud on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port could be bound.
    pub async fn start_cloud(kind: CloudKind, behaviour: Behaviour) -> io::Result<Self> {
        Self::start_cloud_at((Ipv4Addr::LOCALHOST, 0).into(), kind, behaviour).await
    }

    /// Starts OpenAI at that address: to be back where another one was dropped, say.
    ///
    /// # Errors
    ///
    /// The address could not be bound.
    pub async fn start_at(addr: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        Self::start_cloud_at(addr, CloudKind::OpenAi, behaviour).await
    }

    /// Starts that cloud at that address.
    ///
    /// # Errors
    ///
    /// The address could not be bound.
    pub async fn start_cloud_at(addr: SocketAddr, kind: CloudKind, behaviour: Behaviour) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let server = Arc::new(Server::new(kind, behaviour));
        let stop = Arc::new(Notify::new());
        let accept = tokio::spawn(accept(listener, server.clone(), stop.clone()));
        Ok(Self { kind, addr, server, stop, accept })
    }

    /// Which cloud it is.
    pub fn kind(&self) -> CloudKind {
        self.kind
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of its API; what follows it is told at [`CloudKind::base_path`]. OpenAI's is followed by `/chat/completions`.
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.addr, self.kind.base_path())
    }

    /// Where its host begins, without a path: what identity services are asked at.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Adds replies for the next requests, in the order in which they arrive. Requests beyond the script, for lists
    /// of models, and those that do not pass the checks are answered as they should be.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.server.script(replies);
    }

    /// All requests so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Received> {
        self.server.log.requests()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.server.log.connections()
    }

    /// Waits for the request of that number, from 0.
    pub async fn request(&self, number: usize) -> Received {
        match self.server.log.wait_for(number, |received, _| Some(received.clone())).await {
            Some(received) => received,
            None => std::future::pending().await,
        }
    }

    /// Waits for the end of the exchange of that number, from 0, and says how it ended.
    pub async fn ended(&self, number: usize) -> Ended {
        match self.server.log.wait_for(number, |_, ended| ended).await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Stops, and waits until the port is free and every connection is closed.
    pub async fn stop(mut self) {
        self.stop.notify_one();
        // The task neither panics nor is aborted while this method owns the handle.
        (&mut self.accept).await.unwrap_or_default();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

/// Accepts connections until told to stop. Aborted, it takes the connections along.
async fn accept(listener: TcpListener, server: Arc<Server>, stop: Arc<Notify>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that was gone before it was accepted is no reason to stop.
                if let Ok((stream, _)) = accepted {
                    server.log.accepted();
                    connections.spawn(connection::serve(server.clone(), stream));
                }
            }
            Some(_) = connections.join_next() => {}
            () = stop.notified() => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}
