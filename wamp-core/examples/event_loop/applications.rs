//! What the clients are for: one adds numbers, the others have it add some.
//!
//! An application is a state machine, too. Events come in, commands go out, and nothing waits.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::session::{ClientSession, Event, Invoked, Outcome, Publication};
use wamp_rawsocket_core::{Dict, Payload, uris};

use super::clients::Application;

const ADD: &str = "com.example.add";
const RESULT: &str = "com.example.result";

/// Offers a procedure, and leaves when all callers have published what they got from it.
pub(crate) struct Adder {
    callers: usize,
    offered: Rc<Cell<bool>>,
}

impl Adder {
    /// `offered` becomes true when there is a procedure to call.
    pub(crate) fn new(callers: usize, offered: Rc<Cell<bool>>) -> Self {
        Self { callers, offered }
    }

    fn add(invoked: &Invoked, session: &mut ClientSession) -> Result<(), Box<dyn Error>> {
        let none = Dict::new();
        match invoked.payload.args::<(i64, i64)>() {
            Ok((a, b)) => {
                println!("the adder is asked for {a} + {b}");
                let sum = (a.saturating_add(b),);
                session.yield_result(invoked.invocation, &none, &Payload::typed(&sum))?;
            }
            Err(error) => {
                let text = (error.to_string(),);
                let payload = Payload::typed(&text);
                session.fail(invoked.invocation, uris::INVALID_ARGUMENT, &none, &payload)?;
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        published: &Publication,
        session: &mut ClientSession,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        let (caller, sum): (String, i64) = published.payload.args()?;
        println!("the adder gets the event that {caller} got {sum}");
        self.callers -= 1;
        if self.callers == 0 {
            session.leave(uris::CLOSE_REALM, now)?;
        }
        Ok(())
    }
}

impl Application for Adder {
    fn name(&self) -> String {
        "the adder".into()
    }

    fn handle_event(
        &mut self,
        event: Event,
        session: &mut ClientSession,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        match event {
            Event::Joined(joined) => {
                println!("the adder joined {}", joined.realm);
                session.subscribe(RESULT, &Dict::new())?;
            }
            Event::Done(Outcome::Subscribed { .. }) => {
                session.register(ADD, &Dict::new())?;
            }
            Event::Done(Outcome::Registered { .. }) => {
                println!("the adder registered {ADD}");
                self.offered.set(true);
            }
            Event::Invoked(invoked) => Self::add(&invoked, session)?,
            Event::Published(published) => self.count(&published, session, now)?,
            Event::Left { .. } => println!("the adder left"),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }
}

/// Calls the procedure, publishes what it got, and leaves.
pub(crate) struct Caller {
    number: usize,
}

impl Caller {
    pub(crate) fn new(number: usize) -> Self {
        Self { number }
    }
}

impl Application for Caller {
    fn name(&self) -> String {
        format!("caller {}", self.number)
    }

    fn handle_event(
        &mut self,
        event: Event,
        session: &mut ClientSession,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        let name = self.name();
        match event {
            Event::Joined(joined) => {
                println!("{name} joined {}", joined.realm);
                let summands = (self.number, 40);
                session.call(ADD, &Dict::new(), &Payload::typed(&summands))?;
            }
            Event::Done(Outcome::Result { payload, .. }) => {
                let (sum,): (i64,) = payload.args()?;
                println!("{name} gets {sum}");
                // Acknowledged, so that it leaves when all is said.
                let options = Dict::new().with("acknowledge", true);
                session.publish(RESULT, &options, &Payload::typed(&(name, sum)))?;
            }
            Event::Done(Outcome::Published { .. }) => session.leave(uris::CLOSE_REALM, now)?,
            Event::Left { .. } => println!("{name} left"),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }
}

/// An event that has no place here, such as a request that failed.
fn unexpected(event: &Event) -> Box<dyn Error> {
    format!("unexpected: {event:?}").into()
}
