#!/usr/bin/env bash
# Distributed train with torchrun. NNODES, NODE_RANK, MASTER_ADDR, PORT as usual; without a GPU it runs on gloo.
#
# usage: usmm dist_train CONFIG GPUS [arguments of usmm train]
#
# examples:
#   usmm dist_train my_config.py 4
#   usmm dist_train msmfn_r50_r2plus1d 2 --amp --cfg-options max_epochs=50
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 tools/dist_train.sh my_config.py 8
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case "${1:-}" in -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
if [ $# -lt 2 ]; then echo "usage: ${USMM_COMMAND:-$0} CONFIG GPUS [arguments of usmm train]" >&2; exit 2; fi
files=("$1") gpus=$2; shift 2
case "$gpus" in ''|*[!0-9]*|0*)
    echo "error: GPUS, the second word, must be a whole number of 1 or more, got '$gpus'" >&2; exit 2 ;;
esac
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$gpus" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$here/train.py" "${files[@]}" --launcher pytorch "$@"
