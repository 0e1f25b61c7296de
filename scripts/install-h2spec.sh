#!/bin/sh
# Builds h2spec, the conformance suite of others for HTTP/2, with Go into GOBIN (default $HOME/go/bin) and prints its path.
# Tests find it by H2SPEC, in PATH or there. Without Go this says so and the tests that want it are skipped.
#
# 2.2.1 is the newest release that a Go module proxy can serve (later ones have a go.mod without the major version in it).
# It has 145 cases, 146 with --strict; release 2.6.0 adds one more of a wrong index (RFC 7541 2.3.3), which our own list has.
# It has no go.mod, so what it needs is pinned here.
set -eu

if command -v h2spec >/dev/null 2>&1; then
  command -v h2spec
  exit 0
fi
go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || {
  echo "no Go on this machine: h2spec is not built (until then the tests that need it are skipped)"
  exit 0
}
target=${GOBIN:-$HOME/go/bin}/h2spec
[ ! -x "$target" ] || {
  echo "$target"
  exit 0
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >go.mod <<'EOF'
module build
go 1.21
require (
	github.com/fatih/color v1.16.0
	github.com/spf13/cobra v1.8.0
	github.com/summerwind/h2spec v2.2.1+incompatible
	golang.org/x/net v0.17.0
)
EOF
printf 'package build\n\nimport (\n\t_ "github.com/summerwind/h2spec"\n\t_ "github.com/spf13/cobra"\n)\n' >build.go
"$go" mod tidy >&2
"$go" build -o "$target" github.com/summerwind/h2spec/cmd/h2spec >&2
echo "$target"
