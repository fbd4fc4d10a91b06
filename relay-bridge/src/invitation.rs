//! Letting devices in from elsewhere.

use std::time::Duration;

use secrecy::SecretString;
use sysmaint_bus::{Bus, Registry, RegistryError, registry::Code};
use sysmaint_protocol::Handle;

use crate::{clock, directory::code_hash};

/// Bytes of randomness in a code.
const CODE: usize = 16;

/// What a code is to be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The only handle that it registers; any free one without.
    pub handle: Option<Handle>,
    /// How many devices it registers, at most [`Self::USES_MAX`].
    pub uses: u32,
    /// How long it can be used, at most [`Self::LIFE_MAX`].
    pub lives: Duration,
}

impl Invitation {
    /// The most devices for one code.
    pub const USES_MAX: u32 = 100;
    /// The longest life of a code: the registry forgets it then.
    pub const LIFE_MAX: Duration = Duration::from_hours(30 * 24);

    /// Makes a code, of which the registry keeps only the hash. Needs the relay's own connection,
    /// and a relay that has run before.
    pub async fn issue(self, bus: &Bus) -> Result<SecretString, RegistryError> {
        let Self { handle, uses, lives } = self;
        let code = hex::encode(rand::random::<[u8; CODE]>());
        let uses = uses.clamp(1, Self::USES_MAX);
        let expires_at = clock::now().after(lives.min(Self::LIFE_MAX));
        let entry = Code { handle, uses, expires_at, claims: Vec::new() };
        Box::pin(Registry::open(bus)).await?.create_code(&code_hash(&code), &entry).await?;
        Ok(code.into())
    }
}
