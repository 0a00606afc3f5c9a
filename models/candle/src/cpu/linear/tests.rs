//! Every kernel against the weights unpacked, for every format and shape.

use candle_core::quantized::GgmlDType;
use candle_core::{Device, Tensor};

use super::*;

/// Values without a pattern that quantisation could like, with an outlier.
fn values(rows: usize, columns: usize) -> Tensor {
    let values = (0u16..).map(|i| (f32::from(i) * 0.731).sin() + if i % 97 == 5 { 9.0 } else { 0.3 });
    let values: Vec<f32> = values.take(rows * columns).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
}

fn list(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn quantised(outputs: usize, inputs: usize, format: GgmlDType) -> QTensor {
    QTensor::quantize(&values(outputs, inputs), format).unwrap()
}

/// How far the product of `rows` rows is off, as a part of its largest number.
fn error(isa: Isa, formats: &[GgmlDType], outputs: usize, inputs: usize, rows: usize) -> f32 {
    let parts = || formats.iter().map(|format| quantised(outputs, inputs, *format)).collect::<Vec<_>>();
    let linear = PackedLinear::new(&parts(), &Arena::default()).unwrap();
    assert_eq!((linear.inputs(), linear.outputs()), (inputs, outputs * formats.len()));
    let dense: Vec<Tensor> = parts().iter().map(|part| part.dequantize(&Device::Cpu).unwrap()).collect();
    let x = values(rows, inputs);
    let expected = list(&x.matmul(&Tensor::cat(&dense, 0).unwrap().t().unwrap()).unwrap());
    let product = linear.forward(isa, &list(&x));
    assert_eq!(product.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |largest, y| largest.max(y.abs()));
    product.iter().zip(&expected).fold(0.0_f32, |error, (y, expected)| error.max((y - expected).abs())) / largest
}

#[test]
fn products_equal_those_of_the_unpacked_weights_on_every_processor() {
    use GgmlDType::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
    let stacks: [&[GgmlDType]; 8] =
        [&[Q4_0, Q4_0], &[Q4_1], &[Q5_0], &[Q5_1], &[Q8_0], &[Q4_0, Q4_1], &[Q4_1, Q8_0], &[Q8_0, Q5_0, Q5_1]];
    for isa in Isa::available() {
        for formats in stacks {
            for (outputs, inputs, rows) in [(16, 32, 1), (15, 64, 3), (40, 576, 8), (16, 256, 19)] {
                let error = error(isa, formats, outputs, inputs, rows);
                assert!(error < 2e-5, "{isa:?}, {formats:?} [{outputs}, {inputs}], {rows} rows: off by {error}");
            }
        }
    }
}

#[test]
fn a_row_is_the_same_to_the_last_bit_whatever_is_computed_beside_it() {
    for isa in Isa::available() {
        let linear = PackedLinear::new(&[quantised(48, 96, GgmlDType::Q4_1)], &Arena::default()).unwrap();
        let x = list(&values(15, 96));
        let alone: Vec<f32> = x.chunks_exact(96).flat_map(|row| linear.forward(isa, row)).collect();
        assert_eq!(linear.forward(isa, &x), alone, "{isa:?}");
    }
}

#[test]
fn formats_with_scales_of_scales_are_packed_to_eleven_digits_of_them() {
    use GgmlDType::{Q4K, Q5K, Q8_0};
    for isa in Isa::available() {
        for formats in [&[Q4K] as &[_], &[Q5K], &[Q4K, Q5K, Q8_0]] {
            let error = error(isa, formats, 40, 512, 3);
            assert!(error < 5e-4, "{isa:?}, {formats:?}: off by {error}");
        }
    }
}

#[test]
fn rows_are_unpacked_to_what_was_packed() {
    use GgmlDType::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
    for formats in [&[Q4_0] as &[_], &[Q4_1], &[Q5_0], &[Q5_1], &[Q8_0], &[Q4_1, Q8_0]] {
        let parts: Vec<QTensor> = formats.iter().map(|format| quantised(21, 96, *format)).collect();
        let linear = PackedLinear::new(&parts, &Arena::default()).unwrap();
        let expected: Vec<f32> = parts.iter().flat_map(|part| list(&part.dequantize(&Device::Cpu).unwrap())).collect();
        for (output, expected) in expected.chunks(96).enumerate() {
            let mut row = [0.0; 96];
            linear.unpack(output, &mut row);
            assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{formats:?}, {output}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(!PackedLinear::takes(GgmlDType::Q6K) && !PackedLinear::fits(48));
    assert!(PackedLinear::new(&[quantised(16, 256, GgmlDType::Q6K)], &Arena::default()).is_err());
    assert!(
        PackedLinear::new(&[quantised(16, 64, GgmlDType::Q4_0), quantised(16, 32, GgmlDType::Q4_0)], &Arena::default()).is_err()
    );
    assert!(PackedLinear::new(&[], &Arena::default()).is_err());
}
