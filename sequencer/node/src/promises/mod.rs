//! The sequencer's word for a block before a commitment holds it, and followers who hold it to that.
//!
//! [`Promises`] signs, as the sequencer, what is durable. A follower that knows a
//! sequencer keeps what it is promised ([`Watcher`]) until it has derived the
//! block from settlement and DA. If that is another one, promise and commitment
//! together are evidence, which is stored in a file and reported.

mod give;
mod kept;
mod watcher;

pub use give::Promises;
pub use kept::Kept;
pub use watcher::Watcher;
