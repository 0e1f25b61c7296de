#!/bin/sh
# Builds h2spec, the conformance suite of others for HTTP/2, with Go (GOBIN says where to; default $HOME/go/bin) and prints its path.
# Tests find it by H2SPEC, in PATH or there. Without Go this says so and the tests that want it are skipped.
#
# 2.2.1 is the newest release that a Go module proxy can serve (later ones have a go.mod without the major version in it).
# It has 145 cases, 146 with --strict; release 2.6.0 adds one more of a wrong index (RFC 7541 2.3.3), which our own list has.
set -u

version=v2.2.1+incompatible
go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || {
  echo "no Go on this machine: h2spec is not built (until then the tests that need it are skipped)"
  exit 0
}
GOBIN=${GOBIN:-$HOME/go/bin}
export GOBIN
[ -x "$GOBIN/h2spec" ] || "$go" install "github.com/summerwind/h2spec/cmd/h2spec@$version" >&2 || exit 1
echo "$GOBIN/h2spec"
