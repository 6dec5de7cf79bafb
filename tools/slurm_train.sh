#!/usr/bin/env bash
# Train on a Slurm cluster: tools/slurm_train.sh PARTITION CONFIG [arguments of train.py]
# Set NNODES (1), GPUS_PER_NODE (8), CPUS_PER_GPU (5), PORT (29500), MAX_RESTARTS (0) and SRUN_ARGS,
# options of srun such as "--time=24:00:00 --account=mine".
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 PARTITION CONFIG [arguments of train.py]" >&2
    exit 2
fi
folder=$(cd "$(dirname "$0")" && pwd)
gpus=${GPUS_PER_NODE:-8}
export NNODES=${NNODES:-1} PORT=${PORT:-29500} MAX_RESTARTS=${MAX_RESTARTS:-0}
# One task per node, which starts the processes of that node and knows its number from Slurm.
# shellcheck disable=SC2016,SC2086
exec srun --partition="$1" --job-name="$(basename "$2" .py)" --nodes="$NNODES" \
    --ntasks-per-node=1 --gpus-per-node="$gpus" \
    --cpus-per-task="$((gpus * ${CPUS_PER_GPU:-5}))" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    bash -c '
        export NODE_RANK=$SLURM_NODEID
        export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
        exec "$0" "$@"
    ' "$folder/launch.sh" "$gpus" train.py "${@:2}"
