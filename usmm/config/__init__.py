"""Config files: found by name, merged, resolved, checked before anything is built."""

from usmm.config.check import ConfigError, check_config
from usmm.config.load import files_of, load_config, source_text
from usmm.config.options import parse_options

__all__ = ['ConfigError', 'check_config', 'files_of', 'load_config', 'parse_options', 'source_text']
