/// Gives memory that libav has freed back to the system.
///
/// An encoder's and a decoder's pictures are large, and leave holes that glibc keeps for later: after a few dozen of them
/// a process holds twice what it uses. It takes a millisecond or two.
pub(crate) fn release() {
    // SAFETY: it has no preconditions.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
