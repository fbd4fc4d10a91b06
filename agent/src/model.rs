//! Answers by a language model, over any server that speaks OpenAI's Chat Completions.
//!
//! The model sees the question, what was said before it, the current time and what the tools
//! return, and nothing else. It cannot act: every tool reads.

mod assembler;
mod chunk;
mod conversation;
mod endpoint;
mod instructions;
mod meter;
mod transport;
mod turn;

use std::{fmt, sync::Arc, time::Duration};

use async_openai::Client;
use secrecy::SecretString;
use sysmaint_protocol::{
    Timestamp,
    body::{Tokens, ToolUse},
};

pub use self::endpoint::InvalidEndpoint;
use self::{conversation::Conversation, endpoint::Endpoint, meter::Meter, transport::Transport};
use crate::{live::Live, query::Query, telemetry::Telemetry};

/// The model where none is configured.
pub const DEFAULT_MODEL: &str = "gpt-4o-mini";

/// Its price for a million tokens read, in US dollars.
pub const DEFAULT_INPUT_USD_PER_1M: f64 = 0.15;

/// Its price for a million tokens written, in US dollars.
pub const DEFAULT_OUTPUT_USD_PER_1M: f64 = 0.60;

/// How long an answer may take, all calls and retries included. Below the 25 seconds that a chat
/// waits by default, so that the offline analyst can still step in.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(20);

/// How long a connection may take to open. Four attempts of it fit the default deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Which model to ask, and at what price.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// Base address with its version, such as `http://127.0.0.1:11434/v1`. OpenAI's if absent.
    pub base_url: Option<String>,
    /// The key; anything but nothing for servers that want none.
    pub api_key: SecretString,
    /// The model's name. Default `gpt-4o-mini`.
    pub model: String,
    /// US dollars for a million tokens read. Default 0.15.
    pub input_usd_per_1m: f64,
    /// US dollars for a million tokens written. Default 0.60.
    pub output_usd_per_1m: f64,
    /// How long an answer may take. Default 20 s.
    pub deadline: Duration,
}

impl ModelConfig {
    /// The default model at OpenAI.
    pub fn new(api_key: SecretString) -> Self {
        Self {
            base_url: None,
            api_key,
            model: DEFAULT_MODEL.to_owned(),
            input_usd_per_1m: DEFAULT_INPUT_USD_PER_1M,
            output_usd_per_1m: DEFAULT_OUTPUT_USD_PER_1M,
            deadline: DEFAULT_DEADLINE,
        }
    }
}

/// A model that can be asked.
pub struct Model {
    client: Client<Endpoint>,
    name: String,
    input_usd_per_1m: f64,
    output_usd_per_1m: f64,
    deadline: Duration,
    limit_name: LimitName,
}

/// The model cannot be asked with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum InvalidModel {
    /// The HTTP client could not be made.
    #[error("the HTTP client for the model could not be made")]
    Client(#[source] reqwest::Error),
    /// Address or key.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// A price is negative or not a number.
    #[error("a token price is not a number of dollars: {0}")]
    Price(f64),
    /// The process has not chosen who does TLS.
    #[error("no TLS provider is installed in this process; install rustls' ring provider first")]
    TlsProvider,
}

/// The model did not answer. The text is shown to the person who asked: it holds neither
/// addresses nor keys nor what the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The daily cap was reached between two requests.
    #[error("the daily spending cap was reached before it had answered")]
    Allowance,
    /// The answer was empty or withheld.
    #[error("its answer was empty")]
    Empty,
    /// Not in time.
    #[error("it did not answer within {} s", .0.as_secs())]
    Deadline(Duration),
    /// The connection was lost, or the server failed, in the middle of the answer.
    #[error("its answer broke off")]
    Interrupted,
    /// The answer is not a chat completion.
    #[error("its server's answer was not understood")]
    NotUnderstood,
    /// The account is out of money.
    #[error("its server reports that the quota is used up")]
    Quota,
    /// The server refused, after retries where they help.
    #[error("its server answered with status {}{}", .0, hint(*.0))]
    Status(u16),
    /// Whoever asked does not want the answer any more.
    #[error("it was stopped")]
    Stopped,
    /// It kept on calling tools.
    #[error("it asked for more and more data without answering")]
    TooManyRounds,
    /// It used up what one answer may take.
    #[error("it had used {0} tokens and not answered yet")]
    TooManyTokens(u64),
    /// No connection.
    #[error("its server could not be reached")]
    Unreachable,
    /// It said what it was told to keep to itself.
    #[error("its answer repeated its instructions and was withheld")]
    Withheld,
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => " (check the API key)",
        404 => " (check the base URL and the model's name)",
        429 => " (rate limit)",
        _ => "",
    }
}

