//! Rampart, whose weights come from an ONNX file, against ONNX Runtime, and what it finds through the whole engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use serde::Deserialize;
use tradewind_candle::{LoadOptions, load_encoder};
use tradewind_models::classify::{Aggregation, Entity, TokenClassifier};
use tradewind_models::encoder::{EncoderModel, EncoderSettings, TokenSequence};
use tradewind_models::manifest::{self, Task};

/// How ONNX Runtime labels the tokens of a text. `golden/entities.py` made them.
#[derive(Deserialize)]
struct Labelled {
    text: String,
    ids: Vec<u32>,
    /// The best label of each token.
    labels: Vec<usize>,
    /// What the model says for it.
    logits: Vec<f32>,
    /// What it says for all labels together.
    sums: Vec<f32>,
}

fn model() -> EncoderModel {
    let chosen = manifest::find("rampart-pii").unwrap();
    load_encoder(chosen, &common::files(chosen), &LoadOptions::default()).unwrap()
}

fn classifier() -> TokenClassifier {
    let window = match manifest::find("rampart-pii").unwrap().task {
        Task::TokenClassification { window } => window,
        _ => None,
    };
    TokenClassifier::start(model(), EncoderSettings { rehearsals: 0, ..EncoderSettings::default() }, window).unwrap()
}

async fn found(text: &str) -> Vec<Entity> {
    let tagged = classifier().submit(vec![text.to_owned()], Aggregation::Simple).unwrap().await.unwrap();
    tagged.entities.into_iter().next().unwrap()
}

#[test]
fn every_token_is_labelled_as_by_onnx_runtime_packed_or_alone() {
    let texts: Vec<Labelled> = common::golden("entities.json");
    assert!(texts.len() >= 20);
    let mut model = model();
    let labels = model.labels.as_ref().unwrap().names().len();
    let sequences: Vec<_> = texts.iter().map(|text| TokenSequence::of(text.ids.clone())).collect();
    let together = model.encoder.encode(&sequences).unwrap();
    for ((text, sequence), together) in texts.iter().zip(&sequences).zip(&together) {
        assert_eq!(model.tokenizer.encode(&text.text).unwrap(), text.ids, "{}", text.text);
        let alone = model.encoder.encode(std::slice::from_ref(sequence)).unwrap();
        for output in [together, &alone[0]] {
            assert_eq!(output.len(), labels * text.ids.len());
            for (place, row) in output.chunks(labels).enumerate() {
                let best = (0..labels).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
                assert_eq!(best, text.labels[place], "token {place} of {}", text.text);
                let (logit, sum) = (row[best] - text.logits[place], row.iter().sum::<f32>() - text.sums[place]);
                assert!(logit.abs() < 1e-3 && sum.abs() < 2e-2, "token {place} of {}: {logit} {sum}", text.text);
            }
        }
    }
}

#[tokio::test]
async fn personal_data_are_found_where_they_stand() {
    let text = "Zoë's number — ☎ 415-555-0132 — and her e-mail is zoe@example.com.";
    let entities = found(text).await;
    let told: Vec<_> = entities.iter().map(|entity| (&*entity.label, &text[entity.bytes.clone()])).collect();
    assert!(told.contains(&("PHONE", "415-555-0132")) && told.contains(&("EMAIL", "zoe@example.com")), "{told:?}");
    for entity in &entities {
        let characters: String = text.chars().take(entity.characters.end).skip(entity.characters.start).collect();
        assert_eq!(characters, text[entity.bytes.clone()]);
        assert!((0.3..=1.0).contains(&entity.score), "{entity:?}");
    }
    let address = found("Write to ada@example.com.").await;
    assert_eq!(address.iter().map(|entity| entity.characters.clone()).collect::<Vec<_>>(), vec![9..24; 1]);
    assert!(found("The weather is fine today.").await.is_empty());
}

#[tokio::test]
async fn what_stands_anywhere_in_a_long_text_is_found_once() {
    let filler = "The committee met again and talked about the budget for the coming year. ".repeat(60);
    let text = format!("{filler}My e-mail address is ada.lovelace@example.com, and my phone number is 415-555-0132. {filler}");
    assert!(text.len() > 8000);
    let entities = found(&text).await;
    let told: Vec<_> = entities.iter().map(|entity| &text[entity.bytes.clone()]).collect();
    assert_eq!(told, ["ada.lovelace@example.com", "415-555-0132"]);
}
