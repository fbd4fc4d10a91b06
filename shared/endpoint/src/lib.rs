//! A device at work: store, bus and device joined under the commit order.
