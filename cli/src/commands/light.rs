//! `weft light`.

use weft_light::{Judgement, Verdict, progress_bar};
use weft_service::{Shutdown, listen};

use crate::args::LightArgs;
use crate::output::{Exit, Failure, print};

/// Runs the daemon, or judges one or several blocks and ends.
pub async fn run(args: LightArgs) -> Result<Exit, Failure> {
    args.log_options.init();
    let config = args.to_config()?;
    if args.is_daemon() {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let listener = listen::bind(config.http_listen, "http-listen").await?;
        weft_light::run(config, listener, shutdown).await?;
        return Ok(Exit::Ok);
    }
    if let Some(height) = args.until {
        let summary = weft_light::run_until(config, height, progress_bar()).await?;
        let bad = !summary.not_available.is_empty();
        print(args.json, &summary, || {
            let now = summary.judged_now;
            let bad: Vec<u64> = summary.not_available.iter().map(|judgement| judgement.height).collect();
            format!("{now} blocks judged up to height {}; not available: {bad:?}", summary.height)
        })?;
        return Ok(if bad { Exit::Invalid } else { Exit::Ok });
    }
    let Some(target) = args.once else { return Ok(Exit::Usage) };
    let judgement = weft_light::run_once(config, target, progress_bar()).await?;
    print(args.json, &judgement, || in_words(&judgement))?;
    Ok(match judgement.verdict {
        Verdict::Available => Exit::Ok,
        Verdict::Undecided => Exit::Undecided,
        _ => Exit::Invalid,
    })
}

fn in_words(judgement: &Judgement) -> String {
    format!(
        "DA block {}: {}\n  available with {:.5} %, rightly encoded with {:.5} % ({} samples)\n  {} of {} bytes downloaded in {:.1} ms",
        judgement.height,
        judgement.verdict.name().replace('_', " "),
        judgement.available * 100.0,
        judgement.encoded * 100.0,
        judgement.samples,
        judgement.downloaded_bytes,
        judgement.payload_bytes,
        judgement.elapsed_ms,
    )
}
