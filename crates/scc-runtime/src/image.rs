//! Building images.

/// One file of a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Path relative to the context, with `/`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether it is executable.
    pub executable: bool,
}

/// An image to build.
#[derive(Debug, Clone)]
pub struct ImageBuild {
    /// Repository and tag, given to the image only when the build has succeeded.
    pub reference: String,
    /// The build context, `Dockerfile` among it.
    pub context: Vec<ContextFile>,
    /// Build arguments, in order.
    pub args: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
}

/// What a build reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildProgress {
    /// Step `number` of `total` begins.
    Step {
        /// From 1.
        number: u32,
        /// How many there are.
        total: u32,
        /// The instruction, on one line.
        instruction: String,
    },
    /// A line that a step printed, without its line end.
    Line(String),
}
