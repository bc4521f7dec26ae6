//! Reading where the source wants a slice.

use core::cell::Cell;
use core::task::Poll;
use std::io;
use std::vec::Vec;

use bytes::BufMut;

use crate::connection::RecvBuf;

/// As much as one read brings at most: 64 KiB with the headers around them.
///
/// One scratch space for each thread, from which is copied what came, costs less than to clear the
/// receive buffer before each read: most reads fill little of it, the last before a wait nothing.
/// Even full reads of 64 KiB are a tenth faster so, and idle connections hold no memory for it.
const SCRATCH: usize = (64 << 10) + 64;

std::thread_local! {
    static SCRATCH_SPACE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Appends to `buf` what `read` puts into the slice that it is given, for sources that take no
/// [`BufMut`]: `std::io::Read`, `futures_io::AsyncRead`. At most 64 KiB at a time.
///
/// # Errors
///
/// Those of `read`, and one if it claims more than the slice holds.
pub fn poll_read_slice(
    buf: &mut RecvBuf<'_>,
    read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    // Taken out, so that a source that reads from another within finds one of its own.
    // A thread that ends has none to share.
    let mut scratch = SCRATCH_SPACE.try_with(Cell::take).unwrap_or_default();
    scratch.resize(SCRATCH, 0);
    let room = buf.remaining_mut().min(SCRATCH);
    let count = read(scratch.get_mut(..room).unwrap_or_default());
    let result = count.map(|count| {
        let octets = scratch.get(..count?).filter(|octets| octets.len() <= room);
        let lie = "the stream claims to have read more than it was given room for";
        buf.put_slice(octets.ok_or_else(|| io::Error::other(lie))?);
        Ok(())
    });
    let _ = SCRATCH_SPACE.try_with(|space| space.set(scratch));
    result
}

/// Appends to `buf` what one read of `source` brings, at most 64 KiB, and returns how much that is:
/// 0 at the end of the stream. For event loops over [`std::io::Read`].
///
/// ```
/// use std::sync::Arc;
/// use wamp_rawsocket_proto::connection::{Config, Connection};
/// use wamp_rawsocket_proto::driver::read_from;
/// use wamp_rawsocket_proto::time::Instant;
///
/// let now = Instant::ZERO;
/// let mut connection = Connection::router(Arc::new(Config::new()), now);
/// let mut socket = &[0x7F, 0xF1][..];
/// assert_eq!(connection.handle_read(now, |buf| read_from(&mut socket, buf))?, 2);
/// assert_eq!(connection.handle_read(now, |buf| read_from(&mut socket, buf))?, 0);
/// connection.handle_eof(now);
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of `source`, such as [`WouldBlock`](io::ErrorKind::WouldBlock), and one if it claims more
/// than the slice holds that it was given.
pub fn read_from(source: &mut impl io::Read, buf: &mut RecvBuf<'_>) -> io::Result<usize> {
    let before = buf.remaining_mut();
    match poll_read_slice(buf, |octets| Poll::Ready(source.read(octets))) {
        Poll::Ready(read) => read.map(|()| before - buf.remaining_mut()),
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use std::sync::mpsc;
    use std::thread;

    use super::read_from;

    /// Reads when its thread ends.
    struct AtTheEnd(mpsc::Sender<Option<usize>>);

    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let mut buf = std::vec::Vec::new();
            let mut room = bytes::BufMut::limit(&mut buf, 3);
            let read = read_from(&mut &b"octets"[..], &mut room);
            let _ = self.0.send(read.ok());
        }
    }

    std::thread_local! {
        static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }

    #[test]
    fn a_thread_that_ends_still_reads() {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            // Known before the scratch space is, and so dropped after it on most systems.
            let end = AtTheEnd(tell.clone());
            LAST.with(|last| last.replace(Some(end)));
            drop(AtTheEnd(tell));
        });
        assert_eq!((told.recv(), told.recv()), (Ok(Some(3)), Ok(Some(3))));
        assert!(thread.join().is_ok());
    }
}
