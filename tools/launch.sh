#!/usr/bin/env bash
# Start a tool with N processes on this machine: tools/launch.sh N TOOL [arguments of the tool]
# NCCL on GPUs, gloo on CPUs. For several machines set NNODES, NODE_RANK, MASTER_ADDR, PORT.
# With MAX_RESTARTS=3 lost processes are started again up to three times, at PORT+1, PORT+2, PORT+3.
set -euo pipefail
exec python "$(dirname "$0")/launch.py" \
    --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" \
    --nproc-per-node="$1" --max-restarts="${MAX_RESTARTS:-0}" \
    "$(dirname "$0")/$2" "${@:3}" --launcher pytorch
