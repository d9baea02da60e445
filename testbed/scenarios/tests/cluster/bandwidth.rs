//! What a migration may take of the network.
