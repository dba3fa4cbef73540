"""`python -m usmm`: the console command, for environments whose scripts are not on the path."""

import sys

from usmm.cli.main import main

sys.exit(main())
