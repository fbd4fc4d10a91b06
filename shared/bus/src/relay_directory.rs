//! Asking the directory over HTTP.

use async_trait::async_trait;
use reqwest::Method;
use sysmaint_protocol::{
    Handle,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, ChallengeRequest, DeliveryCertificate, Nothing,
        PrekeyCount, PrekeyStock, PrekeyUpload, RegisterRequest, Registered, Roster, TrustRoot,
    },
    subject::Mailbox,
};

use crate::{
    Directory, DirectoryError, RelayClient,
    relay_client::Asker::{Anybody, Device},
};

const NOTHING: Option<&Nothing> = None;

/// [`Directory`] through a relay.
#[derive(Clone, Debug)]
pub struct RelayDirectory {
    client: RelayClient,
}

impl RelayDirectory {
    /// Through this client, which belongs to one device.
    pub const fn new(client: RelayClient) -> Self {
        Self { client }
    }

    /// What the relay's certificates chain to. Not to be believed unless it is compared with what
    /// came another way.
    pub async fn trust_root(&self) -> Result<TrustRoot, DirectoryError> {
        self.client.call(Method::GET, "/v1/certificate/root", Anybody, NOTHING).await
    }
}

#[async_trait]
impl Directory for RelayDirectory {
    fn authorize(&self, token: Option<&str>) {
        self.client.authorize(token);
    }

    async fn unauthorized(&self) {
        self.client.unauthorized().await;
    }

    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, DirectoryError> {
        let request = ChallengeRequest { identity: own.handle.clone(), device_id: own.device_id };
        let path = "/v1/register/challenge";
        self.client.call(Method::POST, path, Anybody, Some(&request)).await
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, DirectoryError> {
        let request = RegisterRequest {
            code: request.code.clone().or_else(|| self.client.code()),
            ..request.clone()
        };
        self.client.call(Method::POST, "/v1/register", Anybody, Some(&request)).await
    }

    async fn upload_prekeys(
        &self,
        _own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError> {
        self.client.call(Method::POST, "/v1/prekeys", Device, Some(upload)).await
    }

    async fn prekey_stock(&self, _own: &Mailbox) -> Result<PrekeyStock, DirectoryError> {
        self.client.call(Method::GET, "/v1/prekeys/count", Device, NOTHING).await
    }

    async fn certificate(&self, _own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError> {
        self.client.call(Method::GET, "/v1/certificate/delivery", Device, NOTHING).await
    }

    async fn bundle(&self, _requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError> {
        // A handle has no character that a path would have to escape.
        let path = format!("/v1/prekeys/{target}");
        self.client.call(Method::GET, &path, Device, NOTHING).await
    }
    async fn devices(
        &self,
        _requester: &Handle,
        target: &Handle,
    ) -> Result<Roster, DirectoryError> {
        let path = format!("/v1/devices/{target}");
        self.client.call(Method::GET, &path, Device, NOTHING).await
    }

    async fn admit(
        &self,
        _own: &Mailbox,
        request: &AdmitRequest,
    ) -> Result<Admitted, DirectoryError> {
        self.client.call(Method::POST, "/v1/admissions", Device, Some(request)).await
    }
}
