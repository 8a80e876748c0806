//! What a player asks of a playlist in its URL (RFC 8216bis §6.2.5, `latency` and `preview`).

use hls_mux::MediaSequence;

use crate::live::{Form, Wanted};

/// The delivery directives of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// `_HLS_msn` and `_HLS_part`: answer once this is listed.
    pub(super) wanted: Option<Wanted>,
    /// `_HLS_skip`: a delta update will do. `latency=plain`: no parts.
    pub(super) form: Form,
    /// `preview`: don't count me.
    pub(super) preview: bool,
}

impl Directives {
    /// Reads them out of a query; `Err` names the one that makes no sense. Others than ours are ignored.
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        let (mut sequence, mut part, mut form, mut preview) = (None, None, Form::Whole, false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "_HLS_msn" => sequence = Some(value.parse().map_err(|_| "_HLS_msn is no number.")?),
                "_HLS_part" => part = Some(value.parse().map_err(|_| "_HLS_part is no number.")?),
                "_HLS_skip" if form == Form::Whole && matches!(&*value, "YES" | "v2") => form = Form::Delta,
                "preview" => preview = true,
                "latency" if value == "plain" => form = Form::Plain,
                _ => {}
            }
        }
        let wanted = match (sequence, part) {
            (Some(sequence), part) => Some(Wanted { sequence: MediaSequence::new(sequence), part }),
            (None, Some(_)) => return Err("_HLS_part needs _HLS_msn."),
            (None, None) => None,
        };
        Ok(Self { wanted, form, preview })
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
        assert_eq!(
            parse("token=a&_HLS_msn=7"),
            Ok(Directives { wanted: wanted(7, None), form: Form::Whole, preview: false })
        );
        let all = Directives { wanted: wanted(7, Some(3)), form: Form::Delta, preview: false };
        assert_eq!(parse("_HLS_msn=7&_HLS_part=3&_HLS_skip=YES"), Ok(all));
        assert_eq!(parse("_HLS_skip=v2"), Ok(Directives { wanted: None, form: Form::Delta, preview: false }));
        let plain = Directives { wanted: wanted(7, None), form: Form::Plain, preview: false };
        assert_eq!(parse("preview"), Ok(Directives { preview: true, ..Directives::default() }));
        assert_eq!(parse("latency=plain&_HLS_msn=7&_HLS_skip=YES"), Ok(plain));
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
