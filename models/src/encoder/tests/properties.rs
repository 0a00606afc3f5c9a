//! Whatever comes and goes, every input gets its own vector.

use proptest::prelude::*;

use super::super::*;
use super::rig::{Rig, outcome, settings, vector};

#[derive(Debug, Clone)]
enum Event {
    Submit(Vec<Vec<u32>>),
    Compute,
    Drop(prop::sample::Index),
}

/// Few different tokens, so that many sequences are the same.
fn event() -> impl Strategy<Value = Event> {
    let sequence = prop::collection::vec(0..4_u32, 1..16);
    prop_oneof![
        3 => prop::collection::vec(sequence, 0..12).prop_map(Event::Submit),
        2 => Just(Event::Compute),
        1 => any::<prop::sample::Index>().prop_map(Event::Drop),
    ]
}

proptest! {
    #[test]
    fn every_input_gets_its_own_vector(
        events in prop::collection::vec(event(), 1..60),
        budget in 1..40_usize,
        cache_bytes in prop_oneof![Just(0), Just(2000), Just(1 << 20)],
    ) {
        let mut rig = Rig::new(EncoderSettings { batch_tokens: Some(budget), cache_bytes, ..settings() });
        let mut requests = Vec::new();
        for event in events {
            match event {
                Event::Submit(sequences) => {
                    let inputs = sequences.iter().cloned().map(Input::Tokens).collect();
                    requests.push((rig.submit(inputs), sequences));
                }
                Event::Compute => { rig.compute(); }
                Event::Drop(_) if requests.is_empty() => {}
                Event::Drop(index) => drop(requests.swap_remove(index.index(requests.len()))),
            }
        }
        rig.compute_all();
        for (mut request, sequences) in requests {
            let embeddings = outcome(&mut request).unwrap().unwrap();
            prop_assert_eq!(embeddings.prompt_tokens, sequences.iter().map(Vec::len).sum::<usize>());
            prop_assert_eq!(embeddings.outputs, sequences.iter().map(|tokens| vector(tokens)).collect::<Vec<_>>());
        }
        for batch in rig.fake.batches() {
            prop_assert!(batch.len() == 1 || batch.concat().len() <= budget);
            let different: std::collections::HashSet<_> = batch.iter().collect();
            prop_assert_eq!(different.len(), batch.len());
        }
    }
}
