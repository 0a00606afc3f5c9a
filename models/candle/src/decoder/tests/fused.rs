//! What leads to and from the fused kernels, with a reference in their place.

use super::checkpoint::cases;
use super::golden::{error, in_batches, largest};
use super::*;
use crate::portable::{Flash, Reference};

/// How far a logit may be off, as a part of the largest: queries, keys, values and what is mixed of them are rounded to eleven bits.
const ELEVEN_BITS: f32 = 4e-3;

/// The model with the kernels' reference.
fn by_kernels(source: &mut Source) -> Box<dyn Decoder> {
    let config = source.config(CONTEXT).unwrap();
    let flash = Flash::new(Reference, &config, ROOM, &Device::Cpu).unwrap();
    let backend = Portable::new(&config, &RopeTable::all(&config), flash, &Device::Cpu).unwrap();
    Box::new(Model::load(&mut source.weights(config.norms, &Device::Cpu), config, backend).unwrap())
}

#[test]
fn every_architecture_with_windows_and_caps_computes_in_ragged_batches_what_transformers_does() {
    for case in cases() {
        let folder = case.folder();
        let mut source = Source::Folder(Box::new(Folder::open(folder.path()).unwrap()));
        let off = error(&in_batches(by_kernels(&mut source).as_mut(), &case), &case) / largest(&case);
        println!("{}: {off}", case.name);
        assert!(off < ELEVEN_BITS, "{}: off by {off}", case.name);
    }
}

#[test]
fn blocks_in_any_order_and_shared_by_sequences_are_read_where_they_lie() {
    let mut kernels = by_kernels(&mut small_model());
    let size = u32::try_from(kernels.cache().block_size).unwrap();
    let mut first = Sequence::new(5, 2 * size + 3, [7, 2, 9]);
    let mut second = Sequence { blocks: vec![7, 2, 4], cached: 2 * size as usize, ..first.clone() };
    for token in second.tokens.iter_mut().skip(2 * size as usize) {
        *token = (*token + 1) % 80;
    }
    let expected = [&first, &second].map(|sequence| alone(portable().as_mut(), sequence));
    let count = first.tokens.len();
    let whole = pass(kernels.as_mut(), &mut [(&mut first, count)]).remove(0);
    assert_near(&whole, &expected[0]);
    assert_near(&pass(kernels.as_mut(), &mut [(&mut second, 3)])[0], &expected[1][count - 3..]);
    // Nothing of another batch is left in a new pool of the same size.
    let layout = kernels.cache();
    kernels.rebuild_cache().unwrap();
    assert_eq!(kernels.cache(), layout);
    first.cached = 0;
    assert_eq!(pass(kernels.as_mut(), &mut [(&mut first, count)])[0], whole);
}

fn assert_near(ours: &[Vec<f32>], theirs: &[Vec<f32>]) {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().flatten().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    let apart = ours.iter().flatten().zip(theirs.iter().flatten()).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs()));
    assert!(apart < ELEVEN_BITS * largest, "off by {apart} of {largest}");
}

#[test]
fn what_cannot_be_computed_by_kernels_is_computed_by_operations() {
    let sequence = Sequence::new(1, 40, 0..16);
    let asked = Settings { attention: AttentionBy::Kernels, ..SETTINGS };
    let mut fallen_back = load(&mut small_model(), &Device::Cpu, asked).unwrap();
    assert_eq!(alone(fallen_back.as_mut(), &sequence), alone(on_cpu().as_mut(), &sequence));
}
