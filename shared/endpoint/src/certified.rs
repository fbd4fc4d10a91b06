//! Sealing only under a certificate that others take.
//!
//! A message under one that has expired is asked for again, but a receipt or a request to resend
//! is not: it would be lost. So these wait until the certificate is renewed, which a device that
//! was away for a week does first of all.

use sysmaint_store::WriteError;

use crate::{Endpoint, Step, StepError};

impl Endpoint {
    /// Seals some things, and says how many; none while the certificate has expired. By a wrong
    /// clock every certificate may look it: one that was just fetched is taken for good.
    pub(crate) async fn step_certified(
        &self,
        seal: impl FnOnce(&mut Step<'_, '_>) -> Result<usize, StepError> + Send + 'static,
    ) -> Result<usize, WriteError<StepError>> {
        let checks = &self.inner.checks;
        let excused = checks.excuse_expiry(self.clock().now());
        let sealed = self
            .step(move |step| -> Result<Option<usize>, StepError> {
                let now = step.now();
                let (device, store, _) = step.parts();
                if !excused && device.certificate_expired(store, now)? {
                    return Ok(None);
                }
                seal(step).map(Some)
            })
            .await?;
        if sealed.is_none() {
            checks.notice_expiry(self.clock().now());
            // Whoever keeps this device enrolled looks at once.
            self.inner.prekeys_used.notify_one();
        }
        Ok(sealed.unwrap_or(0))
    }
}
