//! Asking the directory, whatever carries the question.

use async_trait::async_trait;
use sysmaint_protocol::{
    Handle,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, DeliveryCertificate, PrekeyCount, PrekeyStock,
        PrekeyUpload, Problem, RegisterRequest, Registered, Roster,
    },
    subject::Mailbox,
};

/// Public keys and certificates, by handle.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The bearer token of the last registration, to be shown from now on. Where the broker says
    /// who asks there is none to show.
    fn authorize(&self, _token: Option<&str>) {}

    /// Returns once the device has no token that the directory takes, and must register again.
    /// Never, where none is needed.
    async fn unauthorized(&self) {
        std::future::pending::<()>().await;
    }

    /// A nonce for one registration.
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, DirectoryError>;

    /// Binds a handle and a device to a key. The same key again is answered like the first time.
    async fn register(&self, request: &RegisterRequest) -> Result<Registered, DirectoryError>;

    /// Stores prekeys; answers with what the directory holds now.
    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError>;

    /// What the directory holds of the device. [`DirectoryError::is_unknown`] if it does not know
    /// it.
    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, DirectoryError>;

    /// A fresh sender certificate.
    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError>;

    /// An identity's devices with what is needed to open a session; takes one one-time prekey of
    /// each kind from each device.
    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError>;

    /// An identity's devices, those that were revoked too; takes no prekey of anybody.
    async fn devices(&self, requester: &Handle, target: &Handle) -> Result<Roster, DirectoryError>;

    /// Lets a further device register under the handle of the one that asks.
    async fn admit(
        &self,
        own: &Mailbox,
        request: &AdmitRequest,
    ) -> Result<Admitted, DirectoryError>;
}

/// The directory did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It said no, and why.
    #[error("{}: {}", .0.title, .0.detail)]
    Refused(Problem),
    /// It could not be asked; try again.
    #[error("the directory does not answer: {0}")]
    Unreachable(String),
    /// Its answer made no sense.
    #[error("the directory's answer is malformed: {0}")]
    Malformed(String),
}

impl DirectoryError {
    /// Whether it does not know whom it was asked about, or who asks.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404)
    }

    /// Whether it wants a token and was shown none that it knows.
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 401)
    }

    /// Whether the device waits to be admitted by another one of its handle.
    pub fn is_unadmitted(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.kind.ends_with(":admission-required"))
    }

    /// Whether it was asked too often.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 429)
    }

    /// Whether it knows the identity and has no prekeys of it yet, which passes.
    pub fn is_without_prekeys(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.kind.ends_with(":no-prekeys"))
    }
}

/// The responding side: one function for NATS and HTTP alike.
#[async_trait]
pub trait DirectoryHandler: Send + Sync + 'static {
    /// See [`Directory::challenge`].
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, Problem>;

    /// See [`Directory::register`]. The flag is true for a key that was not registered before;
    /// a token is always made and may be dropped by the caller.
    async fn register(&self, request: &RegisterRequest) -> Result<(bool, Registered), Problem>;

    /// See [`Directory::upload_prekeys`].
    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, Problem>;

    /// See [`Directory::prekey_stock`].
    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, Problem>;

    /// See [`Directory::certificate`].
    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, Problem>;

    /// See [`Directory::bundle`].
    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, Problem>;

    /// See [`Directory::devices`].
    async fn devices(&self, target: &Handle) -> Result<Roster, Problem>;

    /// See [`Directory::admit`].
    async fn admit(&self, own: &Mailbox, request: &AdmitRequest) -> Result<Admitted, Problem>;
}
