//! Decisions about devices that are registered: out, register again, may come back.
//!
//! A revocation takes back what lets the device do anything, then writes the decision by compare
//! and set, then clears away what others would find of it. Killed anywhere, it is asked for again
//! and starts over; until it has answered, nothing is promised.

use async_trait::async_trait;
use sysmaint_bus::{
    AdministrationHandler,
    registry::{Identity, RegisteredDevice, RevokedDevice},
};
use sysmaint_protocol::{
    Admission, DeviceId, NatsLogin,
    administration::{About, Decided, Decision, DeviceList, ListRequest},
    rest::{Problem, Transport},
    subject::Mailbox,
};

use super::{
    CHANGE_ATTEMPTS, RelayDirectory, contended, listing, registration::end_sessions, unknown_device,
};
use crate::{
    clock,
    counters::Event,
    problem::{UNKNOWN_IDENTITY, unavailable},
};

#[async_trait]
impl AdministrationHandler for RelayDirectory {
    async fn list(&self, request: ListRequest) -> Result<DeviceList, Problem> {
        listing::page(&self.registry, request).await
    }

    async fn revoke(&self, about: &About) -> Result<Decided, Problem> {
        let device = named(about);
        let (was, decided) = self.revoke_device(&device).await?;
        self.follow(&device, was.as_ref(), Decision::Revoke).await?;
        Ok(decided)
    }

    async fn rotate(&self, about: &About) -> Result<Decided, Problem> {
        let device = named(about);
        let registered = self.device(&device).await?;
        self.registry.remove_token(&registered.token_hash).await.map_err(unavailable)?;
        self.follow(&device, Some(&registered), Decision::Rotate).await?;
        Ok(decided(Some(&registered), 0))
    }

    async fn readmit(&self, about: &About) -> Result<Decided, Problem> {
        let device = named(about);
        let decided = self.readmit_device(&device).await?;
        self.follow(&device, None, Decision::Readmit).await?;
        Ok(decided)
    }
}

impl RelayDirectory {
    /// Everything that follows from a decision that stands: every bridge's sessions, the audit and
    /// the counters hear of it here, and nowhere else.
    async fn follow(
        &self,
        device: &Mailbox,
        was: Option<&RegisteredDevice>,
        decision: Decision,
    ) -> Result<(), Problem> {
        if let Some(was) = was {
            self.known.forget_token(&was.token_hash);
            self.known.forget_devices(&device.handle);
            end_sessions(self, device, was).await;
        }
        match decision {
            Decision::Revoke => {
                self.audit.revoked(device).await?;
                self.counters.count(Event::DeviceRevoked);
            }
            Decision::Rotate => self.counters.count(Event::DeviceRotated),
            Decision::Readmit | Decision::List => {}
        }
        tracing::info!(decision = decision.token(), "the operator decided about a device");
        tracing::debug!(%device, "about which device");
        Ok(())
    }

    async fn revoke_device(
        &self,
        device: &Mailbox,
    ) -> Result<(Option<RegisteredDevice>, Decided), Problem> {
        let was = self.put_out(device).await?;
        // Also for one that is out already: the attempt before may have been cut off here.
        self.registry.remove_standing(device).await.map_err(unavailable)?;
        self.registry.purge_one_time(device).await.map_err(unavailable)?;
        let ended = match was.as_ref().and_then(|was| was.nats.as_ref()) {
            Some(login) => self.end_login(login).await?,
            None => 0,
        };
        let decided = decided(was.as_ref(), ended);
        Ok((was, decided))
    }

    /// The device as it was; `None` if it is out already.
    async fn put_out(&self, device: &Mailbox) -> Result<Option<RegisteredDevice>, Problem> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (mut identity, revision) = self.identity(&device.handle).await?;
            let Some(was) = move_out(&mut identity, device.device_id) else {
                // One that is out already is asked about again to finish what was cut off.
                return if identity.has_revoked(device.device_id) {
                    Ok(None)
                } else {
                    Err(unknown_device(device))
                };
            };
            // Before the decision stands: a device whose token is gone and that is still
            // registered comes back by itself, one that is out with a token would stay in.
            self.registry.remove_token(&was.token_hash).await.map_err(unavailable)?;
            if self.write(&device.handle, &identity, revision).await? {
                return Ok(Some(was));
            }
        }
        Err(contended())
    }

    async fn readmit_device(&self, device: &Mailbox) -> Result<Decided, Problem> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (mut identity, revision) = self.identity(&device.handle).await?;
            if !identity.has_revoked(device.device_id) {
                return Err(UNKNOWN_IDENTITY.because(format!(
                    "device {} was not revoked, so it needs nobody's word to register",
                    device.device_id
                )));
            }
            for gone in &mut identity.revoked {
                gone.readmitted |= gone.is_of_now(device.device_id);
            }
            if self.write(&device.handle, &identity, revision).await? {
                return Ok(decided(None, 0));
            }
        }
        Err(contended())
    }

    /// Takes a login back and ends its connections; how many were ended.
    pub(super) async fn end_login(&self, login: &NatsLogin) -> Result<usize, Problem> {
        self.registry.remove_login(login).await.map_err(unavailable)?;
        let Some(kick) = &self.kick else { return Ok(0) };
        match kick.end_connections(&login.user).await {
            Ok(ended) => Ok(ended),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "connections of a login that was taken back could not be ended; they end when \
                     the login runs out"
                );
                Ok(0)
            }
        }
    }
}

/// From the registered devices to those that are out.
fn move_out(identity: &mut Identity, device_id: DeviceId) -> Option<RegisteredDevice> {
    let place = identity.devices.iter().position(|device| device.device_id == device_id)?;
    let was = identity.devices.remove(place);
    // Its word counts no more for whoever has not used it yet.
    identity.awaited.retain(|awaited| {
        Admission::parse(&awaited.admission.0).is_ok_and(|admission| admission.by != device_id)
    });
    identity.revoked.retain(|gone| gone.identity_key != was.identity_key);
    identity.revoked.push(RevokedDevice {
        device_id,
        identity_key: was.identity_key.clone(),
        admission: was.admission.clone(),
        service_id: None,
        revoked_at: clock::now(),
        readmitted: false,
    });
    Some(was)
}

fn named(about: &About) -> Mailbox {
    Mailbox::new(about.identity.clone(), about.device_id)
}

fn decided(was: Option<&RegisteredDevice>, ended: usize) -> Decided {
    Decided {
        ended_connections: ended,
        login_in_configuration: was
            .is_some_and(|was| was.transport == Transport::Nats && was.nats.is_none()),
    }
}
