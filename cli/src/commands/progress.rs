//! How far a chain is derived: a bar on a terminal, lines in the log elsewhere.

use std::convert::Infallible;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use weft_sequencer::derive::Progress;

/// Between two lines in the log, and between two looks at the bar.
const LINES: Duration = Duration::from_secs(5);
const LOOKS: Duration = Duration::from_millis(200);

/// Both ends of what is told.
pub fn watch() -> (watch::Sender<Progress>, watch::Receiver<Progress>) {
    watch::channel(Progress::default())
}

/// Shows what is told while `service` runs.
pub async fn showing<T>(progress: watch::Receiver<Progress>, service: impl Future<Output = T>) -> T {
    let show = async {
        if stderr().is_terminal() {
            bar(progress).await
        } else {
            lines(progress).await
        }
        // What is told may end before the service does: a sequencer derives only at its start.
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        ended = service => ended,
        never = show => match never {},
    }
}

/// Rates, and what is left, in words.
fn words(progress: &Progress) -> String {
    let [blocks, transactions, gas] = progress.rates();
    let left = progress.time_left().map_or("unknown".to_owned(), |left| HumanDuration(left).to_string());
    format!("{blocks:.0} blocks/s, {transactions:.0} tx/s, {:.1} Mgas/s, {left} left", gas / 1e6)
}

async fn bar(progress: watch::Receiver<Progress>) {
    let style = ProgressStyle::with_template("deriving [{bar:30}] {pos}/{len} batches, {msg}");
    let mut shown: Option<ProgressBar> = None;
    loop {
        tokio::time::sleep(LOOKS).await;
        let now = *progress.borrow();
        if now.catching_up {
            let bar = shown.get_or_insert_with(|| {
                let bar = ProgressBar::new(0);
                if let Ok(style) = &style {
                    bar.set_style(style.clone());
                }
                bar
            });
            bar.set_length(now.batches + now.batches_left);
            bar.set_position(now.batches);
            bar.set_message(words(&now));
        } else if let Some(bar) = shown.take() {
            bar.finish_and_clear();
            done(&now);
        }
    }
}

async fn lines(mut progress: watch::Receiver<Progress>) {
    let mut shown = false;
    while progress.wait_for(|now| now.catching_up || shown).await.is_ok() {
        let now = *progress.borrow();
        if now.catching_up {
            shown = true;
            tracing::info!(batches = now.batches, left = now.batches_left, "deriving: {}", words(&now));
        } else {
            shown = false;
            done(&now);
        }
        let ended = tokio::time::timeout(LINES, progress.wait_for(|now| !now.catching_up)).await;
        if matches!(ended, Ok(Err(_))) {
            return;
        }
    }
}

fn done(progress: &Progress) {
    let [blocks, transactions, gas] = progress.rates();
    tracing::info!(
        batches = progress.batches,
        blocks = progress.blocks,
        transactions = progress.transactions,
        "derived at {blocks:.0} blocks/s, {transactions:.0} tx/s, {:.1} Mgas/s",
        gas / 1e6
    );
}
