"""Which of several training processes this one is, before torch is there to ask."""

import os


def is_first_process() -> bool:
    """Return whether this is the first, or only, process, as its launcher says."""
    # torchrun says RANK; Lightning's own launcher, which starts the others, says the two others
    places = ('RANK',) if 'RANK' in os.environ else ('NODE_RANK', 'LOCAL_RANK')
    return all(os.environ.get(name, '0') == '0' for name in places)
