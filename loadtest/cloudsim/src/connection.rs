//! One connection: HTTP/1.1 until it ends, or until a script resets it.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::service::{self, Server};

/// Serves the connection to its end.
pub(crate) async fn serve(server: Arc<Server>, stream: TcpStream) {
    let reset = Arc::new(Notify::new());
    let handle = {
        let reset = reset.clone();
        service_fn(move |request| service::handle(server.clone(), reset.clone(), request))
    };
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), handle);
    tokio::select! {
        // How it ended is in the log: clients that leave and scripts that close are errors only to hyper.
        _ended = &mut connection => {}
        () = reset.notified() => {
            let stream = connection.into_parts().io.into_inner();
            // Closing with no time to linger makes the kernel send RST in place of FIN. It cannot fail on an open
            // socket, and on a closed one nobody is left to notice.
            let _closed_already = stream.set_zero_linger();
        }
    }
}
