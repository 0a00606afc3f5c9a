//! The kernels against candle's operations, on small models of random weights.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use tradewind_models::encoder::Encoder;

use super::config::Config;
use super::packed::Packed;
use super::portable::Portable;
use super::{Result, Weights};

const WIDTH: usize = 128;
const INNER: usize = 200;
const VOCABULARY: usize = 50;

fn config(heads: usize) -> Config {
    let json = format!(
        r#"{{"model_type": "bert", "hidden_act": "gelu", "hidden_size": {WIDTH}, "num_attention_heads": {heads},
            "num_hidden_layers": 2, "vocab_size": {VOCABULARY}, "layer_norm_eps": 1e-12}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn weights() -> Weights {
    let mut weights = HashMap::new();
    let mut add = |name: String, shape: &[usize], mean: f32| {
        let tensor = Tensor::randn(mean, 0.1_f32, shape, &Device::Cpu).unwrap();
        weights.insert(name, tensor);
    };
    for (name, rows) in [("word", VOCABULARY), ("position", 70), ("token_type", 2)] {
        add(format!("embeddings.{name}_embeddings.weight"), &[rows, WIDTH], 0.0);
    }
    let layers = (0..2).flat_map(|layer| {
        let name = move |part: &str| format!("encoder.layer.{layer}.{part}");
        ["attention.output.LayerNorm", "output.LayerNorm"].map(name)
    });
    for name in layers.chain(["embeddings.LayerNorm".to_owned()]) {
        add(format!("{name}.weight"), &[WIDTH], 1.0);
        add(format!("{name}.bias"), &[WIDTH], 0.0);
    }
    for layer in 0..2 {
        for (part, outputs, inputs) in [
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", INNER, WIDTH),
            ("output.dense", WIDTH, INNER),
        ] {
            add(format!("encoder.layer.{layer}.{part}.weight"), &[outputs, inputs], 0.0);
            add(format!("encoder.layer.{layer}.{part}.bias"), &[outputs], 0.0);
        }
    }
    Weights(weights)
}

#[test]
fn kernels_and_candle_agree_on_packed_sequences_of_any_length() -> Result<()> {
    let weights = weights();
    let sequence = |length: u32| (0..length).map(|place| (place * 17 + length) % 50).collect::<Vec<_>>();
    let sequences: Vec<_> = [1, 2, 11, 12, 13, 31, 32, 33, 64, 65, 3].map(sequence).to_vec();
    for heads in [2, 4] {
        let mut packed = Packed::new(&config(heads), &weights, 66)?;
        let mut portable = Portable::new(config(heads), &weights, &Device::Cpu, 66)?;
        let expected = portable.encode(&sequences).unwrap();
        let together = packed.encode(&sequences).unwrap();
        assert_eq!(together.len(), expected.len());
        for ((sequence, expected), together) in sequences.iter().zip(&expected).zip(&together) {
            let alone = packed.encode(std::slice::from_ref(sequence)).unwrap();
            for vector in [together, &alone[0]] {
                let worst = vector.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-5, "{} tokens, {heads} heads: {worst}", sequence.len());
            }
        }
        assert_eq!((packed.max_tokens(), packed.dimensions(), packed.vocabulary_size()), (66, WIDTH, VOCABULARY));
    }
    Ok(())
}

#[test]
fn heads_that_the_kernels_cannot_take_are_left_to_candle() {
    assert!(Packed::takes(&config(2)));
    assert!(!Packed::takes(&config(8)));
}
