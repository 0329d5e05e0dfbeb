#!/usr/bin/env bash
# Build the wheel, install it into an empty environment, and run a job with nothing else there.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python -m build --quiet --wheel --outdir "$work/dist" . >/dev/null
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$work"/dist/*.whl

cd "$work"
export AGENT_EXEC_ROOT="$work/jobs"
tool="$work/venv/bin/agent-exec-tui"
site=$("$work/venv/bin/python" -c 'import agent_exec_tui, os; print(os.path.dirname(agent_exec_tui.__file__))')
for file in "$site/py.typed" "$site/../agent_exec/py.typed"; do [ -f "$file" ] || { echo "missing: $file"; exit 1; }; done
ls "$site"/*.tcss >/dev/null

"$tool" --version
answer=$("$tool" run --until 10 -- sh -c 'echo from the wheel')
echo "$answer"
case "$answer" in *'"ok":true'*'from the wheel'*) ;; *) echo "the job did not run"; exit 1 ;; esac
"$tool" --json >/dev/null
screen=$("$tool" --screen 100x30)
case "$screen" in *' ok '*'from the wheel'*) ;; *) echo "$screen"; echo "the dashboard does not show the job"; exit 1 ;; esac
echo "wheel: ok"
