//! The statement by which an enrolled device admits a further one under its handle.

use crate::{DeviceId, ServiceId};

/// What an admission signs before everything else.
pub const ADMISSION_CONTEXT: &[u8] = b"sysmaint-admission-v1";
/// The only form there is.
const VERSION: u8 = 1;
const SIGNATURE: usize = 64;

/// One device's word for another: who gives it, and their signature over
/// [`Admission::statement`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The enrolled device whose identity key has signed.
    pub by: DeviceId,
    /// XEdDSA.
    pub signature: [u8; SIGNATURE],
}

/// The bytes are no admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdmission {
    /// Not as many bytes as it has.
    #[error("an admission has {expected} bytes, not {0}", expected = Admission::BYTES)]
    Length(usize),
    /// Of a form that is not known here.
    #[error("an admission of version {0} is not known here")]
    Version(u8),
    /// The admitting device's number is out of range.
    #[error("the admitting device's number is not 1 to 127")]
    Device,
}

impl Admission {
    /// Its length: version, admitting device, signature.
    pub const BYTES: usize = 2 + SIGNATURE;

    /// What is signed: context, 0x00, the admitting device's number, service id (16 bytes), and
    /// number and identity key (33 bytes) of the device that is admitted.
    pub fn statement(
        by: DeviceId,
        service_id: ServiceId,
        device_id: DeviceId,
        identity_key: &[u8; 33],
    ) -> Vec<u8> {
        let mut bytes = ADMISSION_CONTEXT.to_vec();
        bytes.push(0);
        bytes.push(by.get());
        bytes.extend_from_slice(service_id.as_bytes());
        bytes.push(device_id.get());
        bytes.extend_from_slice(identity_key);
        bytes
    }

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.by.get()];
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads what travelled; whether the signature holds is another question.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAdmission> {
        let (&[version, by], signature) = bytes
            .split_first_chunk::<2>()
            .filter(|(_, signature)| signature.len() == SIGNATURE)
            .ok_or(InvalidAdmission::Length(bytes.len()))?;
        if version != VERSION {
            return Err(InvalidAdmission::Version(version));
        }
        let by = DeviceId::try_from(by).map_err(|_| InvalidAdmission::Device)?;
        let signature = signature.try_into().map_err(|_| InvalidAdmission::Length(bytes.len()))?;
        Ok(Self { by, signature })
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admission").field("by", &self.by).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u8) -> DeviceId {
        DeviceId::try_from(number).unwrap()
    }

    #[test]
    fn an_admission_comes_back_and_nothing_else_is_one() {
        let admission = Admission { by: number(3), signature: [9; SIGNATURE] };
        let bytes = admission.to_bytes();
        assert_eq!(bytes.len(), Admission::BYTES);
        assert_eq!(Admission::parse(&bytes), Ok(admission));
        for length in 0..bytes.len() {
            let cut = Admission::parse(&bytes[..length]);
            assert_eq!(cut, Err(InvalidAdmission::Length(length)));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Admission::parse(&longer), Err(InvalidAdmission::Length(67)));
        let with = |index: usize, value| {
            let mut bytes = bytes.clone();
            bytes[index] = value;
            Admission::parse(&bytes)
        };
        assert_eq!(with(0, 2), Err(InvalidAdmission::Version(2)));
        assert_eq!(with(1, 0), Err(InvalidAdmission::Device));
        assert_eq!(with(1, 128), Err(InvalidAdmission::Device));
    }

    #[test]
    fn a_statement_is_about_one_key_of_one_device_and_from_one_device() {
        let service = |byte| ServiceId::from_bytes([byte; 16]);
        let base = Admission::statement(number(1), service(4), number(2), &[5; 33]);
        assert_eq!(base.len(), ADMISSION_CONTEXT.len() + 1 + 1 + 16 + 1 + 33);
        for other in [
            Admission::statement(number(3), service(4), number(2), &[5; 33]),
            Admission::statement(number(1), service(6), number(2), &[5; 33]),
            Admission::statement(number(1), service(4), number(3), &[5; 33]),
            Admission::statement(number(1), service(4), number(2), &[6; 33]),
        ] {
            assert_ne!(other, base);
        }
    }
}
