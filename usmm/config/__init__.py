"""Config files: found by name, merged, resolved, checked before anything is built."""

from usmm.config.bases import files_of
from usmm.config.check import check_config
from usmm.config.config_error import ConfigError
from usmm.config.load import TESTED, TRAINED, check_present, load_config, source_text
from usmm.config.options import parse_options
from usmm.config.runner import runner_config
from usmm.config.stage_spec import RunOptions

__all__ = [
    'TESTED',
    'TRAINED',
    'ConfigError',
    'RunOptions',
    'check_config',
    'check_present',
    'files_of',
    'load_config',
    'parse_options',
    'runner_config',
    'source_text',
]
