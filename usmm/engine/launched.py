"""The processes of a launcher: found each other before anything is shared, ended with their launcher."""

from __future__ import annotations

import torch
from mmengine.config import Config
from mmengine.dist import init_dist

from usmm import compat
from usmm.config.runner_settings import env_config
from usmm.engine.preconditions import check_launcher
from usmm.utils.parent_death import end_with_parent

compat.apply()


def start_launched(launcher: str, config: Config) -> None:
    """Join the other processes of a launcher, unless that is done or there is no launcher.

    Args:
        launcher: `none`, `pytorch`, `slurm` or `mpi`.
        config: Its `env_cfg.dist_cfg` has the settings of the process group.

    Raises:
        ValueError: The process was not started by this launcher.
    """
    if launcher == 'none' or torch.distributed.is_initialized():
        return
    check_launcher(launcher)
    if launcher == 'pytorch':  # the others end what they started by themselves
        end_with_parent()
    init_dist(launcher, **env_config(config)['dist_cfg'])
