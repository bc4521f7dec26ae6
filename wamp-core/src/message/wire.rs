//! From the elements of a list to the fields of a message and back, for every serializer alike.

use alloc::borrow::Cow;

use super::options::{self, Known};
use super::{Message, MessageType};
use crate::error::{DecodeError, EncodeError, OptionProblem};
use crate::payload::{PayloadWriter, RawPayload};
use crate::serializer::{Cursor, RawValue, Shape, Sink};
use crate::{Dict, Id, Payload};

/// Reads the elements of a message one after the other.
#[derive(Debug)]
pub(crate) struct Fields<'a, C> {
    cursor: C,
    message: MessageType,
    /// Elements that were read, the message type included.
    read: usize,
    frame: core::marker::PhantomData<&'a [u8]>,
}

impl<'a, C: Cursor<'a>> Fields<'a, C> {
    /// Reads a whole message; `cursor` stands before the first element.
    #[inline]
    pub(crate) fn message(mut cursor: C) -> Result<Message<'a>, DecodeError> {
        if !cursor.more()? {
            return Err(DecodeError::NotAMessage);
        }
        let code = cursor.uint()?.ok_or(DecodeError::NotAMessage)?;
        let message =
            MessageType::from_code(code).ok_or(DecodeError::UnknownMessageType { code })?;
        let mut fields = Self {
            cursor,
            message,
            read: 1,
            frame: core::marker::PhantomData,
        };
        let decoded = Message::read(message, &mut fields)?;
        if fields.more()? {
            return Err(fields.length(fields.read + 1));
        }
        fields.cursor.finish()?;
        Ok(decoded)
    }

    /// Whether another element follows.
    pub(super) fn more(&mut self) -> Result<bool, DecodeError> {
        self.cursor.more()
    }

    #[cold]
    fn length(&self, len: usize) -> DecodeError {
        DecodeError::Length {
            message: self.message,
            len,
        }
    }

    #[inline]
    fn next(&mut self) -> Result<(), DecodeError> {
        if !self.cursor.more()? {
            return Err(self.length(self.read));
        }
        self.read += 1;
        Ok(())
    }

    #[cold]
    fn wrong<T>(&self, field: &'static str, expected: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError::FieldType {
            message: self.message,
            field,
            expected,
        })
    }

    #[inline]
    fn uint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.next()?;
        match self.cursor.uint()? {
            Some(uint) => Ok(uint),
            None => self.wrong(field, "an ID"),
        }
    }

    #[inline]
    pub(super) fn id(&mut self, field: &'static str) -> Result<Id, DecodeError> {
        let value = self.uint(field)?;
        Id::new(value).ok_or(DecodeError::BadId {
            message: self.message,
            field,
            value,
        })
    }

    /// An ID, or 0, which stands for no request.
    fn id_or_zero(&mut self, field: &'static str) -> Result<Option<Id>, DecodeError> {
        match self.uint(field)? {
            0 => Ok(None),
            value => Id::new(value).map(Some).ok_or(DecodeError::BadId {
                message: self.message,
                field,
                value,
            }),
        }
    }

    /// The type of the request that an ERROR answers.
    pub(super) fn request_type(&mut self, field: &'static str) -> Result<MessageType, DecodeError> {
        self.next()?;
        let Some(code) = self.cursor.uint()? else {
            return self.wrong(field, "a message type");
        };
        MessageType::from_code(code)
            .filter(|message| message.is_request())
            .ok_or(DecodeError::RequestType { code })
    }

    #[inline]
    pub(super) fn string(&mut self, field: &'static str) -> Result<Cow<'a, str>, DecodeError> {
        self.next()?;
        match self.cursor.string()? {
            Some(text) => Ok(text),
            None => self.wrong(field, "a string"),
        }
    }

    #[inline]
    pub(super) fn dict(
        &mut self,
        field: &'static str,
        known: &'static [Known],
    ) -> Result<Dict<'a>, DecodeError> {
        self.next()?;
        let (shape, raw) = self.cursor.value()?;
        match shape {
            Shape::EmptyMap => Ok(Dict::new()),
            Shape::Map => {
                options::check(self.message, known, raw)?;
                Ok(Dict::from_raw(raw))
            }
            _ => self.wrong(field, "a dict"),
        }
    }

    #[inline]
    pub(super) fn payload(&mut self, dict: &Dict<'_>) -> Result<Payload<'a>, DecodeError> {
        let Some(args) = self.optional()? else {
            return Ok(Payload::none());
        };
        let mut raw = RawPayload {
            serializer: C::SERIALIZER,
            args: &[],
            kwargs: &[],
        };
        match args.0 {
            Shape::List => raw.args = args.1.as_bytes(),
            Shape::Null => {}
            // Payload transparency: one binary value, and nothing after it.
            Shape::Bytes if dict.contains("enc_algo") => {
                raw.args = args.1.as_bytes();
                return Ok(Payload::raw(raw));
            }
            _ => return self.wrong("args", "a list"),
        }
        match self.optional()? {
            None | Some((Shape::Null, _)) => {}
            Some((Shape::Map | Shape::EmptyMap, kwargs)) => raw.kwargs = kwargs.as_bytes(),
            Some(_) => return self.wrong("kwargs", "a dict"),
        }
        Ok(if raw.args.is_empty() && raw.kwargs.is_empty() {
            Payload::none()
        } else {
            Payload::raw(raw)
        })
    }

    #[inline]
    fn optional(&mut self) -> Result<Option<(Shape, RawValue<'a>)>, DecodeError> {
        if !self.cursor.more()? {
            return Ok(None);
        }
        self.read += 1;
        self.cursor.value().map(Some)
    }

    /// What UNSUBSCRIBED and UNREGISTERED hold: the request that they acknowledge, or 0 and
    /// details that name what is revoked.
    pub(super) fn acknowledgement(
        &mut self,
        known: &'static [Known],
        revoked: &'static str,
    ) -> Result<(Option<Id>, Dict<'a>), DecodeError> {
        let request = self.id_or_zero("request")?;
        let details = if self.more()? {
            self.dict("details", known)?
        } else if request.is_none() {
            return Err(self.zero("request"));
        } else {
            Dict::new()
        };
        if request.is_none() && !details.contains(revoked) {
            return Err(self.missing(revoked));
        }
        Ok((request, details))
    }

    /// An option that must be there is not.
    fn missing(&self, option: &'static str) -> DecodeError {
        DecodeError::Option {
            message: self.message,
            option,
            problem: OptionProblem::Missing,
        }
    }

    /// A request ID of 0 where it must not be.
    fn zero(&self, field: &'static str) -> DecodeError {
        DecodeError::BadId {
            message: self.message,
            field,
            value: 0,
        }
    }
}

