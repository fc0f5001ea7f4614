//! Codex CLI as an scc provider
