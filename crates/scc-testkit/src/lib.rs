//! Test support: scripted model servers, an engine fixture, a terminal driver
