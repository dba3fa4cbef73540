"""Persistent workers of torch's data loaders."""

from __future__ import annotations


def stop_workers(loader: object) -> None:
    """End the persistent workers of a loader; one without any is left alone.

    torch ends them when the loader's iterator is collected. Where the iterator is part of a reference cycle, as it is
    under mmengine's runner, the collector first closes the queues by which they would be told, and torch waits five
    seconds for each. Torch has no public way to end them (torch 2.13); can go when it has one.

    Args:
        loader: A `torch.utils.data.DataLoader`; anything else, such as a loop's loader that was
            not built yet, is left alone.
    """
    from torch.utils.data import DataLoader
    from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

    if isinstance(loader, DataLoader) and isinstance(loader._iterator, _MultiProcessingDataLoaderIter):
        loader._iterator._shutdown_workers()
        loader._iterator = None
