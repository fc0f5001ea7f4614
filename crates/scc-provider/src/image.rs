//! What an agent's image is built from.

/// One file of an image folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFile {
    /// Path relative to the folder, with `/`.
    pub path: &'static str,
    /// Its bytes.
    pub content: &'static [u8],
    /// Whether it is executable in the image.
    pub executable: bool,
}

/// A folder with a `Dockerfile`, carried in the binary, so that an installed scc can build it
/// anywhere. The `Dockerfile` takes the base image as `ARG BASE`. The agent's user and its home are
/// added above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolder {
    /// The repository part of the image's name, such as `scc-base`. The tag is the content hash.
    pub name: &'static str,
    /// The files, `Dockerfile` among them.
    pub files: &'static [ImageFile],
    /// Build arguments besides `BASE`, in order; they are part of the content hash.
    pub args: Vec<(String, String)>,
}
