#!/usr/bin/env bash
# Evaluate with N processes: tools/dist_test.sh CONFIG CHECKPOINT N [arguments of test.py]
if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT NUMBER_OF_PROCESSES [arguments of test.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/launch.sh" "$3" test.py "$1" "$2" "${@:4}"
