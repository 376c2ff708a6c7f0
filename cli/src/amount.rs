//! Amounts of ether as people write them: `0.5ether`, `1gwei`, `1000` (wei).

use alloy_primitives::U256;

/// Names of units, and their powers of ten.
const UNITS: [(&str, u8); 4] = [("ether", 18), ("eth", 18), ("gwei", 9), ("wei", 0)];

/// Parses an amount into wei.
pub fn parse(text: &str) -> Result<U256, String> {
    let text = text.trim().to_lowercase();
    let (number, decimals) = UNITS
        .iter()
        .find_map(|(unit, decimals)| Some((text.strip_suffix(unit)?.trim(), *decimals)))
        .unwrap_or((text.as_str(), 0));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > usize::from(decimals) {
        return Err(format!("`{text}` is not a whole number of wei"));
    }
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is not an amount; write it like 0.5ether, 20gwei or 1000 (wei)"));
    }
    digits.parse().map_err(|_| format!("`{text}` is too large"))
}

/// Writes wei in ether, without needless zeros.
pub fn in_ether(wei: U256) -> String {
    let unit = U256::from(10).pow(U256::from(18));
    let fraction = format!("{:0>18}", (wei % unit).to_string());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction} ether", wei / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_write_them() {
        let wei = |text: &str| parse(text).map(|wei| wei.to_string());
        assert_eq!(wei("0.5ether"), Ok("500000000000000000".to_owned()));
        assert_eq!(wei("20 gwei"), Ok("20000000000".to_owned()));
        assert_eq!(wei("7"), Ok("7".to_owned()));
        assert_eq!(wei("1.000000001gwei"), Ok("1000000001".to_owned()));
        for bad in ["", "ether", ".5ether", "1.5", "1.0000000001gwei", "-1", "0x10", "1e5"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(in_ether(U256::from(1_500_000_000_000_000_000u64)), "1.5 ether");
        assert_eq!(in_ether(U256::ZERO), "0 ether");
    }
}
