"""Publish a trained model in a zoo: weights as safetensors, config, schema, page and the entry of the index."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('run', type=Path, help='work directory of a run, or of a cross-validation')
    parser.add_argument('--name', required=True, help='name in the zoo: lower case, digits, _ . -')
    parser.add_argument('--zoo', type=out_folder, default='model_zoo', help='folder of the zoo (default: model_zoo)')
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


def settings_of(path: Path) -> dict[str, object]:
    """All settings of a config, references filled in."""
    from usmm.config import load_config

    return load_config(path)._cfg_dict.to_dict()


def run(args: argparse.Namespace) -> None:
    from usmm.zoo.model_page import Card
    from usmm.zoo.publish import publish

    zoo = Path(args.zoo)
    card = Card(args.purpose, args.data, args.licence, args.limits, args.citation, args.collection, args.made_by)
    entry = publish(
        args.run, args.name, zoo, card, settings_of, args.fold, args.seed, args.weights, args.force,
        args.keep_patient_hashes,
    )  # fmt: skip
    for file in entry.files:
        print(f'{zoo / file.path}  {file.size} bytes  {file.sha256}')
    folder = zoo / entry.name
    print(f'read before you share it: {folder / "README.md"}, {folder / work_files.CONFIG}')


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm publish work_dirs/run --name lesion --purpose triage --data BrEaST --licence CC-BY-4.0 --limits research',
    ),
)
