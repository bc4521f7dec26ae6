//! Who runs tasks.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::{self, ThreadId};

use wamp_rawsocket_blocking::wamp_core::runtime::Runtime;
use wamp_rawsocket_blocking::{Connection, Threads};

use crate::support::{bounded, config, pair};

/// The thread that a task ran on.
fn thread_of_a_task() -> ThreadId {
    let (tell, told) = mpsc::channel();
    Threads::new().spawn(async move {
        assert_eq!(thread::current().name(), Some("wamp"));
        tell.send(thread::current().id()).expect("somebody asks");
    });
    told.recv().expect("no panic")
}

#[test]
fn threads_are_used_again() {
    bounded(|| {
        let threads: HashSet<_> = (0..100).map(|_| thread_of_a_task()).collect();
        assert!(threads.len() < 50, "{} threads", threads.len());
        Ok(())
    });
}

#[test]
fn tasks_run_at_the_same_time() {
    bounded(|| {
        // A chain, each of which waits for the next.
        let (first, result) = mpsc::channel();
        let mut previous = first;
        for _ in 0..20 {
            let (sender, receiver) = mpsc::channel();
            Threads::new().spawn(async move {
                previous
                    .send(receiver.recv().expect("the next runs"))
                    .expect("it waits");
            });
            previous = sender;
        }
        previous.send(7).expect("the last runs");
        assert_eq!(result.recv(), Ok(7));
        Ok(())
    });
}

#[test]
fn a_panic_ends_its_task_alone() {
    bounded(|| {
        let (tell, told) = mpsc::channel();
        Threads::new().spawn(async move {
            tell.send(thread::current().id()).expect("somebody asks");
            panic!("on purpose");
        });
        let thread = told.recv().expect("it ran");
        // The thread goes on with other tasks.
        while thread_of_a_task() != thread {}
        Ok(())
    });
}

#[test]
fn a_panic_within_a_wait_leaves_the_thread_fit_to_wait() {
    bounded(|| {
        let (here, mut there) = UnixStream::pair()?;
        there.write_all(&[0x7F, 0xF1, 0, 0])?;
        let panics =
            AssertUnwindSafe(|| Connection::router(here, config(), |_| panic!("on purpose")));
        catch_unwind(panics).expect_err("it panicked");
        let (mut near, mut far) = pair(UnixStream::pair()?)?;
        far.send(&b"still"[..])?;
        assert_eq!(near.recv()?.as_deref(), Some(&b"still"[..]));
        Ok(())
    });
}
