//! The scc command
