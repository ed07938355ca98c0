"""``export`` beside adapters: those that stay, those that would be lost, one that is folded in."""

from dataclasses import replace
import shutil

import numpy as np
import pytest
from rendered_roads import render_road
from seg_node.bundle import ModelBundle
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter
from training.base_model import BaseModel
from training.errors import ConfigError
from training.export import export
from training.export_config import ExportConfig
from training.train import train


def test_export_keeps_adapters_of_the_same_model_and_refuses_to_lose_others(adaptation, tmp_path):
    _, bundle = adaptation.adapted
    root = adaptation.run.data_root
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    again = ExportConfig(
        run=adaptation.run.folder,
        output=tmp_path / 'bundle',
        data_root=root,
        lane_threshold=bundle.manifest.output.lane_threshold,
    )
    export(again, quiet=True)
    kept = ModelBundle.load(again.output).manifest.adapters
    assert kept == bundle.manifest.adapters
    other = replace(adaptation.run, name='other', epochs=1, seed=7)
    train(other, quiet=True)
    with pytest.raises(ConfigError, match=r'holds adapters \(negative\) .* --drop_adapters'):
        export(replace(again, run=other.folder), quiet=True)
    assert ModelBundle.load(again.output).manifest.adapters == kept
    export(replace(again, run=other.folder, drop_adapters=True), quiet=True)
    assert ModelBundle.load(again.output).manifest.adapters == {}


def test_export_folds_the_adapter_of_a_run(adaptation, tmp_path):
    _, bundle = adaptation.adapted
    export(
        ExportConfig(
            run=adaptation.config.folder,
            output=tmp_path / 'folded',
            data_root=adaptation.config.data_root,
            lane_threshold=bundle.manifest.output.lane_threshold,
        ),
        quiet=True,
    )
    folded = BaseModel.open(tmp_path / 'folded')
    assert set(folded.build().state_dict()) == set(
        BaseModel.open(bundle.folder).build().state_dict()
    )
    provenance = folded.bundle.manifest.provenance
    assert provenance['config']['lora']['kind'] == 'lora'
    assert provenance['init_from']['sha256'] == bundle.manifest.files[1].sha256
    image, _ = render_road(np.random.default_rng(5))
    masks = []
    for made, name in ((folded.bundle, ''), (bundle, 'negative')):
        segmenter = Segmenter.load(made, 'onnxruntime', 'fp32', name)
        masks.append(segmenter.segment(Frame(255 - image)).mask.labels)
        segmenter.close()
    assert np.array_equal(*masks)
