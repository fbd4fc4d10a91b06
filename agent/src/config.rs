//! What can be set.

use std::time::Duration;

use sysmaint_protocol::{Handle, Probes, identities};
use sysmaint_service::config::Reader;
use sysmaint_store::Retention;

use crate::{
    alert::{QuietHours, Rules},
    model::{
        DEFAULT_DEADLINE, DEFAULT_INPUT_USD_PER_1M, DEFAULT_MODEL, DEFAULT_OUTPUT_USD_PER_1M,
        ModelConfig,
    },
};

/// The agent's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `SYSMAINT_ID`: its identity.
    pub identity: Handle,
    /// `SYSMAINT_OPERATORS`, default `ALICE_ID`: whom it answers.
    pub operators: Vec<Handle>,
    /// `SYSMAINT_PROBES`, default `DIAG_PROBE_ID` and all that begin with it and a hyphen: whose
    /// samples it takes.
    pub probes: Probes,
    /// Three of the probe's intervals, but not below 30 s: then a host counts as silent.
    pub silent_after: Duration,
    /// `SYSMAINT_ALERTS`: what operators are told without asking.
    pub alerts: Rules,
    /// `SYSMAINT_QUIET_HOURS`: when they are told only what is critical.
    pub quiet_hours: Option<QuietHours>,
    /// `SYSMAINT_RETENTION`: how long samples and their roll-ups are kept.
    pub retention: Retention,
    /// The model, if `OPENAI_API_KEY` or `OPENAI_BASE_URL` is set.
    pub model: Option<ModelConfig>,
    /// `OPENAI_DAILY_USD_CAP`: US dollars that the model may cost on one day in UTC.
    pub daily_usd_cap: Option<f64>,
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
        let probes = Probes::new(reader.list("SYSMAINT_PROBES", Probes::named_after(&probe)));
        let bounds = Duration::from_millis(50)..=Duration::from_hours(24);
        let interval = Duration::from_secs(10);
        let interval = reader.duration_ms("SYSMAINT_PROBE_INTERVAL_MS", interval, bounds);
        let silent_after = (interval * 3).max(SILENT_AT_LEAST);
        let retention = reader.value("SYSMAINT_RETENTION", Retention::default());
        let alerts = reader.value("SYSMAINT_ALERTS", Rules::default());
        let quiet_hours = reader.optional("SYSMAINT_QUIET_HOURS");
        let (model, daily_usd_cap) = (model(reader), daily_usd_cap(reader));
        Self {
            identity,
            operators,
            probes,
            silent_after,
            alerts,
            quiet_hours,
            retention,
            model,
            daily_usd_cap,
        }
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

fn daily_usd_cap(reader: &mut Reader) -> Option<f64> {
    let cap: f64 = reader.optional("OPENAI_DAILY_USD_CAP")?;
    if cap.is_finite() && cap >= 0.0 {
        return Some(cap);
    }
    reader.reject("OPENAI_DAILY_USD_CAP", "a cap is a number of US dollars, 0 or more");
    None
}

fn price(reader: &mut Reader, name: &'static str, default: f64) -> f64 {
    let price = reader.value(name, default);
    if !price.is_finite() || price < 0.0 {
        reader.reject(name, "a price is a number of US dollars, 0 or more");
    }
    price
}
