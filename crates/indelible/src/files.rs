//! Files and directories that are nobody else's business.

use std::io;
use std::path::Path;

/// Makes a directory, and those above it, that nobody else may look into. One that is there already keeps
/// its permissions: its owner chose them.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above)?;
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
