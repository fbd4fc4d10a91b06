//! SQLite behind a passphrase: device, outbox, inbox, telemetry, usage. The only user of rusqlite.
