//! Memory pages.

/// Keeps the kernel from backing this process with huge pages. A service allocates and frees little by little on many
/// threads: each such page is cleared as a whole for the little that is used of it. Does nothing where the system has no such pages.
pub fn no_huge_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay as they are");
    }
}
