//! A policy of a large company: a thousand routes, and what they need. How long it takes to be looked at is measured by instruction counts
//! (`valgrind --tool=callgrind` on this test), whose growth tells of a step that is quadratic.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::fmt::Write;
use std::time::Duration;

use tradewind_policies::{Day, Policy, SourceFile};

/// Backends of which each serves every model of its tenth.
const BACKENDS: usize = 30;

/// A policy with so many routes, ten of them for each model: nine for some tenants each, one for the others.
fn policy(routes: usize) -> String {
    let models = routes / 10;
    let mut text = "version = 1\n".to_owned();
    for backend in 0..BACKENDS {
        writeln!(text, "[backend.b{backend}]\nprovider = \"vllm\"\nbase_url = \"http://10.0.0.{backend}:8000/v1\"").unwrap();
        for model in (0..models).filter(|model| model % 10 == backend % 10) {
            writeln!(text, "models.m{model} = {{ name = \"upstream-{model}\", capabilities = {{ context = 8000 }} }}").unwrap();
        }
    }
    text.push_str("[alias]\n");
    (0..models).for_each(|model| writeln!(text, "alias-{model} = \"m{model}\"").unwrap());
    for tenant in 0..routes / 10 {
        writeln!(text, "[tenant.t{tenant}-x]\nallow = [\"m{tenant}\", \"alias-*\"]").unwrap();
    }
    for route in 0..routes {
        let (model, part) = (route / 10, route % 10);
        let tenant = if part < 9 { format!(", tenant = [\"t{}-*\"]", (model + part) % (routes / 10)) } else { String::new() };
        let b = model % 10;
        writeln!(
            text,
            "[[route]]\nname = \"r{route}\"\nmatch = {{ model = \"m{model}\"{tenant} }}\ntiers = [[\"b{b}\", \"b{}\"], [\"b{}\"]]",
            b + 10,
            b + 20
        )
        .unwrap();
    }
    for test in 0..routes / 10 {
        writeln!(
            text,
            "[[test]]\ngiven = {{ tenant = \"t{test}-x\", model = \"alias-{test}\" }}\nexpect = {{ route = \"r{}\" }}",
            test * 10
        )
        .unwrap();
    }
    text
}

fn is_taken(routes: usize) {
    let checked = Policy::check(&[SourceFile::new("policy.toml", policy(routes))], Day::of(Duration::ZERO));
    let findings: Vec<_> = checked.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(checked.policy.map(|policy| policy.routes().count()), Some(routes));
}

#[test]
fn a_thousand_routes_are_taken() {
    is_taken(1000);
}

#[test]
fn half_as_many_are_taken() {
    is_taken(500);
}
