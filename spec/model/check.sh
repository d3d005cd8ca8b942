#!/usr/bin/env bash
# Checks the models with spin: as they are, every state of them, and with each planted bug, which must break the claim that
# is named beside it. Needs spin (test/services/setup.sh installs it) and a C compiler.
#
#   bash spec/model/check.sh            all of it: some minutes
#   bash spec/model/check.sh lock       the lines that have this in them
#
# One line per run; exits 1 when one is not as it should be.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SERAC_SERVICES_DIR:-$HOME/.cache/serac-services}
PATH=$PATH:$root/spin

# model | flags | "holds", or a text of the assertion that is broken
runs='
commit | PAIR EXPIRE                              | holds
commit | PAIR TWICE                               | holds
commit | PAIR CLEAN SENDS=1                       | holds
commit | PAIR CLEAN_BOTH SENDS=1                  | holds
commit | SKEW CLEAN                               | holds
commit | REPEAT TWICE                             | holds
commit | REPEAT EXPIRE CLEAN SENDS=1              | holds
lock   |                                          | holds
lock   | FROZEN                                   | holds
commit | PAIR BUG_NO_COMPARE                      | history
commit | SKEW BUG_NO_READ_CHECK                   | from
commit | PAIR BUG_TABLE_BY_TABLE                  | violated 0
commit | PAIR BUG_RESEND_BELIEVED                 | landed
commit | PAIR EXPIRE BUG_NOT_SEEN_IS_REFUSED      | landed
commit | PAIR BUG_NEW_SWAP_AFTER_SILENCE          | refused
commit | PAIR BUG_FILES_REMOVED_IN_DOUBT          | dataFiles
commit | REPEAT BUG_TOKEN_IGNORED                 | landedTokens
commit | PAIR EXPIRE BUG_EXPIRY_NOT_CONFIRMED     | history
commit | PAIR CLEAN BUG_NO_LEASE_CHECK            | dataFiles
commit | PAIR CLEAN BUG_LAPSED_LEASE_LEFT         | dataFiles
commit | PAIR CLEAN BUG_LEASE_REVIVED             | dataFiles
commit | PAIR CLEAN BUG_NO_FENCE                  | dataFiles
commit | PAIR CLEAN BUG_FENCE_IGNORED             | dataFiles
commit | PAIR CLEAN BUG_FENCE_NOT_SOUGHT          | dataFiles
commit | PAIR CLEAN BUG_FENCE_SOUGHT_FIRST        | dataFiles
commit | PAIR TWICE BUG_LOST_BELIEVED             | landed
commit | PAIR EXPIRE TWICE                        | landed
commit | PAIR CLEAN BUG_LOADED_FIRST              | history
commit | PAIR CLEAN BUG_LAPSED_BEFORE_LOST        | landed
lock   | BUG_PLAIN_CREATE                         | maker
lock   | FROZEN BUG_PLAIN_CREATE                  | maker
lock   | BUG_REFUSAL_BELIEVED                     | landed
lock   | FROZEN BUG_REFUSAL_BELIEVED              | landed
lock   | BUG_NOT_ASKED_IF_HELD                    | maker
lock   | BUG_HELD_BY_READING                      | maker
lock   | BUG_TAKEN_OVER_AT_ONCE                   | maker
lock   | BUG_TAKEN_OVER_BLINDLY                   | maker
lock   | BUG_RELEASED_BY_OTHERS                   | maker
lock   | BUG_RELEASED_IN_DOUBT                    | maker
lock   | BUG_HEARTBEAT_TAKES_BACK                 | maker
lock   | LIMIT_JAVA_FROZEN                        | maker
lock   | LIMIT_SERAC_FROZEN                       | maker
'

check() { # model | flags | expected
  local model flags expected folder flag said
  IFS='|' read -r model flags expected <<<"$1"
  model=${model// /}
  expected=$(sed -E 's/^ +| +$//g' <<<"$expected")
  folder=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder's name is wanted as it is now
  trap "rm -rf '$folder'" EXIT
  cd "$folder"
  local defines=()
  for flag in $flags; do defines+=("-D$flag"); done
  # What a planted bug leaves unused spin may mention; a model that it does not take leaves no pan.c.
  spin -a ${defines[@]+"${defines[@]}"} "$here/$model.pml" >spin.txt 2>&1 || true
  if [[ ! -s pan.c ]] || ! cc -O1 -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c 2>>spin.txt; then
    cat spin.txt >&2
    said='is not a model'
  else
    ./pan -m100000 -w22 >pan.txt 2>&1 || true
    said=$(judge)
  fi
  local line
  line=$(xargs <<<"$model $flags")
  if [[ $expected == holds && $said == holds* ]] || [[ $expected != holds && $said == *"$expected"* && $said != holds* ]]; then
    echo "ok   $line: $said"
  else
    echo "FAIL $line: $said; expected: $expected"
    return 1
  fi
}

judge() { # what pan found; a search that was cut off has found nothing
  local broken states
  broken=$(grep -m1 -oE 'assertion violated .*|invalid end state.*\(at depth' pan.txt || true)
  states=$(grep -oE '[0-9.e+]+ states, stored' pan.txt || true)
  if [[ -n $broken ]]; then
    echo "${broken:0:100}"
  elif grep -q 'errors: 0' pan.txt && ! grep -qE 'max search depth too small|Search not completed|out of memory' pan.txt; then
    echo "holds in ${states/, stored/}"
  else
    echo "not searched to its end"
  fi
}

for tool in spin cc; do
  command -v "$tool" >/dev/null || { echo "check.sh: $tool is not installed" >&2; exit 3; }
done
export -f check judge
export here PATH
grep '|' <<<"$runs" | grep -- "${1:-|}" | xargs -d '\n' -P 2 -I{} bash -c 'check "$1"' check {}
