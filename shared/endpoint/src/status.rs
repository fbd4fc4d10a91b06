//! How a device stands towards the bus.

use sysmaint_protocol::Timestamp;
use sysmaint_store::RepairCounts;

/// What an endpoint last knew of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the directory knows this device.
    pub registered: bool,
    /// Whether its mailbox is open.
    pub receiving: bool,
    /// Whether another process serves this device, so that nothing comes here until it is gone.
    pub stands_by: bool,
    /// Why the directory last said no, if it did.
    pub refused: Option<String>,
    /// When the broker last confirmed an envelope of ours.
    pub last_sent: Option<Timestamp>,
    /// When an envelope was last opened.
    pub last_opened: Option<Timestamp>,
    /// What could not be opened, and what became of it.
    pub repair: RepairCounts,
}
