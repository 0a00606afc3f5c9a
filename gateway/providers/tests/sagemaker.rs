//! What the adapter for Amazon SageMaker makes of requests, answers, streams and errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where and why")]

mod frames;
mod golden;

use golden::Golden;
use tradewind_providers::{
    Adapter,
    sagemaker::{Container, SageMaker},
};

#[test]
fn sagemaker_golden_files() {
    Golden { provider: "sagemaker", adapter, frames: Some(frames::frames) }.check();
}

fn adapter(variant: &str) -> Box<dyn Adapter> {
    let container = match variant {
        "" => Container::OpenAi,
        "tgi" => Container::Tgi,
        "lmi" => Container::Lmi,
        "tei" => Container::Tei,
        other => panic!("unknown variant {other}"),
    };
    Box::new(SageMaker::new("us-east-1", None, container).unwrap())
}
