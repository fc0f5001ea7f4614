//! The documents that scc reads: parsing with exact error positions, and validation
