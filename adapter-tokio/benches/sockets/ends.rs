//! The ends that are compared.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_tokio::{Connection, Socket};

use crate::End;
use crate::shared::{BATCH, Batch, Laps, Walk, frame};

/// A socket of either kind. The same for all, so that its cost is no difference.
pub(crate) type Stream = Socket;

/// By hand. Messages that are small leave in batches, large ones are framed beforehand.
pub(crate) struct Bare {
    stream: Stream,
    payload: &'static [u8],
    frame: Vec<u8>,
    batch: Batch,
    walk: Walk,
    buf: Vec<u8>,
}

impl Bare {
    /// Reads one frame: mostly in one read, into a buffer that is there.
    async fn one(&mut self) -> usize {
        let mut have = 0;
        loop {
            have += self.stream.read(&mut self.buf[have..]).await.expect("open");
            if let Some((head, payload)) = self.buf[..have].split_first_chunk()
                && payload.len() >= u32::from_be_bytes(*head) as usize
            {
                return have;
            }
        }
    }
}

impl End for Bare {
    async fn pair(streams: [Stream; 2], payload: &'static [u8]) -> [Self; 2] {
        streams.map(|stream| Self {
            stream,
            payload,
            frame: frame(payload),
            batch: Batch::new(),
            walk: Walk::default(),
            buf: vec![0; BATCH.max(payload.len() + 4)],
        })
    }

    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            if self.frame.len() >= BATCH {
                self.stream.write_all(&self.frame).await.expect("open");
            } else if let Some(octets) = self.batch.add(self.payload) {
                self.stream.write_all(octets).await.expect("open");
                self.batch.clear();
            }
        }
        self.stream
            .write_all(self.batch.rest())
            .await
            .expect("open");
        self.batch.clear();
    }

    async fn receive(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let read = self
                .stream
                .read(&mut self.buf[..BATCH])
                .await
                .expect("open");
            left -= self.walk.count(&self.buf[..read]);
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.stream.write_all(&self.frame).await.expect("open");
            self.one().await;
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let len = self.one().await;
            self.stream.write_all(&self.buf[..len]).await.expect("open");
        }
    }
}

async fn connect(streams: [Stream; 2]) -> [Connection<Stream>; 2] {
    let [here, there] = streams;
    let client = Connection::client(here, Config::new(), SerializerId::MSGPACK);
    let router = Connection::router(there, Config::new(), |_| Ok(()));
    let (client, mut router) = tokio::try_join!(client, router).expect("a handshake");
    router.welcome();
    [client, router]
}

/// `send` and `recv`, as one would write it first.
pub(crate) struct Plain(Connection<Stream>, &'static [u8]);

impl End for Plain {
    async fn pair(streams: [Stream; 2], payload: &'static [u8]) -> [Self; 2] {
        connect(streams).await.map(|end| Self(end, payload))
    }

    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.0.send(self.1).await.expect("open");
        }
        self.0.flush().await.expect("open");
    }

    async fn receive(&mut self, count: usize) {
        for _ in 0..count {
            std::hint::black_box(self.0.recv().await.expect("open"));
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.0.send(self.1).await.expect("open");
            std::hint::black_box(self.0.recv().await.expect("open"));
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let message = self.0.recv().await.expect("open").expect("a message");
            self.0.send(message).await.expect("open");
        }
    }
}

/// `feed`, which leaves writing for later, and `recv`.
pub(crate) struct Feeding(Plain);

impl End for Feeding {
    async fn pair(streams: [Stream; 2], payload: &'static [u8]) -> [Self; 2] {
        Plain::pair(streams, payload).await.map(Self)
    }

    async fn send(&mut self, count: usize) {
        let Plain(connection, payload) = &mut self.0;
        for _ in 0..count {
            connection.feed(*payload).await.expect("open");
        }
        connection.flush().await.expect("open");
    }

    async fn receive(&mut self, count: usize) {
        self.0.receive(count).await;
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            // What waits leaves before `recv` waits.
            self.0.0.feed(self.0.1).await.expect("open");
            std::hint::black_box(self.0.0.recv().await.expect("open"));
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        self.0.echo(count).await;
    }
}

/// `feed`, and messages that are looked at where they are.
pub(crate) struct InPlace(Feeding);

impl End for InPlace {
    async fn pair(streams: [Stream; 2], payload: &'static [u8]) -> [Self; 2] {
        Feeding::pair(streams, payload).await.map(Self)
    }

    async fn send(&mut self, count: usize) {
        self.0.send(count).await;
    }

    async fn receive(&mut self, count: usize) {
        let connection = &mut self.0.0.0;
        for _ in 0..count {
            std::hint::black_box(connection.recv_in_place().await.expect("open"));
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        let Plain(connection, payload) = &mut self.0.0;
        for _ in 0..count {
            connection.send(*payload).await.expect("open");
            std::hint::black_box(connection.recv_in_place().await.expect("open"));
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        self.0.echo(count).await;
    }
}

/// tokio-util's codec, with four octets of length.
pub(crate) struct Codec<const FEED: bool> {
    framed: Framed<Stream, LengthDelimitedCodec>,
    payload: &'static [u8],
}

impl<const FEED: bool> Codec<FEED> {
    async fn put(&mut self, message: Bytes) {
        let put = if FEED {
            self.framed.feed(message).await
        } else {
            self.framed.send(message).await
        };
        put.expect("open");
    }

    async fn take(&mut self) -> Bytes {
        let next = self.framed.next().await;
        next.expect("open").expect("legal").freeze()
    }
}

impl<const FEED: bool> End for Codec<FEED> {
    async fn pair(streams: [Stream; 2], payload: &'static [u8]) -> [Self; 2] {
        streams.map(|stream| {
            let codec = LengthDelimitedCodec::builder()
                .max_frame_length(1 << 24)
                .new_codec();
            let framed = Framed::new(stream, codec);
            Self { framed, payload }
        })
    }

    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.put(Bytes::from_static(self.payload)).await;
        }
        SinkExt::<Bytes>::flush(&mut self.framed)
            .await
            .expect("open");
    }

    async fn receive(&mut self, count: usize) {
        for _ in 0..count {
            std::hint::black_box(self.take().await);
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.put(Bytes::from_static(self.payload)).await;
            std::hint::black_box(self.take().await);
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let message = self.take().await;
            self.put(message).await;
        }
    }
}
