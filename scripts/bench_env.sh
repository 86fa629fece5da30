#!/usr/bin/env bash
# Makes the environment of the benchmarks' peers (Evidently, NannyML, river), apart from our own:
# they want an older pandas. Needs `make setup` first: its uv and its Python are used.
#   scripts/bench_env.sh [.venv-bench]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-bench}
pins=tests/bench/peers/requirements.txt
uv=.venv/bin/uv
[ -x "$uv" ] || { echo "bench_env: $uv not found; run make setup first" >&2; exit 1; }

if cmp -s "$pins" "$venv/.installed"; then exit 0; fi
[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python .venv/bin/python "$venv"
echo "bench_env: installing $(grep -c '==' "$pins") pinned packages of the peers"
"$uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" "$pins"
cp "$pins" "$venv/.installed"
echo "bench_env: done, $("$venv/bin/python" --version) in $venv"
