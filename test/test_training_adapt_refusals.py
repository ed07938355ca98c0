"""``adapt`` where something is wrong: one line, and nothing changed at all."""

from dataclasses import replace
import json
from pathlib import Path
import shutil

from adaptations import files_below
import numpy as np
import pytest
from rendered_roads import render_road
from seg_node.bundle import BundleError, ModelBundle
from seg_node.errors import SegNodeError
from seg_node.segmenter import Segmenter
import torch
from training.adapt import adapt
from training.base_model import BaseModel
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError, DataError, ExportError
from training.lora.config import LoraConfig
from training.lora.files import load_adapter
from training.merge_gate import check_merge
from training.models.score_graph import ScoreGraph
from training.onnx_graph import write_onnx
from training.runs import Run


@pytest.fixture
def fresh(adaptation, tmp_path):
    """Return the task on a bundle without adapters, of two steps."""
    return adaptation.fresh(tmp_path)


def test_a_name_that_is_taken_needs_replace(adaptation):
    _, bundle = adaptation.adapted
    before = files_below(bundle.folder)
    with pytest.raises(ConfigError, match=r"has an adapter 'negative' already: .* --replace"):
        adapt(adaptation.config, quiet=True)
    with pytest.raises(ConfigError, match='holds the run of an adapter: go on with it by'):
        adapt(
            replace(
                adaptation.config,
                output=bundle.folder.with_name('elsewhere'),
                bundle=adaptation.exported.folder,
            ),
            True,
        )
    assert files_below(bundle.folder) == before


@pytest.mark.parametrize(
    ('changes', 'kind', 'message'),
    [
        ({'name': ''}, ConfigError, '--name is'),
        ({'name': '../x'}, ConfigError, '--name is'),
        ({'shots': -1}, ConfigError, '--shots is -1'),
        ({'shots': 99}, DataError, 'shots is 99 and the part has 8 samples'),
        ({'steps': 0}, ConfigError, '--steps is 0'),
        ({'replace': True, 'resume': True}, ConfigError, 'say one of them'),
        ({'lora': LoraConfig()}, ConfigError, '--lora.kind is none'),
        ({'lora': LoraConfig(kind='lora', targets=('neck',))}, ConfigError, "'neck' matches no"),
        ({'data': SourceConfig()}, ConfigError, r'--data\.path is missing'),
        ({'test': SetConfig()}, ConfigError, r'--test\.path is missing'),
        ({'test': SetConfig(path='nowhere')}, DataError, 'no data set at'),
        ({'bundle': Path('nowhere')}, BundleError, 'no bundle at nowhere'),
        ({'resume': True}, ConfigError, 'does not exist; start the run without --resume'),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(fresh, changes, kind, message):
    before = files_below(fresh.bundle)
    with pytest.raises(kind, match=message) as caught:
        adapt(replace(fresh, **changes), quiet=True)
    assert '\n' not in str(caught.value)
    assert files_below(fresh.bundle) == before


def test_an_output_with_another_model_is_refused(fresh, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle.folder, tmp_path / 'other')
    with pytest.raises(ConfigError, match='holds another model than'):
        adapt(replace(fresh, output=tmp_path / 'other'), quiet=True)
    with pytest.raises(ConfigError, match=r'has no model\.safetensors to train on'):
        adapt(replace(fresh, bundle=tmp_path / 'other'), quiet=True)


def test_a_damaged_adapter_is_found_when_its_bundle_is_loaded(adaptation, tmp_path):
    _, bundle = adaptation.adapted
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    folder = tmp_path / 'bundle' / 'adapters' / 'negative'
    weights = folder / 'adapter_model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(BundleError, match=r'adapter_model\.safetensors has .* bytes instead'):
        ModelBundle.load(tmp_path / 'bundle')
    with pytest.raises(ConfigError, match='is damaged'):
        load_adapter(folder, BaseModel.open(bundle.folder).build())


def test_an_adapter_does_not_fit_an_altered_base(adaptation, tmp_path):
    _, bundle = adaptation.adapted
    network = BaseModel.open(bundle.folder).build()
    with torch.no_grad():
        next(network.parameters()).mul_(1.01)
    with pytest.raises(ConfigError, match='was made for other weights'):
        load_adapter(bundle.folder / 'adapters' / 'negative', network)
    content = json.loads((bundle.folder / 'bundle.json').read_text())
    content['files'][1]['sha256'] = '0' * 64
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    (tmp_path / 'bundle' / 'bundle.json').write_text(json.dumps(content))
    with pytest.raises(BundleError, match='made for other weights than the bundle'):
        ModelBundle.load(tmp_path / 'bundle')


def test_an_unknown_adapter_is_refused_with_those_there_are(adaptation):
    _, bundle = adaptation.adapted
    with pytest.raises(SegNodeError, match="has no adapter 'snow': it has negative"):
        Segmenter.load(bundle, 'onnxruntime', 'fp32', 'snow')


def test_the_gate_refuses_a_fold_that_computes_something_else(adaptation):
    _, bundle = adaptation.adapted
    base = BaseModel.open(bundle.folder)
    spec = base.bundle.manifest.input
    trained = ScoreGraph(Run.load(adaptation.config.folder, folded=False).network, spec).eval()
    image, _ = render_road(np.random.default_rng(0), spec.height, spec.width)
    assert check_merge(trained, trained, [image[None]]) == 0
    with pytest.raises(ExportError, match=r'a probability differs by .* nothing was written'):
        check_merge(trained, ScoreGraph(base.build(), spec).eval(), [image[None]])


def test_a_graph_that_computes_something_else_changes_nothing(fresh, monkeypatch):
    """As if the exporter had lost a tenth of the last layer's weights."""

    def write_wrong(graph, *arguments):
        head = graph.network.head
        with torch.no_grad():
            whole = head.weight.clone()
            head.weight *= 0.9
            write_onnx(graph, *arguments)
            head.weight.copy_(whole)

    monkeypatch.setattr('training.adapter_files.write_onnx', write_wrong)
    before = files_below(fresh.bundle)
    with pytest.raises(ExportError, match='does not compute what torch does'):
        adapt(fresh, quiet=True)
    assert files_below(fresh.bundle) == before
