//! One thing to measure.

use crate::stream::Tally;

/// One thing to measure: a pass over a stream.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) pass: Box<dyn FnMut() -> Tally>,
}

impl Case {
    pub(crate) fn new(name: &'static str, pass: impl FnMut() -> Tally + 'static) -> Self {
        Self {
            name,
            pass: Box::new(pass),
        }
    }

    /// One pass, which must do what it should.
    pub(crate) fn check(&mut self, expected: Tally) {
        assert_eq!((self.pass)(), expected, "{}", self.name);
    }
}
