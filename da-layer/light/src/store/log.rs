//! The append-only file of judgements, one JSON object a line; before them, where judgements were forgotten, one line
//! with the sum of these.
//!
//! Each line ends with a check (the first 8 bytes of the BLAKE3 hash of what
//! is before it). Appending is one write and one sync. A crash can damage only
//! what was last written; such a tail is cut off at the next start and its
//! blocks are judged again. Damage farther up is not from a crash and stops
//! the client.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes, hex};
use serde::{Deserialize, Serialize};
use weft_da::{SignedHeader, blob_hash};
use weft_verdict::confidence::Forgotten;

use super::StoreError;
use super::file::{damaged, io, rename};
use crate::judge::{Judged, Judgement, Seed};

/// Longest line: a judgement of at most 256 missing rows takes 3 KiB.
const MAX_LINE_BYTES: usize = 8 << 10;

/// Most that one append writes, and so the most that a crash can damage.
const MAX_TAIL_BYTES: u64 = 1 << 20;

/// What stands before the check in a line.
const CHECK_FIELD: &str = ",\"check\":\"";

/// Length of the rest of a line from [`CHECK_FIELD`] on: 16 digits, a quote, a brace.
const CHECK_BYTES: usize = CHECK_FIELD.len() + 16 + 2;

/// A judgement and what is needed to go on from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The judgement.
    pub judgement: Judgement,
    /// The header that was judged.
    pub header: SignedHeader,
    /// Which rows were drawn; kept while the verdict may still change.
    pub seed: Option<Seed>,
    /// When, milliseconds of Unix time.
    pub judged_at_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    judgement: Judgement,
    header: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<B256>,
    judged_at_ms: u64,
}

/// The line before the judgements.
#[derive(Serialize, Deserialize)]
struct ForgottenLine {
    forgotten: Forgotten,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// A judgement.
    Record(Box<Record>),
    /// The sum of those forgotten.
    Forgotten(Forgotten),
}

/// A line with its check.
fn seal(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(value)?;
    text.pop();
    let check = check_of(text.as_bytes());
    text.push_str(CHECK_FIELD);
    text.push_str(&check);
    text.push_str("\"}\n");
    Ok(text)
}

impl Entry {
    /// Takes a line without its end.
    fn decode(line: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
        let at = text.len().checked_sub(CHECK_BYTES).filter(|at| text.is_char_boundary(*at)).ok_or("too short")?;
        let (body, check) = text.split_at(at);
        if check.strip_prefix(CHECK_FIELD).and_then(|rest| rest.strip_suffix("\"}")) != Some(&check_of(body.as_bytes()))
        {
            return Err("the check does not fit".to_owned());
        }
        if body.starts_with("{\"forgotten\":") {
            let line: ForgottenLine = serde_json::from_str(text).map_err(|error| error.to_string())?;
            return Ok(Self::Forgotten(line.forgotten));
        }
        Record::decode(text).map(|record| Self::Record(Box::new(record)))
    }
}

impl Record {
    /// Of a judgement just made.
    pub fn new(judged: &Judged, now_ms: u64) -> Self {
        let open = !judged.judgement.verdict.is_final();
        Self {
            judgement: judged.judgement.clone(),
            header: *judged.case.header.signed(),
            seed: open.then_some(judged.case.seed),
            judged_at_ms: now_ms,
        }
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        let line = Line {
            judgement: self.judgement.clone(),
            header: Bytes::copy_from_slice(&self.header.encode()),
            seed: self.seed.map(B256::from),
            judged_at_ms: self.judged_at_ms,
        };
        seal(&line)
    }

    /// Takes a line whose check fits.
    fn decode(text: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let header = SignedHeader::decode(&line.header).map_err(|error| error.to_string())?;
        if (header.header.height, header.header.hash()) != (line.judgement.height, line.judgement.header_hash) {
            return Err("the header is another".to_owned());
        }
        let seed = line.seed.map(|seed| seed.0);
        Ok(Self { judgement: line.judgement, header, seed, judged_at_ms: line.judged_at_ms })
    }
}

fn check_of(body: &[u8]) -> String {
    hex::encode(&blob_hash(body)[..8])
}

/// The file, open for appending.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    len_bytes: u64,
    lines: usize,
}

impl Log {
    /// Opens or makes the file and hands over what is in it, line by line. Cuts off a damaged tail.
    pub(super) fn open(path: &Path, mut take: impl FnMut(Entry)) -> Result<Self, StoreError> {
        let file = open_for_append(path)?;
        let total_bytes = file.metadata().map_err(io(path))?.len();
        let mut reader = BufReader::new(&file);
        let (mut len_bytes, mut lines) = (0, 0);
        let mut line = Vec::new();
        while let Some(read_bytes) = read_line(&mut reader, &mut line).map_err(io(path))? {
            let entry = line.strip_suffix(b"\n").ok_or_else(|| "not ended".to_owned()).and_then(Entry::decode);
            match entry {
                Ok(entry) => take(entry),
                Err(why) if total_bytes - len_bytes > MAX_TAIL_BYTES => return Err(damaged(path, lines + 1, why)),
                Err(why) => {
                    tracing::warn!(path = %path.display(), line = lines + 1, why, "cut off a damaged tail");
                    file.set_len(len_bytes).and_then(|()| file.sync_all()).map_err(io(path))?;
                    break;
                }
            }
            len_bytes += read_bytes as u64;
            lines += 1;
        }
        drop(reader);
        Ok(Self { path: path.to_owned(), file, len_bytes, lines })
    }

    /// Lines in the file.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    /// Writes records durably, all or (as far as the system lets it) none.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut text = String::new();
        for record in records {
            text.push_str(&record.encode().map_err(|error| damaged(&self.path, self.lines + 1, error))?);
        }
        let end = SeekFrom::Start(self.len_bytes);
        let written = self.file.seek(end).and_then(|_| self.file.write_all(text.as_bytes()));
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // Half a line must not stay before the next one.
            let _ = self.file.set_len(self.len_bytes);
            return Err(io(&self.path)(error));
        }
        self.len_bytes += text.len() as u64;
        self.lines += records.len();
        Ok(())
    }

    /// Replaces the content.
    pub(super) fn rewrite<'a>(
        &mut self,
        forgotten: Option<&Forgotten>,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), StoreError> {
        let next = self.path.with_extension("next");
        let mut writer = BufWriter::new(File::create(&next).map_err(io(&next))?);
        let (mut len_bytes, mut lines) = (0, 0);
        let first = forgotten.map(|forgotten| seal(&ForgottenLine { forgotten: forgotten.clone() }));
        for text in first.into_iter().chain(records.map(Record::encode)) {
            let text = text.map_err(|error| damaged(&self.path, lines + 1, error))?;
            writer.write_all(text.as_bytes()).map_err(io(&next))?;
            len_bytes += text.len() as u64;
            lines += 1;
        }
        let file = writer.into_inner().map_err(|error| io(&next)(error.into_error()))?;
        file.sync_all().map_err(io(&next))?;
        rename(&next, &self.path)?;
        *self = Self { file: open_for_append(&self.path)?, path: self.path.clone(), len_bytes, lines };
        Ok(())
    }
}

fn open_for_append(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io(path))
}

/// Reads a line with its end into `line`; `None` at the end of the file. Lines that are too long come without their end.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    line.clear();
    let read_bytes = reader.take(MAX_LINE_BYTES as u64).read_until(b'\n', line)?;
    Ok((read_bytes > 0).then_some(read_bytes))
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
