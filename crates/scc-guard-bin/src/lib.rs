//! The guard of sandboxes as bytes.
//!
//! `scc-guard` stands inside every sandbox at the places of git and of the network tools. It is
//! built by this crate's build script from the same source tree, so that an installed scc carries
//! the guard that belongs to it.
//!
//! ```
//! assert!(scc_guard_bin::GUARD.starts_with(b"\x7fELF"));
//! ```

/// The static executable.
pub const GUARD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scc-guard"));

/// Where it is in every image, under its own name.
pub const PATH: &str = "/usr/local/lib/scc/guard";

/// The processor that it runs on, as container engines name it: `amd64`, `arm64`.
pub const ARCHITECTURE: &str = env!("SCC_GUARD_ARCHITECTURE");

#[cfg(test)]
mod tests {
    use super::GUARD;

    /// The type of a program header that names a dynamic loader.
    const INTERPRETER: u32 = 3;

    fn number<const N: usize>(at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&GUARD[at..at + N]);
        u64::from_le_bytes(bytes)
    }

    /// It has to run in every image, whatever libraries are there.
    #[test]
    fn it_needs_no_loader() {
        let headers = usize::try_from(number::<8>(0x20)).unwrap();
        let (size, count) = (number::<2>(0x36), number::<2>(0x38));
        assert!(count > 0);
        for index in 0..count {
            let at = headers + usize::try_from(index * size).unwrap();
            assert_ne!(number::<4>(at), u64::from(INTERPRETER));
        }
    }
}
