#!/usr/bin/env bash
# Distributed test with torchrun. NNODES, NODE_RANK, MASTER_ADDR, PORT as usual; without a GPU it runs on gloo.
set -euo pipefail
if [ $# -lt 3 ]; then echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2; exit 2; fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=("$1" "$2") gpus=$3; shift 3
case "$gpus" in ''|*[!0-9]*|0*) echo "$0: GPUS must be 1 or more, got '$gpus'" >&2; exit 2 ;; esac
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$gpus" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$here/test.py" "${files[@]}" --launcher pytorch "$@"
