use std::time::Duration;

use serde_json::Value;

use crate::Weir;

/// How long an event may be waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of `GET /api/events`: reads server-sent events as the HTML standard, section 9.2.6, has them.
pub struct EventStream {
    answer: reqwest::Response,
    unread: Vec<u8>,
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct ServerSentEvent {
    /// Its `id`.
    pub id: u64,
    /// Its `event`.
    pub kind: String,
    /// Its `data`, parsed.
    pub data: Value,
}

impl EventStream {
    /// Listens, from now on or to what came after the event `last`. `query` begins with `?` or is empty.
    pub async fn open(weir: &Weir, query: &str, last: Option<u64>) -> Self {
        let url = weir.url(&format!("/api/events{query}"));
        let mut request = reqwest::Client::new().get(url).bearer_auth(weir.token());
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, unread: Vec::new() }
    }

    /// The next event; `None` at the end of the answer. Comments are passed over.
    pub async fn next(&mut self) -> Option<ServerSentEvent> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let text = String::from_utf8(block).unwrap();
                let field = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    line.map(|value| value.strip_prefix(' ').unwrap_or(value))
                };
                let Some(data) = field("data") else { continue };
                let id = field("id").expect("an id").parse().expect("a number");
                let kind = field("event").expect("a type").to_owned();
                return Some(ServerSentEvent { id, kind, data: serde_json::from_str(data).unwrap() });
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("no event within {PATIENCE:?}")).ok().flatten()?;
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// The next event, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> ServerSentEvent {
        let event = self.next().await.unwrap_or_else(|| panic!("the events ended before {kind}"));
        assert_eq!(event.kind, kind, "{event:?}");
        assert_eq!((&event.data["type"], &event.data["id"]), (&kind.into(), &event.id.into()), "{event:?}");
        event
    }
}
