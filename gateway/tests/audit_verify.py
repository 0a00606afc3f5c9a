#!/usr/bin/env python3
"""Checks a Tradewind audit log without Tradewind: `audit_verify.py FOLDER` exits 0 where the log is whole.

The format is described in the documentation of the module `audit`.
"""

import hashlib
import json
import pathlib
import sys


def main(folder: pathlib.Path) -> int:
    seq, prev, reached = 0, "0" * 64, {0: "0" * 64}
    for number, path in enumerate(sorted(folder.glob("audit-*.jsonl")), start=1):
        if path.name != f"audit-{number:06}.jsonl":
            sys.exit(f"{path.name}: a segment is missing before it")
        for at, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            head, separator, tail = line.rpartition(b',"hash":"')
            record = json.loads(line)
            digest = hashlib.sha256(bytes.fromhex(prev) + head + b"}").hexdigest()
            if record["seq"] != seq + 1 or record["prev"] != prev or not separator or tail != f'{digest}"}}\n'.encode():
                sys.exit(f"{path.name}:{at}: the chain is broken")
            seq, prev = record["seq"], digest
            reached[seq] = prev
    head = json.loads((folder / "head.json").read_text())
    if reached.get(head["seq"]) != head["hash"]:
        sys.exit("head.json: the log does not reach as far as its head, or not the same way")
    print(f"{seq} records, last hash {prev}")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
