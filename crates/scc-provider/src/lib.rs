//! The seam between scc and the coding agents it runs
