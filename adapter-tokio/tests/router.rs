//! The router against clients that are slow, silent or hostile.

mod support;

use core::time::Duration;

use support::{REALM, bounded, config, emptied, join, listening, open, router, settle};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::{Join, Router, Socket};

const HANDSHAKE: [u8; 4] = [0x7F, 0xF2, 0, 0];

#[tokio::test(start_paused = true)]
async fn a_client_without_hello_is_told_and_closed_at_the_deadline() {
    let router = router();
    let mut client = open(&router);
    client.write_all(&HANDSHAKE).await.unwrap();
    let start = Instant::now();
    let mut octets = Vec::new();
    client.read_to_end(&mut octets).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(octets.get(..4), Some(&HANDSHAKE[..]));
    // ABORT: [3, {...}, "wamp.error.timeout"]
    assert_eq!(octets.get(8..10), Some(&[0x93, 3][..]));
    // The client's side is awaited, as in any orderly close.
    assert_eq!(router.stats().transports, 1);
    drop(client);
    emptied(&router).await;
}

#[test]
fn deadlines_are_kept_when_the_runtime_that_kept_them_is_gone() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let router = Router::new(config()).unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        let _gone = open(&router);
        settle().await;
    });
    drop(first);
    second.block_on(async {
        let mut client = open(&router);
        client.write_all(&HANDSHAKE).await.unwrap();
        let told = async { client.read_to_end(&mut Vec::new()).await.unwrap() };
        let told = tokio::time::timeout(Duration::from_secs(60), told).await;
        assert!(told.is_ok(), "there is no deadline for HELLO");
    });
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_told_late_has_time_to_read() {
    let router = router();
    // So small that the farewell does not fit.
    let (mut client, there) = tokio::io::duplex(8);
    let served = tokio::spawn(router.serve_connection(there));
    client.write_all(&HANDSHAKE).await.unwrap();
    // Long after the deadline for HELLO, before that of the close.
    tokio::time::sleep(Duration::from_secs(14)).await;
    let mut octets = Vec::new();
    client.read_to_end(&mut octets).await.unwrap();
    let len = octets.get(7).copied().map(usize::from).unwrap();
    assert_eq!(octets.len(), 8 + len, "ABORT came whole");
    drop(client);
    served.await.unwrap();
}

/// HELLO and SUBSCRIBE behind the handshake, all at once, in JSON.
fn hasty_subscriber(topic: &str) -> Vec<u8> {
    let mut octets = vec![0x7F, 0xF1, 0, 0];
    let hello = r#"[1,"realm1",{"roles":{"subscriber":{}}}]"#.to_owned();
    for message in [hello, format!("[32,1,{{}},\"{topic}\"]")] {
        octets.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        octets.extend(message.as_bytes());
    }
    octets
}

