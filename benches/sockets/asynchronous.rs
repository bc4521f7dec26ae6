//! What the async adapters share: the ends of a case, and how they are run.

use std::future::Future;
use std::ops::DerefMut;

use rawsocket_proto::driver::{Connection, Timer, Transport};

use crate::rawsocket_proto;
use crate::shared::{BATCH, Batch, Bench, Case, Laps, SIZES, Walk, frame, payload};

/// One end of a connection, with a way to use it.
pub(crate) trait End: Send + 'static {
    /// Sends so many messages, and sees to it that they leave.
    fn send(&mut self, count: usize) -> impl Future<Output = ()> + Send;
    /// Receives so many.
    fn receive(&mut self, count: usize) -> impl Future<Output = ()> + Send;
    /// Sends one message and receives one, so many times.
    fn ping(&mut self, count: usize, laps: &mut Laps) -> impl Future<Output = ()> + Send;
    /// Receives and sends it back, so many times.
    fn echo(&mut self, count: usize) -> impl Future<Output = ()> + Send;
}

/// Runs two tasks to their ends, on this thread.
pub(crate) trait Executor: Clone + 'static {
    fn both<A: Send + 'static, B: Send + 'static>(
        &self,
        first: impl Future<Output = A> + Send + 'static,
        second: impl Future<Output = B> + Send + 'static,
    ) -> (A, B);
}

/// One end sends, the other receives.
pub(crate) fn one_way<E: End>(name: &'static str, executor: &impl Executor, ends: [E; 2]) -> Case {
    let ([mut here, mut there], executor) = (ends.map(Some), executor.clone());
    Case::new(name, move |count, _| {
        let (mut sender, mut receiver) = (here.take().expect("idle"), there.take().expect("idle"));
        let receiving = async move {
            receiver.receive(count).await;
            Some(receiver)
        };
        let sending = async move {
            sender.send(count).await;
            Some(sender)
        };
        (there, here) = executor.both(receiving, sending);
    })
}

/// One end sends and awaits the answer, the other answers.
pub(crate) fn round_trip<E: End>(
    name: &'static str,
    executor: &impl Executor,
    ends: [E; 2],
) -> Case {
    let ([mut here, mut there], executor) = (ends.map(Some), executor.clone());
    Case::new(name, move |count, laps| {
        let (mut client, mut server) = (here.take().expect("idle"), there.take().expect("idle"));
        let serving = async move {
            server.echo(count).await;
            Some(server)
        };
        let mut own = std::mem::take(laps);
        let asking = async move {
            own.start();
            client.ping(count, &mut own).await;
            (Some(client), own)
        };
        (there, (here, *laps)) = executor.both(serving, asking);
    })
}

/// A socket of the runtime.
pub(crate) trait Stream: Send + 'static {
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = usize> + Send;
    fn write_all(&mut self, octets: &[u8]) -> impl Future<Output = ()> + Send;
}

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
    pub(crate) fn new(stream: S, payload: &'static [u8]) -> Self {
        Self {
            stream,
            payload,
            frame: frame(payload),
            batch: Batch::new(),
            walk: Walk::default(),
            buf: vec![0; BATCH.max(payload.len() + 4)],
        }
    }

    /// Reads one frame: mostly in one read, into a buffer that is there.
    async fn one(&mut self) -> usize {
        let mut have = 0;
        loop {
            have += self.stream.read(&mut self.buf[have..]).await;
            if let Some((head, payload)) = self.buf[..have].split_first_chunk()
                && payload.len() >= u32::from_be_bytes(*head) as usize
            {
                return have;
            }
        }
    }
}

impl<S: Stream> End for Bare<S> {
    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            if self.frame.len() >= BATCH {
                self.stream.write_all(&self.frame).await;
            } else if let Some(octets) = self.batch.add(self.payload) {
                self.stream.write_all(octets).await;
                self.batch.clear();
            }
        }
        self.stream.write_all(self.batch.rest()).await;
        self.batch.clear();
    }

    async fn receive(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let read = self.stream.read(&mut self.buf[..BATCH]).await;
            left -= self.walk.count(&self.buf[..read]);
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.stream.write_all(&self.frame).await;
            self.one().await;
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let len = self.one().await;
            self.stream.write_all(&self.buf[..len]).await;
        }
    }
}

