#!/usr/bin/env bash
# Makes the virtual environment from requirements.txt. Needs Python with pip; fetches uv, and through
# uv a Python 3.12 where the machine has none of 3.12 or 3.13.
set -euo pipefail
venv=${1:-.venv}

python3=$(command -v python3 || command -v python) || { echo "setup: no Python found; install Python 3.12 or 3.13" >&2; exit 1; }

usable() { "$1" -c 'import sys, venv, ssl; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
python=""
for candidate in ${PYTHON:-} python3.12 python3.13 "$python3" \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23].*/bin/python; do
    if usable "$candidate"; then python=$candidate; break; fi
done

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    tools=$(dirname "$venv")/.evergreen/setup
    echo "setup: getting uv"
    "$python3" -m venv "$tools" 2>/dev/null && "$tools/bin/pip" install --quiet uv && uv=$tools/bin/uv \
        || { "$python3" -m pip install --quiet --target "$tools/uv" uv && uv=$tools/uv/bin/uv; }
fi
[ -x "$uv" ] || { echo "setup: could not get uv with pip; install it by hand and run again" >&2; exit 1; }

[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "${python:-3.12}" "$venv"
echo "setup: installing $(grep -c '==' requirements.txt) pinned packages"
# compiled once here: every task and step is a process of its own
"$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" -r requirements.txt
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable .
echo "setup: done, $("$venv/bin/python" --version) in $venv"
