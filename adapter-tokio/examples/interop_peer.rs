//! A client that tests drive over standard input and output, one JSON object per line. The
//! protocol is described in `interop/README.md`.
//!
//! ```text
//! interop_peer URL --serializer json|msgpack
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use wamp_rawsocket_tokio::wamp_core::{
    ArgsKwargs, Dict, Id, OwnedPayload, SerializerKind, ToPayload, Value,
};
use wamp_rawsocket_tokio::{
    End, Invocation, Join, Registration, Session, SessionError, Subscription, WampError,
};

type Answer = Result<Json, Failure>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: interop_peer URL --serializer json|msgpack";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, option, serializer] = arguments.as_slice() else {
        return Err(usage.into());
    };
    let known = SerializerKind::ALL
        .iter()
        .find(|kind| kind.name() == serializer);
    let serializer = *known.filter(|_| option == "--serializer").ok_or(usage)?;

    let joined = Join::new("realm1")
        .serializers([serializer])
        .connect(&url.parse()?)
        .await;
    let session = match joined {
        Ok(session) => session,
        Err(error) => {
            answer(&json!(0), Err(error.into()));
            std::process::exit(1);
        }
    };
    answer(&json!(0), Ok(json!({ "session": session.id().get() })));
    Peer::new(session).run().await
}

struct Peer {
    session: Session,
    subscriptions: Vec<(
        u64,
        tokio::task::JoinHandle<Subscription>,
        Arc<tokio::sync::Notify>,
    )>,
    registrations: Vec<Registration>,
    leaving: Arc<AtomicBool>,
}

impl Peer {
    fn new(session: Session) -> Self {
        let leaving = Arc::new(AtomicBool::new(false));
        let (watched, expected) = (session.clone(), leaving.clone());
        tokio::spawn(async move {
            let end = watched.closed().await;
            if !expected.load(Ordering::SeqCst) {
                print(&json!({ "closed": { "reason": reason(&end) } }));
                std::process::exit(1);
            }
        });
        Self {
            session,
            subscriptions: Vec::new(),
            registrations: Vec::new(),
            leaving,
        }
    }

