//! Facts about git repositories, read in process
