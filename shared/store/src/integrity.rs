//! Whether a file is whole.

use rusqlite::Connection;

use crate::SqlError;

/// What SQLCipher finds wrong with its pages, and SQLite with what is on them; nothing if all is
/// well. Reads the whole file.
pub(crate) fn damage(connection: &Connection) -> Result<Vec<String>, SqlError> {
    let mut found = lines(connection, "PRAGMA cipher_integrity_check")?;
    // Tables that rest on damaged pages cannot be read.
    if found.is_empty() {
        found = lines(connection, "PRAGMA integrity_check")?;
        found.retain(|line| line != "ok");
        let foreign: u64 =
            connection
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        found.extend((foreign > 0).then(|| format!("{foreign} rows refer to rows that are gone")));
    }
    Ok(found)
}

fn lines(connection: &Connection, pragma: &str) -> Result<Vec<String>, SqlError> {
    let mut statement = connection.prepare(pragma)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;
    use crate::{Passphrase, connection::Keyed, migrate};

    #[test]
    fn a_changed_byte_on_any_page_is_found() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("whole.db");
        let keyed = Keyed::derive(&path, &Passphrase::new("a passphrase".to_owned().into()));
        let connection = keyed.unwrap().writer(&migrate::STORE).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert_eq!(damage(&connection).unwrap(), [""; 0]);

        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let place = file.metadata().unwrap().len() - 1000;
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).unwrap();
        file.write_all_at(&[byte[0] ^ 1], place).unwrap();
        assert_ne!(damage(&connection).unwrap(), [""; 0]);
    }
}
