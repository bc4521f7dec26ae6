//! What the router has granted: subscriptions or registrations.

use alloc::collections::VecDeque;
use std::collections::HashMap;

use crate::Id;

/// How many ids are remembered after they ended. A router may have sent a message for one of
/// them before it read that it is over; no more than these can be told from ids never granted.
const REMEMBERED: usize = 64;

/// Whether something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Granted, and wanted.
    Active,
    /// Given up, but a message for it may still arrive.
    Retired,
    /// Never granted.
    Unknown,
}

/// The subscriptions or the registrations of a session.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Each with the request that is about to end it, if there is one.
    granted: HashMap<Id, Option<Id>>,
    ended: VecDeque<Id>,
}

impl Held {
    pub(super) fn grant(&mut self, id: Id) {
        self.granted.insert(id, None);
    }

    pub(super) fn standing(&self, id: Id) -> Standing {
        match self.granted.get(&id) {
            Some(None) => Standing::Active,
            Some(Some(_)) => Standing::Retired,
            None if self.ended.contains(&id) => Standing::Retired,
            None => Standing::Unknown,
        }
    }

    /// `request` asks to end it.
    pub(super) fn begin_end(&mut self, id: Id, request: Id) {
        if let Some(ending) = self.granted.get_mut(&id) {
            *ending = Some(request);
        }
    }

    /// `request` was refused: it is held as before.
    pub(super) fn keep(&mut self, id: Id, request: Id) {
        if let Some(ending) = self.granted.get_mut(&id)
            && *ending == Some(request)
        {
            *ending = None;
        }
    }

    /// `request` was granted. If the same id was granted anew in between, it stays.
    pub(super) fn end(&mut self, id: Id, request: Id) {
        if self.granted.get(&id) == Some(&Some(request)) {
            self.revoke(id);
        }
    }

    /// It is over, whoever asked for it. Says whether it was held.
    pub(super) fn revoke(&mut self, id: Id) -> bool {
        let held = self.granted.remove(&id).is_some();
        if held {
            if self.ended.len() >= REMEMBERED {
                self.ended.pop_front();
            }
            self.ended.push_back(id);
        }
        held
    }

    pub(super) fn len(&self) -> usize {
        self.granted.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_granted_anew_survives_the_end_of_its_first_life() {
        let (id, request) = (Id::MIN, Id::MAX);
        let mut held = Held::default();
        assert_eq!(held.standing(id), Standing::Unknown);
        held.grant(id);
        held.begin_end(id, request);
        assert_eq!(held.standing(id), Standing::Retired);
        held.grant(id);
        held.end(id, request);
        assert_eq!(held.standing(id), Standing::Active);
        assert!(held.revoke(id) && !held.revoke(id));
        assert_eq!(held.standing(id), Standing::Retired);
    }

    #[test]
    fn a_refused_end_changes_nothing_and_memory_is_bounded() {
        let mut held = Held::default();
        held.grant(Id::MIN);
        held.begin_end(Id::MIN, Id::MAX);
        held.keep(Id::MIN, Id::MAX);
        assert_eq!(held.standing(Id::MIN), Standing::Active);
        let mut id = Id::MIN;
        for _ in 0..=REMEMBERED {
            held.grant(id);
            held.revoke(id);
            id = id.next();
        }
        assert_eq!(held.standing(Id::MIN), Standing::Unknown);
        assert_eq!((held.len(), held.ended.len()), (0, REMEMBERED));
    }
}
