//! The wire layers behind a C interface, as firmware would have them.

use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::error::HandshakeError;
use wamp_rawsocket_proto::handshake::{AwaitRequest, Client, ClientStep, RouterStep};
use wamp_rawsocket_proto::heartbeat::{Beat, Heartbeat};
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::{
    FrameHeader, FrameKind, FrameRules, MaxLen, RefusalCode, Request, SerializerId,
};

/// Octets that are handed over at a time.
pub const PIECE: usize = 32;

/// One piece of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// 0 message, 1 PING, 2 PONG.
    pub kind: u8,
    /// The payload's length.
    pub payload_len: u32,
    /// Where the piece lies in the payload.
    pub offset: u32,
    /// Octets of the piece; they end where the octets that were used end.
    pub len: u32,
}

/// A client's request as four octets; zero for an illegal serializer.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_request(max_len: u32, serializer: u8, request: &mut [u8; 4]) -> bool {
    let Some(client) = client(max_len, serializer) else {
        return false;
    };
    *request = client.request();
    true
}

/// Reads a router's reply, cut behind its `cut`th octet. The largest message that may be sent,
/// or minus the kind of refusal.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_client(
    max_len: u32,
    serializer: u8,
    reply: &[u8; 4],
    cut: usize,
) -> i32 {
    let Some(mut client) = client(max_len, serializer) else {
        return -1;
    };
    let (head, tail) = reply.split_at_checked(cut).unwrap_or((reply, &[]));
    for mut piece in [head, tail] {
        match client.feed(&mut piece) {
            Ok(ClientStep::More(next)) => client = next,
            Ok(ClientStep::Done(negotiated)) => return negotiated.send_max.octets().cast_signed(),
            Err(HandshakeError::Refused(code)) => return -16 - i32::from(code.get()),
            Err(_) => return -2,
        }
    }
    -3
}

/// Reads a client's request and answers it: accepts `serializer`, refuses the others. Whether
/// there is an answer to send.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_router(
    max_len: u32,
    serializer: u8,
    request: &[u8; 4],
    reply: &mut [u8; 4],
) -> bool {
    let max_len = MaxLen::at_least(max_len).unwrap_or(MaxLen::MAX);
    match AwaitRequest::new().feed(&mut &request[..]) {
        Ok(RouterStep::Decide(decide)) => {
            *reply = if decide.request().serializer.get() == serializer {
                decide.accept(max_len).0
            } else {
                decide.refuse(RefusalCode::SERIALIZER_UNSUPPORTED)
            };
            true
        }
        Ok(RouterStep::More(_)) | Err(_) => false,
    }
}

/// A frame's header; false if no frame can carry so much.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_header(kind: u8, payload_len: u32, header: &mut [u8; 4]) -> bool {
    let kind = match kind {
        0 => FrameKind::Message,
        1 => FrameKind::Ping,
        _ => FrameKind::Pong,
    };
    match FrameHeader::new(kind, payload_len) {
        Some(legal) => {
            *header = legal.encode();
            true
        }
        None => false,
    }
}

/// Starts to decode frames of at most `max_len` octets.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_decoder(max_len: u32, decoder: &mut FrameDecoder) {
    *decoder = FrameDecoder::new(FrameRules::new(max_len));
}

/// The next part of a frame out of the first `len` octets. How many octets were used; minus one
/// after a frame that must not be accepted. A part without a header comes as `part.kind` 255.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_decode(
    decoder: &mut FrameDecoder,
    octets: &[u8; PIECE],
    len: u32,
    part: &mut Part,
) -> i32 {
    let mut input = octets.get(..len as usize).unwrap_or_default();
    let before = input.len();
    *part = match decoder.poll_part(&mut input) {
        Ok(Some(found)) => Part {
            kind: found.header.kind() as u8,
            payload_len: found.header.payload_len(),
            offset: found.offset,
            len: u32::try_from(found.data.len()).unwrap_or_default(),
        },
        Ok(None) => Part {
            kind: 255,
            ..Part::default()
        },
        Err(_) => return -1,
    };
    i32::try_from(before - input.len()).unwrap_or_default()
}

/// What a heartbeat wants: 0 nothing, 1 that `ping` is sent, 2 to give the connection up.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_beat(heartbeat: &mut Heartbeat, millis: u64, ping: &mut [u8; 8]) -> u8 {
    match heartbeat.handle_timeout(Instant::from_millis(millis)) {
        None => 0,
        Some(Beat::Ping(payload)) => {
            *ping = payload;
            1
        }
        Some(Beat::GiveUp { .. }) => 2,
    }
}

/// Tells a heartbeat of a PONG. Whether it answers the latest PING.
#[unsafe(no_mangle)]
pub extern "C" fn rawsocket_pong(heartbeat: &mut Heartbeat, millis: u64, pong: &[u8; 8]) -> bool {
    let now = Instant::from_millis(millis);
    heartbeat.handle_life(now);
    heartbeat.handle_pong(pong, now).is_some()
}

fn client(max_len: u32, serializer: u8) -> Option<Client> {
    Some(Client::new(Request {
        max_len: MaxLen::at_least(max_len)?,
        serializer: SerializerId::new(serializer)?,
    }))
}

#[panic_handler]
fn halt(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
