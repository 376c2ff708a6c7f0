//! Times and sizes as people write them: `90s`, `12h`, `14d`; `500MB`, `10GiB`, `4096`.

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Parses a duration into milliseconds; it needs a unit.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    parse(text, &DURATIONS).ok_or_else(|| format!("`{text}` is not a time; write it like 90s, 12h or 90d"))
}

/// Parses a size into bytes; a plain number is bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    let plain = text.parse().ok();
    plain.or_else(|| parse(text, &SIZES)).ok_or_else(|| format!("`{text}` is not a size; write it like 500MB or 10GiB"))
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        assert_eq!(duration_ms("1500ms"), Ok(1_500));
        assert_eq!((duration_ms("2m"), duration_ms("14 d")), (Ok(120_000), Ok(1_209_600_000)));
        assert_eq!((bytes("4096"), bytes("0")), (Ok(4_096), Ok(0)));
        assert_eq!((bytes("10GiB"), bytes("2 kB")), (Ok(10 << 30), Ok(2_000)));
        for bad in ["", "5", "d", "-1d", "1.5h", "1D", "99999999999999d", "5 d "] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
        for bad in ["", "GiB", "1gib", "1e3", "18446744073709551615TB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
