#!/usr/bin/env bash
# Distributed test with torchrun. NNODES, NODE_RANK, MASTER_ADDR, PORT as usual; without a GPU it runs on gloo.
#
# usage: usmm dist_test CONFIG CHECKPOINT GPUS [arguments of usmm test]
#
# examples:
#   usmm dist_test my_config.py work_dirs/my_config/model.pth 4
#   usmm dist_test my_config.py work_dirs/my_config/model.pth 2 --parts val test
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case "${1:-}" in -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
if [ $# -lt 3 ]; then echo "usage: ${USMM_COMMAND:-$0} CONFIG CHECKPOINT GPUS [arguments of usmm test]" >&2; exit 2; fi
files=("$1" "$2") gpus=$3; shift 3
case "$gpus" in ''|*[!0-9]*|0*)
    echo "error: GPUS, the third word, must be a whole number of 1 or more, got '$gpus'" >&2; exit 2 ;;
esac
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$gpus" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$here/test.py" "${files[@]}" --launcher pytorch "$@"
