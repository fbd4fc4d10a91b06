//! The relay: directory, certificate authority and the HTTP face of the bus.
