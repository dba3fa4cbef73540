"""Test a model; the same as `usmm test`, under the path that users of OpenMMLab know."""

from usmm.cli.test import main

if __name__ == '__main__':
    raise SystemExit(main())
