#!/usr/bin/env bash
# Copies the jars of Java's REST Compatibility Kit into rck/jars under SERAC_JUDGES_DIR (default: ~/.cache/serac-judges).
# Safe to run again; needs a JDK and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_JUDGES_DIR:-$HOME/.cache/serac-judges}/rck
if cmp -s "$here/pom.xml" "$root/installed.txt"; then exit 0; fi
for tool in java mvn; do
  command -v "$tool" >/dev/null || { echo "setup.sh: $tool is not installed" >&2; exit 3; }
done
rm -rf "$root"
mkdir -p "$root"
mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" \
  dependency:copy-dependencies -DoutputDirectory="$root/jars" >/dev/null
cp "$here/pom.xml" "$root/installed.txt"
