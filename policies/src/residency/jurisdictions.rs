//! Countries as a set: where data may be processed.

use std::fmt;
use std::str::FromStr;

/// The countries of ISO 3166-1 by their two letters, sorted.
const COUNTRIES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD", "BE", "BF",
    "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG",
    "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC",
    "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL",
    "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN",
    "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA",
    "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN",
    "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP",
    "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO",
    "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV",
    "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG",
    "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// The unions of countries that have a word of their own, the larger first.
const UNIONS: [(&str, &[&str]); 2] = [
    (
        "EEA",
        &[
            "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
            "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
        ],
    ),
    (
        "EU",
        &[
            "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
            "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
        ],
    ),
];

/// Words that people write for a country and ISO 3166 does not have.
const MEANT: [(&str, &str); 3] = [("UK", "GB"), ("EL", "GR"), ("USA", "US")];

/// A set of countries. A union such as the EU is the set of its members: what may be processed in all of it may be processed in each of
/// them, and one of them satisfies a requirement of it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Jurisdictions([u64; 4]);

impl Jurisdictions {
    /// Every country, and wherever else a cloud may be.
    pub const EVERYWHERE: Self = Self([u64::MAX; 4]);

    /// Whether all of `other` lies in these.
    pub fn cover(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(ours, theirs)| theirs & !ours == 0)
    }

    /// These and `other`.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.zip(other, |ours, theirs| ours | theirs)
    }

    /// What is in these and in `other`.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        self.zip(other, |ours, theirs| ours & theirs)
    }

    fn zip(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(ours, theirs)| *ours = with(*ours, theirs));
        Self(words)
    }

    fn of(members: &[&str]) -> Self {
        members.iter().filter_map(|member| Self::country(member)).fold(Self::default(), Self::union)
    }

    fn country(code: &str) -> Option<Self> {
        let place = COUNTRIES.binary_search(&code).ok()?;
        let mut words = [0; 4];
        *words.get_mut(place / 64)? = 1 << (place % 64);
        Some(Self(words))
    }
}

impl FromIterator<Self> for Jurisdictions {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::default(), Self::union)
    }
}

/// A word that is neither a country nor a union of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no jurisdiction{hint}; accepted: a country by its two letters in ISO 3166, such as `DE`, or `EU` or `EEA`")]
pub struct InvalidJurisdiction {
    text: String,
    hint: String,
}

impl FromStr for Jurisdictions {
    type Err = InvalidJurisdiction;

    /// One country, or one union.
    fn from_str(text: &str) -> Result<Self, InvalidJurisdiction> {
        let union = UNIONS.iter().find(|(word, _)| *word == text).map(|(_, members)| Self::of(members));
        union.or_else(|| Self::country(text)).ok_or_else(|| {
            let upper: String = text.chars().take(20).map(|c| c.to_ascii_uppercase()).collect();
            let meant = MEANT.iter().find(|(word, _)| *word == upper).map_or(upper.as_str(), |(_, code)| code);
            let is_one = Self::country(meant).is_some() || UNIONS.iter().any(|(word, _)| *word == meant);
            let hint = if is_one { format!(", did you mean `{meant}`?") } else { String::new() };
            InvalidJurisdiction { text: text.chars().take(20).filter(|c| !c.is_control()).collect(), hint }
        })
    }
}

impl fmt::Display for Jurisdictions {
    /// The unions that are in it, and the countries beside them; `anywhere` and `nowhere`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EVERYWHERE {
            return f.write_str("anywhere");
        }
        let mut rest = *self;
        let mut words = Vec::new();
        for (word, members) in UNIONS {
            let members = Self::of(members);
            if rest.cover(&members) {
                words.push(word);
                rest = rest.zip(members, |ours, theirs| ours & !theirs);
            }
        }
        words.extend(COUNTRIES.iter().filter(|code| Self::country(code).is_some_and(|one| rest.cover(&one))));
        f.write_str(&if words.is_empty() { "nowhere".into() } else { words.join(", ") })
    }
}

impl fmt::Debug for Jurisdictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &[&str]) -> Jurisdictions {
        words.iter().map(|word| word.parse::<Jurisdictions>().unwrap()).collect()
    }

    #[test]
    fn countries_are_sorted_and_none_is_there_twice() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(UNIONS.iter().flat_map(|(_, members)| *members).all(|code| COUNTRIES.contains(code)));
        assert_eq!(UNIONS.map(|(_, members)| members.len()), [30, 27]);
    }

    #[test]
    fn a_country_of_a_union_lies_in_it_and_no_other_does() {
        for (allowed, runs, covered) in [
            (&["EU"][..], &["DE"][..], true),
            (&["EU"], &["DE", "FR"], true),
            (&["EU"], &["NO"], false),
            (&["EEA"], &["EU"], true),
            (&["EEA"], &["NO", "SE"], true),
            (&["EU"], &["EEA"], false),
            (&["DE"], &["EU"], false),
            (&["EU", "CH"], &["CH", "IT"], true),
            (&["EU"], &["GB"], false),
            (&["US"], &["US"], true),
        ] {
            assert_eq!(all(allowed).cover(&all(runs)), covered, "{allowed:?} {runs:?}");
        }
        assert!(!all(&COUNTRIES).cover(&Jurisdictions::EVERYWHERE), "no list of countries stands for anywhere");
    }

    #[test]
    fn a_set_is_shown_by_its_unions_and_the_countries_beside_them() {
        assert_eq!(all(&["DE", "US"]).to_string(), "DE, US");
        assert_eq!(all(&["EU", "CH", "NO"]).to_string(), "EU, CH, NO");
        assert_eq!(all(&["EU", "IS", "LI", "NO"]).to_string(), "EEA");
        assert_eq!((Jurisdictions::EVERYWHERE.to_string(), all(&[]).to_string()), ("anywhere".into(), "nowhere".into()));
    }

    #[test]
    fn another_word_for_a_country_is_refused_with_the_right_one() {
        for (bad, meant) in [("UK", "`GB`"), ("de", "`DE`"), ("eu", "`EU`"), ("USA", "`US`")] {
            let error = bad.parse::<Jurisdictions>().unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean {meant}?")), "{error}");
        }
        let error = "Europe".parse::<Jurisdictions>().unwrap_err().to_string();
        assert!(!error.contains("did you mean") && error.contains("accepted: a country"), "{error}");
    }
}
