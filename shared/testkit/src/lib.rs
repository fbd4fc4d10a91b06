//! Development only: a real nats-server on a free port, participants, lossy links, eventually.
