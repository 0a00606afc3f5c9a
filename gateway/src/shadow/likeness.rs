//! How like two answers of embeddings are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// The cosines of the angles between the vectors of two answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Likeness {
    /// Of the two that are the least alike.
    pub(super) min: f64,
    /// Of all, on average.
    pub(super) mean: f64,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    embedding: Vector,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    /// 32-bit floats, the least byte first, in base64.
    Base64(String),
}

impl Likeness {
    /// That of two answers as OpenAI writes them; none if they cannot be compared: one is no such answer, they are not of as many texts, or their
    /// vectors are not of the same length.
    pub(super) fn of(one: &[u8], other: &[u8]) -> Option<Self> {
        let (one, other) = (vectors(one)?, vectors(other)?);
        if one.len() != other.len() {
            return None;
        }
        let cosines: Vec<f64> = one.iter().zip(&other).map(|(one, other)| cosine(one, other)).collect::<Option<_>>()?;
        let min = cosines.iter().copied().reduce(f64::min)?;
        Some(Self { min, mean: cosines.iter().sum::<f64>() / cosines.len() as f64 })
    }
}

fn vectors(answer: &[u8]) -> Option<Vec<Vec<f32>>> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    answer.data.into_iter().map(|item| item.embedding.numbers()).collect()
}

impl Vector {
    fn numbers(self) -> Option<Vec<f32>> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (floats, rest) = bytes.as_chunks::<4>();
                rest.is_empty().then(|| floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
        }
    }
}

/// None for vectors of other lengths, and where one points nowhere.
fn cosine(one: &[f32], other: &[f32]) -> Option<f64> {
    if one.len() != other.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    let cosine = dot(one, other) / lengths;
    cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(vectors: &[&str]) -> Vec<u8> {
        let items: Vec<_> = vectors.iter().map(|vector| format!(r#"{{"embedding":{vector},"index":0}}"#)).collect();
        format!(r#"{{"object":"list","data":[{}],"model":"m"}}"#, items.join(",")).into_bytes()
    }

    #[test]
    fn equal_vectors_are_alike_however_they_are_written() {
        let floats: Vec<u8> = [3.0_f32, -4.0].iter().flat_map(|float| float.to_le_bytes()).collect();
        let base64 = format!("\"{}\"", STANDARD.encode(floats));
        for other in ["[3.0,-4]", "[0.6,-0.8]", base64.as_str()] {
            let likeness = Likeness::of(&answer(&["[3,-4]"]), &answer(&[other])).unwrap();
            assert!((likeness.min - 1.0).abs() < 1e-7 && (likeness.mean - 1.0).abs() < 1e-7, "{other}: {likeness:?}");
        }
    }

    #[test]
    fn the_worst_of_several_is_told_beside_their_mean() {
        let likeness = Likeness::of(&answer(&["[1,0]", "[1,0]"]), &answer(&["[1,0]", "[0,1]"])).unwrap();
        assert_eq!(likeness, Likeness { min: 0.0, mean: 0.5 });
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let one = answer(&["[1,0]"]);
        for other in [answer(&["[1,0,0]"]), answer(&["[1,0]", "[1,0]"]), answer(&["[0,0]"]), answer(&["\"###\""]), b"{}".to_vec()]
        {
            assert_eq!(Likeness::of(&one, &other), None, "{}", String::from_utf8_lossy(&other));
        }
    }
}
