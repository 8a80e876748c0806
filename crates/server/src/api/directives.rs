//! What a player asks of a playlist in its URL (RFC 8216bis §6.2.5).

use hls_mux::MediaSequence;

use crate::live::Wanted;

/// The delivery directives of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// `_HLS_msn` and `_HLS_part`: answer once this is listed.
    pub(super) wanted: Option<Wanted>,
    /// `_HLS_skip`: a delta update will do.
    pub(super) skip: bool,
}

impl Directives {
    /// Reads them out of a query; `Err` names the one that makes no sense. Others than ours are ignored.
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        let (mut sequence, mut part, mut skip) = (None, None, false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "_HLS_msn" => sequence = Some(value.parse().map_err(|_| "_HLS_msn is no number.")?),
                "_HLS_part" => part = Some(value.parse().map_err(|_| "_HLS_part is no number.")?),
                "_HLS_skip" => skip = matches!(&*value, "YES" | "v2"),
                _ => {}
            }
        }
        let wanted = match (sequence, part) {
            (Some(sequence), part) => Some(Wanted { sequence: MediaSequence::new(sequence), part }),
            (None, Some(_)) => return Err("_HLS_part needs _HLS_msn."),
            (None, None) => None,
        };
        Ok(Self { wanted, skip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_among_other_parameters() {
        let wanted = |sequence, part| Some(Wanted { sequence: MediaSequence::new(sequence), part });
        let parse = Directives::parse;
        assert_eq!(parse(""), Ok(Directives::default()));
        assert_eq!(parse("token=a&_HLS_msn=7"), Ok(Directives { wanted: wanted(7, None), skip: false }));
        let all = Directives { wanted: wanted(7, Some(3)), skip: true };
        assert_eq!(parse("_HLS_msn=7&_HLS_part=3&_HLS_skip=YES"), Ok(all));
        assert_eq!(parse("_HLS_skip=v2"), Ok(Directives { wanted: None, skip: true }));
    }

    #[test]
    fn nonsense_is_told() {
        for query in [
            "_HLS_part=3",
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=1&_HLS_part=x",
            "_HLS_msn=99999999999999999999",
        ] {
            assert!(Directives::parse(query).is_err(), "{query}");
        }
    }
}
