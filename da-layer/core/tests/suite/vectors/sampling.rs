//! Which rows a light client draws, how sure they make it, and its verdicts.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::sampling::draw;
use weft_da::{Confidence, EncodedBlock, Header, Plan, Session, Target, Verdict, adversary};
use weft_primitives::B256;

use super::golden;
use crate::common::{digests, encode, one_blob, pack, position};

fn draw_vector(name: &str, seed: u8, header_hash: u8, rows: u32, count: u32) -> Value {
    let (seed, header_hash) = ([seed; 32], B256::repeat_byte(header_hash));
    json!({
        "name": name,
        "check": "draw",
        "seed": hex::encode(seed),
        "header_hash": hex::encode(header_hash),
        "rows": rows,
        "count": count,
        "drawn": draw(&seed, header_hash, rows, count),
    })
}

fn confidence_vector(good: u32, missing: u32) -> Value {
    let Confidence { available, encoded, .. } = Confidence::after(good, missing);
    json!({
        "name": format!("{good} good, {missing} missing"),
        "check": "confidence",
        "good": good,
        "missing": missing,
        "available": format!("{available:.12}"),
        "encoded": format!("{encoded:.12}"),
    })
}

fn plan_vector(name: &str, header: &Header, confidence: f64) -> Value {
    let target = Target::new(confidence).unwrap();
    let plan = Plan::choose(header, &target);
    json!({
        "name": name,
        "check": "plan",
        "header": hex::encode(header.encode()),
        "confidence": confidence.to_string(),
        "samples": target.samples(),
        "plan": match plan { Plan::Sample { .. } => "sample", Plan::DownloadAll => "download_all" },
        "bytes": plan.download_bytes(header),
    })
}

/// What the nodes answer for the row that is drawn at a place in the order.
#[derive(Clone, Copy)]
enum Answer {
    Good,
    Missing,
    Forged,
}

fn session_vector(name: &str, block: &EncodedBlock, answers: impl Fn(usize) -> Answer, expected: &str) -> Value {
    let header = block.header(position());
    let seed = [77; 32];
    let mut session = Session::new(&header, digests(block, &header), Target::default(), seed);
    let rows = session.requests();
    let mut told = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut proof = block.row(*row).unwrap();
        let answer = match answers(at) {
            Answer::Good => session.accept(&proof).map_or_else(|_| "wrong", |_| "good"),
            Answer::Missing => {
                session.missing(*row);
                "missing"
            }
            Answer::Forged => {
                proof.row[0] ^= 1;
                session.accept(&proof).unwrap_err();
                session.missing(*row);
                "forged"
            }
        };
        told.push(json!({ "row": row, "answer": answer }));
    }
    let verdict = match session.verdict() {
        Verdict::Available => "available",
        Verdict::Unavailable { .. } => "unavailable",
        Verdict::WrongEncoding { .. } => "wrong_encoding",
        Verdict::Tampered { .. } => "tampered",
        Verdict::Pending => "pending",
    };
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "session",
        "header": hex::encode(header.encode()),
        "seed": hex::encode(seed),
        "answers": told,
        "verdict": verdict,
    })
}

#[test]
fn sampling() {
    let (block, header) = encode(&one_blob(50_000, 5));
    let lie = adversary::wrong_digests(pack(&one_blob(50_000, 5)));
    let (_, small) = encode(&one_blob(2_000, 5));
    let (_, wide) = encode(&one_blob(100_000, 5));
    golden(
        "sampling",
        "Draws, confidences, plans, and the verdict on a block from what was answered for each drawn row.",
        vec![
            draw_vector("25 of 256", 0, 0, 256, 25),
            draw_vector("25 of 16,384", 1, 2, 16_384, 25),
            draw_vector("all of 256", 3, 4, 256, 256),
            draw_vector("more than there are", 5, 6, 10, 12),
            draw_vector("a number of rows that is no power of two", 7, 8, 1_000, 30),
            confidence_vector(25, 0),
            confidence_vector(24, 1),
            confidence_vector(9, 0),
            confidence_vector(30, 3),
            confidence_vector(100, 20),
            plan_vector("50,000 bytes", &header, 0.99999),
            plan_vector("50,000 bytes, a lower target", &header, 0.99),
            plan_vector("50,000 bytes, the highest target", &header, 1.0 - 1e-12),
            plan_vector("2,000 bytes", &small, 0.99999),
            plan_vector("100,000 bytes", &wide, 0.99999),
            session_vector("all good", &block, |_| Answer::Good, "available"),
            session_vector(
                "one missing",
                &block,
                |at| if at == 9 { Answer::Missing } else { Answer::Good },
                "unavailable",
            ),
            session_vector("one forged", &block, |at| if at == 9 { Answer::Forged } else { Answer::Good }, "tampered"),
            session_vector(
                "missing and forged",
                &block,
                |at| if at < 3 { Answer::Missing } else { Answer::Forged },
                "tampered",
            ),
            session_vector(
                "digests of another code word",
                &lie,
                |at| if at < 5 { Answer::Missing } else { Answer::Good },
                "wrong_encoding",
            ),
        ],
    );
}
