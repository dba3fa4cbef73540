#!/usr/bin/env bash
# Make phantom patients, train both stages of MSMFN in small, test, and say where metrics and figures are.
set -euo pipefail
out=${1:-work_dirs/demo}
cases=${DEMO_CASES:-160} tests=${DEMO_TEST_CASES:-100} epochs=${DEMO_EPOCHS:-}
data=$out/data run=$out/run

echo "== 1/3 phantom patients: $cases for training, $tests for testing (synthetic; planted truth in $data/truth.json)"
if [ -f "$data/truth.json" ]; then
    echo "   $data is there already"
else
    usmm make_phantom "$data" --cases "$cases" --test-cases "$tests" --strength 2 --clip-seconds 6 --force
fi
read -r step best < <(python - "$data/truth.json" <<'PYTHON'
import json, sys
truth = json.load(open(sys.argv[1], encoding='utf-8'))
print(truth['key_frame_step']['dceus'], round(truth['best_auc']['bus+cdfi+ue+dceus+clinical'], 3))
PYTHON
)
settings=(data_root="$data" keyframe_step="$step" ${epochs:+max_epochs="$epochs"})

echo "== 2/3 train: the four-modality network, then the clinical stage"
usmm train msmfn_small_phantom --work-dir "$run" --cfg-options "${settings[@]}"

echo "== 3/3 test: the saved model, loaded anew"
usmm test msmfn_small_phantom "$run/model.pth" --work-dir "$run/test" --cfg-options "${settings[@]}"

echo
echo "metrics      $run/test/metrics.json"
echo "predictions  $run/test/predictions.csv"
find "$run" -path '*/figures/*' -name '*.png' | sort | sed 's/^/figure       /'
echo "best AUC     $best is all that these data allow"
