//! Looking at an audit, while its bridge runs or after: a snapshot, read from front to back.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};
use sysmaint_protocol::{
    Timestamp,
    audit::{BridgeId, Digest},
};

use super::{AuditRow, SCHEMA, genesis};
use crate::{OpenError, Passphrase, connection::Keyed};

/// An audit as it was when it was opened. Takes no lock and changes nothing.
#[derive(Debug)]
pub struct AuditFile {
    connection: Connection,
    chain: AuditChain,
}

/// Whose chain it is and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditChain {
    /// The bridge.
    pub bridge: BridgeId,
    /// The last row that was pruned; 0 if none was.
    pub pruned_through: u64,
    /// That row's hash.
    pub pruned_hash: Digest,
}

/// An audit cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditReadError {
    /// There is none.
    #[error("there is no audit at {0}: it is made when the relay first starts; check RELAY_DB")]
    Missing(PathBuf),
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds no chain.
    #[error("{0} holds no audit: the row that says whose it is is missing or damaged")]
    NoChain(PathBuf),
    /// A page cannot be read.
    #[error("a row cannot be read: {0}")]
    Row(#[from] rusqlite::Error),
}

impl AuditChain {
    /// The hash that the first row which is kept must follow.
    pub fn before_first(&self) -> Digest {
        if self.pruned_through == 0 { genesis(&self.bridge) } else { self.pruned_hash }
    }
}

impl AuditFile {
    /// Opens it as it is now.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, AuditReadError> {
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if length == 0 {
            return Err(AuditReadError::Missing(path.to_owned()));
        }
        let connection = Keyed::derive(path, passphrase)?.observer(&SCHEMA)?;
        // From the first read on, all of it is of one moment.
        connection.execute_batch("BEGIN")?;
        let chain = chain(&connection).map_err(|_| AuditReadError::NoChain(path.to_owned()))?;
        Ok(Self { connection, chain })
    }

    /// The same as it is now.
    pub fn renewed(self) -> Result<Self, AuditReadError> {
        let Self { connection, .. } = self;
        connection.execute_batch("COMMIT; BEGIN")?;
        let chain = chain(&connection)?;
        Ok(Self { connection, chain })
    }

    /// Whose it is.
    pub const fn chain(&self) -> AuditChain {
        self.chain
    }

    /// How many rows there are.
    pub fn count(&self) -> Result<u64, AuditReadError> {
        Ok(self.connection.query_row("SELECT count(*) FROM row", [], |row| row.get(0))?)
    }

    /// Every row in order. What cannot be a row of an audit comes as its number alone.
    pub fn rows(&self, each: impl FnMut(Result<AuditRow, u64>)) -> Result<(), AuditReadError> {
        self.read("SELECT * FROM row ORDER BY sequence", -1, each)
    }

    /// The last so many rows, the oldest first.
    pub fn last_rows(
        &self,
        number: u32,
        each: impl FnMut(Result<AuditRow, u64>),
    ) -> Result<(), AuditReadError> {
        let newest =
            "SELECT * FROM (SELECT * FROM row ORDER BY sequence DESC LIMIT ?1) ORDER BY sequence";
        self.read(newest, number.into(), each)
    }

    fn read(
        &self,
        query: &str,
        limit: i64,
        mut each: impl FnMut(Result<AuditRow, u64>),
    ) -> Result<(), AuditReadError> {
        let mut statement = self.connection.prepare(query)?;
        let parameters: &[i64] = if statement.parameter_count() == 0 { &[] } else { &[limit] };
        let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            each(parse(row));
        }
        Ok(())
    }
}

pub(super) fn chain(connection: &Connection) -> rusqlite::Result<AuditChain> {
    let query = "SELECT bridge, pruned_through, pruned_hash FROM chain WHERE id = 1";
    connection.query_row(query, [], |row| {
        Ok(AuditChain {
            bridge: BridgeId::from_bytes(row.get(0)?),
            pruned_through: row.get(1)?,
            pruned_hash: Digest::from_bytes(row.get(2)?),
        })
    })
}

fn parse(row: &Row<'_>) -> Result<AuditRow, u64> {
    let sequence = row.get::<_, u64>(0).unwrap_or(0);
    let read = || {
        Ok(AuditRow {
            sequence: row.get(0)?,
            time: Timestamp::from_millis(row.get(1)?),
            kind: row.get(2)?,
            fields: row.get(3)?,
            hash: Digest::from_bytes(row.get(4)?),
        })
    };
    read().map_err(|_: rusqlite::Error| sequence)
}
