//! What is wrong with a scenario is said with its place and what is accepted, all of it at once.

use tradewind_policies::SourceFile;
use tradewind_policies::simulate::Scenario;

const GOOD: &str = r#"
name = "good"
horizon = "60s"
[arrivals]
rate = 5
[prompt]
law = "constant"
value = 100
[output]
law = "constant"
value = 20
[[backend]]
name = "a"
slots = 4
ttft = { base = "100ms" }
tpot = { base = "10ms" }
"#;

fn faults(text: &str) -> String {
    let read_trace = |_: &str| Err("no such file".to_owned());
    Scenario::parse(SourceFile::new("world.toml", text), &read_trace)
        .map(|_| String::new())
        .unwrap_or_else(|errors| errors.to_string())
}

#[test]
fn each_fault_names_its_place_and_what_is_accepted() {
    assert_eq!(faults(GOOD), "");
    for (good, bad, expected) in [
        ("rate = 5", "rat = 5", "unknown key `rat`; did you mean `rate`?"),
        ("rate = 5", "rate = 5\nwave = { mean = 1, swing = 0, period = 1 }", "accepted: exactly one of `rate`"),
        ("rate = 5", "rate = 0", "world.toml:5:8: arrivals.rate: `0` is out of range; accepted: more than zero"),
        ("rate = 5", "trace = \"x.csv\"", "x.csv: no such file"),
        ("rate = 5", "steps = [{ at = 2, rate = 1 }, { at = 1, rate = 1 }]", "each later than the one before"),
        ("horizon = \"60s\"", "horizon = \"soon\"", "`soon` is not a duration; accepted: a number of seconds"),
        ("horizon = \"60s\"", "horizon = 0", "accepted: more than zero"),
        ("horizon = \"60s\"", "horizon = 5\nwarm_up = 5", "accepted: less than `horizon`"),
        ("horizon = \"60s\"", "horizon = 5\nattempts = 0", "accepted: 1 to 1000"),
        ("law = \"constant\"\nvalue = 100", "law = \"normal\"", "`normal` is not a choice; accepted: `log-normal`"),
        ("law = \"constant\"\nvalue = 100", "law = \"log-normal\"\nsigma = 1", "accepted: either `median` or `mean`"),
        ("law = \"constant\"\nvalue = 100", "law = \"empirical\"\nvalues = []", "at least one value"),
        ("value = 100", "value = 100\nmin = 9\nmax = 8", "accepted: a `max` from `min` on"),
        ("slots = 4", "slots = 0", "accepted: 1 or more"),
        ("slots = 4", "slots = 4\nfailure = { share = 1.5 }", "accepted: 0 to 1"),
        ("slots = 4", "slots = 4\nlimit = { burst = 3 }", "accepted: `requests_per_second`"),
        ("slots = 4", "queue = 4", "add `slots`"),
        (
            "ttft = { base = \"100ms\" }",
            "ttft = { base = 1, sigma = 1, noise = { law = \"constant\", value = 1 } }",
            "either `sigma` or `noise`",
        ),
        ("ttft = { base = \"100ms\" }", "", "missing key `ttft`"),
        (
            "tpot = { base = \"10ms\" }",
            "tpot = { base = 1 }\n[[event]]\nbackends = [\"b\"]\ndown = true",
            "no backend `b`; did you mean `a`?",
        ),
        ("tpot = { base = \"10ms\" }", "tpot = { base = 1 }\n[[event]]\nbackends = [\"a\"]", "nothing happens; accepted: `slow`"),
        (
            "tpot = { base = \"10ms\" }",
            "tpot = { base = 1 }\n[[event]]\ndown = true",
            "accepted: either `backends` or `failure_domain`",
        ),
        (
            "tpot = { base = \"10ms\" }",
            "tpot = { base = 1 }\n[[backend]]\nname = \"a\"\nttft = { base = 1 }\ntpot = { base = 1 }",
            "there is another backend `a`",
        ),
        ("name = \"good\"", "name = ", "not TOML"),
    ] {
        let found = faults(&GOOD.replacen(good, bad, 1));
        assert!(found.contains(expected), "{bad}\n\n{found}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(&GOOD.replace("rate = 5", "rate = -1").replace("value = 20", "valu = 20").replace("100ms", "100 parsecs"));
    for expected in ["`-1` is out of range", "missing key `value`", "unknown key `valu`", "`100 parsecs` is not a duration"] {
        assert!(found.contains(expected), "{found}");
    }
}
