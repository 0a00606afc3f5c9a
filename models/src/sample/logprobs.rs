//! How likely a token was, and which others were.

/// A token and the logarithm of its probability, by the model itself: temperature, penalties and limits are not in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likelihood {
    /// The token.
    pub token: u32,
    /// Natural logarithm of its probability; -∞ if it had none.
    pub logprob: f32,
}

/// The chosen token, and the likeliest ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihoods {
    /// What was chosen.
    pub chosen: Likelihood,
    /// What was likeliest, in that order.
    pub top: Vec<Likelihood>,
}

impl Likelihoods {
    /// Of the token that was chosen from these logits, and of the `top` likeliest.
    pub fn of(logits: &[f32], chosen: u32, top: usize) -> Self {
        let finite = || (0..).zip(logits.iter().copied()).filter(|(_, logit): &(u32, f32)| logit.is_finite());
        let highest = finite().map(|(_, logit)| logit).fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = finite().map(|(_, logit)| f64::from(logit - highest).exp()).sum();
        let total = f64::from(highest) + sum.ln();
        let likelihood = |(token, logit): (u32, f32)| Likelihood { token, logprob: (f64::from(logit) - total) as f32 };
        // The first `top` of those seen, the likeliest first and of equals the first.
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(top + 1);
        for candidate in finite() {
            if best.len() < top || best.last().is_some_and(|last| candidate.1 > last.1) {
                let place = best.partition_point(|better| better.1 >= candidate.1);
                best.insert(place, candidate);
                best.truncate(top);
            }
        }
        let of_chosen = finite().find(|(token, _)| *token == chosen).map(likelihood);
        Self {
            chosen: of_chosen.unwrap_or(Likelihood { token: chosen, logprob: f32::NEG_INFINITY }),
            top: best.into_iter().map(likelihood).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_model_and_the_likeliest_come_first() {
        let logits = [0.2f32.ln() + 3.0, 0.5f32.ln() + 3.0, f32::NAN, 0.3f32.ln() + 3.0];
        let told = Likelihoods::of(&logits, 0, 2);
        let near =
            |told: &Likelihood, token, probability: f32| told.token == token && (told.logprob.exp() - probability).abs() < 1e-6;
        assert!(near(&told.chosen, 0, 0.2), "{told:?}");
        assert!(told.top.len() == 2 && near(&told.top[0], 1, 0.5) && near(&told.top[1], 3, 0.3), "{told:?}");
        assert_eq!(Likelihoods::of(&logits, 2, 0).chosen.logprob, f32::NEG_INFINITY);
    }
}
