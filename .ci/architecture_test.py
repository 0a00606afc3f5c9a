"""The architecture check must be able to fail: each kind of forbidden import is shown to it once.

Run with `python3 -m unittest discover -s .ci -p '*_test.py'`.
"""

import unittest

from architecture import crate_faults, module_faults


def metadata(**crates):
    """`cargo metadata` with the given crates: name (underscores for hyphens) = [(target, kind, optional), …]."""
    packages = [
        {
            "name": name.replace("_", "-"),
            "dependencies": [{"name": target, "kind": kind, "optional": optional} for target, kind, optional in edges],
        }
        for name, edges in crates.items()
    ]
    return {"packages": packages}


class Crates(unittest.TestCase):
    def faults(self, **crates):
        return list(crate_faults(metadata(**crates)))

    def test_allowed_imports_pass(self):
        self.assertEqual(
            self.faults(
                tradewind_protocol=[("serde", None, False)],
                tradewind_policies=[("tradewind-protocol", None, False), ("proptest", "dev", False)],
                tradewind=[("tradewind-candle", None, True), ("tradewind-cloudsim", "dev", False)],
                tradewind_candle=[("tradewind-models", None, False), ("candle-core", None, False)],
                tradewind_models=[],
                tradewind_cloudsim=[("tokio", None, False)],
            ),
            [],
        )

    def test_a_forbidden_import_is_found_in_every_kind_of_dependency(self):
        for kind in (None, "dev", "build"):
            with self.subTest(kind=kind):
                faults = self.faults(tradewind_cloudsim=[("tradewind-protocol", kind, False)], tradewind_protocol=[])
                self.assertEqual(len(faults), 1)
                self.assertIn("tradewind-cloudsim -> tradewind-protocol", faults[0])

    def test_an_optional_forbidden_import_is_still_forbidden(self):
        self.assertEqual(len(self.faults(tradewind_policies=[("tradewind-models", None, True)])), 1)

    def test_candle_in_the_gateway_must_be_optional(self):
        self.assertIn("optional = true", self.faults(tradewind=[("tradewind-candle", None, False)])[0])

    def test_the_simulator_is_for_tests_only(self):
        self.assertIn("dev-dependencies", self.faults(tradewind=[("tradewind-cloudsim", None, False)])[0])

    def test_an_unknown_crate_is_refused(self):
        self.assertIn("unknown crate", self.faults(tradewind_novelty=[])[0])

    def test_pure_decisions_do_without_a_runtime_even_in_tests(self):
        self.assertIn("do without", self.faults(tradewind_policies=[("tokio", "dev", False)])[0])


class Modules(unittest.TestCase):
    TREE = {"lib.rs": "", "context.rs": "", "stack.rs": "", "auth/mod.rs": "", "audit/mod.rs": "", "route/mod.rs": ""}

    def faults(self, path, text):
        return list(module_faults({**self.TREE, path: text}))

    def test_meeting_points_and_own_children_may_be_imported(self):
        self.assertEqual(self.faults("audit/layer.rs", "use crate::{audit::Record, context::RequestContext};"), [])
        self.assertEqual(self.faults("audit/layer.rs", "use super::chain::Chain;"), [])

    def test_an_exception_holds_in_one_direction(self):
        tree = {"dispatch/mod.rs": "use crate::route::Deployment;", "route/mod.rs": "use crate::dispatch::Attempt;"}
        self.assertEqual([fault.split(":")[0] for fault in module_faults(tree)], ["gateway/src/route/mod.rs -> crate"])

    def test_the_stack_may_import_every_feature(self):
        self.assertEqual(self.faults("stack.rs", "use crate::{audit, auth, route};"), [])

    def test_another_feature_is_found_however_it_is_written(self):
        for text in (
            "use crate::auth::Principal;",
            "use crate::{\n    context,\n    auth::{Principal, Claims},\n};",
            "fn f(p: &crate::auth::Principal) {}",
            "use super::super::auth;",
            "pub(in crate::audit) use crate::auth as a;",
        ):
            with self.subTest(text=text):
                self.assertEqual(len(self.faults("audit/layer.rs", text)), 1)

    def test_names_inside_a_group_are_not_mistaken_for_modules(self):
        self.assertEqual(self.faults("audit/layer.rs", "use crate::context::{auth, route};"), [])
        self.assertEqual(self.faults("audit/layer.rs", "use crate::{context::{auth, route}, audit::Record};"), [])

    def test_a_feature_does_not_import_what_composes_it(self):
        self.assertIn("above", self.faults("audit/mod.rs", "use crate::stack::Stack;")[0])

    def test_comments_and_literals_are_not_imports(self):
        text = """//! See [`crate::auth`].
        /* crate::auth */ const A: &str = "crate::auth"; const B: &str = r#"a "crate::auth" b"#; const C: char = '"';
        fn f<'a>(x: &'a str) -> &'a str { x } // crate::auth
        """
        self.assertEqual(self.faults("audit/mod.rs", text), [])


if __name__ == "__main__":
    unittest.main()
