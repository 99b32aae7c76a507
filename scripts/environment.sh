# Sourced by scripts/start and scripts/test: makes .venv, installs the pinned dependencies, says what it does.
# Quick when nothing changed: a stamp in .venv holds the hash of the pins it was installed from.

set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$project/.venv

say() { printf 'vecclust: %s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 found. Install one, or name it: PYTHON=/path/to/python3 $0"
    exit 1
}

pins_hash() {
    cat "$project/constraints.txt" "$project/pyproject.toml" |
        "$venv/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read() + sys.version.encode()).hexdigest())'
}

# install_environment EXTRAS: EXTRAS is empty, or "dev" for the tools of the tests.
install_environment() {
    local extras=$1 wanted
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        local python
        python=$(find_python)
        say "making .venv with $("$python" --version 2>&1)"
        rm -rf "$venv"
        "$python" -m venv "$venv" || {
            say "could not make .venv; on Debian and Ubuntu: apt install python3-venv"
            exit 1
        }
    fi
    wanted=$(pins_hash)
    if [ "$(cat "$venv/.vecclust-dev" 2>/dev/null)" = "$wanted" ]; then return; fi
    if [ -z "$extras" ] && [ "$(cat "$venv/.vecclust-run" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "installing the pinned dependencies (PyTorch is large: some minutes the first time)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$project/constraints.txt" --editable "$project${extras:+[$extras]}"
    printf '%s\n' "$wanted" >"$venv/.vecclust-${extras:-run}"
    say "ready"
}
