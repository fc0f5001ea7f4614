//! The command on a real container engine.
