//! Who a request comes from, as far as viewers are told apart.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::Api;
use crate::live::Fingerprint;

/// Where a proxy says that a request comes from. It can be made up, but so can a user agent: it tells
/// people apart who mean no harm.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Address and program of the one who asks, as a salted hash.
pub(super) struct Requester(pub(super) Fingerprint);

impl Requester {
    /// Out of a request's head.
    pub(super) fn of(parts: &Parts, api: &Api) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        Self::at(address, &parts.headers, api)
    }

    /// Who asks from that address with those header fields.
    pub(super) fn at(address: IpAddr, headers: &HeaderMap, api: &Api) -> Self {
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        Self(api.board.fingerprint(address, header(FORWARDED_FOR), header(USER_AGENT.as_str())))
    }
}

impl FromRequestParts<Api> for Requester {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::of(parts, api))
    }
}
