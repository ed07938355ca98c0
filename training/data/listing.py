"""``samples.jsonl`` of a pairs folder: which samples count, and what is known of each."""

import json
from pathlib import Path
from typing import Any

from training.errors import DataError

SAMPLES = 'samples.jsonl'
#: The line of each sample by its name.
Listing = dict[str, dict[str, Any]]


def read_listing(folder: Path) -> Listing | None:
    """
    Return the line of each sample by its name; None for a folder without listing.

    While a collection goes on, or after it was killed, there may be files that do not count yet,
    and a last line without end.

    :raises DataError: for a line that is not what it should be.
    """
    path = folder / SAMPLES
    if not path.is_file():
        return None
    try:
        content, _, _ = path.read_text(encoding='utf-8').rpartition('\n')
    except UnicodeDecodeError as error:
        raise DataError(f'{path} is not text ({error}): mend or remove the file') from error
    lines: Listing = {}
    for number, text in enumerate(content.splitlines(), start=1):
        try:
            line = json.loads(text)
            lines[line['name']] = line
            if not all(isinstance(line.get(key, ''), (str, int)) for key in ('route', 'town')):
                raise TypeError('route and town are a name or a number')
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f'{path}, line {number} is no sample ({error}): mend or remove the file'
            ) from error
    return lines
