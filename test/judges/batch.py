#!/usr/bin/env python3
"""Many requests of one judge in one process, so that its engine is loaded once.

  batch.py JUDGE.py < [{"args": [...], "input": ...}, ...]     prints the answers as one JSON array
  batch.py --lines JUDGE.py                                    a request on each line in, its answer on a line out

A refusal of the engine is an answer with `error`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import os
import sys


def load(path: str):
    sys.path.insert(0, os.path.dirname(path))
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


def whole(path: str) -> None:
    requests = json.load(sys.stdin)
    judge = load(path)
    answers = [answer(judge, request) for request in requests]
    json.dump(answers, sys.stdout, ensure_ascii=False, separators=(",", ":"))


def by_line(path: str) -> None:
    requests = sys.stdin
    # What an engine itself prints goes elsewhere: the lines are ours alone.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        judge = load(path)
        for line in requests:
            text = json.dumps(answer(judge, json.loads(line)), ensure_ascii=False, separators=(",", ":"))
            answers.write(text + "\n")
            answers.flush()


if __name__ == "__main__":
    by_line(sys.argv[2]) if sys.argv[1] == "--lines" else whole(sys.argv[1])
