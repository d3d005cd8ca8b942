#!/usr/bin/env bash
# Runs Java's REST Compatibility Kit against a REST catalog server and prints what passed.
#   run.sh <uri> [selector ...]
# A selector is a method name (createTable...), tables, views, or an option of JUnit's console launcher.
# Environment:
#   RCK_PROPS   further -D options: "-Dwarehouse=prod -Dcredential=id:secret -Drck.supports-names-with-dot=true"
#   RCK_OUT     folder for the XML reports; default a temporary one
# Exit status: 0 all passed, 1 some failed, 2 the kit could not run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
uri=${1:?usage: run.sh <uri> [selector ...]}
shift
"$here/setup.sh" || exit 2
jars=${SERAC_JUDGES_DIR:-$HOME/.cache/serac-judges}/rck/jars
out=${RCK_OUT:-$(mktemp -d)}
mkdir -p "$out"
rm -f "$out"/TEST-*.xml
tables=org.apache.iceberg.rest.RESTCompatibilityKitCatalogTests
views=org.apache.iceberg.rest.RESTCompatibilityKitViewCatalogTests

select=()
for selector in "$@"; do
  case $selector in
    tables) select+=("--select-class=$tables") ;;
    views) select+=("--select-class=$views") ;;
    --*) select+=("$selector") ;;
    *) select+=("--select-class=$tables" "--select-class=$views" "--include-methodname=.*#$selector.*") ;;
  esac
done
((${#select[@]})) || select=("--select-class=$tables" "--select-class=$views")

# The kit reads its own switches with the rck. prefix and properties of the catalog without it.
status=0
# shellcheck disable=SC2086
java -Xmx1g -Drck.local=false -Drck.uri="$uri" -Duri="$uri" \
  -Drck.requires-namespace-create=true -Drck.supports-serverside-retry=true \
  ${RCK_PROPS:-} -cp "$jars/*" \
  org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=none \
  --reports-dir="$out" "${select[@]}" >"$out/console.txt" 2>&1 || status=$?

python3 "$here/summary.py" "$out" || exit $?
((status == 0 || status == 1)) || { tail -20 "$out/console.txt" >&2; exit 2; }
