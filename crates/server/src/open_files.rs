//! How many files and sockets this process may have open.

/// Raises the limit as far as the system allows, and warns if `wanted` is more than that.
///
/// Systems start a process with 1024, which is for programs that call `select`, and fewer than a
/// server's viewers and publishers may need.
pub(crate) fn raise_limit(wanted: usize) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted as u64 => tracing::warn!(
            limit,
            wanted,
            "connections may be refused for want of file descriptors: raise the hard limit (ulimit -Hn, LimitNOFILE=), or lower WEIR_MAX_VIEWERS"
        ),
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}
