//! How threads wait: what wakes them, what ends their waits, and who runs tasks.

mod closing;
mod halves;
mod listening;
mod pool;
mod support;
mod waiting;
