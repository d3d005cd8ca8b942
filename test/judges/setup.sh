#!/usr/bin/env bash
# Installs the engines that judge serac's tables and files - PyIceberg with pyarrow, DuckDB with its Iceberg
# extension, Spark with Iceberg's Java library, a second Node - into folders under SERAC_JUDGES_DIR (default:
# ~/.cache/serac-judges). Safe to run again; needs python3, a JDK, Maven and npm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_JUDGES_DIR:-$HOME/.cache/serac-judges}
for tool in python3 java javac mvn npm; do
  command -v "$tool" >/dev/null || { echo "setup.sh: $tool is not installed" >&2; exit 3; }
done

is_current() { # name, file: what was installed last is what the files want
  cmp -s <(wanted "$1") "$root/$1/installed.txt"
}

wanted() { # name: the files that decide what is installed
  for file in requirements.txt pom.xml ParquetJudge.java package.json; do
    [[ ! -f $here/$1/$file ]] || cat "$here/$1/$file"
  done
}

packages() { # name: a virtual environment with the packages of its requirements.txt
  local venv=$root/$1
  mkdir -p "$root"
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/$1/requirements.txt"
}

extensions() { # DuckDB's, out of the packages just installed
  "$root/duckdb/bin/python" -c '
from duckdb_extensions import import_extension
for name in ("avro", "httpfs", "iceberg"):
    import_extension(name)'
}

jars() { # of Iceberg, and our own class that asks parquet-java and Iceberg
  local venv=$root/spark
  rm -rf "$venv/jars" "$venv/classes"
  mvn --batch-mode --quiet -Dstyle.color=never --file "$here/spark/pom.xml" \
    dependency:copy-dependencies -DexcludeTransitive=true -DoutputDirectory="$venv/jars"
  local spark
  spark=$("$venv/bin/python" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
  javac -nowarn -d "$venv/classes" -cp "$venv/jars/*:$spark/jars/*" "$here/spark/ParquetJudge.java"
}

node() { # the second Node, as a package
  mkdir -p "$root/node"
  cp "$here/node/package.json" "$root/node/package.json"
  npm install --prefix "$root/node" --no-audit --no-fund --silent
}

for name in pyiceberg duckdb spark node; do
  if is_current "$name"; then continue; fi
  case $name in
    node) node ;;
    *) packages "$name" ;;
  esac
  case $name in
    duckdb) extensions ;;
    spark) jars ;;
  esac
  wanted "$name" >"$root/$name/installed.txt"
done
echo "judges are ready in $root"
