//! Spans of time and numbers, and networks.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

/// From a value to a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span<T> {
    /// The smallest value; `None` when there is no such bound.
    pub from: Option<T>,
    /// The largest value; `None` when there is no such bound.
    pub to: Option<T>,
    /// Whether the bounds themselves lie outside: `> 10` rather than `>= 10`. Never so for times.
    pub open: bool,
}

impl<T> Default for Span<T> {
    fn default() -> Self {
        Self::all()
    }
}

impl<T> Span<T> {
    /// Every value.
    #[must_use]
    pub const fn all() -> Self {
        Self { from: None, to: None, open: false }
    }

    /// The values between two, both included.
    #[must_use]
    pub const fn closed(from: Option<T>, to: Option<T>) -> Self {
        Self { from, to, open: false }
    }
}

impl<T: Ord> Span<T> {
    /// Whether a value lies within.
    #[must_use]
    pub fn contains(&self, value: &T) -> bool {
        let after = |from: &T| value > from || (!self.open && value == from);
        let before = |to: &T| value < to || (!self.open && value == to);
        self.from.as_ref().is_none_or(after) && self.to.as_ref().is_none_or(before)
    }

    /// What lies in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.into_iter().chain(other.from).max(),
            to: self.to.into_iter().chain(other.to).min(),
            open: false,
        }
    }

    /// From the first of both to the last of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            from: self.from.zip(other.from).map(|(one, other)| one.min(other)),
            to: self.to.zip(other.to).map(|(one, other)| one.max(other)),
            open: false,
        }
    }
}

/// A network: the addresses that share their first bits (RFC 4632).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The first and the last address.
    #[must_use]
    pub fn bounds(&self) -> (IpAddr, IpAddr) {
        match self.address {
            IpAddr::V4(ip) => {
                let host = u32::MAX.checked_shr(u32::from(self.bits)).unwrap_or_default();
                let first = ip.to_bits() & !host;
                (IpAddr::V4(first.into()), IpAddr::V4((first | host).into()))
            }
            IpAddr::V6(ip) => {
                let host = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or_default();
                let first = ip.to_bits() & !host;
                (IpAddr::V6(first.into()), IpAddr::V6((first | host).into()))
            }
        }
    }

    /// Whether an address belongs to it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let (first, last) = self.bounds();
        // All IPv4 addresses are smaller than all IPv6 addresses.
        (first..=last).contains(&ip)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').ok_or("not a network such as 203.0.113.0/24")?;
        let address: IpAddr =
            address.parse().map_err(|_| format!("`{address}` is not an IPv4 or IPv6 address"))?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits
            .parse()
            .ok()
            .filter(|bits| *bits <= bits_max)
            .ok_or_else(|| format!("`{bits}` is not a number of bits from 0 to {bits_max}"))?;
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let check = |network: &str, ip: &str| {
            network.parse::<Network>().unwrap().contains(ip.parse::<IpAddr>().unwrap())
        };
        assert!(check("203.0.113.0/24", "203.0.113.255") && !check("203.0.113.0/24", "203.0.114.0"));
        assert!(check("203.0.113.77/24", "203.0.113.1"), "host bits do not count");
        assert!(check("0.0.0.0/0", "255.255.255.255") && !check("0.0.0.0/0", "::1"));
        assert!(check("10.1.2.3/32", "10.1.2.3") && !check("10.1.2.3/32", "10.1.2.4"));
        assert!(check("2001:db8::/32", "2001:db8:ffff::1") && !check("2001:db8::/32", "2001:db9::1"));
        assert!(check("::/0", "::1") && !check("::/0", "1.2.3.4"));
        for bad in ["10.0.0.0/33", "::/129", "10.0.0/8", "x/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans() {
        let span = Span::closed(Some(1), Some(3));
        assert!(span.contains(&1) && span.contains(&3) && !span.contains(&0) && !span.contains(&4));
        let open = Span { open: true, ..span.clone() };
        assert!(open.contains(&2) && !open.contains(&1) && !open.contains(&3));
        assert_eq!(span.clone().and(Span::closed(Some(2), None)), Span::closed(Some(2), Some(3)));
        assert_eq!(span.or(Span::closed(Some(2), None)), Span::closed(Some(1), None));
    }
}
