//! What a player asks of a playlist in its URL (RFC 8216bis §6.2.5, `latency`, `preview` and `viewerId`).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use hls_mux::MediaSequence;

use crate::catalog::LatencyMode;
use crate::live::{Form, Wanted};

/// What a viewer may call itself, in bytes.
pub(super) const VIEWER_ID_LENGTH: RangeInclusive<usize> = 1..=64;

/// The delivery directives of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// `_HLS_msn` and `_HLS_part`: answer once this is listed.
    pub(super) wanted: Option<Wanted>,
    /// `_HLS_skip`: a delta update will do. `latency`: with parts (`low`) or without (`plain`).
    pub(super) form: Form,
    /// `preview`: don't count me.
    pub(super) preview: bool,
    /// `viewerId`: what the viewer calls itself, as it may to `watch`.
    pub(super) viewer: Option<String>,
}

impl Directives {
    /// Reads them out of a query; `Err` names the one that makes no sense. Others than ours are ignored.
    /// A query that doesn't say whether it wants parts gets what the stream's `mode` says.
    pub(super) fn parse(query: &str, mode: LatencyMode) -> Result<Self, &'static str> {
        let (mut sequence, mut part, mut preview, mut viewer) = (None, None, false, None);
        let (mut plain, mut delta) = (mode == LatencyMode::Standard, false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "_HLS_msn" => sequence = Some(value.parse().map_err(|_| "_HLS_msn is no number.")?),
                "_HLS_part" => part = Some(value.parse().map_err(|_| "_HLS_part is no number.")?),
                "_HLS_skip" => delta = matches!(&*value, "YES" | "v2"),
                "preview" => preview = true,
                "viewerId" => viewer = Some(value).filter(|id| VIEWER_ID_LENGTH.contains(&id.len())),
                "latency" => plain = value == "plain" || (value != "low" && plain),
                _ => {}
            }
        }
        let wanted = match (sequence, part) {
            (Some(sequence), part) => Some(Wanted { sequence: MediaSequence::new(sequence), part }),
            (None, Some(_)) => return Err("_HLS_part needs _HLS_msn."),
            (None, None) => None,
        };
        let form = match (plain, delta) {
            (true, _) => Form::Plain,
            (false, true) => Form::Delta,
            (false, false) => Form::Whole,
        };
        Ok(Self { wanted, form, preview, viewer: viewer.map(Cow::into_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_among_other_parameters() {
        let wanted = |sequence, part| Some(Wanted { sequence: MediaSequence::new(sequence), part });
        let parse = |query: &str| Directives::parse(query, LatencyMode::Low);
        assert_eq!(parse(""), Ok(Directives::default()));
        assert_eq!(
            parse("token=a&_HLS_msn=7"),
            Ok(Directives { wanted: wanted(7, None), ..Directives::default() })
        );
        let all = Directives { wanted: wanted(7, Some(3)), form: Form::Delta, ..Directives::default() };
        assert_eq!(parse("_HLS_msn=7&_HLS_part=3&_HLS_skip=YES"), Ok(all));
        assert_eq!(parse("_HLS_skip=v2"), Ok(Directives { form: Form::Delta, ..Directives::default() }));
        let plain = Directives { wanted: wanted(7, None), form: Form::Plain, ..Directives::default() };
        let named = Directives { viewer: Some("ann".into()), ..Directives::default() };
        assert_eq!(parse("viewerId=ann"), Ok(named));
        let endless = "viewerId=".to_owned() + &"a".repeat(65);
        assert_eq!(parse(&endless), Ok(Directives::default()));
        assert_eq!(parse("preview"), Ok(Directives { preview: true, ..Directives::default() }));
        assert_eq!(parse("latency=plain&_HLS_msn=7&_HLS_skip=YES"), Ok(plain));
    }

    #[test]
    fn the_stream_says_how_unless_the_query_does() {
        let form = |query, mode| Directives::parse(query, mode).unwrap().form;
        assert_eq!(form("", LatencyMode::Standard), Form::Plain);
        assert_eq!(form("_HLS_skip=YES&latency=nearby", LatencyMode::Standard), Form::Plain);
        assert_eq!(form("latency=low&_HLS_skip=YES", LatencyMode::Standard), Form::Delta);
        assert_eq!(form("latency=plain", LatencyMode::Low), Form::Plain);
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
            assert!(Directives::parse(query, LatencyMode::Low).is_err(), "{query}");
        }
    }
}
