//! How many messages a table holds, without counting them anew each time.

use sysmaint_protocol::Handle;
use sysmaint_store::{SqlError, View};

/// Rows of one owner that were counted so far.
pub(crate) struct Tally {
    owner: Handle,
    cursor: u64,
    count: u64,
}

impl Tally {
    pub(crate) const fn of(owner: Handle) -> Self {
        Self { owner, cursor: 0, count: 0 }
    }

    /// Counts on.
    pub(crate) fn count(&mut self, view: View<'_>) -> Result<u64, SqlError> {
        let all = usize::from(u16::MAX);
        let new = view.direct_messages().after(&self.owner, self.cursor, all)?;
        self.cursor = new.last().map_or(self.cursor, |row| row.cursor);
        self.count += new.len() as u64;
        Ok(self.count)
    }

    /// What was counted was rolled back, perhaps.
    pub(crate) const fn start_over(&mut self) {
        (self.cursor, self.count) = (0, 0);
    }
}
