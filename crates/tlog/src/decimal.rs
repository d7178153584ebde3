//! The one reading of decimal numbers that every format here shares.

/// Parses an ASCII decimal without sign, spaces or leading zeros; `None` also above `u64::MAX`.
///
/// `str::parse::<u64>` takes `+1` and `01` too. A text with two spellings of one number could be
/// signed in one and compared in the other, so each number has exactly one spelling
/// (tlog-checkpoint, "Note text"; tlog-tiles, "Merkle Tree"; tlog-proof, "Format").
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !digits_only || leading_zero {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn one_spelling_per_number() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("20852163"), Some(20_852_163));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for refused in
            ["", "+1", "-1", "01", "00", " 1", "1 ", "1_0", "0x1", "1e3", "١", "18446744073709551616"]
        {
            assert_eq!(parse(refused), None, "{refused:?}");
        }
    }
}
