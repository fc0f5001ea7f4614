//! The documents that scc reads: parsing with exact error positions, and validation.
//!
//! Today there is one document, the user's own settings ([`UserConfig`]), written in JSON or YAML.
//! Structs are closed: an unknown or doubled key is an error that names file, line and column, and
//! an unknown key comes with the key that was probably meant. This crate reads no environment
//! variable and runs no command: a [`SecretSource`] only says where a secret is to be found.
//!
//! ```
//! use scc_config::{ProviderPreference, UserConfig};
//! use std::path::Path;
//!
//! let file = Path::new("config.yaml");
//! let config = UserConfig::parse("provider: ask\nresources: {memory: 8g, cpus: 2}\n", file)?;
//! assert_eq!(config.provider, Some(ProviderPreference::Ask));
//! assert_eq!(config.resources.memory.map(|m| m.bytes()), Some(8 << 30));
//!
//! let error = UserConfig::parse("standalone: true\nprovidr: ask\n", file).unwrap_err();
//! assert_eq!(error.to_string(), "config.yaml:2:1: unknown key `providr`");
//! assert_eq!(error.suggestion(), Some("did you mean `provider`?"));
//! # Ok::<(), scc_config::ConfigError>(())
//! ```

mod check;
mod error;
mod memory;
mod secret;
mod suggest;
mod user;
mod yaml;

pub use error::ConfigError;
pub use memory::MemorySize;
pub use secret::SecretSource;
pub use user::{ImagesSection, ProviderPreference, ProviderSection, ResourcesSection, UserConfig};
