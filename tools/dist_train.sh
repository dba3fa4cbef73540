#!/usr/bin/env bash
# Distributed train with torchrun. NNODES, NODE_RANK, MASTER_ADDR, PORT as usual; without a GPU it runs on gloo.
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2; exit 2; fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=("$1") gpus=$2; shift 2
case "$gpus" in ''|*[!0-9]*|0*) echo "$0: GPUS must be 1 or more, got '$gpus'" >&2; exit 2 ;; esac
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$gpus" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$here/train.py" "${files[@]}" --launcher pytorch "$@"
