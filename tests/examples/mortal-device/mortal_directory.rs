//! A directory that its device dies at.

use std::sync::Arc;

use async_trait::async_trait;
use sysmaint_bus::{Directory, DirectoryError};
use sysmaint_protocol::{
    Handle,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, DeliveryCertificate, PrekeyCount, PrekeyStock,
        PrekeyUpload, RegisterRequest, Registered, Roster,
    },
    subject::Mailbox,
};
use sysmaint_tests::KillPoint;

use crate::fuse::Fuse;

/// [`Directory`] around another one.
pub(crate) struct MortalDirectory<D> {
    pub(crate) inner: D,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl<D: Directory> Directory for MortalDirectory<D> {
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, DirectoryError> {
        self.inner.challenge(own).await
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, DirectoryError> {
        self.fuse.pass(KillPoint::Registering);
        let answer = self.inner.register(request).await?;
        self.fuse.pass(KillPoint::Registered);
        Ok(answer)
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError> {
        self.fuse.pass(KillPoint::PrekeysMade);
        let held = self.inner.upload_prekeys(own, upload).await?;
        self.fuse.pass(KillPoint::PrekeysUploaded);
        Ok(held)
    }

    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, DirectoryError> {
        self.inner.prekey_stock(own).await
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError> {
        self.inner.certificate(own).await
    }

    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError> {
        self.inner.bundle(requester, target).await
    }

    async fn devices(&self, requester: &Handle, target: &Handle) -> Result<Roster, DirectoryError> {
        self.inner.devices(requester, target).await
    }

    async fn admit(
        &self,
        own: &Mailbox,
        request: &AdmitRequest,
    ) -> Result<Admitted, DirectoryError> {
        self.inner.admit(own, request).await
    }
}
