"""The folder that a run of a Python peer writes to, as in work-folder.mjs."""

from __future__ import annotations

import os
import shutil

NEVER_CHANGED = (".parquet", ".avro", ".puffin")


def reset_work(job: dict) -> None:
    """An empty folder, or the table as it was made."""
    shutil.rmtree(job["work"], ignore_errors=True)
    if job.get("base") is None:
        os.makedirs(job["work"])
    else:
        shutil.copytree(job["base"], job["work"], copy_function=link_or_copy)


def link_or_copy(source: str, target: str) -> None:
    if source.endswith(NEVER_CHANGED):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
