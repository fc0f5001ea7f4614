//! An amount of memory, as people write it.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

const UNITS: [(&str, u64); 4] = [
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
];

/// An amount of memory in bytes, at least 64 MiB.
///
/// Written as `8g`, `512m`, `8GiB` or an integer number of bytes; every unit is binary (1024), as
/// in the engines' own `--memory`. `Display` gives the largest unit without a remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemorySize(u64);

impl MemorySize {
    /// The least that is accepted: 64 MiB.
    pub const MINIMUM: Self = Self(64 << 20);

    /// From a number of bytes; an error text when it is below [`MemorySize::MINIMUM`].
    pub fn from_bytes(bytes: u64) -> Result<Self, String> {
        if bytes < Self::MINIMUM.0 {
            return Err(format!(
                "memory of {bytes} bytes is less than the minimum of 64m"
            ));
        }
        if bytes > i64::MAX.unsigned_abs() {
            return Err("memory size is too large".to_owned());
        }
        Ok(Self(bytes))
    }

    /// The amount in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .find(|(_, factor)| self.0.is_multiple_of(*factor))
        {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a memory size; write for example `8g` or `512m`");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let unit = unit.trim_start().to_ascii_lowercase();
        let factor = if unit.is_empty() || unit == "b" {
            1
        } else {
            let known = |(letter, _): &&(&str, u64)| {
                unit.strip_prefix(letter)
                    .is_some_and(|rest| matches!(rest, "" | "b" | "ib"))
            };
            UNITS
                .iter()
                .find(known)
                .map(|(_, factor)| *factor)
                .ok_or_else(bad)?
        };
        let bytes = number
            .checked_mul(factor)
            .ok_or("memory size is too large")?;
        Self::from_bytes(bytes)
    }
}

impl schemars::JsonSchema for MemorySize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MemorySize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "an amount of memory such as `8g` or `512m`, or a number of bytes",
            "anyOf": [
                { "type": "integer", "minimum": Self::MINIMUM.0 },
                { "type": "string", "pattern": "^[0-9]+ ?([kmgtKMGT]?([iI]?[bB])?)$" }
            ]
        })
    }
}

impl Serialize for MemorySize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MemorySize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = MemorySize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a memory size such as `8g` or a number of bytes")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<MemorySize, E> {
                MemorySize::from_bytes(bytes).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<MemorySize, E> {
                let bytes =
                    u64::try_from(bytes).map_err(|_| E::custom("memory size is negative"))?;
                self.visit_u64(bytes)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MemorySize, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, bytes) in [
            ("8g", 8u64 << 30),
            ("8G", 8 << 30),
            ("8GiB", 8 << 30),
            ("8 GB", 8 << 30),
            ("512m", 512 << 20),
            ("65536k", 64 << 20),
            ("67108864", 64 << 20),
            ("67108864b", 64 << 20),
            ("1t", 1 << 40),
        ] {
            assert_eq!(
                text.parse::<MemorySize>().map(MemorySize::bytes),
                Ok(bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "g",
            "1.5g",
            "-1g",
            "8x",
            "8gg",
            "63m",
            "8g ",
            "99999999999t",
            "16777215t",
        ] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
    }

    #[test]
    fn display_reads_back() {
        for bytes in [64 << 20, 512 << 20, 8 << 30, (64 << 20) + 1, 1500 << 20] {
            let size = MemorySize::from_bytes(bytes).unwrap();
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        assert_eq!("8GiB".parse::<MemorySize>().unwrap().to_string(), "8g");
    }
}
