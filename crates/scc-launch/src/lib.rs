//! From a request to a running agent: plan, execute, stop, tidy up
