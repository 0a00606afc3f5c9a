#!/usr/bin/env python3
"""Fails when the code imports what the architecture forbids.

Three walls are checked, each against a table below, so that moving a wall is one deliberate line in a commit:

1. which crate of the workspace may depend on which (`cargo metadata`: normal, development and build dependencies);
2. which heavy crates a crate earns its place by *not* having;
3. that the feature modules of `gateway/src` do not import each other: they meet in the modules named here.

Only the standard library is used: the check runs before anything is installed. Usage: architecture.py [REPOSITORY]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ALWAYS = "always"
# A cargo feature must be able to leave it out, so that the gateway builds without it.
OPTIONAL = "optional"
# Tests only: it never reaches a binary.
DEVELOPMENT = "development"

MEMBERS: dict[str, dict[str, str]] = {
    "tradewind-protocol": {},
    "tradewind-policies": {"tradewind-protocol": ALWAYS},
    "tradewind-providers": {"tradewind-protocol": ALWAYS},
    "tradewind-models": {},
    "tradewind-candle": {"tradewind-models": ALWAYS},
    # Shares no code with `tradewind-protocol`: a bug in an encoder must not hide behind the same bug in the simulator.
    "tradewind-cloudsim": {},
    "tradewind-loadtest": {"tradewind-cloudsim": ALWAYS},
    "tradewind": {
        "tradewind-protocol": ALWAYS,
        "tradewind-providers": ALWAYS,
        "tradewind-policies": ALWAYS,
        "tradewind-models": ALWAYS,
        "tradewind-candle": OPTIONAL,
        "tradewind-cloudsim": DEVELOPMENT,
    },
}
# Benchmarks look at everything.
MEMBERS["tradewind-bench"] = dict.fromkeys(MEMBERS, ALWAYS)

IO_CRATES = frozenset({"hyper", "hyper-util", "hyper-rustls", "reqwest", "rustls", "tokio", "tokio-rustls", "ureq"})
CANDLE_CRATES = frozenset({"candle-core", "candle-nn", "candle-transformers", "candle-flash-attn"})

# What a crate does without, in any kind of dependency.
WITHOUT: dict[str, frozenset[str]] = {
    "tradewind-protocol": IO_CRATES | CANDLE_CRATES,
    "tradewind-providers": IO_CRATES | CANDLE_CRATES,
    "tradewind-policies": IO_CRATES | CANDLE_CRATES,
    "tradewind-models": CANDLE_CRATES,
    "tradewind": CANDLE_CRATES,
}

# Modules of the gateway that put the others together: they may import anything, and no feature may import them.
COMPOSERS = frozenset({"lib", "main", "stack", "cli", "gateway", "reload"})
# Vocabulary and tools that every module may use: what a request carries, what a layer is made of, where the process keeps its state.
SHARED = frozenset(
    {"body", "client", "closing", "config", "context", "error", "finishing", "home", "inference", "snapshot", "telemetry"}
)
# One-way exceptions. An attempt is made on the deployments that routing ordered, and a deployment wraps a backend, whose
# last step before the socket is its credential; what is found out about a server is told to its deployments; the operators' listener
# is served by the same server and reports on the health of the log, of the local models, and on the policy in force; what copies of requests may cost is held as budgets are.
NEIGHBOURS: dict[str, frozenset[str]] = {
    "dispatch": frozenset({"route", "backend", "shadow", "limit"}),
    "shadow": frozenset({"limit"}),
    "backend": frozenset({"credential"}),
    "route": frozenset({"backend"}),
    "upkeep": frozenset({"route"}),
    "admin": frozenset({"server", "audit", "backend", "decision", "in_force", "shadow"}),
    "decision": frozenset({"route"}),
}

Fault = str


def crate_faults(metadata: dict) -> Iterator[Fault]:
    """Dependencies between workspace members, and on heavy crates, that the tables do not allow."""
    members = {package["name"]: package for package in metadata["packages"]}
    for name, package in sorted(members.items()):
        if name not in MEMBERS:
            yield f"{name}: unknown crate; say in .ci/architecture.py whom it may import"
            continue
        for dependency in package["dependencies"]:
            target, kind = dependency["name"], dependency["kind"] or "normal"
            if target in WITHOUT.get(name, frozenset()):
                yield f"{name} -> {target} ({kind}): this crate exists to do without it"
            if target in members or target.startswith("tradewind"):
                yield from _member_edge(name, target, kind, dependency["optional"])


def _member_edge(name: str, target: str, kind: str, optional: bool) -> Iterator[Fault]:
    rule = MEMBERS[name].get(target)
    if rule is None:
        yield f"{name} -> {target} ({kind}): the architecture forbids this import"
    elif rule == OPTIONAL and not optional:
        yield f"{name} -> {target} ({kind}): allowed only behind a cargo feature (`optional = true`)"
    elif rule == DEVELOPMENT and kind != "dev":
        yield f"{name} -> {target} ({kind}): allowed only in [dev-dependencies]"


def module_faults(sources: dict[str, str]) -> Iterator[Fault]:
    """Imports between feature modules; `sources` maps a path below `gateway/src` to its text."""
    modules = {_module_path(path)[0] for path in sources}
    for path, text in sorted(sources.items()):
        here = _module_path(path)
        if here[0] in COMPOSERS | SHARED:
            continue
        allowed = SHARED | NEIGHBOURS.get(here[0], frozenset()) | {here[0]}
        for there in sorted(set(_imported_modules(text, here)) & modules - allowed):
            why = "puts the features together and is above them" if there in COMPOSERS else "is another feature"
            yield f"gateway/src/{path} -> crate::{there}: `{there}` {why}; speak through `context` and meet in `stack`"


def _module_path(path: str) -> list[str]:
    parts = path.removesuffix(".rs").split("/")
    return parts[:-1] if len(parts) > 1 and parts[-1] == "mod" else parts


# Comments and literals may name any module; only code imports. Lifetimes ('a) are left alone by asking for a closing quote.
_NOT_CODE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | b?r(?P<hashes>\#*)".*?"(?P=hashes) | b?"(?:\\.|[^"\\])*" | b?'(?:\\.|[^'\\])'""",
    re.VERBOSE | re.DOTALL,
)
_ROOTED = re.compile(r"\b(?P<root>crate|super(?:\s*::\s*super)*)\s*::\s*(?P<rest>\{|[A-Za-z_]\w*)")


