//! How large a journal is.

/// As of the last append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// What the directory occupies on the disk; 0 if it could not be found out.
    pub bytes_on_disk: u64,
    /// Keys that have a value where the log begins.
    pub objects: usize,
    /// What these values occupy.
    pub live_bytes: u64,
    /// What all entries occupy, before sled.
    pub entry_bytes: u64,
    /// Records of the log.
    pub log_records: usize,
    /// Their keys and values.
    pub log_bytes: u64,
    /// The newest revision.
    pub revision: u64,
    /// The revision where the log begins.
    pub base: u64,
    /// Appends since it was opened.
    pub appends: u64,
    /// Bytes of entries that were written since it was opened.
    pub written_bytes: u64,
}
