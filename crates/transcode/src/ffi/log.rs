use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ffmpeg_next::ffi::{
    __va_list_tag, AV_LOG_ERROR, AV_LOG_FATAL, AV_LOG_WARNING, av_log_format_line2, av_log_set_callback,
    av_log_set_level,
};

/// Lines a second that reach the log; damaged input makes libav write several a picture.
const LINES_PER_SECOND: u64 = 20;

/// Sends libav's log to `tracing` (target `libav`), once for the process.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    // SAFETY: the callback has the signature that libav asks for, lives for ever and may be called
    // from any thread.
    ONCE.call_once(|| unsafe {
        av_log_set_level(AV_LOG_WARNING);
        av_log_set_callback(Some(forward));
    });
}

unsafe extern "C" fn forward(
    class: *mut c_void,
    level: c_int,
    format: *const c_char,
    arguments: *mut __va_list_tag,
) {
    if level > AV_LOG_WARNING || !within_budget() {
        return;
    }
    let mut line: [c_char; 512] = [0; 512];
    let mut print_prefix: c_int = 1;
    // SAFETY: libav passes arguments that fit the format; the line is cut to the buffer's length
    // and always ends with a NUL.
    let text = unsafe {
        let size = line.len() as c_int;
        av_log_format_line2(class, level, format, arguments, line.as_mut_ptr(), size, &mut print_prefix);
        CStr::from_ptr(line.as_ptr())
    };
    let text = text.to_string_lossy();
    let text = text.trim();
    if level <= AV_LOG_FATAL {
        tracing::error!(target: "libav", "{text}");
    } else if level <= AV_LOG_ERROR {
        tracing::warn!(target: "libav", "{text}");
    } else {
        tracing::debug!(target: "libav", "{text}");
    }
}

fn within_budget() -> bool {
    static SECOND: AtomicU64 = AtomicU64::new(0);
    static LINES: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if SECOND.swap(now, Ordering::Relaxed) != now {
        LINES.store(0, Ordering::Relaxed);
    }
    LINES.fetch_add(1, Ordering::Relaxed) < LINES_PER_SECOND
}
