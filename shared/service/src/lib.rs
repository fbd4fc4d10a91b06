//! How a process lives: configuration, logs, shutdown, supervision.
