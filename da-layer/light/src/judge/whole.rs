//! A block that is downloaded whole: encoded again and compared with all that the header commits to.

use weft_da::rebuild::FullFault;
use weft_da::row::RowProof;
use weft_da::{Schedule, Session};

use super::Verdict;
use super::run::Run;

impl Run<'_> {
    /// Encodes a block again of which all original rows are in; samples it if some are not, or if they do not fit.
    /// `Some` if the verdict is not the session's.
    pub(super) async fn check_whole(&mut self, session: &mut Session) -> Option<Verdict> {
        if self.wrong_row.is_some() {
            return None;
        }
        let k = self.header.shape.k();
        let originals: Vec<u8> = self.rows.values().take(k).flat_map(|proof| proof.row.iter().copied()).collect();
        if originals.len() == self.header.shape.originals_len() {
            let mut taken = session.clone();
            let checked = tokio::task::spawn_blocking(move || {
                let checked = taken.accept_full(&originals, Schedule::Sequential).map(|_| ());
                (taken, checked)
            });
            match checked.await {
                Ok((taken, Ok(()))) => {
                    *session = taken;
                    return None;
                }
                // The rows are the committed ones (their paths say so), so the index is the producer's lie.
                Ok((_, Err(FullFault::Index(fault)))) => {
                    tracing::warn!(height = self.header.height, %fault, "blob index is not the committed one");
                    self.whole = true;
                    return Some(Verdict::WrongIndex);
                }
                Ok((taken, Err(_))) => *session = taken,
                Err(stopped) => tracing::error!(%stopped, "encoding a block again stopped"),
            }
        }
        session.sample_instead();
        let known: Vec<RowProof> = session.requests().iter().filter_map(|row| self.rows.get(row)).cloned().collect();
        for proof in &known {
            // Verified before; a row that verifies once does so again.
            let _ = session.accept(proof);
        }
        for row in self.ask(&session.requests()) {
            self.give_up(session, row);
        }
        self.collect(session).await;
        None
    }
}
