//! Ending connections of a user that is not to be connected any more, on every server.

use std::time::Duration;

use async_nats::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use sysmaint_protocol::NatsUserKey;

use crate::{Bus, DiagnosticsError};

/// Connections of one user that are looked for; it is asked again while there are as many.
const CONNECTIONS_MAX: usize = 256;
const ROUNDS: usize = 5;
/// A client comes back at once, and a server of a cluster may not know yet that it must not.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Report {
    server: Server,
    data: Connections,
}

#[derive(Deserialize)]
struct Server {
    id: String,
}

#[derive(Deserialize)]
struct Connections {
    #[serde(default)]
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    cid: u64,
    #[serde(default)]
    authorized_user: String,
}

impl Bus {
    /// Ends every connection that logged in with this key, and returns how many there were. Take
    /// the login back first, or they return. This connection must be one as
    /// [`Role::Kick`](crate::Role::Kick).
    pub async fn end_connections(&self, user: &NatsUserKey) -> Result<usize, DiagnosticsError> {
        let mut ended = 0;
        for round in 0..ROUNDS {
            let found = self.connections_of(user).await?;
            for (server, cid) in &found {
                let subject = format!("$SYS.REQ.SERVER.{server}.KICK");
                let question = json!({ "cid": cid }).to_string().into_bytes();
                self.request(&subject, HeaderMap::new(), question).await?;
            }
            ended += found.len();
            if found.is_empty() && round > 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(ended)
    }

    async fn connections_of(
        &self,
        user: &NatsUserKey,
    ) -> Result<Vec<(String, u64)>, DiagnosticsError> {
        let question = json!({ "auth": true, "user": user.as_str(), "limit": CONNECTIONS_MAX });
        let answers = self.ask_servers("CONNZ", question.to_string().into_bytes()).await?;
        let mut found = Vec::new();
        for answer in answers {
            let report: Report = serde_json::from_slice(&answer.payload)
                .map_err(|error| DiagnosticsError(error.to_string()))?;
            let server = report.server.id;
            let theirs = report.data.connections.into_iter();
            let theirs = theirs.filter(|connection| connection.authorized_user == user.as_str());
            found.extend(theirs.map(|connection| (server.clone(), connection.cid)));
        }
        Ok(found)
    }
}
