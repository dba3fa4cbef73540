"""A small engine in place of the real one: it reads the bytes of its files and says what they were."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from usmm.server.http.http_errors import RequestError

PNG = b'\x89PNG\r\n\x1a\n' + b'\0\0\0\rIHDR' + bytes(range(256)) * 3
SECRET = 'Doe^Jane'
MODEL: dict[str, Any] = {
    'id': 'small', 'title': 'A small model', 'purpose': 'tests', 'classes': ['benign', 'malignant'],
    'positive': 'malignant',
    'inputs': [
        {'name': 'bus', 'label': 'B-mode', 'kind': 'image', 'required': True, 'outline': True},
        {'name': 'ceus', 'label': 'Contrast', 'kind': 'clip', 'required': False, 'outline': False},
    ],
    'streams': [['bus']],
    'variables': [
        {'name': 'age', 'label': 'Age', 'kind': 'number', 'unit': 'years', 'range': [0, 120], 'values': None},
        {'name': 'sex', 'label': 'Sex', 'kind': 'category', 'unit': None, 'range': None, 'values': ['f', 'm']},
    ],
    'performance': [{'metric': 'auc', 'value': 0.9, 'ci95': [0.8, 1.0]}], 'performance_note': 'made up',
    'limits': 'do not use', 'data': 'none', 'licence': 'Apache-2.0', 'calibrated': False,
    'links': {'card': '/api/v1/models/small/card', 'code': None, 'data': None}, 'version': '1',
}  # fmt: skip
ROW: dict[str, Any] = {
    'row': 1, 'case_id': 'a', 'patient_id': 'p', 'label': None, 'predicted': 'benign',
    'probabilities': {'benign': 0.75, 'malignant': 0.25}, 'calibrated': None, 'warnings': [], 'error': None,
}  # fmt: skip


class StandIn:
    """Answers at once, or when `let_go` is set where `hold` is; `fails` is raised where it is not None."""

    def __init__(self, hold: bool = False) -> None:
        self.let_go, self.entered = threading.Event(), threading.Semaphore(0)
        self.fails: Exception | None = None
        self.calls: list[tuple[str, Any]] = []
        self.paths: list[Path] = []
        self.closed = 0
        self.trouble: str | None = None
        if not hold:
            self.let_go.set()

    def models(self) -> list[dict[str, Any]]:
        return [MODEL]

    def card(self, model: str) -> str:
        self._known(model)
        return '# A small model\n'

    def fields(self, model: str) -> SimpleNamespace:
        self._known(model)
        return SimpleNamespace(
            files={'bus': 'image', 'bus_mask': 'mask', 'ceus': 'clip'}, values={'bus_box', 'age', 'sex'}
        )

    def preview(self, path: Path, kind: str, blank: str) -> dict[str, Any]:
        self._work('preview', (kind, blank), [path])
        return {
            'name': None, 'kind': kind, 'type': 'PNG', 'width': 1, 'height': 1, 'frames': 1, 'seconds': None,
            'fps': None, 'spacing_mm': None, 'kept': 1.0, 'blanked': 'none', 'scale': 1.0, 'pictures': [],
        }  # fmt: skip

    def predict(
        self, model: str, files: Mapping[str, Sequence[Path]], values: Mapping[str, str], explain: bool, blank: str
    ) -> dict[str, Any]:
        read = {name: [path.read_bytes() for path in paths] for name, paths in files.items()}
        self._work(
            'predict', (model, read, dict(values), explain, blank), [p for paths in files.values() for p in paths]
        )
        if 'bus' not in files:
            raise RequestError('missing_input', 'bus is needed', 'bus')
        return {
            'request': 'r', 'model': model, 'made': '2026-01-01T00:00:00Z', 'predicted': 'benign',
            'seconds': {'wait': 0.0, 'read': 0.1, 'predict': 0.2, 'total': 0.0},
            'probabilities': {'benign': 0.75, 'malignant': 0.25}, 'calibrated': None, 'stages': {}, 'warnings': [],
            'values': dict(values), 'inputs': [], 'explanation': None,
        }  # fmt: skip

    def batch(self, model: str, table: Path, files: Mapping[str, Path]) -> tuple[list[dict[str, Any]], str]:
        self._work('batch', (model, {name: path.name for name, path in files.items()}), [table, *files.values()])
        return [ROW], 'case\na\n'

    def problem(self) -> str | None:
        return self.trouble

    def close(self) -> None:
        self.closed += 1

    def _known(self, model: str) -> None:
        if model != 'small':
            raise RequestError('not_found', 'There is no such model here.')

    def _work(self, name: str, what: Any, paths: list[Path]) -> None:
        self.calls.append((name, what))
        self.paths += paths
        self.entered.release()
        if not self.let_go.wait(20):
            raise TimeoutError('nobody let go')
        if self.fails is not None:
            raise self.fails
