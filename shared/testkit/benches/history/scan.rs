//! The bound: the rows behind an answer, read by SQLite and looked at by nobody.

use std::{fmt::Write as _, fs, hint::black_box, path::Path, time::Duration};

use rusqlite::{Connection, params};
use sysmaint_protocol::Timestamp;

/// A connection beside the store's.
pub(crate) struct Scan(Connection);

impl Scan {
    pub(crate) fn open(path: &Path, secret: &str) -> Self {
        let salt = fs::read(path).unwrap()[..16].to_vec();
        let mut key = [0; 32];
        let params = scrypt::Params::new(14, 8, 5).unwrap();
        scrypt::scrypt(secret.as_bytes(), &salt, &params, &mut key).unwrap();
        let mut hex = String::new();
        for byte in key.iter().chain(&salt) {
            write!(hex, "{byte:02x}").unwrap();
        }
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"")).unwrap();
        Self(connection)
    }

    /// Reads all bytes of the samples of a window, or of the buckets of the finest track that
    /// points of this length are made of.
    pub(crate) fn read(&self, from: Timestamp, to: Timestamp, step: Option<Duration>) {
        let (from, to) = (from.as_millis(), to.as_millis());
        let Some(step) = step else {
            let sql = "SELECT body FROM sample WHERE host = 1 AND taken_at BETWEEN ?1 AND ?2";
            return self.bytes(sql, from, to);
        };
        let step = u64::try_from(step.as_millis()).unwrap();
        let sql = "SELECT id, step FROM track WHERE ?1 % step = 0 ORDER BY step DESC LIMIT 1";
        let track = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (track, step): (u64, u64) = self.0.query_row(sql, params![step], track).unwrap();
        let row = |millis| (track << 40) + millis / step;
        self.bytes("SELECT body FROM bucket WHERE id BETWEEN ?1 AND ?2", row(from), row(to));
    }

    fn bytes(&self, sql: &str, first: u64, last: u64) {
        let mut statement = self.0.prepare_cached(sql).unwrap();
        let mut rows = statement.query(params![first, last]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            black_box(row.get_ref(0).unwrap().as_bytes().unwrap());
        }
    }

    /// Size of the file, and rows of each table.
    pub(crate) fn sizes(&self) -> String {
        let number = |sql: &str| -> u64 { self.0.query_row(sql, [], |row| row.get(0)).unwrap() };
        let pragma =
            |name: &str| number(&format!("SELECT CAST({name} AS INTEGER) FROM pragma_{name}"));
        let size = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
        let mut text = format!("in use of the file: {} KiB;", size / 1024);
        for table in ["sample", "point", "bucket", "series", "gap"] {
            let rows = number(&format!("SELECT count(*) FROM {table}"));
            write!(text, " {rows} rows of {table},").unwrap();
        }
        let bytes = number("SELECT sum(length(body)) / count(*) FROM bucket");
        write!(text, " {bytes} bytes in a bucket").unwrap();
        text
    }
}
