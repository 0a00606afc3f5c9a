//! Every architecture against `transformers`.

use super::checkpoint::{Case, cases};
use super::*;

/// How far a logit may be from that of `transformers` where nothing is rounded to fewer bits.
const EXACT: f32 = 1e-3;
/// The most that eight bits may add to the logits, as a part of them (root mean square). Each of some twenty matrices adds four in a
/// thousand, and sums of few weights, drawn at random, even out less than a trained model's.
const EIGHT_BITS: f64 = 0.04;
/// The same of four bits.
const FOUR_BITS: f64 = 0.6;
/// Tokens of one sequence in the passes that follow each other: a piece of a prompt, a token, nothing.
const TURNS: [usize; 5] = [33, 1, 0, 7, 1];

/// The model out of its folder, as it is stored.
fn decoders(case: &Case) -> [(&'static str, Box<dyn Decoder>); 2] {
    let folder = case.folder();
    let mut source = Source::Folder(Box::new(Folder::open(folder.path()).unwrap()));
    [("cpu", load(&mut source, &Device::Cpu, SETTINGS).unwrap()), ("portable", by_candle(&mut source))]
}

/// The logits after every token of the case's sequences, which are computed in one ragged batch after the other.
pub(super) fn in_batches(decoder: &mut dyn Decoder, case: &Case) -> Vec<Vec<Vec<f32>>> {
    let sequence = |(index, golden): (u32, &checkpoint::Golden)| Sequence {
        tokens: golden.tokens.clone(),
        blocks: (0..).skip(index as usize * 6).take(6).collect(),
        cached: 0,
    };
    let mut sequences: Vec<Sequence> = (0..).zip(&case.sequences).map(sequence).collect();
    let mut logits = vec![Vec::new(); sequences.len()];
    for turn in 0.. {
        let counts = (0..).zip(&sequences).map(|(index, sequence)| {
            let wanted: usize = TURNS[(turn + index) % TURNS.len()];
            wanted.min(sequence.tokens.len() - sequence.cached)
        });
        let counts: Vec<usize> = counts.collect();
        if sequences.iter().all(|sequence| sequence.cached == sequence.tokens.len()) {
            return logits;
        }
        let mut rows: Vec<_> = sequences.iter_mut().zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect();
        if rows.is_empty() {
            continue;
        }
        let mut made = pass(decoder, &mut rows).into_iter();
        for (logits, _) in logits.iter_mut().zip(&counts).filter(|(_, count)| **count > 0) {
            logits.extend(made.next().unwrap());
        }
    }
    logits
}

/// How far the logits are from the golden ones.
pub(super) fn error(logits: &[Vec<Vec<f32>>], case: &Case) -> f32 {
    let mut error = 0.0_f32;
    for (logits, golden) in logits.iter().zip(&case.sequences) {
        assert_eq!(logits.len(), golden.tokens.len());
        for (place, golden) in golden.kept.iter().zip(&golden.logits) {
            assert_eq!(logits[*place].len(), golden.len());
            error = logits[*place].iter().zip(golden).fold(error, |error, (a, b)| error.max((a - b).abs()));
        }
    }
    error
}

pub(super) fn largest(case: &Case) -> f32 {
    let logits = case.sequences.iter().flat_map(|golden| golden.logits.iter().flatten());
    logits.fold(0.0_f32, |largest, logit| largest.max(logit.abs()))
}

#[test]
fn logits_are_those_of_transformers_on_both_backends_in_ragged_batches() {
    for case in cases() {
        for (backend, mut decoder) in decoders(&case) {
            let error = error(&in_batches(decoder.as_mut(), &case), &case);
            println!("{}, {backend}: {error}", case.name);
            assert!(error < EXACT, "{}, {backend}: off by {error}", case.name);
        }
    }
}

#[test]
fn every_sequence_by_itself_is_computed_as_in_a_batch() {
    for case in cases() {
        for (backend, mut decoder) in decoders(&case) {
            let together = in_batches(decoder.as_mut(), &case);
            for (golden, together) in case.sequences.iter().zip(&together) {
                let sequence = Sequence { tokens: golden.tokens.clone(), blocks: (0..6).collect(), cached: 0 };
                assert_close(&alone(decoder.as_mut(), &sequence), together, &format!("{}, {backend}", case.name));
            }
        }
    }
}

#[test]
fn eight_bits_a_weight_change_little_and_four_bits_more() {
    let mut differ = false;
    for case in cases() {
        let [eight, four] = [DenseWeights::EightBits, DenseWeights::FourBits].map(|dense| error_with(dense, &case));
        println!("{}: {eight} {four}", case.name);
        // Matrices that are too narrow for the kernels stay what they are.
        assert!(eight < EIGHT_BITS && eight <= four && four < FOUR_BITS, "{}: off by {eight} and {four}", case.name);
        differ |= eight < four;
    }
    assert!(differ);
}

/// The root of the mean square of what logits are off by, as a part of theirs.
fn error_with(dense: DenseWeights, case: &Case) -> f64 {
    let folder = case.folder();
    let mut source = Source::Folder(Box::new(Folder::open(folder.path()).unwrap()));
    let logits = in_batches(load(&mut source, &Device::Cpu, Settings { dense, ..SETTINGS }).unwrap().as_mut(), case);
    let (mut errors, mut squares) = (0.0, 0.0);
    for (logits, golden) in logits.iter().zip(&case.sequences) {
        let kept = golden.kept.iter().flat_map(|place| &logits[*place]);
        for (logit, golden) in kept.zip(golden.logits.iter().flatten()) {
            errors += f64::from(logit - golden).powi(2);
            squares += f64::from(*golden).powi(2);
        }
    }
    (errors / squares).sqrt()
}
