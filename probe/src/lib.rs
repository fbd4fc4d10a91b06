//! Watches a host: samples, keeps them, seals them to their readers.
