"""What a training refuses before its first step."""

from dataclasses import replace
from pathlib import Path

import pytest
from training.errors import ConfigError
from training.train import train
from training_runs import tiny_config


@pytest.mark.skipif(not Path('/proc/self').exists(), reason='there is no /proc here')
def test_folder_where_there_can_be_none_is_told(tmp_path: Path) -> None:
    config = replace(tiny_config(tmp_path), runs=Path('/proc/seg_node'))
    with pytest.raises(
        ConfigError, match=r'^cannot write /proc/seg_node/tiny \(No such .*--runs$'
    ):
        train(config, quiet=True)
