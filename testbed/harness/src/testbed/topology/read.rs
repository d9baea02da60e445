//! From a file to a topology, or to all that is wrong with it.

use std::io;
use std::path::{Path, PathBuf};

use ferry_api::manifest::{self, ManifestError};
use thiserror::Error;

use super::Topology;

/// The largest topology file. One of 250 nodes with labels has 100 KiB.
const LARGEST_FILE: u64 = 4 << 20;

/// Why there is no topology.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// The file cannot be read.
    #[error("cannot read the topology {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too large to be one.
    #[error("{} is larger than {LARGEST_FILE} bytes: it is no topology", .path.display())]
    Large {
        /// Which.
        path: PathBuf,
    },
    /// It is no YAML.
    #[error("{origin}")]
    Text {
        /// Where it is from.
        origin: String,
        /// What is wrong, and where.
        source: ManifestError,
    },
    /// It is more than one document.
    #[error("{origin}: {count} documents; a topology is one")]
    Documents {
        /// Where it is from.
        origin: String,
        /// How many there are.
        count: usize,
    },
    /// Some of it means nothing. There is a line for each field.
    #[error("{}", .problems.iter().map(|each| format!("{origin}: {each}")).collect::<Vec<_>>().join("\n"))]
    Fields {
        /// Where it is from.
        origin: String,
        /// `field: value: what is accepted`.
        problems: Vec<String>,
    },
}

impl Topology {
    /// Reads one from a file.
    ///
    /// # Errors
    /// [`TopologyError`], with file, field, value and what is accepted.
    pub fn read(path: &Path) -> Result<Self, TopologyError> {
        let failed = |source| TopologyError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > LARGEST_FILE {
            return Err(TopologyError::Large { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads one from a text; `origin` is what messages call it.
    ///
    /// # Errors
    /// [`TopologyError`].
    ///
    /// ```
    /// use ferry_harness::Topology;
    ///
    /// let topology = Topology::parse("networks: [{name: fast, linkSpeed: 10Gbit}]", "mine").unwrap();
    /// assert_eq!(topology.nodes.len(), 3);
    ///
    /// let error = Topology::parse("nodes: [{name: a, memory: lots}]", "mine").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "mine: nodes[0].memory: \"lots\": give a size above zero, such as 4Gi"
    /// );
    /// ```
    pub fn parse(text: &str, origin: &str) -> Result<Self, TopologyError> {
        let documents = manifest::read(text)
            .map_err(|source| TopologyError::Text { origin: origin.to_owned(), source })?;
        let value = match documents.len() {
            0 => serde_json::Map::new(),
            1 => documents.into_iter().next().map(|document| document.value).unwrap_or_default(),
            count => return Err(TopologyError::Documents { origin: origin.to_owned(), count }),
        };
        let mut topology: Self = serde_path_to_error::deserialize(serde_json::Value::Object(value))
            .map_err(|error| {
                let path = error.path().to_string();
                let problem = match path.as_str() {
                    "." => error.into_inner().to_string(),
                    _ => format!("{path}: {}", error.into_inner()),
                };
                TopologyError::Fields { origin: origin.to_owned(), problems: vec![problem] }
            })?;
        if topology.nodes.is_empty() {
            topology.nodes = Self::default().nodes;
        }
        topology.checked(origin)
    }

    /// The same, if it is sound.
    pub(super) fn checked(self, origin: &str) -> Result<Self, TopologyError> {
        let problems = super::check::problems(&self);
        if problems.is_empty() {
            return Ok(self);
        }
        Err(TopologyError::Fields { origin: origin.to_owned(), problems })
    }
}
