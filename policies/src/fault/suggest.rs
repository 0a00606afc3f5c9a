//! "Did you mean": the known name nearest to one that is not known.

/// Ends a message about an unknown name: the known name that was likely meant, or the names there are.
pub(crate) fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    match nearest(written, known.iter().copied()) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => accepted(known),
    }
}

/// The known name that was likely meant.
pub(crate) fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Two slips in a word of nine, one in a word of three: beyond that it is another word.
    let farthest = (written.chars().count() / 3).clamp(1, 3);
    let (slips, name) = known.map(|name| (distance(written, name), name)).min()?;
    (slips <= farthest).then_some(name)
}

/// Ends a message with what is accepted in place of what was written; nothing if nothing is.
pub(crate) fn accepted<'k>(known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    if known.is_empty() { String::new() } else { format!("; accepted: {}", known.join(", ")) }
}

/// The least number of letters to insert, delete, replace or swap with their neighbour (the optimal string
/// alignment distance), ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (a, b) = (lower(a), lower(b));
    // Three rows of the table are alive at a time: `above[j]` is the distance of `a[..i]` to `b[..j]`.
    let mut above_that: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut before: Option<char> = None;
    for (i, &letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut left = i + 1;
        for (j, &other) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut least = (at(&above, j) + usize::from(letter != other)).min(at(&above, j + 1) + 1).min(left + 1);
            let swapped = j.checked_sub(1).filter(|k| b.get(*k) == Some(&letter) && before == Some(other));
            if let Some(k) = swapped {
                least = least.min(at(&above_that, k) + 1);
            }
            row.push(least);
            left = least;
        }
        before = Some(letter);
        above_that = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_slips_of_the_finger() {
        for (a, b, slips) in [
            ("openai", "openai", 0),
            ("opnai", "openai", 1),
            ("opneai", "openai", 1),
            ("OpenAI", "openai", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ca", "ac", 1),
        ] {
            assert_eq!(distance(a, b), slips, "{a} {b}");
        }
    }

    #[test]
    fn suggests_a_near_name_and_lists_all_when_none_is_near() {
        assert_eq!(did_you_mean("opnai", ["azure", "openai"]), "; did you mean `openai`?");
        assert_eq!(did_you_mean("bedrock", ["openai", "azure"]), "; accepted: `azure`, `openai`");
        assert_eq!(did_you_mean("x", []), "");
    }
}
