//! Everything in one process, on smol: a router, two clients, events, a call, and an error.
//!
//! ```text
//! cargo run --release -p wamp-rawsocket-async-std --example quickstart_smol
//! ```

use std::error::Error;
use std::time::Duration;

use wamp_rawsocket_async_std::wamp_core::SerializerKind;
use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;
use wamp_rawsocket_async_std::{Invocation, Join, Listener, Router, SessionError, WampError};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    // A router that listens on a free port of this machine.
    let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
    let endpoint = listener.endpoint().clone();
    let router = Router::new(RouterConfig::new(["realm1"]))?;
    let serving = smol::spawn(router.serve(listener));
    println!("A WAMP router serves realm1 at {endpoint}.");

    // Two clients of it, each in its own language. The router translates.
    let alice = Join::new("realm1")
        .serializers([SerializerKind::Json])
        .connect(&endpoint)
        .await?;
    println!("Alice joined as session {}, speaking JSON.", alice.id());
    let bob = Join::new("realm1")
        .serializers([SerializerKind::MessagePack])
        .connect(&endpoint)
        .await?;
    println!("Bob joined as session {}, speaking MessagePack.", bob.id());

    // Publish and subscribe.
    let mut weather = bob.subscribe("com.example.weather").await?;
    println!("\nBob subscribes to com.example.weather.");
    alice
        .publish("com.example.weather", &("Vienna", 21.5, "sunny"))
        .await?;
    println!("Alice publishes the weather, without knowing who listens.");
    let event = weather.recv().await.ok_or("the subscription ended")?;
    let (city, celsius, sky): (String, f64, String) = event.args()?;
    println!("Bob gets the event: {city}, {celsius} degrees, {sky}.");

    // A procedure, which may fail.
    bob.register("com.example.divide", |invocation: Invocation| async move {
        let (dividend, divisor): (i64, i64) = invocation.args()?;
        if divisor == 0 {
            return Err(WampError::new("com.example.error.division_by_zero")
                .with_text("there is no such number"));
        }
        Ok((dividend / divisor, dividend % divisor))
    })
    .await?;
    println!("\nBob registers the procedure com.example.divide.");

    let result = alice.call("com.example.divide", &(17, 5)).await?;
    let (quotient, remainder): (i64, i64) = result.args()?;
    println!("Alice calls it with 17 and 5, and gets {quotient}, remainder {remainder}.");

    match alice.call("com.example.divide", &(17, 0)).await {
        Err(SessionError::Wamp(error)) => {
            println!("Alice calls it with 17 and 0, and gets an error: {error}.");
        }
        other => return Err(format!("expected an error, not {other:?}").into()),
    }

    // Everybody says goodbye.
    alice.leave().await?;
    bob.leave().await?;
    println!("\nBoth said goodbye.");
    router.shut_down(Duration::from_secs(1)).await;
    serving.await;
    println!("The router is gone. That was WAMP over RawSocket.");
    Ok(())
}
