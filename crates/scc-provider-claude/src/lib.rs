//! Claude Code as an scc provider
