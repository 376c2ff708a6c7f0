//! `weft da restore`: a lost data folder from the archive, or from the other members.

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use weft_da_node::archive::restore::{Progress, restore};
use weft_da_node::custody;

use crate::args::DaArgs;
use crate::output::{Exit, Failure, print};

/// Runs the command.
pub async fn run(args: DaArgs, to: Option<u64>, allow_missing: bool, json: bool) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let config = args.to_restore_config()?;
    let bar = progress_bar()?;
    let tell = |progress: Progress| {
        bar.set_length(progress.target);
        bar.set_position(progress.height);
    };
    let done = match args.archive() {
        Some(archive) => restore(&config, archive, to, tell).await?,
        None => custody::restore(&config, allow_missing, tell).await?,
    };
    bar.finish_and_clear();
    let value = json!({
        "height": done.height,
        "target": done.target,
        "blocks": done.blocks,
        "bytes": done.bytes,
        "data_dir": args.data_dir,
    });
    print(json, &value, || {
        let folder = args.data_dir.display();
        format!(
            "{} blocks ({} bytes) restored into {folder}; it holds every height up to {}",
            done.blocks, done.bytes, done.height
        )
    })?;
    Ok(Exit::Ok)
}

/// On standard error, where the terminal shows it; nothing where there is none.
fn progress_bar() -> Result<ProgressBar, Failure> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{bar:40} height {pos}/{len}  {per_sec}  {eta} left")?);
    Ok(bar)
}
