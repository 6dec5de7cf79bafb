#!/usr/bin/env bash
# Train with N processes on this machine: tools/dist_train.sh CONFIG N [arguments of train.py]
# NCCL on GPUs, gloo on CPUs. For several machines set NNODES, NODE_RANK, MASTER_ADDR, PORT.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG NUMBER_OF_PROCESSES [arguments of train.py]" >&2
    exit 2
fi
config=$1
processes=$2
shift 2
exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" \
    --nproc-per-node="$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
