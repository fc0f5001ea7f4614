//! Sandboxes on a container engine: the seam and its adapter for engines that speak the Docker API
