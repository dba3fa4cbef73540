"""Print a config as it is after inheritance, overrides and references; or the plain mmengine config of a stage."""

from __future__ import annotations

from collections.abc import Sequence

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options, runner_config
from usmm.config.runner import runner_text
from usmm.config.text import config_text
from usmm.utils.console import plain_errors


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    parser = command_parser('print_config', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    parser.add_argument('--stage', help='print what this stage stands for; with --runner')
    parser.add_argument(
        '--runner', action='store_true',
        help="the plain mmengine config of a stage, for mmengine's Runner; of the only stage, or that of --stage",
    )  # fmt: skip
    args = parser.parse_args(argv)
    config = load_config(args.config, parse_options(args.cfg_options))
    if not args.runner and args.stage is not None:
        raise ValueError('--stage goes with --runner, which prints the plain config of that stage')
    if not args.runner:
        print(config_text(config._cfg_dict.to_dict()), end='')
        return
    stages = [stage['name'] for stage in config.stages]
    if args.stage is None and len(stages) > 1:
        raise ValueError(f'{args.config} has the stages {stages}: choose one with --stage')
    stage = args.stage or stages[0]
    print(runner_text(runner_config(config, stage), config.name, stage), end='')
