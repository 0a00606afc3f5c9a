//! Whatever text a policy is given, parsing ends with a policy or with faults that can be shown.

use proptest::prelude::*;
use tradewind_policies::{Policy, SourceFile};

const COMPANY: &str = include_str!("../examples/company.toml");
const CLOUDS: &str = include_str!("../examples/clouds.toml");

/// Pieces that the grammar and the schema are made of, so that chance finds interesting texts.
const PIECES: &[&str] = &[
    "version = 1\n",
    "[backend.a]\n",
    "[[route]]\n",
    "[alias]\n",
    "[tenant.t]\n",
    "provider = \"openai\"\n",
    "models",
    ".chat",
    " = ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'''",
    "\n",
    "name",
    "é",
    "\u{0}",
    "match",
    "tiers = [[\"a\"]]\n",
    "secret",
    "sk-hunter2",
    "1e999",
    "#",
    ",",
    "0x",
    "9999999999999999999999",
    "provider = \"bedrock\"\n",
    "provider = \"watsonx\"\n",
    "credential",
    "kind = \"entra\"",
    "source",
    "client_secret",
    "region = \"eu-central-1\"\n",
    "capabilities",
    "true",
    "false",
    "price = { in = 1.25, out = ",
    "probe",
    "concurrency",
    "[defaults]\n",
    "hedge",
    "retry",
    "one_cent_buys = \"500ms\"\n",
    "midstream = \"continue\"\n",
];

fn check(text: &str) {
    if let Err(errors) = Policy::parse(&[SourceFile::new("policy.toml", text)]) {
        assert!(!errors.faults().is_empty());
        assert!(!errors.to_string().is_empty());
    }
}

proptest! {
    // Regressions become cases of their own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_policy_or_has_faults(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_arrangement_of_pieces_is_a_policy_or_has_faults(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        check(&pieces.concat());
    }

    #[test]
    fn a_policy_with_a_piece_cut_out_is_a_policy_or_has_faults(start in 0..COMPANY.len(), length in 0..40_usize) {
        let end = (start + length).min(COMPANY.len());
        check(&format!("{}{}", &COMPANY[..start], &COMPANY[end..]));
    }

    #[test]
    fn a_policy_of_many_clouds_with_a_piece_cut_out_is_a_policy_or_has_faults(start in 0..CLOUDS.len(), length in 0..80_usize) {
        let end = CLOUDS.ceil_char_boundary(start + length);
        check(&format!("{}{}", &CLOUDS[..CLOUDS.floor_char_boundary(start)], &CLOUDS[end..]));
    }

    /// The same for the secrets of every kind of credential.
    #[test]
    fn a_literal_secret_in_a_credential_is_never_shown(start in 0..CLOUDS.len(), length in 0..6_usize, extra in "[ -~\n]{0,1}") {
        let text = ["env:", "file:", "aws-sm:", "azure-kv:", "gcp-sm:", "vault:"]
            .iter()
            .fold(CLOUDS.to_owned(), |text, place| text.replace(&format!("\"{place}"), "\"sk-hunter2"));
        let (start, end) = (start.min(text.len()), (start + length).min(text.len()));
        let text = format!("{}{extra}{}", &text[..text.floor_char_boundary(start)], &text[text.ceil_char_boundary(end)..]);
        if let Err(errors) = Policy::parse(&[SourceFile::new("policy.toml", text)]) {
            prop_assert!(!errors.to_string().contains("hunter2"), "{}", errors);
        }
    }

    /// A slip of the finger near a literal secret: a few characters lost, one too many.
    #[test]
    fn a_literal_secret_is_never_shown(start in 0..COMPANY.len(), length in 0..6_usize, extra in "[ -~\n]{0,1}") {
        let text = COMPANY.replace("env:OPENAI_API_KEY", "sk-hunter2");
        let text = format!("{}{extra}{}", &text[..start.min(text.len())], &text[(start + length).min(text.len())..]);
        if let Err(errors) = Policy::parse(&[SourceFile::new("policy.toml", text)]) {
            prop_assert!(!errors.to_string().contains("hunter2"), "{}", errors);
        }
    }
}
