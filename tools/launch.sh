#!/usr/bin/env bash
# Start a tool with N processes on this machine: tools/launch.sh N TOOL [arguments of the tool]
# NCCL on GPUs, gloo on CPUs. For several machines set NNODES, NODE_RANK, MASTER_ADDR, PORT.
set -euo pipefail
exec python "$(dirname "$0")/launch.py" \
    --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" \
    --nproc-per-node="$1" \
    "$(dirname "$0")/$2" "${@:3}" --launcher pytorch
