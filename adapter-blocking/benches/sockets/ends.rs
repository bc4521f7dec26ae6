//! The ends that are compared.

use std::io::{Read, Write};
use std::thread;

use wamp_rawsocket_blocking::rawsocket_proto::connection::Config;
use wamp_rawsocket_blocking::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::{Connection, Stream as OurStream};

use crate::End;
use crate::shared::{BATCH, Batch, Laps, Walk, frame};

/// A socket.
pub(crate) trait Stream: OurStream + Read + Write + Send + Sync + 'static {}

impl<S: OurStream + Read + Write + Send + Sync + 'static> Stream for S {}

/// By hand. Messages that are small leave in batches, large ones are framed beforehand.
pub(crate) struct Bare<S> {
    stream: S,
    payload: &'static [u8],
    frame: Vec<u8>,
    batch: Batch,
    walk: Walk,
    buf: Vec<u8>,
}

impl<S: Stream> Bare<S> {
    fn read(&mut self, from: usize, to: usize) -> usize {
        Read::read(&mut self.stream, &mut self.buf[from..to]).expect("open")
    }

    /// Reads one frame: mostly in one read, into a buffer that is there.
    fn one(&mut self) -> usize {
        let mut have = 0;
        loop {
            have += self.read(have, self.buf.len());
            if let Some((head, payload)) = self.buf[..have].split_first_chunk()
                && payload.len() >= u32::from_be_bytes(*head) as usize
            {
                return have;
            }
        }
    }
}

impl<B: Stream> End for Bare<B> {
    fn pair<S: Stream>(streams: [S; 2], payload: &'static [u8]) -> [Box<dyn End>; 2] {
        streams.map(|stream| -> Box<dyn End> {
            Box::new(Bare {
                stream,
                payload,
                frame: frame(payload),
                batch: Batch::new(),
                walk: Walk::default(),
                buf: vec![0; BATCH.max(payload.len() + 4)],
            })
        })
    }

    fn send(&mut self, count: usize) {
        for _ in 0..count {
            if self.frame.len() >= BATCH {
                self.stream.write_all(&self.frame).expect("open");
            } else if let Some(octets) = self.batch.add(self.payload) {
                self.stream.write_all(octets).expect("open");
                self.batch.clear();
            }
        }
        self.stream.write_all(self.batch.rest()).expect("open");
        self.batch.clear();
    }

    fn receive(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let read = self.read(0, BATCH);
            left -= self.walk.count(&self.buf[..read]);
        }
    }

    fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.stream.write_all(&self.frame).expect("open");
            self.one();
            laps.lap();
        }
    }

    fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let len = self.one();
            self.stream.write_all(&self.buf[..len]).expect("open");
        }
    }
}

/// `send` and `recv`, as one would write it first.
pub(crate) struct Ours<S> {
    connection: Connection<S>,
    payload: &'static [u8],
}

fn connect<S: Stream>([here, there]: [S; 2]) -> [Connection<S>; 2] {
    let router = thread::spawn(|| Connection::router(there, Config::new(), |_| Ok(())));
    let client = Connection::client(here, Config::new(), SerializerId::MSGPACK);
    let mut router = router.join().expect("no panic").expect("a handshake");
    router.welcome();
    [client.expect("a handshake"), router]
}

impl<B: Stream> End for Ours<B> {
    fn pair<S: Stream>(streams: [S; 2], payload: &'static [u8]) -> [Box<dyn End>; 2] {
        connect(streams).map(|connection| -> Box<dyn End> {
            Box::new(Ours {
                connection,
                payload,
            })
        })
    }

    fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.connection.send(self.payload).expect("open");
        }
        self.connection.flush().expect("open");
    }

    fn receive(&mut self, count: usize) {
        for _ in 0..count {
            std::hint::black_box(self.connection.recv().expect("open"));
        }
    }

    fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.connection.send(self.payload).expect("open");
            std::hint::black_box(self.connection.recv().expect("open"));
            laps.lap();
        }
    }

    fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let message = self.connection.recv().expect("open").expect("a message");
            self.connection.send(message).expect("open");
        }
    }
}

/// Messages that are queued 64 KiB at a time.
pub(crate) struct Fed<S>(Ours<S>);

impl<B: Stream> End for Fed<B> {
    fn pair<S: Stream>(streams: [S; 2], payload: &'static [u8]) -> [Box<dyn End>; 2] {
        connect(streams).map(|connection| -> Box<dyn End> {
            Box::new(Fed(Ours {
                connection,
                payload,
            }))
        })
    }

    fn send(&mut self, count: usize) {
        let each = BATCH / (4 + self.0.payload.len()) + 1;
        for index in 0..count {
            self.0.connection.try_send(self.0.payload).expect("room");
            if index % each == 0 {
                self.0.connection.flush().expect("open");
            }
        }
        self.0.connection.flush().expect("open");
    }

    fn receive(&mut self, count: usize) {
        self.0.receive(count);
    }

    fn ping(&mut self, count: usize, laps: &mut Laps) {
        self.0.ping(count, laps);
    }

    fn echo(&mut self, count: usize) {
        self.0.echo(count);
    }
}
