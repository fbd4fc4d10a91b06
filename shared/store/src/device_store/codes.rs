//! How the protocol's types are stored.

use rusqlite::{Result, Row, types::Type};
use sysmaint_protocol::{Address, DeviceId, Handle, Kind, ServiceId, Timestamp};

/// Sixteen bytes.
pub(crate) fn blob16(row: &Row<'_>, column: usize) -> Result<[u8; 16]> {
    row.get(column)
}

/// A service id and the device in the next column.
pub(crate) fn address(row: &Row<'_>, column: usize) -> Result<Address> {
    let device_id = DeviceId::try_from(row.get::<_, u8>(column + 1)?)
        .map_err(|error| invalid(column + 1, error))?;
    Ok(Address { service_id: ServiceId::from_bytes(blob16(row, column)?), device_id })
}

/// A handle.
pub(crate) fn handle(row: &Row<'_>, column: usize) -> Result<Handle> {
    row.get::<_, String>(column)?.parse().map_err(|error| invalid(column, error))
}

/// Milliseconds.
pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A kind.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> Result<Kind> {
    Kind::try_from(row.get::<_, u8>(column)?).map_err(|error| invalid(column, error))
}

/// A stored value that this program never wrote.
pub(crate) fn invalid(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error))
}
