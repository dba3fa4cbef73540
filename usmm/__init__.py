"""usmm: diagnosis from multi-modal ultrasound. Importing it loads no torch; import the rooms that you need."""

from usmm.version import __version__

__all__ = ['__version__']
