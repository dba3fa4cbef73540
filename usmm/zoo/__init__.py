"""The model zoo: an index of trained models, and their files, checked before anything opens them."""

from usmm.zoo.fetch import FetchError, FetchOptions
from usmm.zoo.index import Entry, ZooFile
from usmm.zoo.zoo import Zoo, default_cache, list_models

__all__ = ['Entry', 'FetchError', 'FetchOptions', 'Zoo', 'ZooFile', 'default_cache', 'list_models']
