#!/usr/bin/env bash
# Whether an editor says the same of a policy as the gateway, as far as a schema can: Taplo takes every example, and refuses these faulty ones.
# Install the packages of this folder first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly FAULTY=(keys_of_another_provider missing_keys typos_in_backend typos_in_route unknown_keys wrong_types wrong_units wrong_values)

taplo() { tests/editor/node_modules/.bin/taplo check --schema "file://$PWD/policy.schema.json" "$@" 2>&1; }

if ! said=$(taplo examples/*.toml); then
    printf '%s\n' "$said"
    exit 1
fi
for name in "${FAULTY[@]}"; do
    if taplo "tests/faults/$name/policy.toml" >/dev/null; then
        echo "the schema finds nothing wrong with tests/faults/$name/policy.toml" >&2
        exit 1
    fi
done
