//! Who does not read stops who sends, within named bounds.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{frame, message, pair};
use crate::adapter::rawsocket_proto::connection::{Config, SendErrorReason};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::behaviour::bare;
use crate::{both, case};

/// More than the operating system holds for both directions of a socket.
const KERNEL: u64 = 16 << 20;

#[case]
async fn a_peer_that_reads_slowly_stops_the_sender(endpoint: &Endpoint) {
    const HIGH: u64 = 256 << 10;
    const FRAME: u64 = 64 << 10;
    const TOTAL: u64 = 48 << 20;
    let marks = Config::new().water_marks(256 << 10, 64 << 10);
    for (mut end, mut peer) in bare::ends(endpoint, marks).await {
        let taken = Arc::new(AtomicU64::new(0));
        let seen = taken.clone();
        let peer = std::thread::spawn(move || {
            // It reads nothing until the sender's own queue fills up.
            let start = Instant::now();
            while seen.load(Ordering::Acquire) < HIGH {
                assert!(start.elapsed() < Duration::from_secs(30));
                std::thread::yield_now();
            }
            for octets in 1..=TOTAL / FRAME {
                let read = peer.hear::<{ 64 << 10 }>();
                assert_eq!(read[..4], [0, 0, 0xFF, 0xFC]);
                let ahead = seen.load(Ordering::Acquire).saturating_sub(octets * FRAME);
                assert!(ahead <= KERNEL + HIGH + FRAME, "{ahead} octets ahead");
            }
            peer
        });
        let payload = message((64 << 10) - 4);
        for count in 1..=TOTAL / FRAME {
            end.send(payload.clone()).await.unwrap();
            taken.store(count * FRAME, Ordering::Release);
            // The handshake's four octets went out as well.
            let queued = 4 + count * FRAME - end.stats().octets_out;
            assert!(queued <= HIGH + FRAME, "{queued} octets are queued");
        }
        end.flush().await.unwrap();
        drop(peer.join().unwrap());
    }
}

#[case]
async fn a_full_queue_hands_the_message_back_and_tells_when_there_is_room(endpoint: &Endpoint) {
    let marks = Config::new().water_marks(1000, 100);
    for (mut end, mut peer) in bare::ends(endpoint, marks).await {
        // However large it is, an empty queue takes it.
        let large = message(12 << 20);
        end.try_send(large.clone()).unwrap();
        let refused = end.try_send(&b"more"[..]).unwrap_err();
        assert_eq!(refused.reason, SendErrorReason::Full);
        assert_eq!(refused.message, "more");
        let peer = std::thread::spawn(move || peer.hear_all());
        end.ready(4).await.unwrap();
        assert!(end.stats().octets_out > KERNEL / 4);
        end.try_send(refused.message).unwrap();
        end.close().await.ok();
        let heard = peer.join().unwrap();
        assert!(heard == [frame(&large), frame(b"more")].concat());
    }
}

/// The reader takes its time, but for all that it gets everything.
#[case]
async fn one_end_floods(endpoint: &Endpoint) {
    let (mut client, mut router) = pair(endpoint, &Config::new()).await;
    both(
        async move {
            for _ in 0..40 {
                client.send(message(300_000)).await.unwrap();
            }
            client.close().await.unwrap();
        },
        async move {
            let mut count = 0;
            while let Some(got) = router.recv().await.unwrap() {
                assert_eq!(got.len(), 300_000);
                count += 1;
            }
            assert_eq!(count, 40);
            router.close().await.unwrap();
        },
    )
    .await;
}

/// PONGs that nobody reads are owed up to the backlog; then no PING is read any more.
#[case]
async fn who_floods_with_pings_and_reads_no_answer_is_paused(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        let peer = std::thread::spawn(move || {
            let flood = numbered(1).repeat(1 << 10);
            let taken = peer.say_for(Duration::from_millis(300), &flood);
            assert!(taken < flood.len(), "nobody stopped the flood");
            // From now on it reads, so the rest of the last PING goes through, and a message.
            let whole = taken.next_multiple_of(PING);
            let mut reader = peer.twin();
            let reader = std::thread::spawn(move || {
                let pongs = numbered(2).repeat(1 << 10);
                let mut heard = vec![0; whole];
                reader.read_exact(&mut heard).unwrap();
                assert!(
                    heard == pongs[..whole],
                    "not one PONG for each PING, in order"
                );
            });
            peer.say(&flood[taken..whole]);
            peer.say(&frame(b"done"));
            reader.join().unwrap();
            whole / PING
        });
        assert_eq!(end.recv().await.unwrap().unwrap(), "done");
        end.flush().await.unwrap();
        assert_eq!(end.stats().pings_in, peer.join().unwrap() as u64);
    }
}

/// Octets of a PING that carries a number.
const PING: usize = 8;

/// Frames of this kind with the numbers from 0 on, 64 KiB of them.
fn numbered(kind: u8) -> Vec<u8> {
    let frame = |number: u32| {
        let [a, b, c, d] = number.to_be_bytes();
        [kind, 0, 0, 4, a, b, c, d]
    };
    (0..8 << 10).flat_map(frame).collect()
}
