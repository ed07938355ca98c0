"""Which version of this code made something."""

from pathlib import Path
import subprocess


def code_commit() -> str:
    """Return the commit of this code, with ``+`` when files differ from it, or ``unknown``."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ['git', '-C', str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        dirty = git('status', '--porcelain', '--', '.')
        return git('rev-parse', 'HEAD') + ('+' if dirty else '')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
