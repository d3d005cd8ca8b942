#!/usr/bin/env bash
# Installs the engines that judge serac's tables - PyIceberg, DuckDB with its Iceberg extension - into virtual
# environments under SERAC_JUDGES_DIR (default: ~/.cache/serac-judges). Safe to run again; needs python3.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_JUDGES_DIR:-$HOME/.cache/serac-judges}
command -v python3 >/dev/null || { echo "setup.sh: python3 is not installed" >&2; exit 3; }

install() { # name: an environment with the packages of its requirements.txt, made anew when those change
  local venv=$root/$1 wanted=$here/$1/requirements.txt
  if [[ -x $venv/bin/python ]] && cmp -s "$wanted" "$venv/installed.txt"; then return; fi
  mkdir -p "$root"
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
  [[ $1 != duckdb ]] || "$venv/bin/python" -c '
from duckdb_extensions import import_extension
for name in ("avro", "httpfs", "iceberg"):
    import_extension(name)'
  cp "$wanted" "$venv/installed.txt"
}

install pyiceberg
install duckdb
echo "judges are ready in $root"
