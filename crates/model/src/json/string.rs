//! Strings of JSON: how far one goes, and how one is written (RFC 8259, section 7).

/// How many bytes from the start stand in a JSON string as they are: up to a quote, a backslash or a control character.
///
/// Eight at a time, as most of what an entry is made of are such bytes.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        if let Some(within) = first_special(u64::from_le_bytes(*word)) {
            return 8 * place + within;
        }
    }
    let rest_plain = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + rest_plain
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// The place of the first special byte of a word, the lowest being the first. A byte is below `n` if taking `n` away borrows
/// from its highest bit, which was not set; it is `c` if it is below 1 after `c` is taken out of it. A borrow reaches no byte
/// below the first that is so.
fn first_special(word: u64) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x80 * EACH;
    let quote = word ^ (0x22 * EACH);
    let backslash = word ^ (0x5c * EACH);
    let control = word.wrapping_sub(0x20 * EACH) & !word;
    let quote = quote.wrapping_sub(EACH) & !quote;
    let backslash = backslash.wrapping_sub(EACH) & !backslash;
    let special = (control | quote | backslash) & HIGHEST;
    if special == 0 { None } else { usize::try_from(special.trailing_zeros() / 8).ok() }
}

/// Appends a text as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some((plain, after)) = rest.split_at_checked(plain_length(rest.as_bytes())) {
        out.push_str(plain);
        let mut characters = after.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                out.push_str("\\u00");
                let code = u32::from(control);
                for digit in [code >> 4, code & 15] {
                    out.extend(char::from_digit(digit, 16));
                }
            }
            None => break,
        }
        rest = characters.as_str();
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_told_apart_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..24 {
                let mut bytes = [b'x'; 24];
                bytes[place] = byte;
                let expected = if is_special(byte) { place } else { bytes.len() };
                assert_eq!(plain_length(&bytes), expected, "{byte:#x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn plain_is_what_is_not_special(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), expected);
        }

        #[test]
        fn strings_are_read_as_they_were(text in any::<String>()) {
            let mut out = String::new();
            write_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
