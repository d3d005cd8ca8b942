#!/usr/bin/env bash
# Installs what bench/parquet.mjs measures serac against - pyarrow, DuckDB, PyIceberg, the JavaScript libraries - and
# a second Node, under SERAC_BENCH_PEERS (default: ~/.cache/serac-bench-peers), never into the project. Safe to run
# again; needs python3 and npm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_BENCH_PEERS:-$HOME/.cache/serac-bench-peers}
node22=22.23.3
mkdir -p "$root/npm" "$root/node22"

wanted=$here/peers/requirements.txt
if ! cmp -s "$wanted" "$root/venv/installed.txt"; then
  [[ -x $root/venv/bin/python ]] || python3 -m venv "$root/venv"
  "$root/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
  cp "$wanted" "$root/venv/installed.txt"
fi

cp "$here/peers/package.json" "$root/npm/package.json"
npm install --silent --no-audit --no-fund --prefix "$root/npm"

if [[ $("$root/node22/node_modules/node/bin/node" --version 2>/dev/null) != "v$node22" ]]; then
  npm install --silent --no-audit --no-fund --no-save --prefix "$root/node22" "node@$node22"
fi
echo "peers are ready in $root"
echo "Node 22: $root/node22/node_modules/node/bin/node"
