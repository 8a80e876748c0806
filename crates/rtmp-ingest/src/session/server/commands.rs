//! Commands: from `connect` to `deleteStream` (RTMP 1.0 §7.2, and what encoders send besides).

use super::{CommandCount, Phase, ServerSession};
use crate::amf0::Value;
use crate::error::KeyFault;
use crate::message::information;
use crate::metadata::printable;
use crate::session::{CAPS_EX, CAPS_EX_RECONNECT, FOUR_CCS, WINDOW};
use crate::{ErrorKind, Event, PublishRequest, StreamKey};

/// What `connect` said.
#[derive(Clone, Default)]
pub(super) struct App {
    name: String,
    /// What follows the app's name and a slash: perhaps the key, and so never part of the name.
    rest: String,
    query: Option<String>,
    encoder: Option<String>,
    /// Whether it announced that it understands a reconnect request.
    pub(super) reconnects: bool,
}

impl ServerSession {
    pub(super) fn command(&mut self, stream_id: u32, values: &[Value]) -> Result<(), ErrorKind> {
        if self.phase != Phase::Publishing {
            self.commands.count(self.link.now, &self.link.limits)?;
        }
        let Some(name) = values.first().and_then(Value::as_str) else {
            self.link.stats.ignored_messages += 1;
            return Ok(());
        };
        let transaction = values.get(1).and_then(Value::as_number).unwrap_or_default();
        let arguments = values.get(3..).unwrap_or_default();
        match name {
            "connect" => self.connect(transaction, values.get(2))?,
            "createStream" => {
                self.last_stream = self.last_stream.saturating_add(1);
                self.result(transaction, &[Value::Null, Value::Number(self.last_stream.into())]);
            }
            "publish" => self.publish(stream_id, arguments.first())?,
            "releaseStream" | "_checkbw" => self.result(transaction, &[Value::Null, Value::Undefined]),
            "FCPublish" => {
                self.result(transaction, &[Value::Null, Value::Undefined]);
                let information = information("status", "NetStream.Publish.Start", "FCPublish");
                self.link.writer.command(0, "onFCPublish", 0.0, &[Value::Null, information]);
            }
            "FCUnpublish" => {
                self.finish_publish();
                self.result(transaction, &[Value::Null, Value::Undefined]);
            }
            "closeStream" => self.finish_publish(),
            "deleteStream" => {
                let stream = arguments.first().and_then(Value::as_number).unwrap_or_default();
                if self.link.is_media_stream(stream as u32) {
                    self.finish_publish();
                }
            }
            "play" | "play2" => {
                let description = "This server takes streams; watch them over HTTP.";
                self.link.writer.status(stream_id, "error", "NetStream.Play.Failed", description);
            }
            "_result" | "_error" | "onStatus" => self.link.stats.ignored_messages += 1,
            _ => {
                self.link.stats.ignored_messages += 1;
                if transaction != 0.0 {
                    let code = "NetConnection.Call.Failed";
                    let information = information("error", code, "This server has no such command.");
                    self.link.writer.command(0, "_error", transaction, &[Value::Null, information]);
                }
            }
        }
        Ok(())
    }

    fn result(&mut self, transaction: f64, rest: &[Value]) {
        self.link.writer.command(0, "_result", transaction, rest);
    }

