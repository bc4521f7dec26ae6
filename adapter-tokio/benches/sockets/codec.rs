//! tokio-util's codec.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use wamp_rawsocket_tokio::Socket;

use crate::asynchronous::End;
use crate::shared::Laps;

/// tokio-util's codec, with four octets of length.
pub(crate) struct Codec<const FEED: bool> {
    framed: Framed<Socket, LengthDelimitedCodec>,
    payload: &'static [u8],
}

impl<const FEED: bool> Codec<FEED> {
    pub(crate) fn new(stream: Socket, payload: &'static [u8]) -> Self {
        let codec = LengthDelimitedCodec::builder()
            .length_field_length(4)
            .max_frame_length(1 << 24)
            .new_codec();
        let framed = Framed::new(stream, codec);
        Self { framed, payload }
    }

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
