#!/usr/bin/env bash
# Train with N processes: [MAX_RESTARTS=3] tools/dist_train.sh CONFIG N [arguments of train.py]
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG NUMBER_OF_PROCESSES [arguments of train.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/launch.sh" "$2" train.py "$1" "${@:3}"
