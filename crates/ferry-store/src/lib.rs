//! A revisioned, durable journal on sled.
