//! Removing a host.

use sysmaint_protocol::Handle;

use super::track::Track;
use crate::{SqlError, Telemetry};

/// Tables with rows of a host, those first that nothing points to.
const TABLES: [&str; 7] =
    ["sample", "point", "waiting", "gap", "series", "host_gap", "host_stream"];

impl Telemetry<'_> {
    /// Removes a host and everything that it reported; false if it was not known. If it reports
    /// again, it is known again.
    pub fn forget(&self, host: &Handle) -> Result<bool, SqlError> {
        let Some(id) = self.id(host)? else { return Ok(false) };
        for track in Track::all(self.0, id)? {
            track.forget(self.0, None)?;
        }
        for table in TABLES {
            self.0.execute(&format!("DELETE FROM {table} WHERE host = ?1"), [id])?;
        }
        self.0.execute("DELETE FROM host WHERE id = ?1", [id])?;
        Ok(true)
    }
}