/// The next message of a router that speaks JSON.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let len = stream.read_u32().await.unwrap();
    let mut message = vec![0; usize::try_from(len).unwrap()];
    stream.read_exact(&mut message).await.unwrap();
    String::from_utf8(message).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_all_at_once_gets_its_events_at_once() {
    let router = router();
    let mut client = open(&router);
    client
        .write_all(&hasty_subscriber("com.example.topic"))
        .await
        .unwrap();
    assert_eq!(client.read_u32().await.unwrap(), 0x7FF1_0000);
    assert!(message(&mut client).await.starts_with("[2,"));
    assert!(message(&mut client).await.starts_with("[33,1,"));
    let start = Instant::now();
    let session = join(&router).await;
    session.publish("com.example.topic", &(7,)).await.unwrap();
    assert!(message(&mut client).await.ends_with("[7]]"));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn serving_ends_with_its_future() {
    bounded(async {
        let router = router();
        let (endpoint, served) = listening(&router).await;
        let session = Join::new(REALM).connect(&endpoint).await.unwrap();
        let _silent = Socket::connect(&endpoint).await.unwrap();
        served.abort();
        session.closed().await;
        emptied(&router).await;
    })
    .await;
}

/// Whoever does not answer GOODBYE in the time that is given, or never said HELLO, is cut off.
#[tokio::test]
async fn shutting_down_cuts_off_who_stays() {
    bounded(async {
        let router = router();
        let (endpoint, served) = listening(&router).await;
        let mut stayers = Vec::new();
        for octets in [&HANDSHAKE[..0], &HANDSHAKE, &hasty_subscriber("com.topic")] {
            let mut client = Socket::connect(&endpoint).await.unwrap();
            client.write_all(octets).await.unwrap();
            stayers.push(client);
        }
        while router.stats().subscriptions == 0 {
            tokio::task::yield_now().await;
        }
        router.shut_down(Duration::from_millis(20)).await;
        served.await.unwrap();
        assert_eq!(router.stats().transports, 0);
        for mut client in stayers {
            // The end of the stream, or a reset.
            let _ = client.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_handshakes_end_at_the_deadline() {
    let router = router();
    let mut clients = Vec::new();
    for octets in 0..4 {
        let mut client = open(&router);
        client.write_all(&HANDSHAKE[..octets]).await.unwrap();
        clients.push(client);
    }
    let start = Instant::now();
    for mut client in clients {
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }
    assert_eq!(start.elapsed().as_secs(), 5);
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_its_own_connection_only() {
    let router = router();
    let session = join(&router).await;
    let mut events = session.subscribe("com.example.topic").await.unwrap();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for round in 0..200 {
        let mut client = open(&router);
        // Some get through the handshake, some even as far as a frame.
        if round % 3 > 0 {
            client.write_all(&HANDSHAKE).await.unwrap();
        }
        if round % 3 > 1 {
            client.write_all(&[0, 0, 0, 8]).await.unwrap();
        }
        for _ in 0..100 {
            if client.write_all(&noise()).await.is_err() {
                break;
            }
        }
    }
    let publisher = join(&router).await;
    publisher.publish("com.example.topic", &(1,)).await.unwrap();
    assert!(events.recv().await.is_some());
    drop((events, session, publisher));
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_read_costs_little_and_stops_nobody() {
    let mut config = config();
    config.limits.outbox_events = 100_000;
    let router = Router::new(config)
        .unwrap()
        .with_connections(Config::new().water_marks(50_000, 10_000));
    let mut silent = support::open_with(&router, 1 << 10);
    silent
        .write_all(&hasty_subscriber("com.example.topic"))
        .await
        .unwrap();
    settle().await;
    let (publisher, reader) = (join(&router).await, join(&router).await);
    let mut events = reader.subscribe("com.example.topic").await.unwrap();
    for number in 0..1000_u32 {
        let payload = (number, "x".repeat(1000));
        publisher
            .publish("com.example.topic", &payload)
            .await
            .unwrap();
        let event = events.recv().await.unwrap();
        assert_eq!(event.args::<(u32, String)>().unwrap().0, number);
    }
    let stats = router.stats();
    assert!(stats.events_dropped > 700, "{stats:?}");
    assert!(stats.queued_frames < 110, "{stats:?}");
    // It is not waited for when the router ends.
    let start = Instant::now();
    router.shut_down(Duration::from_secs(60)).await;
    assert!(start.elapsed() <= Duration::from_secs(20));
    drop(silent);
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_read_its_results_is_ended() {
    let mut config = config();
    config.limits.outbox = 100_000;
    let router = Router::new(config)
        .unwrap()
        .with_connections(Config::new().water_marks(20_000, 10_000));
    let callee = join(&router).await;
    let handler = |_| async { Ok(("x".repeat(30_000),)) };
    callee.register("com.example.large", handler).await.unwrap();
    let mut silent = support::open_with(&router, 1 << 10);
    silent
        .write_all(&hasty_subscriber("com.example.topic"))
        .await
        .unwrap();
    for number in 2..20_u32 {
        let call = format!("[48,{number},{{}},\"com.example.large\"]");
        let len = u32::try_from(call.len()).unwrap();
        let mut octets = len.to_be_bytes().to_vec();
        octets.extend(call.as_bytes());
        // It is not listened to for long.
        let second = Duration::from_secs(1);
        let written = tokio::time::timeout(second, silent.write_all(&octets));
        if !written.await.is_ok_and(|written| written.is_ok()) {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let stats = router.stats();
    assert_eq!(
        (stats.outboxes_overflowed, stats.transports),
        (1, 1),
        "{stats:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_are_refused() {
    let mut config = config();
    config.max_transports = 2;
    let router = Router::new(config).unwrap();
    let (first, _second) = (join(&router).await, join(&router).await);
    let mut third = open(&router);
    third.write_all(&HANDSHAKE).await.unwrap();
    assert_eq!(third.read_u32().await.unwrap(), 0x7F40_0000);
    first.leave().await.unwrap();
    settle().await;
    join(&router).await;
}

#[tokio::test]
async fn two_thousand_idle_connections_come_and_go() {
    const COUNT: usize = 2000;
    bounded(async {
        let router = router();
        let (endpoint, _served) = listening(&router).await;
        let mut clients = Vec::new();
        for _ in 0..COUNT {
            match Socket::connect(&endpoint).await {
                Ok(mut client) => {
                    client.write_all(&HANDSHAKE).await.unwrap();
                    clients.push(client);
                }
                Err(error) => {
                    eprintln!("SKIPPED beyond {}: {error}", clients.len());
                    break;
                }
            }
        }
        for client in &mut clients {
            assert_eq!(client.read_u32().await.unwrap(), 0x7FF2_0000);
        }
        assert_eq!(router.stats().transports, clients.len());
        drop(clients);
        emptied(&router).await;
    })
    .await;
}

/// Runs itself once more, with few files to open.
#[test]
fn running_out_of_files_does_not_end_serving() {
    const NAME: &str = "running_out_of_files_does_not_end_serving";
    const MARK: &str = "WAMP_TEST_FEW_FILES";
    if std::env::var_os(MARK).is_none() {
        let status = std::process::Command::new("sh")
            .args([
                "-c",
                "ulimit -n 40 && exec \"$0\" --exact \"$1\" --test-threads 1",
            ])
            .arg(std::env::current_exe().unwrap())
            .arg(NAME)
            .env(MARK, "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(bounded(async {
        let router = router();
        let (endpoint, served) = listening(&router).await;
        let mut clients = Vec::new();
        while let Ok(client) = Socket::connect(&endpoint).await {
            clients.push(client);
            settle().await;
        }
        assert!(clients.len() > 10 && !served.is_finished());
        clients.clear();
        let session = Join::new(REALM).connect(&endpoint).await.unwrap();
        session.leave().await.unwrap();
    }));
}
