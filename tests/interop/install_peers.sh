#!/usr/bin/env bash
# Install the real agent-exec, both generations, where tests and benchmarks look for them.
# Kept between runs; without cargo, or when it takes too long, what needs them is skipped.
set -euo pipefail
home=${AGENT_EXEC_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/agent-exec-tui/peers}
deadline=$((SECONDS + ${AGENT_EXEC_PEERS_TIMEOUT_S:-900}))
for version in 0.2.3 0.2.40; do
    [ -x "$home/$version/bin/agent-exec" ] && continue
    command -v cargo >/dev/null || { echo "no cargo: tests against the real agent-exec are skipped"; exit 0; }
    echo "installing agent-exec $version"
    remaining=$((deadline - SECONDS))
    if [ "$remaining" -le 0 ] || ! timeout "$remaining" cargo install "agent-exec@$version" --locked --quiet \
        --root "$home/$version"; then
        echo "agent-exec $version could not be installed; tests against it are skipped"
    fi
done