/// Writes the elements of a message one after the other.
#[derive(Debug)]
pub(crate) struct Elements<S> {
    sink: S,
    written: usize,
}

impl<S: Sink> Elements<S> {
    /// Writes a whole message.
    pub(crate) fn message(mut sink: S, message: &Message<'_>) -> Result<(), EncodeError> {
        let mark = sink.open_list(None)?;
        let mut elements = Self { sink, written: 0 };
        elements.uint(message.message_type().code().into());
        message.write(&mut elements)?;
        elements.sink.close_list(mark, elements.written)
    }

    fn uint(&mut self, value: u64) {
        self.sink.item(self.written);
        self.written += 1;
        self.sink.uint(value);
    }

    #[expect(clippy::unnecessary_wraps, reason = "all elements are written alike")]
    pub(super) fn id(&mut self, id: Id) -> Result<(), EncodeError> {
        self.uint(id.get());
        Ok(())
    }

    /// What UNSUBSCRIBED and UNREGISTERED hold.
    pub(super) fn acknowledgement(
        &mut self,
        request: Option<Id>,
        details: &Dict<'_>,
    ) -> Result<(), EncodeError> {
        self.uint(request.map_or(0, Id::get));
        if request.is_none() || !details.is_empty() {
            self.dict(details)?;
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "all elements are written alike")]
    pub(super) fn request_type(&mut self, message: MessageType) -> Result<(), EncodeError> {
        self.uint(message.code().into());
        Ok(())
    }

    pub(super) fn string(&mut self, text: &str) -> Result<(), EncodeError> {
        self.sink.item(self.written);
        self.written += 1;
        self.sink.string(text)
    }

    pub(super) fn dict(&mut self, dict: &Dict<'_>) -> Result<(), EncodeError> {
        self.sink.item(self.written);
        self.written += 1;
        dict.write(&mut self.sink)
    }

    pub(super) fn payload(&mut self, payload: &Payload<'_>) -> Result<(), EncodeError> {
        let mut out = PayloadWriter::new(S::SERIALIZER, self.sink.out());
        payload.write(&mut out)?;
        self.written += out.written();
        Ok(())
    }
}

/// Implements `read` and `write` of a message from the order of its elements.
macro_rules! wire {
    ($message:ident $(<$life:lifetime>)? { $($field:ident: $kind:ident $(($($arg:tt)+))?),+ $(,)? }) => {
        impl<'a> $message $(<$life>)? {
            #[inline(always)]
            pub(super) fn read<C: $crate::serializer::Cursor<'a>>(
                fields: &mut $crate::message::wire::Fields<'a, C>,
            ) -> core::result::Result<Self, $crate::DecodeError> {
                $(let $field = $crate::message::wire::wire!(@read fields $field $kind $(($($arg)+))?);)+
                Ok(Self { $($field),+ })
            }

            pub(super) fn write<S: $crate::serializer::Sink>(
                &self,
                elements: &mut $crate::message::wire::Elements<S>,
            ) -> core::result::Result<(), $crate::EncodeError> {
                $($crate::message::wire::wire!(@write self elements $field $kind);)+
                Ok(())
            }
        }
    };
    (@read $fields:ident $field:ident dict ($($known:tt)+)) => {
        $fields.dict(stringify!($field), $($known)+)?
    };
    (@read $fields:ident $field:ident payload ($dict:ident)) => { $fields.payload(&$dict)? };
    (@read $fields:ident $field:ident $kind:ident) => { $fields.$kind(stringify!($field))? };
    (@write $self:ident $elements:ident $field:ident id) => { $elements.id($self.$field)? };
    (@write $self:ident $elements:ident $field:ident request_type) => {
        $elements.request_type($self.$field)?
    };
    (@write $self:ident $elements:ident $field:ident $kind:ident) => {
        $elements.$kind(&$self.$field)?
    };
}

pub(super) use wire;

/// Implements `with_…` for the optional elements of a message.
macro_rules! setters {
    ($message:ident { $($field:ident),+ }) => {
        impl<'a> $message<'a> {
            $(setters!(@$field);)+
        }
    };
    (@options) => {
        /// Sets the options.
        #[must_use]
        pub fn with_options(mut self, options: crate::Dict<'a>) -> Self {
            self.options = options;
            self
        }
    };
    (@details) => {
        /// Sets the details.
        #[must_use]
        pub fn with_details(mut self, details: crate::Dict<'a>) -> Self {
            self.details = details;
            self
        }
    };
    (@payload) => {
        /// Sets the arguments.
        #[must_use]
        pub fn with_payload(mut self, payload: crate::Payload<'a>) -> Self {
            self.payload = payload;
            self
        }
    };
}
pub(super) use setters;
