"""Put what was measured into a document, between the marks ``bench:NAME`` and ``/bench``."""

from pathlib import Path
import re

from bench.errors import BenchError
from seg_node.atomic_files import write_text


def write_between_marks(document: Path, name: str, content: str) -> None:
    """
    Replace what stands between two marks.

    :raises BenchError: when the document has no such marks.
    """
    text = document.read_text(encoding='utf-8')
    marks = re.compile(rf'(<!-- bench:{re.escape(name)} -->\n).*?(<!-- /bench -->)', re.DOTALL)
    if not marks.search(text):
        raise BenchError(
            f'{document} has no place for what was measured: put the lines '
            f"'<!-- bench:{name} -->' and '<!-- /bench -->' where it shall stand"
        )
    write_text(document, marks.sub(lambda found: f'{found[1]}{content}\n{found[2]}', text))
