#!/bin/sh
# Installs the Debian packages that some tests and the benchmarks compare with or check against.
# As root it installs what is missing; otherwise it prints what is missing, and the tests that want it are skipped.
set -u

missing=
want() {
  command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
want haproxy haproxy
want nginx nginx-light
want wrk wrk
want h2load nghttp2-client
want promtool prometheus
want iperf3 iperf3
want curl curl
want ip iproute2
want setcap libcap2-bin
want openssl openssl
want setpriv util-linux

[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "missing Debian packages:$missing (install them as root; until then the tests that need them are skipped)"
  exit 0
fi
# prometheus, haproxy and nginx would start services of their own; here only their programs are wanted.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null >/dev/null || echo "apt-get update failed; trying with the lists at hand" >&2
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null || {
  echo "could not install:$missing" >&2
  exit 1
}
