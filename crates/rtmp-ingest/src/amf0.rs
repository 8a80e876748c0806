//! AMF0 values.
/// What is wrong with an AMF0 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// It ends in the middle of a value.
    #[error("it is truncated")]
    Truncated,
}