    fn connect(&mut self, transaction: f64, object: Option<&Value>) -> Result<(), ErrorKind> {
        if self.phase != Phase::AwaitingConnect {
            let (code, description) = ("NetConnection.Connect.Rejected", "Already connected.");
            let information = information("error", code, description);
            self.link.writer.command(0, "_error", transaction, &[Value::Null, information]);
            return Ok(());
        }
        let object = object.unwrap_or(&Value::Null);
        match App::from_connect(object) {
            Ok(app) => self.app = Some(app),
            Err(fault) => {
                let (code, description) = ("NetConnection.Connect.Rejected", "The app can't be used.");
                let information = information("error", code, description);
                self.link.writer.command(0, "_error", transaction, &[Value::Null, information]);
                return Err(ErrorKind::UnusableApp(fault));
            }
        }
        self.phase = Phase::Connected;

        self.link.writer.window_ack_size(WINDOW);
        self.link.writer.peer_bandwidth(WINDOW);
        self.link.writer.set_chunk_size();
        let text = |text: &str| Value::String(text.to_owned());
        let mut properties = vec![
            ("fmsVer".to_owned(), text("FMS/3,5,7,7009")),
            ("capabilities".to_owned(), Value::Number(31.0)),
        ];
        // Only to encoders that speak of it: old ones may choke on arrays.
        if object.property("fourCcList").is_some() || object.property("capsEx").is_some() {
            let four_ccs = FOUR_CCS.iter().map(|four_cc| text(four_cc)).collect();
            properties.push(("fourCcList".to_owned(), Value::Array(four_ccs)));
            properties.push(("capsEx".to_owned(), Value::Number((CAPS_EX | CAPS_EX_RECONNECT).into())));
        }
        let mut success = information("status", "NetConnection.Connect.Success", "Connected.");
        if let Value::Object(properties) = &mut success {
            properties.push(("objectEncoding".to_owned(), Value::Number(0.0)));
        }
        self.result(transaction, &[Value::Object(properties), success]);
        Ok(())
    }

    fn publish(&mut self, stream_id: u32, name: Option<&Value>) -> Result<(), ErrorKind> {
        let Some(app) = &self.app else { return Err(ErrorKind::NotConnected) };
        if self.phase == Phase::Publishing {
            let description = "This connection already publishes a stream.";
            self.link.writer.status(stream_id, "error", "NetStream.Publish.BadName", description);
            self.link.stats.ignored_messages += 1;
            return Ok(());
        }
        match app.request(name) {
            Ok(request) => {
                self.publish_stream = stream_id;
                self.phase = Phase::Deciding;
                self.link.events.push_back(Event::PublishRequested(request));
                Ok(())
            }
            Err(fault) => {
                let description = format!("The stream key is unusable: {fault}.");
                self.link.writer.status(stream_id, "error", "NetStream.Publish.BadName", &description);
                Err(ErrorKind::UnusableStreamKey(fault))
            }
        }
    }

    fn finish_publish(&mut self) {
        if self.phase != Phase::Publishing {
            return;
        }
        let (code, description) = ("NetStream.Unpublish.Success", "The stream has ended.");
        self.link.writer.status(self.publish_stream, "status", code, description);
        self.phase = Phase::Connected;
        self.setup_began = self.link.now;
        self.commands = CommandCount::new(self.link.now);
        self.link.close_media();
        self.link.events.push_back(Event::PublishFinished);
    }
}

impl App {
    fn from_connect(object: &Value) -> Result<Self, KeyFault> {
        let text = |name: &str| object.property(name).and_then(Value::as_str);
        let app = match object.property("app") {
            Some(Value::InvalidString) => return Err(KeyFault::NotText),
            Some(Value::String(app)) => app.as_str(),
            _ => "",
        };
        let (path, query) = split_query(app);
        let path = path.trim_matches('/');
        if !path.is_empty() {
            StreamKey::new(path)?;
        }
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        Ok(Self {
            name: name.to_owned(),
            rest: rest.to_owned(),
            query,
            encoder: text("flashVer").and_then(printable),
            reconnects: caps_ex(object) & u32::from(CAPS_EX_RECONNECT) != 0,
        })
    }

    /// What a `publish` with this stream name asks for.
    fn request(&self, name: Option<&Value>) -> Result<PublishRequest, KeyFault> {
        let name = match name {
            Some(Value::InvalidString) => return Err(KeyFault::NotText),
            Some(Value::String(name)) => name.as_str(),
            _ => "",
        };
        let (name, query) = split_query(name);
        let name = name.trim_matches('/');
        let key = if name.is_empty() { &self.rest } else { name };
        Ok(PublishRequest {
            app: self.name.clone(),
            key: StreamKey::new(key)?,
            query: query.or_else(|| self.query.clone()),
            encoder: self.encoder.clone(),
        })
    }
}

/// The flags of an encoder's enhanced RTMP; none where it doesn't speak of them.
fn caps_ex(object: &Value) -> u32 {
    object.property("capsEx").and_then(Value::as_number).map_or(0, |flags| flags as u32)
}

fn split_query(text: &str) -> (&str, Option<String>) {
    match text.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (text, None),
    }
}
