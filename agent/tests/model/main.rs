//! The agent and a language model's server: [aimock], which others wrote and which answers from
//! `tests/aimock/fixtures/agent.json`, and, for what no honest server does, one that answers with
//! scripted bytes.
//!
//! [aimock]: https://www.npmjs.com/package/@copilotkit/aimock

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod aimock;
mod caps;
mod hosts;
mod llama;
mod log;
mod scripted;
mod streams;
mod tools;
mod trouble;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use sysmaint_agent::{
    answerer::{Answered, Answerer},
    live::Live,
    model::{Model, ModelConfig},
    query::Query,
};
use sysmaint_protocol::Timestamp;

use self::{aimock::Aimock, hosts::TwoHosts};

const KEY: &str = "sk-of-the-test";

/// 2026-11-23T09:30:00Z.
const NOW: u64 = 1_795_426_200_000;

/// Longer than anything here takes, but for what is meant to take too long.
const DEADLINE: Duration = Duration::from_secs(30);

/// Checks that the offline analyst answered, and said why.
#[track_caller]
fn fell_back(answered: &Answered, why: &str) {
    assert_eq!(answered.model, "offline-analyst", "{answered:?}");
    assert!(answered.text.contains("Offline analyst"), "{}", answered.text);
    assert!(answered.text.contains(why), "{why:?} is missing in: {}", answered.text);
    assert!(answered.text.contains("load 0.25"), "{}", answered.text);
}

/// An agent that asks the model at this address.
fn agent(base_url: &str, key: &str, deadline: Duration) -> Answerer {
    // The first test that gets here installs it for all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ModelConfig {
        base_url: Some(base_url.to_owned()),
        deadline,
        ..ModelConfig::new(SecretString::from(key.to_owned()))
    };
    Answerer::new(Arc::new(TwoHosts), Some(Model::new(config).unwrap()))
}

async fn ask(base_url: &str, question: &str) -> Answered {
    ask_live(base_url, &Query::new(question), &Live::alone()).await
}

async fn ask_live(base_url: &str, query: &Query, live: &Live) -> Answered {
    agent(base_url, KEY, DEADLINE).answer_query(query, live, Timestamp::from_millis(NOW)).await
}
