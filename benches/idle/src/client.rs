//! The clients, in a process of their own so that they are not counted: plain blocking sockets, and
//! messages in clear.

use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use wamp_core::message::Message;
use wamp_core::{DecodeLimits, SerializerKind};

use crate::{Kind, REALM};

/// Longer than anything here takes; it bounds the run if the other side hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A router's 16 MiB and JSON. A listener that echoes answers with the same, which is a reply.
const HANDSHAKE: [u8; 4] = [0x7f, 0xf1, 0, 0];

const PROCEDURE: &str = "com.example.echo";

/// Opens so many connections, then obeys standard input line by line. Each order is answered with
/// its name on standard output once it is carried out.
pub(crate) fn run(address: SocketAddr, kind: Kind, count: usize) -> Result<(), Box<dyn Error>> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::open(address, kind)?);
    }
    if let (Kind::Router, Some(first)) = (kind, clients.first_mut()) {
        first.register()?;
    }
    done("open")?;
    for order in io::stdin().lock().lines() {
        match order?.as_str() {
            "answer" => match kind {
                Kind::Router => call_all(&mut clients)?,
                _ => clients.iter_mut().try_for_each(Client::echo)?,
            },
            "close" => {
                if kind == Kind::Router {
                    clients.iter_mut().try_for_each(Client::leave)?;
                }
                clients.clear();
            }
            order => return Err(format!("unknown order {order:?}").into()),
        }
        done("done")?;
    }
    Ok(())
}

fn done(word: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}")?;
    out.flush()
}

/// Each calls a procedure of the first one's, and sends a PING.
fn call_all(clients: &mut [Client]) -> Result<(), Box<dyn Error>> {
    for caller in 0..clients.len() {
        let client = clients.get_mut(caller).ok_or("no such client")?;
        client.requests += 1;
        let request = client.requests;
        client.send(&format!("[48,{request},{{}},\"{PROCEDURE}\",[{caller}]]"))?;

        let callee = clients.first_mut().ok_or("no callee")?;
        let (invocation, arguments) = callee.invocation()?;
        callee.send(&format!("[70,{invocation},{{}},{arguments}]"))?;

        let client = clients.get_mut(caller).ok_or("no such client")?;
        client.expect(&format!("[50,{request},{{}},[{caller}]]"))?;
        client.ping()?;
    }
    Ok(())
}

struct Client {
    stream: TcpStream,
    /// The latest request.
    requests: u64,
}

impl Client {
    fn open(address: SocketAddr, kind: Kind) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream,
            requests: 0,
        };
        client.stream.write_all(&HANDSHAKE)?;
        let mut reply = [0; 4];
        client.stream.read_exact(&mut reply)?;
        if reply != HANDSHAKE {
            return Err(format!("the handshake was answered with {reply:x?}").into());
        }
        match kind {
            Kind::Router => client.join()?,
            _ => client.echo()?,
        }
        Ok(client)
    }

    fn join(&mut self) -> Result<(), Box<dyn Error>> {
        let roles = r#"{"roles":{"caller":{},"callee":{}}}"#;
        self.send(&format!("[1,\"{REALM}\",{roles}]"))?;
        let welcome = self.receive()?;
        if welcome.starts_with("[2,") {
            Ok(())
        } else {
            Err(format!("HELLO was answered with {welcome}").into())
        }
    }

    fn register(&mut self) -> Result<(), Box<dyn Error>> {
        self.requests += 1;
        let request = self.requests;
        self.send(&format!("[64,{request},{{}},\"{PROCEDURE}\"]"))?;
        let registered = self.receive()?;
        if registered.starts_with(&format!("[65,{request},")) {
            Ok(())
        } else {
            Err(format!("REGISTER was answered with {registered}").into())
        }
    }

    /// A message of 128 octets comes back.
    fn echo(&mut self) -> Result<(), Box<dyn Error>> {
        let message = "idle".repeat(32);
        self.send(&message)?;
        self.expect(&message)
    }

    fn ping(&mut self) -> Result<(), Box<dyn Error>> {
        self.stream.write_all(b"\x01\0\0\x04ping")?;
        let mut pong = [0; 8];
        self.stream.read_exact(&mut pong)?;
        if &pong == b"\x02\0\0\x04ping" {
            Ok(())
        } else {
            Err(format!("a PING was answered with {pong:x?}").into())
        }
    }

    /// The next invocation: its id, and its arguments as they came.
    fn invocation(&mut self) -> Result<(u64, String), Box<dyn Error>> {
        let message = self.receive()?;
        let limits = DecodeLimits::default();
        let decoded = Message::decode(SerializerKind::Json, message.as_bytes(), &limits)?;
        let Message::Invocation(invocation) = decoded else {
            return Err(format!("no invocation but {message}").into());
        };
        let (arguments,): (u64,) = invocation.payload.args()?;
        Ok((invocation.request.into(), format!("[{arguments}]")))
    }

    fn leave(&mut self) -> Result<(), Box<dyn Error>> {
        self.send(r#"[6,{},"wamp.close.close_realm"]"#)?;
        self.expect(r#"[6,{},"wamp.close.goodbye_and_out"]"#)
    }

    fn expect(&mut self, expected: &str) -> Result<(), Box<dyn Error>> {
        let message = self.receive()?;
        if message == expected {
            Ok(())
        } else {
            Err(format!("expected {expected}, got {message}").into())
        }
    }

    fn send(&mut self, message: &str) -> Result<(), Box<dyn Error>> {
        let mut frame = u32::try_from(message.len())?.to_be_bytes().to_vec();
        frame.extend_from_slice(message.as_bytes());
        Ok(self.stream.write_all(&frame)?)
    }

    fn receive(&mut self) -> Result<String, Box<dyn Error>> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header)?;
        let mut message = vec![0; u32::from_be_bytes(header) as usize];
        self.stream.read_exact(&mut message)?;
        Ok(String::from_utf8(message)?)
    }
}
