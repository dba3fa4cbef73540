"""What `import usmm.evaluation.stats` leaves for the first call."""

from __future__ import annotations

import subprocess
import sys


def test_the_package_imports_neither_scikit_learn_nor_statsmodels() -> None:
    code = 'import sys, usmm.evaluation.stats as s; print("|".join(sorted({m.split(".")[0] for m in sys.modules})))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=120)
    loaded = set(done.stdout.strip().split('|'))
    assert 'scipy' in loaded and not loaded & {'sklearn', 'statsmodels', 'pandas', 'torch'}
