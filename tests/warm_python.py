"""A process that has loaded the packages forks one for each command that it reads: a start takes no seconds.

It reads a line of JSON from stdin, a list of commands to run at once: `argv` (a script, or `-m` and a module, and their
arguments), `cwd`, `env`, and the files `stdout` and `stderr`; it answers with the list of exit codes.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
import traceback
from pathlib import Path


def load() -> None:
    """Import what the commands of training, test and cross-validation import."""
    import usmm.cli.cross_validate
    import usmm.cli.test
    import usmm.cli.train
    import usmm.datasets
    import usmm.engine
    import usmm.models
    import usmm.visualization.pages.cross_validation_page
    import usmm.visualization.pages.run_page  # noqa: F401

    gc.collect()
    gc.freeze()


def run(command: dict) -> int:
    """Run a command in this process as the interpreter would, and return its exit code."""
    os.chdir(command['cwd'])
    os.environ.update(command['env'])
    for number, name in ((1, 'stdout'), (2, 'stderr')):
        os.dup2(os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    argv = command['argv']
    try:
        if argv[0] == '-m':
            sys.argv = argv[1:]
            runpy.run_module(argv[1], run_name='__main__', alter_sys=True)
        else:
            sys.argv = argv
            sys.path.insert(0, str(Path(argv[0]).resolve().parent))
            runpy.run_path(argv[0], run_name='__main__')
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Answer until stdin is closed."""
    load()
    answers = os.fdopen(os.dup(1), 'w')
    while line := sys.stdin.readline():
        pids = []
        for command in json.loads(line):
            pids.append(os.fork())
            if pids[-1] == 0:
                answers.close()
                code = run(command)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        print(json.dumps(codes), file=answers, flush=True)


if __name__ == '__main__':
    main()
