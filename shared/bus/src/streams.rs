//! The streams that the relay keeps: created at its start, compared and updated at every start.

mod table;

use async_nats::jetstream::{
    self,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::Config,
};
use serde_json::Value;

pub use table::StreamTable;
pub(crate) use table::{CHALLENGES, CODES, IDENTITIES, LOGINS, STANDING, TOKENS};

use crate::Bus;

/// `stream not found`.
const NOT_FOUND: u64 = 10059;
/// `stream name already in use`: another bridge was quicker.
const NAME_IN_USE: u64 = 10058;

/// `replicas > 1 not supported in non-clustered mode`, `insufficient resources` and `no suitable
/// peers for placement`: the cluster is smaller than the number of copies.
const TOO_FEW_SERVERS: [u64; 3] = [10074, 10023, 10005];

/// The streams could not be brought to what they should be.
#[derive(Debug, thiserror::Error)]
pub enum StreamsError {
    /// The account cannot be asked for its limits.
    #[error("cannot read the account's JetStream limits: {0}")]
    Account(String),
    /// One stream cannot be read, created or updated.
    #[error("cannot {action} stream {stream}: {reason}")]
    Stream {
        /// What was tried.
        action: &'static str,
        /// Which one.
        stream: String,
        /// What the server said.
        reason: String,
    },
    /// There are fewer servers than copies are wanted.
    #[error(
        "NATS_REPLICAS is {replicas}, but the servers cannot hold {replicas} copies of stream \
         {stream} ({reason}): connect to a cluster of at least {replicas} servers that all run, \
         or set NATS_REPLICAS=1"
    )]
    TooFewServers {
        /// How many copies are wanted.
        replicas: usize,
        /// Which stream was tried.
        stream: String,
        /// What the server said.
        reason: String,
    },
    /// Mail would be left behind.
    #[error(
        "stream {0} keeps other mailboxes than {1} streams would: the number of mailbox streams \
         cannot be changed while they hold mail; use the number they were created with"
    )]
    OtherShards(String, u32),
}

impl Bus {
    /// Creates what is missing and updates what differs. Settings that the table does not name
    /// stay as an operator made them. Safe to run from several bridges at once.
    pub async fn ensure_streams(&self, table: &StreamTable) -> Result<(), StreamsError> {
        let mut table = table.clone();
        if table.max_file_bytes.is_none() {
            table.max_file_bytes = self.account_file_limit().await?;
        }
        for wanted in table.configs() {
            self.ensure_stream(&table, wanted).await?;
        }
        Ok(())
    }

    async fn account_file_limit(&self) -> Result<Option<u64>, StreamsError> {
        let account = self
            .jetstream
            .query_account()
            .await
            .map_err(|error| StreamsError::Account(error.to_string()))?;
        let limit = account.limits.max_storage.and_then(|limit| u64::try_from(limit).ok());
        Ok(limit.filter(|limit| *limit > 0))
    }

    async fn ensure_stream(&self, table: &StreamTable, wanted: Config) -> Result<(), StreamsError> {
        if self.create_if_absent(&wanted).await? {
            tracing::info!(stream = wanted.name, "created stream");
            return Ok(());
        }
        let found = self.stream_config(&wanted.name).await?.ok_or_else(|| {
            failed("find", &wanted, &"it was deleted while it was being compared")
        })?;
        if found.subjects.iter().any(|subject| !wanted.subjects.contains(subject))
            || found.subjects.len() != wanted.subjects.len()
        {
            return Err(StreamsError::OtherShards(wanted.name, table.shards));
        }
        let merged = merge(&found, &wanted);
        let changes = changes(&found, &merged);
        if changes.is_empty() {
            return Ok(());
        }
        self.jetstream.update_stream(&merged).await.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStream(api) => refused("update", &wanted, &api),
            _ => failed("update", &wanted, &error),
        })?;
        tracing::info!(stream = wanted.name, changed = changes.join(", "), "updated stream");
        Ok(())
    }

    /// True if it was absent and is there now.
    async fn create_if_absent(&self, wanted: &Config) -> Result<bool, StreamsError> {
        if self.stream_config(&wanted.name).await?.is_some() {
            return Ok(false);
        }
        let Err(error) = self.jetstream.create_stream(wanted).await else { return Ok(true) };
        match error.kind() {
            CreateStreamErrorKind::JetStream(api) if api.error_code().0 == NAME_IN_USE => Ok(false),
            CreateStreamErrorKind::JetStream(api) => Err(refused("create", wanted, &api)),
            _ => Err(failed("create", wanted, &error)),
        }
    }

    async fn stream_config(&self, name: &str) -> Result<Option<Config>, StreamsError> {
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(api) if api.error_code().0 == NOT_FOUND => Ok(None),
                _ => Err(StreamsError::Stream {
                    action: "read",
                    stream: name.to_owned(),
                    reason: error.to_string(),
                }),
            },
        }
    }
}

