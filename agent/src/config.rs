//! What can be set.

use std::time::Duration;

use sysmaint_protocol::{Handle, identities};
use sysmaint_service::config::Reader;

use crate::model::{
    DEFAULT_DEADLINE, DEFAULT_INPUT_USD_PER_1M, DEFAULT_MODEL, DEFAULT_OUTPUT_USD_PER_1M,
    ModelConfig,
};

/// The agent's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `SYSMAINT_ID`: its identity.
    pub identity: Handle,
    /// `SYSMAINT_OPERATORS`, default `ALICE_ID`: whom it answers.
    pub operators: Vec<Handle>,
    /// `SYSMAINT_PROBES`, default `DIAG_PROBE_ID`: whose samples it takes.
    pub probes: Vec<Handle>,
    /// Three of the probe's intervals, but not below 30 s: then a host counts as silent.
    pub silent_after: Duration,
    /// The model, if `OPENAI_API_KEY` or `OPENAI_BASE_URL` is set.
    pub model: Option<ModelConfig>,
}

/// Servers that want no key still want the header.
const NO_KEY: &str = "none";
const SILENT_AT_LEAST: Duration = Duration::from_secs(30);

impl Config {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        let identity = reader.value("SYSMAINT_ID", identities::agent());
        let alice = reader.value("ALICE_ID", identities::alice());
        let operators = reader.list("SYSMAINT_OPERATORS", vec![alice]);
        let probe = reader.value("DIAG_PROBE_ID", identities::probe());
        let probes = reader.list("SYSMAINT_PROBES", vec![probe]);
        let bounds = Duration::from_millis(50)..=Duration::from_hours(24);
        let interval = Duration::from_secs(10);
        let interval = reader.duration_ms("SYSMAINT_PROBE_INTERVAL_MS", interval, bounds);
        let silent_after = (interval * 3).max(SILENT_AT_LEAST);
        Self { identity, operators, probes, silent_after, model: model(reader) }
    }
}

fn model(reader: &mut Reader) -> Option<ModelConfig> {
    let key = reader.secret("OPENAI_API_KEY");
    let base_url: Option<String> = reader.optional("OPENAI_BASE_URL");
    let model = reader.value("OPENAI_MODEL", DEFAULT_MODEL.to_owned());
    let input_usd_per_1m = price(reader, "OPENAI_INPUT_USD_PER_1M", DEFAULT_INPUT_USD_PER_1M);
    let output_usd_per_1m = price(reader, "OPENAI_OUTPUT_USD_PER_1M", DEFAULT_OUTPUT_USD_PER_1M);
    let api_key = match (key, &base_url) {
        (Some(key), _) => key,
        (None, Some(_)) => NO_KEY.to_owned().into(),
        (None, None) => return None,
    };
    let deadline = DEFAULT_DEADLINE;
    Some(ModelConfig { base_url, api_key, model, input_usd_per_1m, output_usd_per_1m, deadline })
}

fn price(reader: &mut Reader, name: &'static str, default: f64) -> f64 {
    let price = reader.value(name, default);
    if !price.is_finite() || price < 0.0 {
        reader.reject(name, "a price is a number of US dollars, 0 or more");
    }
    price
}
