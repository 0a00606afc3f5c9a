//! Requests that come, are cancelled, and do not fit, in any order: none is lost, no block is, and each is answered as if it were alone.

use proptest::prelude::*;

use super::fake::Speech;
use super::rig::{Answers, ECHO, Make, Reader, SETTINGS, of, seeded};
use crate::chat::{ChatRequest, ChatSettings, Priority};
use crate::decoder::CacheLayout;

/// Twelve blocks of four: room for three of the longest.
const TIGHT: Make = Make {
    speech: Speech::Noise,
    context: 30,
    layout: CacheLayout { blocks: 12, block_size: 4 },
    settings: ChatSettings { rows: 5, step_tokens: 16, ..SETTINGS },
    ..ECHO
};

#[derive(Debug, Clone)]
struct Asked {
    /// Which of the prompts that many ask.
    beginning: usize,
    /// Tokens behind that.
    own: usize,
    tenant: usize,
    priority: Priority,
    longest: usize,
    seed: u64,
    choices: usize,
}

impl Asked {
    fn request(&self) -> ChatRequest {
        let beginning = ["", "a shared one", "another shared"][self.beginning];
        let prompt: String = beginning.chars().chain(('a'..='z').cycle().skip(self.seed as usize).take(self.own)).collect();
        let request = ChatRequest { max_tokens: Some(self.longest), ..seeded(&prompt, self.seed, self.choices) };
        of(["a", "b", "c"][self.tenant], self.priority, request)
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Comes(Asked),
    /// Whoever reads the one that came as number so many, of those that are left, leaves.
    Leaves(usize),
    Steps(usize),
}

fn asked() -> impl Strategy<Value = Asked> {
    let priority = prop_oneof![3 => Just(Priority::Interactive), 1 => Just(Priority::Batch)];
    let choices = prop_oneof![4 => Just(1_usize), 1 => 2..4_usize];
    (0..3_usize, 1..12_usize, 0..3_usize, priority, 1..20_usize, 0..4_u64, choices).prop_map(
        |(beginning, own, tenant, priority, longest, seed, choices)| Asked {
            beginning,
            own,
            tenant,
            priority,
            longest,
            seed,
            choices,
        },
    )
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => asked().prop_map(Happens::Comes),
        1 => (0..8_usize).prop_map(Happens::Leaves),
        3 => (1..12_usize).prop_map(Happens::Steps),
    ]
}

/// What does not depend on the cache.
fn essence(answers: &Answers) -> (Vec<String>, String) {
    let texts = (0..answers.texts.len()).map(|choice| answers.text(choice)).collect();
    let usage = answers.usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens));
    (texts, format!("{:?} {usage:?} {:?}", answers.finish, answers.error))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_request_ends_once_as_if_it_were_alone_and_leaves_no_block_behind(
        course in proptest::collection::vec(happens(), 1..60),
    ) {
        let mut rig = TIGHT.rig();
        let mut readers: Vec<(Asked, Reader)> = Vec::new();
        for event in course {
            match event {
                Happens::Comes(asked) => {
                    let reader = rig.submit(asked.request());
                    readers.push((asked, reader));
                }
                Happens::Leaves(number) if number < readers.len() => drop(readers.remove(number)),
                Happens::Leaves(_) => {}
                Happens::Steps(steps) => (0..steps).for_each(|_| rig.step()),
            }
        }
        rig.run();
        prop_assert_eq!(rig.available(), TIGHT.layout.blocks);
        for (asked, reader) in readers {
            prop_assert!(reader.is_over());
            let alone = TIGHT.rig().answer(asked.request());
            prop_assert_eq!(essence(&reader.read()), essence(&alone));
        }
    }
}
