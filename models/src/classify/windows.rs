//! Long texts in parts that overlap, for models that read short ones.

use std::ops::Range;

/// Characters that a window shares with the one before it: more than what is looked for is usually long, so that one of the two has it
/// whole.
const OVERLAP: usize = 64;

/// Divides a text into windows of at most `most` characters, as byte ranges. Windows begin and end between words where there is a space
/// in the overlap.
pub(super) fn windows(text: &str, most: usize) -> Vec<Range<usize>> {
    let most = most.max(2 * OVERLAP);
    let bounds: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    let mut windows = Vec::new();
    let mut start = 0;
    loop {
        let end = start + most;
        let Some(limit) = bounds.get(end).filter(|limit| **limit < text.len()) else { break };
        let begin = bounds.get(start).copied().unwrap_or(0);
        // What is cut off here is in the next window whole, because that begins before the last space of this one.
        windows.push(begin..*limit);
        let next = end - OVERLAP;
        let is_space = |place: &usize| {
            bounds.get(*place).and_then(|at| text.get(*at..)).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        };
        start = (next..end).find(is_space).map_or(next, |space| space + 1);
    }
    windows.push(bounds.get(start).copied().unwrap_or(0)..text.len());
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_window() {
        for text in [String::new(), "ü".repeat(480)] {
            assert_eq!(windows(&text, 480), vec![0..text.len(); 1]);
        }
    }

    #[test]
    fn windows_cover_a_long_text_overlap_and_begin_with_a_word() {
        let text = "größer wörds ".repeat(300);
        let windows = windows(&text, 480);
        assert!(windows.len() > 5);
        assert_eq!((windows[0].start, windows[windows.len() - 1].end), (0, text.len()));
        for pair in windows.windows(2) {
            let shared = text[pair[1].start..pair[0].end].chars().count();
            assert!((50..=OVERLAP).contains(&shared), "{shared}");
            assert!(text[..pair[1].start].ends_with(' '));
        }
        assert!(windows.iter().all(|window| text[window.clone()].chars().count() <= 480));
    }

    #[test]
    fn a_text_without_spaces_is_divided_all_the_same() {
        let text = "x".repeat(1000);
        let windows = windows(&text, 480);
        assert_eq!(windows, [0..480, 416..896, 832..1000]);
    }
}
