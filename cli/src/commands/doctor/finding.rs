//! What was found, for people and for programs.

use serde::Serialize;

use crate::output::{Colour, paint};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Fine,
    /// It works; it may not for long, or not well.
    Warning,
    /// It does not work, or what is lost cannot be had again.
    Problem,
}

/// One result of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What kind of thing was looked at.
    pub check: &'static str,
    /// Whose; empty for the machine's.
    pub service: &'static str,
    /// How bad it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do, unless it is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn fine(check: &'static str, service: &'static str, found: impl Into<String>) -> Self {
        Self { check, service, grade: Grade::Fine, found: found.into(), fix: None }
    }

    /// Works, and may not for ever.
    pub fn warning(
        check: &'static str,
        service: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { check, service, grade: Grade::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    /// Does not work.
    pub fn problem(
        check: &'static str,
        service: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { check, service, grade: Grade::Problem, found: found.into(), fix: Some(fix.into()) }
    }
}

/// All findings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// In the order they were made.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds findings.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// Whether anything does not work.
    pub fn has_problems(&self) -> bool {
        self.count(Grade::Problem) > 0
    }

    fn count(&self, grade: Grade) -> usize {
        self.findings.iter().filter(|finding| finding.grade == grade).count()
    }

    /// A line a finding, its fix below it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, service, grade, found, fix } in &self.findings {
            let (mark, colour) = match grade {
                Grade::Fine => ("ok     ", Colour::Green),
                Grade::Warning => ("warning", Colour::Yellow),
                Grade::Problem => ("PROBLEM", Colour::Red),
            };
            let subject = if service.is_empty() { (*check).to_owned() } else { format!("{service} {check}") };
            text += &format!("{} {subject}: {found}\n", paint(colour, mark));
            if let Some(fix) = fix {
                text += &format!("        -> {fix}\n");
            }
        }
        text + &format!("{} problems, {} warnings", self.count(Grade::Problem), self.count(Grade::Warning))
    }
}
