//! Asking the nodes whom to trust; what comes of their answers is decided in [`weft_verdict::trust`].

pub use weft_verdict::trust::{Anchor, TrustError, TrustSource};
use weft_verdict::trust::{Said, Wishes};

use crate::nodes::{FaultKind, Nodes};
use crate::source::{NodeInfo, SourceError};

/// Asks all nodes; `None` if none answered.
pub(crate) async fn ask(
    nodes: &Nodes,
    wishes: &Wishes,
    timeout: std::time::Duration,
) -> Result<Option<Anchor>, TrustError> {
    let asked = nodes.iter().map(|node| async move {
        let answer = tokio::time::timeout(timeout, node.source().info()).await;
        match answer.unwrap_or(Err(SourceError::TimedOut)) {
            Ok(info) if wishes.address.is_some_and(|trusted| trusted != info.signer) => {
                node.fault(FaultKind::Lie, format_args!("serves headers of {}, who is not trusted", info.signer));
                None
            }
            Ok(info) => {
                node.answered();
                Some((node.name(), info))
            }
            Err(error) => {
                node.error(&error, "what it runs");
                None
            }
        }
    });
    let answers = futures::future::join_all(asked).await;
    let said = |(node, info): (_, NodeInfo)| Said { node, signer: info.signer, network_id: info.network_id };
    wishes.agreed(&answers.into_iter().flatten().map(said).collect::<Vec<_>>())
}
