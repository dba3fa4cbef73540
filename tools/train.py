"""Train a model; the same as `usmm train`, under the path that users of OpenMMLab know."""

from usmm.cli.train import main

if __name__ == '__main__':
    raise SystemExit(main())