    async fn run(mut self) -> Result<(), Box<dyn Error>> {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            let command: Json = serde_json::from_str(&line)?;
            let done = self.obey(&command).await;
            answer(&command["id"], done);
            if command["op"] == "leave" {
                return Ok(());
            }
        }
        // Without a GOODBYE.
        std::process::exit(0)
    }

    async fn obey(&mut self, command: &Json) -> Answer {
        let text = |key: &str| command[key].as_str().unwrap_or_default().to_owned();
        match text("op").as_str() {
            "subscribe" => self.subscribe(text("topic")).await,
            "unsubscribe" => self.unsubscribe(&command["subscription"]).await,
            "publish" => self.publish(command).await,
            "register" => self.register(command).await,
            "unregister" => {
                let id = command["registration"].as_u64();
                let known = |registration: &Registration| registration.id().map(Id::get) == id;
                let at = self
                    .registrations
                    .iter()
                    .position(known)
                    .ok_or("no such registration")?;
                self.registrations.swap_remove(at).unregister().await?;
                Ok(json!({}))
            }
            "call" => self.call(command).await,
            "call_many" => self.call_many(command).await,
            "leave" => {
                self.leaving.store(true, Ordering::SeqCst);
                self.session.leave().await?;
                match self.session.closed().await {
                    End::Left { reason, .. } => Ok(json!({ "reason": reason })),
                    end => Err(Failure::from(SessionError::Ended(end))),
                }
            }
            other => Err(format!("unknown op {other:?}").as_str().into()),
        }
    }

    async fn subscribe(&mut self, topic: String) -> Answer {
        let mut subscription = self.session.subscribe(&topic).await?;
        let id = subscription.id().ok_or("the subscription is gone")?.get();
        let stop = Arc::new(tokio::sync::Notify::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = subscription.recv() => event,
                    () = stopped.notified() => None,
                };
                let Some(event) = event else {
                    return subscription;
                };
                let (args, kwargs) = arguments(event.payload());
                print(&json!({ "event": {
                    "subscription": id,
                    "publication": event.publication().get(),
                    "topic": topic,
                    "args": args,
                    "kwargs": kwargs,
                }}));
            }
        });
        self.subscriptions.push((id, task, stop));
        Ok(json!({ "subscription": id }))
    }

    async fn unsubscribe(&mut self, id: &Json) -> Answer {
        let known = |(known, ..): &(u64, _, _)| Some(*known) == id.as_u64();
        let at = self
            .subscriptions
            .iter()
            .position(known)
            .ok_or("no such subscription")?;
        let (_, task, stop) = self.subscriptions.swap_remove(at);
        stop.notify_one();
        let subscription = task
            .await
            .map_err(|error| error.to_string().as_str().into());
        subscription
            .map_err(|error: Failure| error)?
            .unsubscribe()
            .await?;
        Ok(json!({}))
    }

    async fn publish(&self, command: &Json) -> Answer {
        let topic = command["topic"].as_str().unwrap_or_default();
        let mut options = Dict::new();
        for key in ["acknowledge", "exclude_me"] {
            if let Some(value) = command[key].as_bool() {
                options.insert(key, value);
            }
        }
        let publication = self
            .session
            .publish_with(topic, &options, &payload(command))
            .await?;
        Ok(json!({ "publication": publication.map(Id::get) }))
    }

    async fn register(&mut self, command: &Json) -> Answer {
        let procedure = command["procedure"].as_str().unwrap_or_default().to_owned();
        let behaviour = Behaviour {
            procedure: procedure.clone(),
            name: command["behaviour"].as_str().unwrap_or_default().to_owned(),
            uri: command["uri"].as_str().unwrap_or_default().to_owned(),
            quiet: command["quiet"].as_bool().unwrap_or(false),
        };
        let behaviour = Arc::new(behaviour);
        let handler = move |invocation| behaviour.clone().answer(invocation);
        let registration = self.session.register(&procedure, handler).await?;
        let id = registration.id().ok_or("the registration is gone")?.get();
        self.registrations.push(registration);
        Ok(json!({ "registration": id }))
    }

    async fn call(&self, command: &Json) -> Answer {
        let procedure = command["procedure"].as_str().unwrap_or_default();
        let mut options = Dict::new();
        if command["progress"] == true {
            options.insert("receive_progress", true);
        }
        let mut call = self
            .session
            .start_call(procedure, &options, &payload(command))
            .await?;
        let mut progress = Vec::new();
        while let Some(step) = call.progress().await {
            let (args, kwargs) = arguments(&step);
            progress.push(json!({ "args": args, "kwargs": kwargs }));
        }
        let (args, kwargs) = arguments(&call.result().await?);
        Ok(json!({ "args": args, "kwargs": kwargs, "progress": progress }))
    }

    async fn call_many(&self, command: &Json) -> Answer {
        let procedure = command["procedure"].as_str().unwrap_or_default();
        let count = command["count"].as_u64().unwrap_or_default();
        let mut calls = Vec::new();
        for number in 0..count {
            calls.push(
                self.session
                    .start_call(procedure, &Dict::new(), &(number,))
                    .await?,
            );
        }
        let (mut right, mut wrong) = (0, 0);
        for (number, call) in (0..count).zip(calls) {
            match call.result().await?.args::<(u64,)>() {
                Ok((result,)) if result == number => right += 1,
                _ => wrong += 1,
            }
        }
        Ok(json!({ "right": right, "wrong": wrong }))
    }
}

/// What a registered procedure does.
struct Behaviour {
    procedure: String,
    name: String,
    uri: String,
    quiet: bool,
}

