//! `weft doctor`: what is wrong, or will be, and what to do about it.
//!
//! Each check gives findings; one that is not fine has a fix. Nothing is
//! changed: no folder, key or database is made, and the file that the disk is
//! measured with is removed again. Deliberately absent: anything that a
//! service does not need to run.

mod checks;
mod finding;
mod plan;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

use self::finding::{Finding, Report};
use self::plan::Plan;
use crate::args::DoctorArgs;
use crate::output::{Exit, Failure, print};

/// Runs the command. Exit code 1: there is a problem.
pub async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let report = examine(&args).await;
    print(args.json, &report, || report.text())?;
    Ok(if report.has_problems() { Exit::Error } else { Exit::Ok })
}

async fn examine(args: &DoctorArgs) -> Report {
    let progress = progress();
    let mut report = Report::default();
    let mut plans = Vec::new();
    for target in &args.targets {
        match Plan::of(target) {
            Ok(plan) => {
                report.add([Finding::fine("configuration", target.service.name(), "the configuration is valid")]);
                plans.push(plan);
            }
            Err(why) => {
                report.add([Finding::problem("configuration", target.service.name(), why, "correct the configuration")])
            }
        }
    }
    // Without configurations: whatever runs at the usual ports.
    let only_running = args.targets.is_empty();
    if only_running {
        plans = Plan::usual();
    }
    let step = |what: &str| progress.set_message(what.to_owned());
    step("the system");
    report.add(checks::system::check());
    let mut running = Vec::new();
    for plan in &plans {
        let name = plan.service.name();
        step(&format!("{name}: ports"));
        let found = checks::peers::ask(plan.service, &plan.own_url()).await;
        if only_running {
            report.add(checks::peers::own(plan, &found));
        } else {
            report.add(checks::ports::check(plan, found.is_ok()));
            step(&format!("{name}: key"));
            report.add(checks::keys::check(plan));
            step(&format!("{name}: disk"));
            report.add(checks::disk::check(plan, args.quick));
            step(&format!("{name}: database"));
            report.add(checks::database::check(plan).await);
        }
        running.push(found.ok());
    }
    for plan in &plans {
        for peer in &plan.peers {
            step(&format!("{}: {}", plan.service.name(), peer.url));
            let found = checks::peers::ask(peer.service, &peer.url).await;
            report.add(checks::peers::check(plan, peer, &found));
        }
    }
    report.add(checks::agreement::check(&plans, &running));
    progress.finish_and_clear();
    report
}

/// Says what is being looked at; on a terminal alone.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(100));
    } else {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}
