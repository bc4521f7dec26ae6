//! What all connections share: mio's poll, a clock, deadlines, and turns.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use rawsocket_proto::time::Instant;

/// Tells who is to have a turn: whose socket is ready, whose deadline has come, and who was given
/// something to do by somebody else.
pub(crate) struct Reactor {
    poll: Poll,
    epoch: std::time::Instant,
    deadlines: Deadlines,
    turns: Arc<Turns>,
    /// The latest one given out.
    tokens: usize,
}

impl Reactor {
    /// Stands for nobody, only for the end of a wait.
    const WAKE: Token = Token(0);

    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), Self::WAKE)?;
        Ok(Self {
            poll,
            epoch: std::time::Instant::now(),
            deadlines: Deadlines::default(),
            turns: Arc::new(Turns {
                tokens: Mutex::default(),
                waker,
            }),
            tokens: Self::WAKE.0,
        })
    }

    /// The time, as the state machines want it.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }

    /// A name that nobody had before, so that what comes late meets nobody else.
    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// Watches a socket that is read from and written to.
    pub(crate) fn add_stream(&mut self, stream: &mut dyn Source) -> io::Result<Token> {
        self.add(stream, Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches a socket that is only read from, such as a listening one.
    pub(crate) fn add_listener(&mut self, listener: &mut dyn Source) -> io::Result<Token> {
        self.add(listener, Interest::READABLE)
    }

    fn add(&mut self, source: &mut dyn Source, interest: Interest) -> io::Result<Token> {
        let token = self.token();
        self.poll.registry().register(source, token, interest)?;
        Ok(token)
    }

    /// Forgets a socket and its deadline.
    pub(crate) fn remove(&mut self, token: Token, source: &mut dyn Source) {
        self.set_deadline(token, None);
        // At worst it is forgotten when it is dropped.
        let _ = self.poll.registry().deregister(source);
    }

    /// Sets the one deadline of `token`, or clears it.
    pub(crate) fn set_deadline(&mut self, token: Token, at: Option<Instant>) {
        self.deadlines.set(token, at);
    }

    /// Gives `token` a turn in the next round.
    pub(crate) fn give_turn(&self, token: Token) {
        self.turns.give(token);
    }

    /// Something that gives `token` a turn, from wherever it is woken.
    pub(crate) fn waker(&self, token: Token) -> Waker {
        let turns = self.turns.clone();
        Arc::new(Turn { token, turns }).into()
    }

    /// Waits until there is a socket ready, a deadline due or a turn to give.
    pub(crate) fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let now = self.now();
        let next = self.deadlines.next();
        let timeout = next.map(|at| at.saturating_duration_since(now));
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            waited => waited,
        }
    }

    /// Whom others gave a turn.
    pub(crate) fn take_turns(&self) -> Vec<Token> {
        self.turns.take()
    }

    /// Whose deadline has come, one at a time.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Token> {
        self.deadlines.take_due(now)
    }
}

/// At most one deadline for each token, in order of time.
#[derive(Default)]
struct Deadlines {
    ordered: BTreeSet<(Instant, Token)>,
    by_token: HashMap<Token, Instant>,
}

impl Deadlines {
    fn set(&mut self, token: Token, at: Option<Instant>) {
        if let Some(old) = self.by_token.remove(&token) {
            self.ordered.remove(&(old, token));
        }
        if let Some(at) = at {
            self.by_token.insert(token, at);
            self.ordered.insert((at, token));
        }
    }

    fn next(&self) -> Option<Instant> {
        self.ordered.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self, now: Instant) -> Option<Token> {
        let (_, token) = *self.ordered.first().filter(|(at, _)| *at <= now)?;
        self.set(token, None);
        Some(token)
    }
}

/// Those who were given a turn. Only noted here: whoever gives one is in the middle of something.
struct Turns {
    tokens: Mutex<Vec<Token>>,
    /// Ends the wait. On a single thread a timeout of zero would do; with this one, other threads
    /// can use the router, too.
    waker: mio::Waker,
}

impl Turns {
    fn give(&self, token: Token) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.push(token);
        if tokens.len() == 1 {
            // It fails only if the poll is gone, and then nobody waits.
            let _ = self.waker.wake();
        }
    }

    fn take(&self) -> Vec<Token> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *tokens)
    }
}

/// What stands behind a [`Waker`]: no task, only a token to note.
struct Turn {
    token: Token,
    turns: Arc<Turns>,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.turns.give(self.token);
    }
}
