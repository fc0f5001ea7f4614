//! The command without an engine.
