"""The end of a pipeline for the classifiers and recognizers of OpenMMLab: one modality, as their models take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from torch import Tensor

from usmm import compat
from usmm.datasets.transforms.base_transform import Transform
from usmm.datasets.transforms.formatting import pack
from usmm.readers import DataError
from usmm.registry import TRANSFORMS
from usmm.structures import Case

if TYPE_CHECKING:
    from mmpretrain.structures import DataSample


class ClassifierInputs(TypedDict):
    """A sample as mmpretrain's data preprocessor takes it."""

    inputs: Tensor
    data_samples: DataSample


@TRANSFORMS.register_module()
class PackClassifierInputs(Transform):
    """One modality of a case as a sample of mmpretrain: `inputs` and a `DataSample` with the label.

    The last step of a pipeline of `CaseDataset` whose model is an mmpretrain classifier in a plain Runner. The image is
    RGB, so the model's `data_preprocessor` needs `to_rgb=False`. A batch is made by mmengine's `default_collate` or
    `pseudo_collate`; the dataset still needs `CaseSampler`.

    Args:
        modality: Which; None: the only one that the case has.

    Raises:
        DataError: The case lacks the modality, or has several and none is named.

    Example:
        >>> import numpy as np
        >>> case = Case('c1', 'p1', label=1, data={'bus': np.zeros((4, 6, 3), np.uint8)})
        >>> sample = PackClassifierInputs()(case)
        >>> tuple(sample['inputs'].shape), sample['data_samples'].gt_label.tolist()
        ((3, 4, 6), [1])
    """

    def __init__(self, modality: str | None = None) -> None:
        self.modality = modality

    def __call__(self, case: Case) -> ClassifierInputs:  # type: ignore[override]  # the last step, what a loader takes
        """The sample; `data_samples` also has `case_id`, `patient_id` and `modality` as meta data."""
        compat.apply()  # here, as only those who use mmpretrain pay for its import
        from mmpretrain.structures import DataSample

        present = [*case.data]
        if self.modality is None and len(present) != 1:
            raise DataError(f'PackClassifierInputs(modality=...) must name one of {present}', case=case.case_id)
        name = present[0] if self.modality is None else self.modality
        if name not in case.data:
            raise DataError(f'the case has no data of it, only of {present}', case=case.case_id, modality=name)
        sample = DataSample()
        if case.label is not None:
            sample.set_gt_label(case.label)
        shape = case.data[name].shape[-3:-1]
        sample.set_field(case.case_id, 'case_id', field_type='metainfo')
        sample.set_field(case.patient_id, 'patient_id', field_type='metainfo')
        sample.set_field(name, 'modality', field_type='metainfo')
        sample.set_field(shape, 'img_shape', field_type='metainfo')
        return ClassifierInputs(inputs=pack(case.data[name], case.case_id, name), data_samples=sample)
