//! The handshake, both roles.

use rawsocket_proto::error::HandshakeError;
use rawsocket_proto::handshake::{
    AwaitRequest, Client, ClientStep, Decide, Negotiated, RouterStep,
};
use rawsocket_proto::wire::{MaxLen, RefusalCode, Request, SerializerId};

use crate::choices::Choices;

/// Octets, in pieces, for a client and for a router: each judges as the specification has it,
/// takes four octets at most and none of another protocol, and both agree with each other.
pub fn handshake(data: &[u8]) {
    let mut choices = Choices::new(data);
    let piece = usize::from(choices.below(5)) + 1;
    let request = Request {
        max_len: MaxLen::from_nibble(choices.below(16)).expect("a nibble"),
        serializer: SerializerId::new(1 + choices.below(15)).expect("1 to 15"),
    };
    let recv_max = MaxLen::from_nibble(choices.below(16)).expect("a nibble");
    let code = RefusalCode::new(1 + choices.below(15)).expect("1 to 15");
    let stream = choices.rest();

    check_client(request, stream, piece);
    if let Some(decide) = check_router(stream, piece) {
        assert_eq!(&decide.request().encode(), &stream[..4]);
    }

    // One end's octets, at the other end.
    let at_router = check_router(&Client::new(request).request(), piece).expect("legal");
    assert_eq!(at_router.request(), request);
    let (accepted, negotiated) = at_router.accept(recv_max);
    assert_eq!(
        check_client(request, &accepted, piece),
        Some(Ok(Negotiated {
            serializer: request.serializer,
            send_max: negotiated.recv_max,
            recv_max: negotiated.send_max,
        }))
    );
    let refused = check_client(request, &at_router.refuse(code), piece);
    assert_eq!(refused, Some(Err(HandshakeError::Refused(code))));
}

/// What a client makes of a stream, compared with the specification's words.
fn check_client(
    request: Request,
    stream: &[u8],
    piece: usize,
) -> Option<Result<Negotiated, HandshakeError>> {
    let mut client = Client::new(request);
    assert_eq!(client.request(), request.encode());
    let (mut used, mut outcome) = (0, None);
    for piece in stream.chunks(piece) {
        assert_eq!(client.missing(), 4 - used);
        let mut input = piece;
        let step = client.feed(&mut input);
        used += piece.len() - input.len();
        match step {
            Ok(ClientStep::More(next)) => client = next,
            Ok(ClientStep::Done(negotiated)) => {
                outcome = Some(Ok(negotiated));
                break;
            }
            Err(error) => {
                outcome = Some(Err(error));
                break;
            }
        }
    }
    let expected = expected(stream, |second| {
        match (
            SerializerId::new(second & 15),
            RefusalCode::new(second >> 4),
        ) {
            (None, None) => Err(HandshakeError::IllegalReply),
            (None, Some(code)) => Err(HandshakeError::Refused(code)),
            (Some(replied), _) if replied != request.serializer => {
                Err(HandshakeError::SerializerMismatch {
                    requested: request.serializer,
                    replied,
                })
            }
            (Some(serializer), _) => Ok(Negotiated {
                serializer,
                send_max: MaxLen::from_nibble(second >> 4).expect("a nibble"),
                recv_max: request.max_len,
            }),
        }
    });
    assert_eq!((outcome, used), expected);
    outcome
}

/// What a router makes of a stream, compared with the specification's words.
fn check_router(stream: &[u8], piece: usize) -> Option<Decide> {
    let mut router = AwaitRequest::new();
    let (mut used, mut outcome) = (0, None);
    for piece in stream.chunks(piece) {
        assert_eq!(router.missing(), 4 - used);
        let mut input = piece;
        let step = router.feed(&mut input);
        used += piece.len() - input.len();
        match step {
            Ok(RouterStep::More(next)) => router = next,
            Ok(RouterStep::Decide(decide)) => {
                outcome = Some(Ok(decide));
                break;
            }
            Err(error) => {
                outcome = Some(Err(error));
                break;
            }
        }
    }
    let expected = expected(stream, |second| match SerializerId::new(second & 15) {
        None => Err(HandshakeError::IllegalSerializer),
        Some(serializer) => Ok(Request {
            max_len: MaxLen::from_nibble(second >> 4).expect("a nibble"),
            serializer,
        }),
    });
    let seen = outcome.map(|outcome| outcome.map(|decide| decide.request()));
    assert_eq!((seen, used), expected);
    outcome.and_then(Result::ok)
}

/// What comes out of a stream and how many octets are used for it; `second` judges the second
/// octet once the others are right.
fn expected<T>(
    stream: &[u8],
    second: impl FnOnce(u8) -> Result<T, HandshakeError>,
) -> (Option<Result<T, HandshakeError>>, usize) {
    match *stream {
        [first, ..] if first != 0x7F => (Some(Err(HandshakeError::NotRawSocket { first })), 0),
        [_, octet, 0, 0, ..] => (Some(second(octet)), 4),
        [_, _, a, b, ..] => (Some(Err(HandshakeError::ReservedOctets([a, b]))), 4),
        _ => (None, stream.len()),
    }
}
