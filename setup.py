"""Packaging of usmm: the library, and (as OpenMMLab does in `.mim`) its configs, tools and model zoo."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CARRIED = ('configs', 'tools', 'model_zoo')


class BuildWithMim(build_py):
    """Copy configs, tools and the zoo index into `usmm/.mim` of a built wheel (an editable install reads the clone)."""

    def run(self) -> None:
        """Copy the modules, then what a clone has beside them."""
        if self.editable_mode:
            super().run()
            return
        # setuptools never empties its build folder: without this a wheel would also hold files that are long gone.
        shutil.rmtree(Path(self.build_lib, 'usmm'), ignore_errors=True)
        super().run()
        for folder in CARRIED:
            target = Path(self.build_lib, 'usmm', '.mim', folder)
            shutil.copytree(ROOT / folder, target, ignore=shutil.ignore_patterns('__pycache__', '*.pyc', '.*'))


def version() -> str:
    """The version as `usmm/version.py` states it, read without importing usmm."""
    scope: dict[str, str] = {}
    exec((ROOT / 'usmm' / 'version.py').read_text(encoding='utf-8'), scope)
    return scope['__version__']


INSTALL = [
    # 2.10 is the first torch whose weights_only loading has no known way around it (CVE-2025-32434, CVE-2026-24747);
    # torch and torchvision are capped together, since a torchvision only works beside its own torch.
    'torch>=2.10,<2.14',
    'torchvision>=0.25,<0.29',
    # The OpenMMLab packages are pinned: usmm/compat mends these versions.
    'mmengine==0.10.7',
    'mmcv-lite==2.1.0',
    'mmpretrain==1.2.0',
    'mmaction2==1.2.0',
    'numpy>=1.26',
    'opencv-contrib-python',  # mmaction2 asks for it; the same cv2 as opencv-python, with its contrib modules
    'opencv-python',
    'pydicom>=3.0',
    'pylibjpeg>=2.0',
    'pylibjpeg-openjpeg>=2.0',
    'pylibjpeg-rle>=2.0',
    'pyjpegls>=1.2',
    'pillow',
    'av>=12',
    'pandas>=2.0',
    'openpyxl>=3.1',
    'defusedxml',
    'scipy>=1.11',
    'scikit-learn>=1.3',
    'statsmodels>=0.14',
    'matplotlib>=3.7',
    'rich',
    'rich-argparse>=1.5',  # the help of the commands on a terminal
    'argcomplete>=3.1',  # completion in bash, zsh and fish
    'jinja2>=3.1',
    'safetensors>=0.4',  # weights that are data and nothing else
    'pyyaml>=6.0',  # the index of the model zoo
    # `usmm serve`; uvicorn without its extras: h11 is the strict parser, and the one whose headers are timed here
    'fastapi>=0.110',
    'pydantic>=2.7',  # the answers of the API as types
    'typing_extensions>=4.9',  # before Python 3.12 pydantic does not read the TypedDict of typing
    'uvicorn>=0.29',
    'python-multipart>=0.0.18',  # the first without CVE-2024-53981
    'swagger-ui-bundle>=1.1',  # the page of the API, served from this machine
]

EXPORT = [
    'onnx>=1.18',
    'onnxscript>=0.5',  # torch's exporter is written with it; none of these three brings CUDA or another torch
    'onnxruntime>=1.20',
]

DEV = [
    'onnx>=1.18',  # these three as in EXPORT: a plain list, which a test reads
    'onnxscript>=0.5',
    'onnxruntime>=1.20',
    'setuptools>=70.1',  # a test builds a wheel without the network; this one needs no `wheel` beside it
    'pytest>=8',
    'pytest-timeout>=2.3',  # a test that hangs fails, with what each thread was doing
    'pytest-xdist>=3.5',  # a test file on each core
    'ImageHash>=4.3',  # a perceptual hash of others, with which ours is compared
    'httpx>=0.27',  # the client of the server's tests
    'playwright>=1.45',  # drives the Chromium that is installed; it downloads none
    'schemathesis>=4',  # requests made from the description of the API
    'ruff',
    'mypy',
    'pandas-stubs',
    'scipy-stubs',
    'types-PyYAML',
]

MUTATION = [
    'cosmic-ray>=8.4',  # the faults of `make mutations`
    'coverage>=7',  # which tests run which lines
]

setup(
    name='usmm',
    version=version(),
    description='Diagnosis from multi-modal ultrasound: fusion networks, data, training and honest evaluation',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8') if (ROOT / 'README.md').exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['usmm', 'usmm.*']),
    include_package_data=True,
    package_data={
        'usmm': ['py.typed'],
        'usmm.visualization.pages': ['templates/*'],
        'usmm.server': ['static/*', 'apidocs/*'],
    },
    install_requires=INSTALL,
    extras_require={'dev': DEV, 'export': EXPORT, 'mutation': MUTATION},
    entry_points={'console_scripts': ['usmm = usmm.cli.main:main']},
    cmdclass={'build_py': BuildWithMim},
)
