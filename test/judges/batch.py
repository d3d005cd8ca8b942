#!/usr/bin/env python3
"""Many requests of one judge in one process, so that its engine is loaded once.

  batch.py JUDGE.py < [{"args": [...], "input": ...}, ...]

Prints the answers as one JSON array; a refusal of the engine is an answer with `error`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import sys


def load(path: str):
    spec = importlib.util.spec_from_file_location("judge", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "open_duckdb"):  # loading the extensions is what takes the time
        module.open_duckdb = functools.cache(module.open_duckdb)
    return module


def answer(judge, request: dict):
    sys.argv = ["judge.py", *request["args"]]
    sys.stdin = io.StringIO(json.dumps(request.get("input")))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        judge.main()
    return json.loads(out.getvalue())


def main() -> None:
    requests = json.load(sys.stdin)
    judge = load(sys.argv[1])
    answers = [answer(judge, request) for request in requests]
    json.dump(answers, sys.stdout, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