def _imported_modules(text: str, here: list[str]) -> Iterator[str]:
    """First path segments below the crate's root that the code names."""
    code = _NOT_CODE.sub(" ", text)
    for found in _ROOTED.finditer(code):
        ups = found["root"].count("super")
        # `super` leads to the crate's root from a file of that depth (from an inline module, one more: never fewer).
        if ups and ups < len(here):
            continue
        if found["rest"] == "{":
            yield from _first_segments(code[found.end() :])
        else:
            yield found["rest"]


def _first_segments(group: str) -> Iterator[str]:
    """First segments of the members of a `{a::b, c::{d, e}}` group; `group` starts behind the opening brace."""
    depth, expecting = 1, True
    for token in re.finditer(r"[{},]|[A-Za-z_]\w*", group):
        match token[0]:
            case "{":
                depth += 1
            case "}":
                depth -= 1
                if depth == 0:
                    return
            case ",":
                expecting = depth == 1
            case name if expecting:
                expecting = False
                yield name


def check(root: Path) -> list[Fault]:
    """All faults of the repository at `root`."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)
    source = root / "gateway" / "src"
    sources = {path.relative_to(source).as_posix(): path.read_text("utf-8") for path in source.rglob("*.rs")}
    return [*crate_faults(metadata), *module_faults(sources)]


def main(arguments: Iterable[str]) -> int:
    root = Path(next(iter(arguments), Path(__file__).resolve().parent.parent))
    faults = check(root)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
