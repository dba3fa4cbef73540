"""Every attack on the server, from the modules that hold them by kind."""

from __future__ import annotations

import attacks_address
import attacks_faults
import attacks_files
import attacks_forms
import attacks_private
import attacks_values
import attacks_wire
from server_attacks import Attack


def all_attacks() -> list[Attack]:
    """Every attack; names are unique within their group."""
    modules = (
        attacks_address,
        attacks_faults,
        attacks_files,
        attacks_forms,
        attacks_private,
        attacks_values,
        attacks_wire,
    )
    return [attack for module in modules for attack in module.attacks()]
