//! What must hold whatever the weights are, on a small model of random ones, for both backends.

mod checkpoint;
mod fused;
mod gguf;
mod golden;

use std::collections::HashMap;
use std::io::BufWriter;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use tradewind_models::decoder::Row;

use super::batch::BatchFault;
use super::*;

const WIDTH: usize = 96;
const FEED_FORWARD: usize = 160;
const VOCABULARY: usize = 80;
const CONTEXT: usize = 256;
/// Tokens of the cache.
const ROOM: usize = 1024;
/// Activations of sixteen bits, and sums in another order, make less of a difference than this, as a part of the largest logit.
const ROUNDING: f32 = 3e-4;

/// Numbers without a pattern, from -1 to 1 times `scale`.
fn noise(shape: (usize, usize), scale: f32, seed: &mut u32) -> Tensor {
    let numbers = (0..shape.0 * shape.1).map(|_| {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from(u16::try_from(*seed >> 16).unwrap()) / 32_768.0 - 1.0) * scale
    });
    Tensor::from_vec(numbers.collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

/// A file with two layers of six query heads, two of keys and values, of 16 dimensions.
fn small_model() -> Source {
    let mut seed = 1;
    let mut tensors = Vec::new();
    let mut matrix = |name: String, outputs, inputs, format| {
        tensors.push((name, QTensor::quantize(&noise((outputs, inputs), 0.3, &mut seed), format).unwrap()));
    };
    matrix("token_embd.weight".to_owned(), VOCABULARY, WIDTH, GgmlDType::Q8_0);
    for layer in 0..2 {
        let named = |name: &str| format!("blk.{layer}.{name}.weight");
        matrix(named("attn_q"), WIDTH, WIDTH, GgmlDType::Q4_1);
        matrix(named("attn_k"), WIDTH / 3, WIDTH, GgmlDType::Q4_1);
        matrix(named("attn_v"), WIDTH / 3, WIDTH, GgmlDType::Q8_0);
        matrix(named("attn_output"), WIDTH, WIDTH, GgmlDType::Q4_0);
        matrix(named("ffn_gate"), FEED_FORWARD, WIDTH, GgmlDType::Q5_1);
        matrix(named("ffn_up"), FEED_FORWARD, WIDTH, GgmlDType::Q5_1);
        matrix(named("ffn_down"), WIDTH, FEED_FORWARD, GgmlDType::F16);
    }
    let norms = ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm", "blk.1.attn_norm", "blk.1.ffn_norm"];
    for name in norms {
        let weight = (noise((1, WIDTH), 0.5, &mut seed).squeeze(0).unwrap() + 1.0).unwrap();
        tensors.push((format!("{name}.weight"), QTensor::quantize(&weight, GgmlDType::F32).unwrap()));
    }
    let number = |number: usize| Value::U32(number.try_into().unwrap());
    let metadata = [
        ("general.architecture", Value::String("llama".to_owned())),
        ("llama.attention.head_count", number(6)),
        ("llama.attention.head_count_kv", number(2)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.block_count", number(2)),
        ("llama.context_length", number(CONTEXT)),
        ("llama.embedding_length", number(WIDTH)),
        ("llama.rope.dimension_count", number(16)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
    ];
    written(&metadata, &tensors)
}

/// A file with this in it.
fn written(metadata: &[(&str, Value)], tensors: &[(String, QTensor)]) -> Source {
    let file = tempfile::NamedTempFile::new().unwrap();
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut BufWriter::new(file.as_file()), &metadata, &tensors).unwrap();
    Source::Gguf(Box::new(Gguf::open(file.path()).unwrap()))
}

const SETTINGS: Settings = Settings {
    context: CONTEXT,
    cache_tokens: Some(ROOM),
    numbers: CacheNumbers::F32,
    dense: DenseWeights::AsStored,
    attention: AttentionBy::Operations,
};

fn on_cpu() -> Box<dyn Decoder> {
    on_cpu_in(CacheNumbers::F32)
}

fn on_cpu_in(numbers: CacheNumbers) -> Box<dyn Decoder> {
    load(&mut small_model(), &Device::Cpu, Settings { numbers, ..SETTINGS }).unwrap()
}

fn portable() -> Box<dyn Decoder> {
    by_candle(&mut small_model())
}

/// The model by candle's operations.
fn by_candle(source: &mut Source) -> Box<dyn Decoder> {
    let config = source.config(CONTEXT).unwrap();
    let gathered = Gathered::new(&config, ROOM, &Device::Cpu).unwrap();
    let backend = Portable::new(&config, &RopeTable::all(&config), gathered, &Device::Cpu).unwrap();
    Box::new(Model::load(&mut source.weights(config.norms, &Device::Cpu), config, backend).unwrap())
}

/// A sequence and where it lies.
#[derive(Clone)]
struct Sequence {
    tokens: Vec<u32>,
    blocks: Vec<u32>,
    /// How many of the tokens are in the cache.
    cached: usize,
}

impl Sequence {
    fn new(seed: u32, length: u32, blocks: impl IntoIterator<Item = u32>) -> Self {
        let tokens = (0..length).map(|index| (index * 37 + seed * 11 + index * index) % 80).collect();
        Self { tokens, blocks: blocks.into_iter().collect(), cached: 0 }
    }
}

/// One pass over the next `counts` tokens of these sequences; the logits after each new token, by sequence.
fn pass(decoder: &mut dyn Decoder, sequences: &mut [(&mut Sequence, usize)]) -> Vec<Vec<Vec<f32>>> {
    let size = decoder.cache().block_size;
    let (mut tokens, mut positions, mut slots) = (Vec::new(), Vec::new(), Vec::new());
    for (sequence, count) in sequences.iter() {
        for position in sequence.cached..sequence.cached + count {
            tokens.push(sequence.tokens[position]);
            positions.push(u32::try_from(position).unwrap());
            slots.push(sequence.blocks[position / size] * u32::try_from(size).unwrap() + u32::try_from(position % size).unwrap());
        }
    }
    let rows: Vec<Row<'_>> = sequences
        .iter()
        .map(|(sequence, count)| Row { tokens: *count, length: sequence.cached + count, blocks: &sequence.blocks })
        .collect();
    let outputs: Vec<u32> = (0..).take(tokens.len()).collect();
    let batch = Batch { tokens: &tokens, positions: &positions, slots: &slots, rows: &rows, outputs: &outputs };
    let logits = decoder.forward(&batch).unwrap();
    assert_eq!(logits.len(), tokens.len() * decoder.vocabulary_size());
    let mut each = logits.chunks(decoder.vocabulary_size()).map(<[f32]>::to_vec);
    let by_sequence = sequences.iter().map(|(_, count)| each.by_ref().take(*count).collect()).collect();
    for (sequence, count) in sequences {
        sequence.cached += *count;
    }
    by_sequence
}

/// The logits after each token of a sequence that is computed by itself, whole, in the first blocks.
fn alone(decoder: &mut dyn Decoder, sequence: &Sequence) -> Vec<Vec<f32>> {
    let blocks = 0..u32::try_from(CONTEXT / decoder.cache().block_size).unwrap();
    let mut sequence = Sequence { cached: 0, blocks: blocks.collect(), ..sequence.clone() };
    let count = sequence.tokens.len();
    pass(decoder, &mut [(&mut sequence, count)]).remove(0)
}

fn assert_close(a: &[Vec<f32>], b: &[Vec<f32>], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let error = a.iter().zip(b).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        let limit = ROUNDING * b.iter().fold(0.0_f32, |largest, b| largest.max(b.abs()));
        assert!(error < limit, "{what}: token {index} is off by {error}, more than {limit}");
    }
}

#[test]
fn the_kernels_compute_what_candle_does() {
    let sequence = Sequence::new(1, 100, 0..16);
    let (ours, theirs) = (alone(on_cpu().as_mut(), &sequence), alone(portable().as_mut(), &sequence));
    assert!(theirs.iter().flatten().any(|logit| logit.abs() > 0.3), "the model says nothing");
    assert_close(&ours, &theirs, "kernels");
}

#[test]
fn a_sequence_in_a_batch_of_pieces_and_single_tokens_is_computed_as_by_itself() {
    for mut decoder in [on_cpu(), portable()] {
        let decoder = decoder.as_mut();
        let [mut a, mut b, mut c] = [Sequence::new(1, 70, 0..5), Sequence::new(2, 41, 5..9), Sequence::new(3, 9, 9..12)];
        let expected = [&a, &b, &c].map(|sequence| alone(decoder, sequence));
        let mut logits = [Vec::new(), Vec::new(), Vec::new()];
        for counts in [[33, 20, 0], [1, 20, 4], [35, 1, 1], [1, 0, 1], [0, 0, 3]] {
            let mut rows: Vec<_> = [&mut a, &mut b, &mut c].into_iter().zip(counts).collect();
            rows.retain(|(_, count)| *count > 0);
            let mut made = pass(decoder, &mut rows).into_iter();
            for (logits, _) in logits.iter_mut().zip(counts).filter(|(_, count)| *count > 0) {
                logits.extend(made.next().unwrap());
            }
        }
        for (index, (logits, expected)) in logits.iter().zip(&expected).enumerate() {
            assert_close(logits, expected, &format!("sequence {index}"));
        }
    }
}

#[test]
fn a_cache_of_half_the_size_says_nearly_the_same() {
    let sequence = Sequence::new(1, 100, 0..16);
    let (whole, half) = (alone(on_cpu().as_mut(), &sequence), alone(on_cpu_in(CacheNumbers::F16).as_mut(), &sequence));
    let largest = |logits: &[Vec<f32>]| logits.iter().flatten().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    let apart: Vec<Vec<f32>> =
        whole.iter().zip(&half).map(|(whole, half)| whole.iter().zip(half).map(|(a, b)| a - b).collect()).collect();
    let error = largest(&apart) / largest(&whole);
    // A number is off by a part in 4096 at most.
    assert!(error > 0.0 && error < 3e-3, "{error}");
}

#[test]
fn on_a_cpu_the_batch_changes_no_bit() {
    for numbers in [CacheNumbers::F32, CacheNumbers::F16] {
        no_bit_is_changed(on_cpu_in(numbers).as_mut());
    }
}

fn no_bit_is_changed(decoder: &mut dyn Decoder) {
    let mut sequences: Vec<Sequence> = (0..11).map(|index| Sequence::new(index, 20, [2 * index, 2 * index + 1])).collect();
    let expected: Vec<_> = sequences.iter().map(|sequence| alone(decoder, sequence)).collect();
    let mut logits = vec![Vec::new(); sequences.len()];
    for count in [7, 1, 12] {
        let mut rows: Vec<_> = sequences.iter_mut().map(|sequence| (sequence, count)).collect();
        for (logits, made) in logits.iter_mut().zip(pass(decoder, &mut rows)) {
            logits.extend(made);
        }
    }
    assert!(logits == expected);
}

#[test]
fn blocks_may_come_in_any_order_and_be_shared_by_sequences_that_begin_alike() {
    for mut decoder in [on_cpu(), portable()] {
        let decoder = decoder.as_mut();
        let size = u32::try_from(decoder.cache().block_size).unwrap();
        let mut first = Sequence::new(5, 2 * size + 3, [7, 2, 9]);
        let mut second = Sequence { blocks: vec![7, 2, 4], ..first.clone() };
        for token in second.tokens.iter_mut().skip(2 * size as usize) {
            *token = (*token + 1) % 80;
        }
        let expected = [alone(decoder, &first), alone(decoder, &second)];
        let count = first.tokens.len();
        assert_close(&pass(decoder, &mut [(&mut first, count)])[0], &expected[0], "any order");
        second.cached = 2 * size as usize;
        assert_close(&pass(decoder, &mut [(&mut second, 3)])[0], &expected[1][second.tokens.len() - 3..], "shared");
    }
}

#[test]
fn a_new_cache_is_as_large_and_forgets_everything() {
    for mut decoder in [on_cpu(), portable()] {
        let sequence = Sequence::new(4, 20, 0..2);
        let expected = alone(decoder.as_mut(), &sequence);
        let layout = decoder.cache();
        assert_eq!(layout.blocks * layout.block_size, ROOM);
        decoder.rebuild_cache().unwrap();
        assert_eq!(decoder.cache(), layout);
        assert_close(&alone(decoder.as_mut(), &sequence), &expected, "anew");
    }
}

#[test]
fn a_batch_that_names_what_does_not_exist_is_refused() {
    let bounds = Bounds { vocabulary: 80, context: 256, cache: CacheLayout { blocks: 4, block_size: 16 } };
    let rows = [Row { tokens: 2, length: 18, blocks: &[3, 0] }];
    let good = Batch { tokens: &[1, 2], positions: &[16, 17], slots: &[0, 1], rows: &rows, outputs: &[0, 1] };
    assert_eq!(bounds.check(&good), Ok(()));
    let beyond = |what, value, limit| Err(BatchFault::Beyond { what, value, limit });
    assert_eq!(bounds.check(&Batch { tokens: &[1, 80], ..good }), beyond("token", 80, 80));
    assert_eq!(bounds.check(&Batch { positions: &[16, 256], ..good }), beyond("position", 256, 256));
    assert_eq!(bounds.check(&Batch { slots: &[0, 64], ..good }), beyond("slot", 64, 64));
    assert_eq!(bounds.check(&Batch { outputs: &[2], ..good }), beyond("output", 2, 2));
    assert_eq!(bounds.check(&Batch { outputs: &[], ..good }), Ok(()));
    for outputs in [&[1, 0], &[1, 1]] {
        assert_eq!(bounds.check(&Batch { outputs, ..good }), Err(BatchFault::Outputs));
    }
    for batch in [
        Batch { tokens: &[1], ..good },
        Batch { positions: &[16], ..good },
        Batch { slots: &[0], ..good },
        Batch { rows: &[], ..good },
    ] {
        assert!(matches!(bounds.check(&batch), Err(BatchFault::Counts { .. })));
    }
    let row = |row: Row<'_>| bounds.check(&Batch { rows: &[row], ..good });
    assert_eq!(row(Row { blocks: &[0, 4], ..rows[0] }), beyond("block", 4, 4));
    for faulty in [Row { blocks: &[3], ..rows[0] }, Row { length: 1, ..rows[0] }] {
        assert!(matches!(row(faulty), Err(BatchFault::Row { .. })));
    }
    let no_tokens = [rows[0], Row { tokens: 0, ..rows[0] }];
    assert!(matches!(bounds.check(&Batch { rows: &no_tokens, ..good }), Err(BatchFault::Row { .. })));
    assert!(on_cpu().forward(&Batch { tokens: &[1, 80], ..good }).is_err());
}

#[test]
fn what_is_only_written_to_the_cache_is_found_there() {
    for mut decoder in [on_cpu(), portable()] {
        let sequence = Sequence::new(4, 20, 0..2);
        let expected = alone(decoder.as_mut(), &sequence);
        decoder.rebuild_cache().unwrap();
        let positions: Vec<u32> = (0..19).collect();
        let rows = [Row { tokens: 19, length: 19, blocks: &sequence.blocks }];
        let tokens = &sequence.tokens[..19];
        let batch = Batch { tokens, positions: &positions, slots: &positions, rows: &rows, outputs: &[] };
        assert!(decoder.forward(&batch).unwrap().is_empty());
        let mut rest = Sequence { cached: 19, ..sequence };
        assert_close(&pass(decoder.as_mut(), &mut [(&mut rest, 1)])[0], &expected[19..], "after what was only written");
    }
}