/// What became of a question, whether it was answered or not: tokens of a failed attempt cost as
/// much as those of a good one.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The answer, as the model wrote it.
    pub outcome: Result<String, ModelError>,
    /// The tools that it used, in order.
    pub tools: Vec<ToolUse>,
    /// What it used. A request that was cut short is in it as an estimate.
    pub usage: Tokens,
    /// Whether some of that is a guess, because the server did not say.
    pub estimated: bool,
}

/// What a question is asked over.
#[derive(Clone)]
pub struct Subject {
    /// The samples.
    pub telemetry: Arc<dyn Telemetry>,
    /// The moment of the question.
    pub now: Timestamp,
    /// How long a host may be quiet before it counts as silent.
    pub silent_after: Duration,
}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subject").field("now", &self.now).finish_non_exhaustive()
    }
}

/// OpenAI's newer models want the one name, many other servers know only the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitName {
    MaxCompletionTokens,
    MaxTokens,
}

impl Model {
    /// Prepares the client. Nothing is sent yet.
    pub fn new(config: ModelConfig) -> Result<Self, InvalidModel> {
        let prices = [config.input_usd_per_1m, config.output_usd_per_1m];
        if let Some(price) = prices.into_iter().find(|price| !price.is_finite() || *price < 0.0) {
            return Err(InvalidModel::Price(price));
        }
        let limit_name = match &config.base_url {
            Some(_) => LimitName::MaxTokens,
            None => LimitName::MaxCompletionTokens,
        };
        let endpoint = Endpoint::new(config.base_url.as_deref(), config.api_key)?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(InvalidModel::TlsProvider);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(InvalidModel::Client)?;
        Ok(Self {
            client: Client::build(http.clone(), endpoint)
                .with_http_service(Transport::retrying(http)),
            name: config.model,
            input_usd_per_1m: config.input_usd_per_1m,
            output_usd_per_1m: config.output_usd_per_1m,
            deadline: config.deadline,
            limit_name,
        })
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks. Never takes longer than the deadline; what the model says can be followed in `live`.
    pub async fn ask(&self, query: &Query, subject: Subject, live: &Live) -> Attempt {
        let mut conversation = Conversation::open(self, query, subject, live);
        let outcome = tokio::select! {
            biased;
            () = live.stopped() => Err(ModelError::Stopped),
            outcome = tokio::time::timeout(self.deadline, conversation.hold()) => {
                outcome.unwrap_or(Err(ModelError::Deadline(self.deadline)))
            }
        };
        let (tools, meter) = conversation.close();
        Attempt { outcome, tools, usage: self.price(meter), estimated: meter.estimated() }
    }

    /// What was used, and what that costs.
    fn price(&self, meter: Meter) -> Tokens {
        meter.tokens(self.input_usd_per_1m, self.output_usd_per_1m)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Model").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: Option<&str>, key: &str) -> ModelConfig {
        let config = ModelConfig::new(SecretString::from(key.to_owned()));
        ModelConfig { base_url: base_url.map(str::to_owned), ..config }
    }

    #[test]
    fn the_documented_defaults_hold() {
        let config = config(None, "k");
        assert_eq!(config.model, "gpt-4o-mini");
        let prices = (Some(config.input_usd_per_1m), Some(config.output_usd_per_1m));
        assert_eq!(prices, (Some(0.15), Some(0.60)));
    }

    #[test]
    fn a_configuration_that_cannot_work_is_refused_without_its_key() {
        let wrong = [
            config(Some("ftp://host/v1"), "sk-secret"),
            config(Some("not an address"), "sk-secret"),
            config(Some("http://user:sk-secret@host/v1"), "sk-secret"),
            config(None, "sk-secret\nX-Evil: 1"),
            config(None, " "),
            ModelConfig { input_usd_per_1m: f64::NAN, ..config(None, "sk-secret") },
        ];
        for config in wrong {
            let error = Model::new(config).unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!told.contains("sk-secret"), "{told}");
        }
    }

    #[test]
    fn a_model_error_says_what_to_check() {
        assert_eq!(
            ModelError::Status(401).to_string(),
            "its server answered with status 401 (check the API key)"
        );
        let deadline = ModelError::Deadline(Duration::from_secs(20)).to_string();
        assert_eq!(deadline, "it did not answer within 20 s");
    }
}
