//! Arguments that are serialized before the session is locked.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};

use rawsocket_proto::wire::SerializerId;

use super::session::Arguments;
use crate::payload::{RawPayload, serialize_into};
use crate::session::CommandError;
use crate::{Payload, SerializerKind};

/// Serialized arguments. Those who serialize are the application's: they may use the session
/// themselves, take their time, or panic.
#[derive(Debug)]
pub(super) struct Serialized {
    serializer: SerializerKind,
    octets: Vec<u8>,
    args: Range<usize>,
    kwargs: Range<usize>,
}

/// Octets of room that a thread keeps for the next arguments.
const KEPT: usize = 64 << 10;

std::thread_local! {
    /// Small arguments cost no allocation of their own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Serialized {
    pub(super) fn new(
        serializer: SerializerKind,
        arguments: &Arguments<'_>,
    ) -> Result<Self, CommandError> {
        // Taken out, so that arguments that publish themselves find one of their own.
        let mut octets = SCRATCH.try_with(Cell::take).unwrap_or_default();
        let written = serialize_into(serializer, arguments, &mut octets);
        let (args, kwargs) = written.map_err(CommandError::Encode)?;
        Ok(Self {
            serializer,
            octets,
            args,
            kwargs,
        })
    }

    pub(super) fn payload(&self) -> Payload<'_> {
        Payload::raw(RawPayload {
            serializer: self.serializer,
            args: self.octets.get(self.args.clone()).unwrap_or_default(),
            kwargs: self.octets.get(self.kwargs.clone()).unwrap_or_default(),
        })
    }
}

impl Drop for Serialized {
    fn drop(&mut self) {
        let mut octets = core::mem::take(&mut self.octets);
        if octets.capacity() <= KEPT {
            octets.clear();
            // A thread that is about to end keeps nothing.
            let _ = SCRATCH.try_with(|scratch| scratch.set(octets));
        }
    }
}

/// The serializer of the latest connection. Arguments in another one are transcoded.
#[derive(Debug)]
pub(super) struct Latest(AtomicU8);

impl Latest {
    pub(super) const fn new(serializer: SerializerKind) -> Self {
        Self(AtomicU8::new(serializer.id().get()))
    }

    pub(super) fn set(&self, serializer: SerializerKind) {
        self.0.store(serializer.id().get(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> SerializerKind {
        let id = SerializerId::new(self.0.load(Ordering::Relaxed));
        let known = id.and_then(SerializerKind::from_id);
        known.unwrap_or(SerializerKind::ALL[0])
    }
}
