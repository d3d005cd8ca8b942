#!/usr/bin/env bash
# Installs what the benches measure serac against - pyarrow, DuckDB, PyIceberg, Polars, delta-rs, the JavaScript
# libraries, iceberg-rust where cargo is there - and a second Node, under SERAC_BENCH_PEERS (default:
# ~/.cache/serac-bench-peers), never into the project. Spark is the judge's: test/judges/setup.sh. Safe to run again;
# needs python3 and npm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_BENCH_PEERS:-$HOME/.cache/serac-bench-peers}
node22=22.23.3
mkdir -p "$root/npm" "$root/node22"

# python_packages VENV REQUIREMENTS
python_packages() {
  cmp -s "$2" "$1/installed.txt" && return
  [[ -x $1/bin/python ]] || python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2"
}

python_packages "$root/venv" "$here/peers/requirements.txt"
cp "$here/peers/requirements.txt" "$root/venv/installed.txt"

# DuckDB's Iceberg extension from PyPI, which is of one release of DuckDB. It lands in ~/.duckdb.
iceberg=$root/venv-iceberg
if ! cmp -s "$here/peers/requirements-iceberg.txt" "$iceberg/installed.txt"; then
  python_packages "$iceberg" "$here/peers/requirements-iceberg.txt"
  "$iceberg/bin/python" - <<'PY'
from duckdb_extensions import import_extension

for name in ("avro", "iceberg"):
    import_extension(name)
PY
  cp "$here/peers/requirements-iceberg.txt" "$iceberg/installed.txt"
fi

cp "$here/peers/package.json" "$root/npm/package.json"
npm install --silent --no-audit --no-fund --prefix "$root/npm"

# icebird writes in its source only, not in what npm has; the same holds for the engine that it imports.
source_of() { # repository, commit, folder
  [[ -d $3/src ]] && return
  mkdir -p "$3" && git -C "$3" init --quiet &&
    git -C "$3" fetch --quiet --depth 1 "https://github.com/hyparam/$1" "$2" && git -C "$3" checkout --quiet FETCH_HEAD
}
icebird=$root/icebird/source
mkdir -p "$root/icebird"
if source_of icebird 6d37c49ac89d9d1de895d82f53a26280a4126e14 "$icebird" &&
  source_of squirreling 91f6036f3a8cec6cac1c608231c2d3bf89d1a3e8 "$icebird/node_modules/squirreling"; then
  cp "$here/peers/icebird/package.json" "$root/icebird/package.json"
  npm install --silent --no-audit --no-fund --prefix "$root/icebird"
else
  rm -rf "$icebird"
  echo "icebird's source could not be had: bench/writes.mjs leaves it out" >&2
fi

if [[ $("$root/node22/node_modules/node/bin/node" --version 2>/dev/null) != "v$node22" ]]; then
  npm install --silent --no-audit --no-fund --no-save --prefix "$root/node22" "node@$node22"
fi

# iceberg-rust has no ready program: about ten minutes of a processor, once. Cargo's lock file stays with the build.
if command -v cargo >/dev/null; then
  mkdir -p "$root/rust/source"
  cp -r "$here/scans/rust/." "$root/rust/source"
  CARGO_TARGET_DIR=$root/rust nice cargo build --release --quiet --manifest-path "$root/rust/source/Cargo.toml" ||
    echo "iceberg-rust could not be built: bench/scans.mjs leaves it out" >&2
else
  echo "cargo is not installed: bench/scans.mjs leaves iceberg-rust out" >&2
fi
echo "peers are ready in $root"
echo "Node 22: $root/node22/node_modules/node/bin/node"