/// A `Connection`: what is sent leaves at once, or is fed; what comes is taken, or looked at in
/// place.
pub(crate) struct Ours<C, const FEED: bool, const IN_PLACE: bool> {
    connection: C,
    payload: &'static [u8],
}

impl<C, const FEED: bool, const IN_PLACE: bool> Ours<C, FEED, IN_PLACE> {
    pub(crate) fn new(connection: C, payload: &'static [u8]) -> Self {
        Self {
            connection,
            payload,
        }
    }
}

impl<T, K, C, const FEED: bool, const IN_PLACE: bool> End for Ours<C, FEED, IN_PLACE>
where
    T: Transport + Send + 'static,
    K: Timer + Send + 'static,
    C: DerefMut<Target = Connection<T, K>> + Send + 'static,
{
    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            if FEED {
                self.connection.feed(self.payload).await.expect("open");
            } else {
                self.connection.send(self.payload).await.expect("open");
            }
        }
        self.connection.flush().await.expect("open");
    }

    async fn receive(&mut self, count: usize) {
        for _ in 0..count {
            if IN_PLACE {
                std::hint::black_box(self.connection.recv_in_place().await.expect("open"));
            } else {
                std::hint::black_box(self.connection.recv().await.expect("open"));
            }
        }
    }

    async fn ping(&mut self, count: usize, laps: &mut Laps) {
        for _ in 0..count {
            self.connection.send(self.payload).await.expect("open");
            self.receive(1).await;
            laps.lap();
        }
    }

    async fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let message = self.connection.recv().await.expect("open");
            let message = message.expect("a message");
            self.connection.send(message).await.expect("open");
        }
    }
}

/// All groups. `streams` connects two sockets, the second argument of `open` does the handshake on
/// two more, `more` adds cases that only this runtime has.
pub(crate) fn run<S, C, T, K>(
    executor: &impl Executor,
    streams: impl Fn(&str) -> [S; 2],
    open: impl Fn([S; 2]) -> [C; 2],
    more: impl Fn(&mut Vec<Case>, &str, &str, &'static [u8]),
) where
    S: Stream,
    T: Transport + Send + 'static,
    K: Timer + Send + 'static,
    C: DerefMut<Target = Connection<T, K>> + Send + 'static,
{
    let bench = Bench::start();
    for transport in ["tcp", "unix"] {
        let (pair, opened) = (|| streams(transport), || open(streams(transport)));
        for size in SIZES {
            let message = payload(size);
            bench.group(&format!("round-trip/{transport}/{size}"), || {
                let bare = pair().map(|stream| Bare::new(stream, message));
                let plain = opened().map(|c| Ours::<_, false, false>::new(c, message));
                let in_place = opened().map(|c| Ours::<_, false, true>::new(c, message));
                let mut cases = vec![
                    round_trip("bare, one read for each", executor, bare),
                    round_trip("Connection", executor, plain),
                    round_trip("Connection, in place", executor, in_place),
                ];
                more(&mut cases, "round-trip", transport, message);
                cases
            });
            bench.group(&format!("one-way/{transport}/{size}"), || {
                let bare = pair().map(|stream| Bare::new(stream, message));
                let plain = opened().map(|c| Ours::<_, false, false>::new(c, message));
                let fed = opened().map(|c| Ours::<_, true, false>::new(c, message));
                let in_place = opened().map(|c| Ours::<_, true, true>::new(c, message));
                let mut cases = vec![
                    one_way("bare, batches of 64 KiB", executor, bare),
                    one_way("Connection, send and recv", executor, plain),
                    one_way("Connection, feed and recv", executor, fed),
                    one_way("Connection, feed, in place", executor, in_place),
                ];
                more(&mut cases, "one-way", transport, message);
                cases
            });
        }
    }
}
