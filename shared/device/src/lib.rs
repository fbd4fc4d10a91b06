//! The Signal device, sans I/O: guard, seal, open, prekeys, trust, receipts. The only user of libsignal.
