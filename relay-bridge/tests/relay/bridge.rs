//! A further bridge at the same broker.

use reqwest::{Client, Method};
use serde::Serialize;
use sysmaint_bus::Bus;
use sysmaint_relay_bridge::{Config, RunError, bind, run};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stage::{Answer, PATIENCE, Stage, answer, open_audit, parts};

pub struct Bridge {
    pub url: String,
    client: Client,
    running: JoinHandle<Result<(), RunError>>,
    pub stop: CancellationToken,
    bus: Bus,
}

impl Bridge {
    /// With a connection of its own.
    pub async fn beside(stage: &Stage) -> Self {
        Self::over(stage, stage.bus_of("relay").await).await
    }

    pub async fn over(stage: &Stage, bus: Bus) -> Self {
        let config = Config { port: 0, ..stage.config.clone() };
        let listener = bind(&config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let stop = CancellationToken::new();
        let audit = open_audit(&stage.audit_path(&format!("relay-{}.db", address.port())));
        let parts = parts(listener, &bus, &stage.authority, audit);
        let running = tokio::spawn(run(config, parts, stop.clone()));
        let bridge = Self { url, client: Client::new(), running, stop, bus };
        assert_eq!(bridge.get("/readyz", "").await.status, 200);
        bridge
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        let request = self.client.request(Method::GET, format!("{}{path}", self.url));
        answer(request.bearer_auth(token)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        let request = self.client.request(Method::POST, format!("{}{path}", self.url));
        answer(request.bearer_auth(token).json(body)).await
    }

    /// Ends it in the middle of whatever it does.
    pub async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }

    pub async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
        self.bus.close().await;
    }
}