impl Behaviour {
    async fn answer(
        self: Arc<Self>,
        invocation: Invocation,
    ) -> Result<Box<dyn ToPayload + Send + Sync>, WampError> {
        if !self.quiet {
            let (args, kwargs) = arguments(invocation.payload());
            let procedure = &self.procedure;
            print(&json!({ "invocation": {
                "procedure": procedure, "args": args, "kwargs": kwargs
            }}));
        }
        match self.name.as_str() {
            "echo" => Ok(Box::new(invocation.payload().clone())),
            "error" => {
                let error = WampError::new(self.uri.as_str());
                Err(error.with_payload(invocation.payload().clone()))
            }
            "progress" => {
                let (count,): (u64,) = invocation.args()?;
                if invocation.wants_progress() {
                    for number in 0..count {
                        let sent = invocation.progress(&(number,)).await;
                        sent.map_err(|error| {
                            WampError::new("peer.failure").with_text(error.to_string())
                        })?;
                    }
                }
                Ok(Box::new((count,)))
            }
            "never" => core::future::pending().await,
            other => {
                Err(WampError::new("peer.failure").with_text(format!("no behaviour {other:?}")))
            }
        }
    }
}

/// An error as the line protocol has it.
struct Failure(Json);

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(json!({ "uri": "peer.failure", "args": [text], "kwargs": {} }))
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        let (uri, args, kwargs) = match error {
            SessionError::Wamp(error) => {
                let (args, kwargs) = arguments(&error.payload);
                (error.uri, args, kwargs)
            }
            SessionError::Io(_) => ("peer.connect_failed".into(), json!([text]), json!({})),
            SessionError::Ended(end) => (reason(&end), json!([text]), json!({})),
            _ => ("peer.failure".into(), json!([text]), json!({})),
        };
        Self(json!({ "uri": uri, "args": args, "kwargs": kwargs }))
    }
}

/// The reason of an end, as a URI.
fn reason(end: &End) -> String {
    use wamp_rawsocket_tokio::wamp_core::session::SessionError as Reason;
    use wamp_rawsocket_tokio::wamp_core::transport::PeerError;

    match end {
        End::Left { reason, .. }
        | End::Failed(PeerError::Session(Reason::Aborted { reason, .. })) => reason.clone(),
        _ => "wamp.close.transport_lost".into(),
    }
}

fn answer(id: &Json, answer: Answer) {
    match answer {
        Ok(ok) => print(&json!({ "id": id, "ok": ok })),
        Err(Failure(error)) => print(&json!({ "id": id, "error": error })),
    }
}

fn print(line: &Json) {
    let mut stdout = std::io::stdout().lock();
    // A driver that is gone reads no more lines.
    if writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .is_err()
    {
        std::process::exit(1);
    }
}

/// The arguments of a command.
fn payload(command: &Json) -> ArgsKwargs<Vec<Value>, Value> {
    let args = match &command["args"] {
        Json::Array(items) => items.iter().map(to_wamp).collect(),
        _ => Vec::new(),
    };
    let kwargs = match &command["kwargs"] {
        kwargs @ Json::Object(_) => to_wamp(kwargs),
        _ => Value::Map(Vec::new()),
    };
    ArgsKwargs(args, kwargs)
}

/// The arguments of a message.
fn arguments(payload: &OwnedPayload) -> (Json, Json) {
    match payload.as_payload().to_values() {
        Ok((args, kwargs)) => (args.iter().map(to_json).collect(), to_json(&kwargs)),
        Err(error) => (json!([error.to_string()]), json!({})),
    }
}

const BINARY: &str = "$binary";

fn to_wamp(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::Int(number),
            (None, Some(number), _) => Value::UInt(number),
            (None, None, number) => Value::Float(number.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(to_wamp).collect()),
        Json::Object(map) => match map.get(BINARY).and_then(Json::as_str) {
            Some(digits) if map.len() == 1 => Value::Bytes(from_hex(digits)),
            _ => Value::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), to_wamp(value)))
                    .collect(),
            ),
        },
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!(number),
        Value::UInt(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Str(text) => json!(text),
        Value::Bytes(octets) => {
            let mut digits = String::new();
            for octet in octets {
                let _ = write!(digits, "{octet:02x}");
            }
            json!({ BINARY: digits })
        }
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Value)| (key.clone(), to_json(value));
            Json::Object(entries.iter().map(entry).collect())
        }
        _ => Json::Null,
    }
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    pairs.filter_map(octet).collect()
}
