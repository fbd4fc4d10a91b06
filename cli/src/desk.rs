//! What a person decides about what a running service has in its store: the identity keys that its
//! devices have pinned, and the hosts whose telemetry it has.
//!
//! The service has the store locked. It is asked, and told, over a socket in its data directory,
//! which is its owner's alone: see [`socket`].

mod question;
pub(crate) mod socket;

use sysmaint_device::{Standing, store::Trust};
use sysmaint_endpoint::{DecisionError, Endpoint, Status};
use sysmaint_protocol::Handle;
use sysmaint_store::{HostRow, SqlError, WriteError};

pub(crate) use question::{
    Answer, Asked, Decided, Forgotten, Health, Key, Known, KnownHost, Number, Pair, Question,
};

/// The devices of one service.
#[derive(Clone)]
pub(crate) struct Desk(Vec<Endpoint>);

impl Desk {
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Self {
        Self(endpoints)
    }

    /// Answers for every device that was asked, and that knows whom it was asked about.
    pub(crate) async fn answer(&self, asked: &Asked) -> Answer {
        let answered = self.try_answer(asked).await;
        answered.unwrap_or_else(|error| Answer::refusal(error.to_string()))
    }

    async fn try_answer(&self, asked: &Asked) -> Result<Answer, DecisionError> {
        if asked.question == Question::Health {
            let health = self.0.iter().map(health).collect();
            return Ok(Answer { health, ..Answer::default() });
        }
        if let Some(answer) = self.about_hosts(&asked.question).await? {
            return Ok(answer);
        }
        let is_asked = |own: &&Endpoint| asked.of.as_ref().is_none_or(|of| of == own.handle());
        let mut answer = Answer::default();
        for endpoint in self.0.iter().filter(is_asked) {
            let known = endpoint.known_handles().await?;
            let Some(handle) = asked.question.handle() else {
                answer.known.extend(contacts(endpoint, known));
                continue;
            };
            let Some((_, trust)) = known.into_iter().find(|(known, _)| known == handle) else {
                continue;
            };
            if let Question::Standing(_) = asked.question {
                let standing = endpoint.standing(handle).await?.into_iter();
                answer.pairs.extend(standing.map(|one| pair(endpoint, one)));
            } else {
                answer.decided.extend(decide(endpoint, &asked.question, handle, trust).await?);
            }
        }
        Ok(answer)
    }

    /// Of hosts and their telemetry; `None` for a question about something else. Devices of one
    /// service have one store, so that one of them answers for all.
    async fn about_hosts(&self, question: &Question) -> Result<Option<Answer>, DecisionError> {
        let Some(own) = self.0.first() else { return Ok(None) };
        let of = own.handle().clone();
        let mut answer = Answer::default();
        match question {
            Question::Hosts => {
                let hosts = own.store().read(|view| view.telemetry().hosts()).await;
                let hosts = hosts.map_err(|error: WriteError<SqlError>| failed(&error))?;
                let known = |row: HostRow| KnownHost {
                    of: of.clone(),
                    host: row.host,
                    last_seen: row.last_seen,
                    missing: row.missing,
                };
                answer.hosts.extend(hosts.into_iter().map(known));
            }
            Question::Forget(host) => {
                for endpoint in &self.0 {
                    // A service that had not heard yet that the host is out would know it again
                    // by the next sample: a login of `nats.conf` outlives its device.
                    if let Err(error) = endpoint.refresh(host).await {
                        tracing::warn!(%error, "a host is forgotten that may still be let in");
                    }
                }
                let was_known = own.forget_host(host).await.map_err(|error| failed(&error))?;
                let host = host.clone();
                answer.forgotten.extend(was_known.then_some(Forgotten { of, host }));
            }
            _ => return Ok(None),
        }
        Ok(Some(answer))
    }
}

fn failed(error: &impl ToString) -> DecisionError {
    DecisionError::Store(error.to_string())
}

fn health(endpoint: &Endpoint) -> Health {
    let Status { registered, receiving, stands_by, .. } = endpoint.status().borrow().clone();
    Health { of: endpoint.handle().clone(), registered, receiving, stands_by }
}

fn contacts(
    endpoint: &Endpoint,
    known: Vec<(Handle, Trust)>,
) -> impl Iterator<Item = Known> + use<'_> {
    let of = endpoint.handle();
    known.into_iter().map(|(handle, trust)| Known { of: of.clone(), handle, key: trust.into() })
}

fn pair(endpoint: &Endpoint, standing: Standing) -> Pair {
    Pair {
        of: endpoint.handle().clone(),
        handle: standing.handle,
        device_id: standing.address.device_id,
        key: standing.trust.into(),
        number: (&standing.safety_number).into(),
        changed: standing.changed_number.as_ref().map(Number::from),
    }
}

/// A decision; `None` where there is nothing to decide.
async fn decide(
    endpoint: &Endpoint,
    decision: &Question,
    handle: &Handle,
    trust: Trust,
) -> Result<Option<Decided>, DecisionError> {
    let changed = trust == Trust::Changed;
    let envelopes = match decision {
        Question::Accept(_) if changed => endpoint.accept_key(handle).await?,
        Question::Reject(_) if changed => endpoint.reject_key(handle).await?,
        Question::Verified(_) if !changed => {
            endpoint.mark_verified(handle).await?;
            0
        }
        _ => return Ok(None),
    };
    Ok(Some(Decided { of: endpoint.handle().clone(), handle: handle.clone(), envelopes }))
}
