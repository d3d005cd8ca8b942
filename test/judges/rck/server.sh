#!/usr/bin/env bash
# Java's own REST catalog over an SQLite database in memory: the server that the kit is calibrated against.
#   server.sh [port] [warehouse folder]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/setup.sh"
jars=${SERAC_JUDGES_DIR:-$HOME/.cache/serac-judges}/rck/jars
export CATALOG_WAREHOUSE=${2:-$(mktemp -d)} CATALOG_REST_PORT=${1:-8181} CATALOG_JDBC_STRICT__MODE=true
exec java -Xmx512m -cp "$jars/*" org.apache.iceberg.rest.RESTCatalogServer
