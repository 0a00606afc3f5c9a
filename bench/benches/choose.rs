//! One routing decision among twenty backends, in instructions.

#![expect(missing_docs, unused_qualifications, reason = "of what the macros of the benchmarks write")]

use std::{hint::black_box, time::Duration};

use gungraun::prelude::*;
use tradewind_bench::{Fleet, decide};
use tradewind_policies::select::Choice;

#[library_benchmark]
#[bench::twenty(Fleet::default())]
#[bench::none_overdue(Fleet::waiting(Duration::from_millis(1)))]
#[bench::all_overdue(Fleet::waiting(Duration::from_secs(4)))]
fn a_decision(mut fleet: Fleet) -> (Option<Choice<usize>>, Fleet) {
    let choice = black_box(decide(&mut fleet));
    (choice, fleet)
}

library_benchmark_group!(name = decisions, benchmarks = a_decision);
main!(library_benchmark_groups = decisions);
