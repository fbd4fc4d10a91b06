//! The message bus: mailboxes and the directory over NATS. The only user of async-nats.
