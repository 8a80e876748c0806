//! How many files and sockets this process may have open.

/// What the server opens besides its publishers: viewers, the catalog, the object store.
const BESIDES_PUBLISHERS: u64 = 1024;

/// Raises the limit as far as the system allows.
///
/// Systems start a process with 1024, which is for programs that call `select`, and fewer than a
/// server's viewers and publishers may need.
pub(crate) fn raise_limit(publishers: usize) {
    let wanted = BESIDES_PUBLISHERS + publishers as u64;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted => tracing::warn!(
            limit,
            wanted,
            "connections may be refused for want of file descriptors: raise the hard limit (ulimit -Hn, LimitNOFILE=)"
        ),
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}
