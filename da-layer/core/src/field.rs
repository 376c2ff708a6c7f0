//! The code's field GF(2^16): tables of logarithms.
//!
//! Elements are coordinates in a Cantor basis `v0, v1, ...` of GF(2)\[x\]/0x1002D,
//! so adding is exclusive or. The tables are made when the crate is compiled:
//! they are pages of the program's file, of which a process has those that it
//! reads, and no memory of its own.

use reed_solomon_simd::engine::{CANTOR_BASIS, GF_MODULUS, GF_ORDER, GF_POLYNOMIAL};

/// Powers of `x` by exponent, and logarithms by element; the last power repeats the first, zero's logarithm stands for
/// none.
struct Tables {
    exp: [u16; GF_ORDER],
    log: [u16; GF_ORDER],
}

#[allow(long_running_const_eval, reason = "a moment of the compiler's time")]
static TABLES: Tables = Tables::new();

impl Tables {
    const fn new() -> Self {
        // Logarithms by polynomial, and the polynomial of each element.
        let mut log_of_polynomial = [0; GF_ORDER];
        let (mut power, mut exponent) = (1, 0);
        while exponent < GF_MODULUS {
            log_of_polynomial[power] = exponent;
            power <<= 1;
            if power >= GF_ORDER {
                power ^= GF_POLYNOMIAL;
            }
            exponent += 1;
        }
        log_of_polynomial[0] = GF_MODULUS;
        let mut tables = Self { exp: [0; GF_ORDER], log: [0; GF_ORDER] };
        let (mut element, mut polynomial) = (0, 0);
        loop {
            let log = log_of_polynomial[polynomial];
            tables.log[element] = log;
            tables.exp[log as usize] = element as u16;
            element += 1;
            if element == GF_ORDER {
                break;
            }
            // What counting one on turns over.
            let mut changed = element ^ (element - 1);
            while changed != 0 {
                polynomial ^= CANTOR_BASIS[changed.trailing_zeros() as usize] as usize;
                changed &= changed - 1;
            }
        }
        tables.exp[GF_MODULUS as usize] = tables.exp[0];
        tables
    }
}

/// Logarithm of a nonzero element.
pub(crate) const fn log(element: u16) -> u16 {
    TABLES.log[element as usize]
}

/// Product of `a` and the element whose logarithm is `log_b`.
pub(crate) const fn mul_log(a: u16, log_b: u16) -> u16 {
    if a == 0 {
        return 0;
    }
    let sum = log(a) as u32 + log_b as u32;
    // Logarithms live mod 65535.
    let modulus = GF_MODULUS as u32;
    let reduced = if sum >= modulus { sum - modulus } else { sum };
    TABLES.exp[reduced as usize]
}

#[cfg(test)]
mod tests {
    use reed_solomon_simd::engine::tables;

    use super::*;

    /// The code is the library's.
    #[test]
    fn tables_are_the_librarys() {
        let theirs = tables::get_exp_log();
        assert_eq!(TABLES.log, *theirs.log);
        assert_eq!(TABLES.exp, *theirs.exp);
    }

    /// The constant of the transform for a group of `2 d` points that begins at point `p` is the element `p / d`. The
    /// library has its logarithm at place `p + d - 1`.
    #[test]
    fn constants_of_the_transform_are_shifted_points() {
        for (at, log) in tables::get_skew().iter().enumerate() {
            let apart = 1 << (at + 1).trailing_zeros();
            // Zero's logarithm stands for none.
            let theirs = if *log == GF_MODULUS { 0 } else { mul_log(1, *log) };
            assert_eq!((at + 1 - apart) / apart, usize::from(theirs), "at {at}");
        }
    }
}
