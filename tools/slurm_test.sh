#!/usr/bin/env bash
# Test on a Slurm cluster. GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS set the size of the job.
#
# usage: usmm slurm_test PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of usmm test]
#
# examples:
#   usmm slurm_test gpu lesions my_config.py work_dirs/my_config/model.pth
#   GPUS=4 GPUS_PER_NODE=4 tools/slurm_test.sh gpu lesions my_config.py work_dirs/my_config/model.pth --parts val test
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case "${1:-}" in -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
if [ $# -lt 4 ]; then
    echo "usage: ${USMM_COMMAND:-$0} PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of usmm test]" >&2; exit 2
fi
partition=$1 job=$2 files=("$3" "$4"); shift 4
gpus=${GPUS:-8} per_node=${GPUS_PER_NODE:-8}
exec srun --partition="$partition" --job-name="$job" --gres="gpu:$per_node" --ntasks="$gpus" \
    --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$here/test.py" "${files[@]}" --launcher slurm "$@"
