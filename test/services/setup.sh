#!/usr/bin/env bash
# Installs what the suites of test/services and the model of spec/model run against - DynamoDB Local, versitygw, MinIO
# and spin - into folders under SERAC_SERVICES_DIR (default: ~/.cache/serac-services). Safe to run again: what is there
# in the wanted version stays.
#
#   bash test/services/setup.sh                 all of it
#   bash test/services/setup.sh dynamodb spin   some of it
#
# Needs a JDK (17) and Maven for DynamoDB Local, Go (1.25 or later) for the S3 servers, apt and a C compiler for spin.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_SERVICES_DIR:-$HOME/.cache/serac-services}

wanted() { # name: what is installed; another text is another version
  case $1 in
    dynamodb) cat "$here/pom.xml" ;;
    versitygw) echo github.com/versity/versitygw/cmd/versitygw@v1.8.0 ;;
    minio) echo github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c ;;
    spin) echo spin ;;
    *) echo "setup.sh: there is no service $1" >&2; exit 2 ;;
  esac
}

need() {
  command -v "$1" >/dev/null || { echo "setup.sh: $1 is not installed" >&2; exit 3; }
}

# Package clients name their registries when they fail; the log of a build should not.
without_addresses() { sed -E -e 's#https?://[^ )>"]+#<address>#g' -e 's#(lookup|dial tcp) [^ ]+#\1 <address>#g' >&2; }

dynamodb() { # folder
  need java
  need mvn
  mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies "-DoutputDirectory=$1" 2>&1 | without_addresses
}

go_binary() { # folder, module@version
  need go
  CGO_ENABLED=0 GOBIN=$1 go install -trimpath -ldflags '-s -w' "$2" 2>&1 \
    | { grep -v '^go: downloading' || true; } | without_addresses
}

# The package as it is, unpacked: that takes no rights over the system. Where spin is on the PATH, that one is taken.
spin() { # folder
  need cc
  if command -v spin >/dev/null; then
    ln -s "$(command -v spin)" "$1/spin"
    return
  fi
  need apt-get
  need dpkg-deb
  (
    cd "$1"
    apt-get download -qq spin 2>/dev/null || { as_root apt-get update -qq && apt-get download -qq spin; }
    dpkg-deb -x spin_*.deb package
    ln -s package/usr/bin/spin spin
    rm spin_*.deb
  ) 2>&1 | without_addresses
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

install_service() { # name
  local fresh
  mkdir -p "$root"
  fresh=$(mktemp -d "$root/$1.XXXXXX")
  # shellcheck disable=SC2064 # the folder's name is wanted as it is now
  trap "rm -rf '$fresh'" EXIT
  case $1 in
    dynamodb | spin) "$1" "$fresh" ;;
    *) go_binary "$fresh" "$(wanted "$1")" ;;
  esac
  wanted "$1" >"$fresh/installed.txt"
  rm -rf "${root:?}/$1"
  mv "$fresh" "$root/$1"
  trap - EXIT
}

names=("$@")
[[ $# -gt 0 ]] || names=(dynamodb versitygw minio spin)
for name in "${names[@]}"; do
  cmp -s <(wanted "$name") "$root/$name/installed.txt" && continue
  echo "setup.sh: installing $name"
  install_service "$name"
done
echo "services are ready in $root"
