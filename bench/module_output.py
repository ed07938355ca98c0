"""What a module of this project prints, for comparisons that are made of several commands."""

import subprocess
import sys

from bench import ROOT


def output_of(module: str, *arguments: object) -> str:
    """
    Run a module of this project to its end; return what it prints.

    :raises SystemExit: with its status, when it fails; it has said why.
    """
    command = [sys.executable, '-m', module, *map(str, arguments)]
    print(' '.join(command[1:]), file=sys.stderr)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout
