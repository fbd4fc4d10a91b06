//! The bound: async-nats, publishing into the same streams and waiting for each confirmation.

use std::time::Instant;

use async_nats::{
    HeaderMap,
    jetstream::{Context, context::ContextBuilder},
};
use sysmaint_bus::Credentials;
use tokio::task::JoinSet;

use crate::{mail::Letter, measured::Round, stage::Stage};

pub(crate) struct Raw(Context);

impl Raw {
    /// On a connection as the relay has one.
    pub(crate) async fn connect(stage: &Stage) -> Self {
        let key = stage.key("relay");
        let prefix = Credentials::read(&key).unwrap().inbox_prefix();
        let seed = std::fs::read_to_string(key).unwrap().trim().to_owned();
        let options = async_nats::ConnectOptions::with_nkey(seed).custom_inbox_prefix(prefix);
        let client = options.connect(stage.nats_url()).await.unwrap();
        Self(ContextBuilder::new().max_ack_inflight(1024).build(client))
    }

    /// Publishes them all, so many at a time.
    pub(crate) async fn publish(&self, letters: Vec<Letter>, in_flight: usize) -> Round {
        let mut hands: Vec<_> = (0..in_flight).map(|_| Vec::new()).collect();
        for (number, letter) in letters.into_iter().enumerate() {
            hands[number % in_flight].push(letter);
        }
        let (mut tasks, started) = (JoinSet::new(), Instant::now());
        for hand in hands {
            let jetstream = self.0.clone();
            tasks.spawn(async move {
                let mut each = Vec::with_capacity(hand.len());
                for Letter { subject, id, envelope } in hand {
                    let started = Instant::now();
                    let headers = HeaderMap::from_iter([(
                        "Nats-Msg-Id".parse().unwrap(),
                        id.parse().unwrap(),
                    )]);
                    let published =
                        jetstream.publish_with_headers(subject, headers, envelope.into()).await;
                    published.unwrap().await.unwrap();
                    each.push(started.elapsed());
                }
                each
            });
        }
        let each = tasks.join_all().await.concat();
        Round { took: started.elapsed(), each }
    }
}
