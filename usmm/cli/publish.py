"""Publish a trained model in a zoo: weights as safetensors, config, schema, page and the entry of the index."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.config import load_config
from usmm.utils import work_files
from usmm.utils.console import plain_errors
from usmm.zoo.model_page import Card
from usmm.zoo.publish import publish


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('publish', __doc__)
    parser.add_argument('run', type=Path, help='work directory of a run, or of a cross-validation')
    parser.add_argument('--name', required=True, help='name in the zoo: lower case, digits, _ . -')
    parser.add_argument('--zoo', type=Path, default=Path('model_zoo'), help='folder of the zoo (default: model_zoo)')
    choice = parser.add_argument_group('of a cross-validation, whose weights')
    choice.add_argument('--fold', type=int, help='those of this fold')
    choice.add_argument('--seed', type=int, help='and of this seed, where there are several')
    choice.add_argument('--weights', type=Path, metavar='RUN', help='those of a run on all data with the same config')
    card = parser.add_argument_group('what only people can say')
    card.add_argument('--purpose', required=True, help='what the model is for')
    card.add_argument('--data', required=True, help='data set and its source')
    card.add_argument('--licence', required=True, help='of the weights, such as Apache-2.0 or CC-BY-4.0')
    card.add_argument('--limits', required=True, help='where the model must not be used')
    card.add_argument('--citation', default='', help='what to cite')
    card.add_argument('--collection', default='usmm', help='family of models')
    card.add_argument('--made-by', nargs='+', default=[], metavar='COMMAND', help='the commands that made it')
    parser.add_argument('--keep-patient-hashes', action='store_true', help='publish hashes of the training patients')
    parser.add_argument('--force', action='store_true', help='replace a model of this name')
    return parser.parse_args(argv)


def settings_of(path: Path) -> dict[str, object]:
    """All settings of a config, references filled in."""
    return load_config(path)._cfg_dict.to_dict()


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    card = Card(args.purpose, args.data, args.licence, args.limits, args.citation, args.collection, args.made_by)
    entry = publish(
        args.run, args.name, args.zoo, card, settings_of, args.fold, args.seed, args.weights, args.force,
        args.keep_patient_hashes,
    )  # fmt: skip
    for file in entry.files:
        print(f'{args.zoo / file.path}  {file.size} bytes  {file.sha256}')
    folder = args.zoo / entry.name
    print(f'read before you share it: {folder / "README.md"}, {folder / work_files.CONFIG}')