/// The server's no, which for copies has a reason that a person can do something about.
fn refused(action: &'static str, wanted: &Config, error: &jetstream::Error) -> StreamsError {
    if wanted.num_replicas > 1 && TOO_FEW_SERVERS.contains(&error.error_code().0) {
        return StreamsError::TooFewServers {
            replicas: wanted.num_replicas,
            stream: wanted.name.clone(),
            reason: error.to_string(),
        };
    }
    failed(action, wanted, error)
}

fn failed(action: &'static str, wanted: &Config, reason: &dyn ToString) -> StreamsError {
    StreamsError::Stream { action, stream: wanted.name.clone(), reason: reason.to_string() }
}

/// What was found, with everything that the table names set as the table has it.
fn merge(found: &Config, wanted: &Config) -> Config {
    let mut metadata = found.metadata.clone();
    metadata.extend(wanted.metadata.clone());
    Config {
        subjects: wanted.subjects.clone(),
        description: wanted.description.clone(),
        metadata,
        retention: wanted.retention,
        storage: wanted.storage,
        num_replicas: wanted.num_replicas,
        max_messages_per_subject: wanted.max_messages_per_subject,
        max_message_size: wanted.max_message_size,
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age,
        discard: wanted.discard,
        discard_new_per_subject: wanted.discard_new_per_subject,
        duplicate_window: wanted.duplicate_window,
        max_consumers: wanted.max_consumers,
        allow_direct: wanted.allow_direct,
        allow_message_ttl: wanted.allow_message_ttl,
        allow_rollup: wanted.allow_rollup,
        allow_message_schedules: wanted.allow_message_schedules,
        deny_delete: wanted.deny_delete,
        deny_purge: wanted.deny_purge,
        republish: wanted.republish.clone(),
        ..found.clone()
    }
}

/// The names of the settings that differ.
fn changes(found: &Config, merged: &Config) -> Vec<String> {
    let (Ok(Value::Object(found)), Ok(Value::Object(merged))) =
        (serde_json::to_value(found), serde_json::to_value(merged))
    else {
        return vec!["everything".to_owned()];
    };
    let names = found.keys().chain(merged.keys().filter(|name| !found.contains_key(*name)));
    names.filter(|name| found.get(*name) != merged.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_name_stays() {
        let wanted = StreamTable::single_server().configs().remove(0);
        let found = Config { no_ack: true, max_messages: 7, max_bytes: 5, ..wanted.clone() };
        let merged = merge(&found, &wanted);
        assert!(merged.no_ack && merged.max_messages == 7);
        assert_eq!(changes(&found, &merged), ["max_bytes"]);
        assert!(changes(&wanted, &merge(&wanted, &wanted)).is_empty());
    }

    #[test]
    fn the_servers_own_metadata_is_no_difference() {
        let wanted = StreamTable::single_server().configs().remove(0);
        let mut found = wanted.clone();
        found.metadata.insert("_nats.ver".to_owned(), "2.15.1".to_owned());
        assert!(changes(&found, &merge(&found, &wanted)).is_empty());
    }
}
