//! The configuration as an operator meets it: files, variables, flags, and all faults at once.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;

const EXAMPLE: &str = include_str!("../../tradewind.example.toml");

fn parse(text: &str) -> Result<Settings, ConfigErrors> {
    Settings::parse(Path::new("tradewind.toml"), text)
}

fn faults(text: &str) -> String {
    parse(text).expect_err("the file has faults").to_string()
}

/// The example with the lines that state a default uncommented, or also those that show a setting without one.
fn uncommented(example_values: Option<()>) -> String {
    EXAMPLE
        .lines()
        .map(|line| match (line.strip_prefix("#? "), line.strip_prefix('#')) {
            (Some(setting), _) => {
                if example_values.is_some() {
                    setting
                } else {
                    line
                }
            }
            (None, Some(setting)) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_empty_file_the_example_and_its_uncommented_defaults_mean_the_same() {
    assert_eq!(parse("").unwrap(), Settings::default());
    assert_eq!(parse(EXAMPLE).unwrap(), Settings::default());
    let defaults = uncommented(None);
    assert!(defaults.contains("\nin_flight = 1024\n"), "{defaults}");
    assert_eq!(parse(&defaults).unwrap(), Settings::default());
}

#[test]
fn every_setting_of_the_example_is_accepted() {
    let settings = parse(&uncommented(Some(()))).unwrap();
    assert_eq!(settings.policy, Some(PathBuf::from("policy.toml")));
    assert_eq!(settings.certificate, Certificate::Files { chain: "tls/fullchain.pem".into(), key: "tls/privkey.pem".into() });
    assert_eq!(
        settings.auth.issuers,
        [IssuerSettings {
            issuer: "https://login.example.com".to_owned(),
            audience: vec!["tradewind".to_owned()],
            keys: IssuerKeys::File("issuers/example-jwks.json".into()),
            tenant_claim: "tenant".to_owned(),
            models_claim: "models".to_owned(),
        }]
    );
    assert_eq!(settings.audit.dir, Some(PathBuf::from("/var/lib/tradewind/audit")));
    assert_eq!(settings.decisions.dir, Some(PathBuf::from("/var/lib/tradewind/decisions")));
    assert_eq!(settings.decisions.header_tenants, ["platform-*".parse().unwrap()]);
    assert_eq!(
        (settings.decisions.record_claims, settings.decisions.record_headers),
        (vec!["groups".to_owned()], vec!["x-team".to_owned()])
    );
    assert_eq!(settings.local.threads, NonZeroUsize::new(4));
    assert_eq!(settings.local.models, Some(PathBuf::from("/var/cache/tradewind/models")));
    assert_eq!(settings.local.manifests, Some(PathBuf::from("/etc/tradewind/models")));
    assert_eq!(settings.local.accept_licences, ["LicenseRef-Gemma"]);
    assert_eq!((settings.local.memory, settings.local.idle_unload), (Some(ByteSize::mib(8192)), Some(Duration::from_mins(10))));
}

#[test]
fn every_configuration_in_the_readme_is_accepted() {
    let page = include_str!("../../../README.md");
    let blocks: Vec<_> = page.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    let own: Vec<_> = blocks.into_iter().filter(|block| !block.contains("version = 1")).collect();
    assert!(own.iter().any(|block| block.starts_with("[decisions]")), "{own:?}");
    own.into_iter().for_each(|block| drop(parse(block).unwrap_or_else(|errors| panic!("{errors}\n{block}"))));
}

#[test]
fn what_is_recorded_of_callers_is_no_secret_and_makes_sense() {
    let settings = parse("[decisions]\nrecord_headers = [\"X-Team\", \"x-lane\", \"x-team\"]").unwrap();
    assert_eq!(settings.decisions.record_headers, ["x-lane", "x-team"]);
    let many = (0..33).map(|number| format!("\"c{number}\"")).collect::<Vec<_>>().join(", ");
    for (line, message) in [
        (
            "record_headers = [\"x-team\", \"Authorization\"]",
            "`authorization` may hold a credential, which is never recorded; take it off the list",
        ),
        ("record_headers = [\"x-amz-security-token\"]", "`x-amz-security-token` may hold a credential"),
        ("record_headers = [\"x team\"]", "\"x team\" is no header; write names such as \"x-team\""),
        ("record_headers = \"x-team\"", "expected a list of texts"),
        ("record_claims = [\"jti\"]", "`jti` is about one token, and no route is chosen by it"),
        ("record_claims = [\"client_secret\"]", "`client_secret` may hold a credential"),
        ("record_claims = [\"a\\nb\"]", "is no claim"),
        (&format!("record_claims = [{many}]"), "there are 33 names"),
    ] {
        let told = faults(&format!("[decisions]\n{line}"));
        assert!(told.contains(message) && told.contains("tradewind.toml:2:"), "{line}: {told}");
    }
}

/// The gateway says itself what it accepts: the list in the message about an unknown key.
#[test]
fn every_setting_the_gateway_knows_is_in_the_example() {
    let everything = uncommented(Some(()));
    let example: toml::Table = everything.parse().unwrap();
    for section in [
        "",
        "[tls]",
        "[limits]",
        "[timeouts]",
        "[idempotency]",
        "[auth]",
        "[audit]",
        "[decisions]",
        "[log]",
        "[local]",
        "[[issuer]]",
    ] {
        let message = faults(&format!("{section}\nnosuchkey = 1"));
        let (_, accepted) = message.split_once("(accepted here: ").unwrap();
        let (accepted, _) = accepted.split_once(')').unwrap();
        let table = match section.trim_matches(['[', ']']) {
            "" => &example,
            "issuer" => example["issuer"][0].as_table().unwrap(),
            name => example[name].as_table().unwrap(),
        };
        for key in accepted.split(", ") {
            assert!(table.contains_key(key), "{section} {key} is not in the example");
        }
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once_with_place_and_remedy() {
    let text = r#"
listen = "8443"
polcy = "p.toml"

[tls]
cert = "cert.pem"

[limits]
in_flight = "many"
body = "16MB"
headers = 0
conections = 10

[timeouts]
request = "soon"
header = 10

[auth]
dev_issuer = "yes"

[[issuer]]
issuer = "http://login.example.com"

[log]
format = "xml"
level = "inof"

[local]
device = "gpu"
threads = -1
"#;
    let expected = [
        r#"tradewind.toml:2:10: listen: "8443" is not an address; write host:port, for example localhost:8443 or [::]:8443"#,
        "tradewind.toml:3:1: polcy: unknown key; did you mean policy? (accepted here: admin, audit, auth, decisions, home, idempotency, issuer, limits, listen, local, log, policy, timeouts, tls)",
        "tradewind.toml:6:8: tls.cert: has no key beside it; set tls.key to the certificate's private key",
        r#"tradewind.toml:9:13: limits.in_flight: expected a whole number from 1 to 1000000, found the text "many""#,
        r#"tradewind.toml:10:8: limits.body: "16MB" is not a size; write a whole number with B, KiB, MiB or GiB, for example 16MiB"#,
        "tradewind.toml:11:11: limits.headers: expected a whole number from 1 to 10000, found the number 0",
        "tradewind.toml:12:1: limits.conections: unknown key; did you mean connections? (accepted here: body, connections, h2_streams, header_bytes, headers, in_flight)",
        r#"tradewind.toml:15:11: timeouts.request: expected a duration from 1s to 1day in quotes, for example "30s", found the text "soon""#,
        r#"tradewind.toml:16:10: timeouts.header: expected a duration from 1s to 1day in quotes, for example "30s", found the number 10"#,
        r#"tradewind.toml:19:14: auth.dev_issuer: expected true or false, found the text "yes""#,
        r#"tradewind.toml:21:1: issuer.audience: missing; list the accepted aud claims, for example ["tradewind"]"#,
        r#"tradewind.toml:22:10: issuer.issuer: "http://login.example.com" is not an issuer; write an https:// URL without query (http:// only to localhost), or give its keys in `jwks_file`"#,
        r#"tradewind.toml:25:10: log.format: "xml" is not a log format; write auto, human or json"#,
        r#"tradewind.toml:26:9: log.level: "inof" is not a log filter ("inof" is not one of off, error, warn, info, debug, trace); write a level or levels by module, for example info or info,tradewind=debug"#,
        r#"tradewind.toml:29:10: local.device: "gpu" is not a device; write auto, cpu, cuda for every GPU, or cuda:0 for the first one"#,
        "tradewind.toml:30:11: local.threads: expected a whole number from 1 to 1024, found the number -1",
    ];
    let found = faults(text);
    for (found, expected) in found.lines().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.len(), "{found}");
}

#[test]
fn an_answer_that_would_fill_the_memory_is_refused_where_it_was_typed() {
    let refused = |key: &str| format!("idempotency.{key}: one answer may be ");
    assert!(faults("[idempotency]\nanswer = \"40MiB\"").contains(&refused("answer")));
    assert!(faults("[idempotency]\nmemory = \"4MiB\"").contains(&refused("memory")));
    assert!(parse("[idempotency]\nmemory = \"4MiB\"\nanswer = \"2MiB\"").is_ok());
}

#[test]
fn what_is_no_toml_is_told_by_itself_with_its_place() {
    let found = faults("listen = \n[limits\nunknown = 1\n");
    assert!(found.starts_with("tradewind.toml:1:"), "{found}");
    assert!(found.lines().all(|line| line.contains("not valid TOML")), "{found}");
}

#[test]
fn tables_and_values_in_each_others_place_are_refused() {
    assert_eq!(faults("limits = 3"), "tradewind.toml:1:10: limits: expected a table, headed [limits], found the number 3");
    assert_eq!(
        faults("[issuer]\nissuer = \"https://a.example\""),
        "tradewind.toml:1:1: issuer: expected a list of tables, each headed [[issuer]], found a table"
    );
    assert_eq!(
        faults("[log]\nlevel = []"),
        "tradewind.toml:2:9: log.level: expected a text in quotes that is not empty, found a list"
    );
}

#[test]
fn columns_count_characters_and_not_bytes() {
    assert!(faults("\"ключ\" = 1\n\n\"é\" = 1, ").starts_with("tradewind.toml:3:"));
    assert!(
        faults("log = { \"é\" = 1, lvel = \"info\" }")
            .contains("tradewind.toml:1:18: log.lvel: unknown key; did you mean level?")
    );
}

#[test]
fn an_issuer_declared_twice_is_refused_where_it_is_declared_again() {
    let block = "[[issuer]]\nissuer = \"https://a.example\"\naudience = [\"x\"]\n";
    let found = faults(&format!("{block}{block}"));
    assert_eq!(found, "tradewind.toml:5:10: issuer.issuer: is declared twice; keep one [[issuer]] for each issuer");
}

#[test]
fn an_issuer_without_tls_is_accepted_on_loopback_only() {
    let file = |url: &str| format!("[[issuer]]\nissuer = {url:?}\naudience = [\"x\"]\n");
    for url in ["http://127.0.0.1:9000", "http://localhost/realm", "http://[::1]:1", "https://a.example/tenant"] {
        assert_eq!(parse(&file(url)).unwrap().auth.issuers[0].issuer, url);
    }
    for url in ["http://localhost.evil.example", "ftp://localhost", "login.example.com", "https://a.example?x=1"] {
        assert!(parse(&file(url)).is_err(), "{url}");
        assert!(parse(&format!("{}jwks_file = \"keys.json\"\n", file(url))).is_ok(), "{url}");
    }
}

#[test]
fn numbers_may_be_written_in_any_way_toml_has() {
    let settings = parse("[limits]\nin_flight = 2_048\nheaders = 0x40\nbody = 1048576\nheader_bytes = \"16 KiB\"").unwrap();
    assert_eq!(settings.requests.in_flight.get(), 2048);
    assert_eq!(settings.connections.headers.get(), 64);
    assert_eq!(settings.requests.body, ByteSize::mib(1));
    assert_eq!(settings.connections.header_bytes, ByteSize::kib(16));
}

#[test]
fn paths_in_a_file_start_at_its_folder() {
    let text = "home = \"state\"\npolicy = \"/etc/policy.toml\"";
    let settings = Settings::parse(Path::new("/srv/gateway/tradewind.toml"), text).unwrap();
    assert_eq!(settings.home, Path::new("/srv/gateway/state"));
    assert_eq!(settings.policy.as_deref(), Some(Path::new("/etc/policy.toml")));
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("t.toml");
    std::fs::write(&file, "listen = \"localhost:1\"\nhome = \"file\"\n[log]\nlevel = \"warn\"\n[timeouts]\nrequest = \"1m\"")
        .unwrap();
    let environment =
        Environment { home: Some("variable".into()), models: Some("/models".into()), log: Some("debug".to_owned()) };
    let mut args = ServeArgs { config: Some(file), listen: Some("localhost:2".parse().unwrap()), ..Default::default() };
    let settings = Settings::load(&args, &environment).unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.home, Path::new("variable"));
    assert_eq!(settings.local.models.as_deref(), Some(Path::new("/models")));
    assert_eq!(settings.log.filter.as_str(), "debug");
    assert_eq!(settings.requests.deadline, Duration::from_mins(1));
    args.home = Some("flag".into());
    assert_eq!(Settings::load(&args, &environment).unwrap().home, Path::new("flag"));
}

#[test]
fn a_file_that_was_named_must_be_readable_and_a_bad_variable_is_told_beside_it() {
    let args = ServeArgs { config: Some("/nonexistent/t.toml".into()), ..Default::default() };
    let environment = Environment { log: Some("loud".to_owned()), ..Default::default() };
    let found = Settings::load(&args, &environment).unwrap_err().to_string();
    let lines: Vec<_> = found.lines().collect();
    assert_eq!(lines.len(), 2, "{found}");
    assert!(lines[0].starts_with("/nonexistent/t.toml: cannot read the configuration"), "{found}");
    assert!(lines[1].starts_with("$RUST_LOG: \"loud\" is not a log filter"), "{found}");
}
