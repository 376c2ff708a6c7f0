//! Free disk space, so that a service can refuse work before the disk is full.

use std::path::Path;

/// Bytes that an unprivileged process may still write below `path`; `None` if the system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_temporary_folder_has_space() {
        assert!(super::free_bytes(&std::env::temp_dir()).is_some_and(|bytes| bytes > 0));
        assert_eq!(super::free_bytes(std::path::Path::new("/no/such/folder")), None);
    }
}
