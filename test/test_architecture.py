"""Who may import whom, and how large things may grow: held by reading every module."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
import subprocess
import sys

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ('seg_node', 'training', 'carla_lite')
SOURCES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for package in PACKAGES
    for path in (REPOSITORY / package).rglob('*.py')
)

#: What each package must never import.
FORBIDDEN = {
    'seg_node': {'training', 'carla_lite'},
    'training': {'carla_lite', 'rclpy'},
    'carla_lite': {'seg_node', 'training', 'rclpy', 'torch'},
}
#: The modules of seg_node that know ROS; all others run without it.
ROS_MODULES = {
    'camera_listener', 'camera_parameters', 'camera_publisher', 'camera_transforms',
    'diagnostics', 'image_input', 'lifecycle_node', 'listener', 'node_process', 'outputs',
    'parameter_fields', 'parameters', 'pipeline', 'replay', 'replay_messages',
    'replay_publisher', 'ros_conversions', 'spinning', 'topic_recorder',
}  # fmt: skip
#: The only places of seg_node that may import a heavy or optional library.
OPTIONAL = {
    'torch': {'seg_node/engines/torch_engine.py'},
    'onnx': {'seg_node/engines/torch_engine.py'},
    'onnxruntime': {'seg_node/engines/onnxruntime_engine.py'},
    'openvino': {'seg_node/engines/openvino_engine.py'},
    'tensorrt': {'seg_node/engines/tensorrt_engine.py'},
}
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 350


@cache
def tree_of(path: str) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text(encoding='utf-8'), path)


def module_of(path: str) -> str:
    """Return ``seg_node.engines.base`` of ``seg_node/engines/base.py``."""
    return path.removesuffix('.py').replace('/', '.').removesuffix('.__init__')


def imports(path: str) -> Iterator[str]:
    """Yield every module or name that a file imports, inside functions too."""
    package = (
        module_of(path) if path.endswith('__init__.py') else module_of(path).rpartition('.')[0]
    )
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split('.')[: len(package.split('.')) - node.level + 1]
            base = '.'.join([*parents, *([node.module] if node.module else [])])
            base = base if node.level else node.module or ''
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ('import_module', '__import__'):
            yield _text_of(node.args[0])


def _called(node: ast.Call) -> str:
    return getattr(node.func, 'attr', getattr(node.func, 'id', ''))


def _text_of(node: ast.expr) -> str:
    """Return a string as far as it is written out: ``seg_node.engines.`` of an f-string."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]  # type: ignore[assignment]
    return str(node.value) if isinstance(node, ast.Constant) else ''


def top_level(path: str) -> set[str]:
    return {name.split('.')[0] for name in imports(path)}


def is_ros(name: str) -> bool:
    return name.startswith(('rclpy', 'rcl_', 'rosidl')) or name.endswith(
        ('_msgs', '_srvs', '_interfaces')
    )


def own_imports(path: str) -> set[str]:
    """Return the files of this repository that a file imports."""
    found = set()
    for name in imports(path):
        if name.endswith('.'):  # import_module of a name that begins so
            found |= {other for other in SOURCES if module_of(other).startswith(name)}
            continue
        for module in (name, name.rpartition('.')[0]):
            base = module.replace('.', '/')
            if known := {f'{base}.py', f'{base}/__init__.py'} & set(SOURCES):
                found |= known
                break
    return found - {path}


def run_python(program: str, *arguments: str) -> str:
    """Run a program in a fresh interpreter; return what it prints."""
    command = [sys.executable, '-c', program, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_something_to_read() -> None:
    assert {'seg_node/node.py', 'training/train.py'} <= set(SOURCES)
    assert 'seg_node/bundle.py' in own_imports('seg_node/segmenter.py')
    assert 'torch' in top_level('seg_node/engines/torch_engine.py')
    assert 'vision_msgs' in top_level('seg_node/outputs.py'), 'imported inside a function'
    assert 'seg_node.engines.' in set(imports('seg_node/engines/selection.py'))


@pytest.mark.parametrize('path', SOURCES)
def test_packages_meet_in_one_direction(path: str) -> None:
    assert not top_level(path) & FORBIDDEN[path.split('/')[0]]


@pytest.mark.parametrize('path', SOURCES)
def test_ros_is_known_to_the_ros_modules_only(path: str) -> None:
    ros = {name for name in top_level(path) if is_ros(name)}
    if path.startswith('seg_node/') and Path(path).stem in ROS_MODULES:
        assert ros, f'{path} needs no ROS: take it off the list'
    else:
        assert not ros


WITHOUT_ROS_AND_TORCH = """
import importlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        top = name.split('.')[0]
        if top in ('rclpy', 'torch', 'vision_msgs') or top.endswith(('_msgs', '_interfaces')):
            raise ImportError(f'{name} is not installed')

sys.meta_path.insert(0, Missing())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_all_but_the_node_works_where_ros_and_torch_are_not_installed() -> None:
    lazy = {'replay', 'ros_conversions'}
    modules = [
        module_of(path)
        for path in SOURCES
        if path.startswith('seg_node/')
        and Path(path).stem not in ROS_MODULES - lazy
        and not path.endswith('_engine.py')
    ]
    assert 'seg_node.sources.bag' in modules
    run_python(WITHOUT_ROS_AND_TORCH, *modules)


@pytest.mark.parametrize('path', [path for path in SOURCES if path.startswith('seg_node/')])
def test_optional_libraries_stay_in_their_engine(path: str) -> None:
    for library, places in OPTIONAL.items():
        assert library not in top_level(path) or path in places


@pytest.mark.parametrize('package', PACKAGES)
def test_no_import_goes_in_a_circle(package: str) -> None:
    inside = [path for path in SOURCES if path.startswith(f'{package}/')]
    graph = {path: own_imports(path) & set(inside) for path in inside}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f'import cycle: {" > ".join(reversed(error.args[1]))}')


def test_training_sees_the_pixels_that_the_node_sees() -> None:
    """One resize, one letterbox, one decision: training takes them from seg_node."""
    taken = {
        'training/torch_segmenter.py': {'preprocess.preprocess', 'postprocess.postprocess'},
        'training/data/geometry.py': {'preprocess.place', 'preprocess.resize_image'},
        'training/thresholds.py': {'postprocess.decide'},
        'training/evaluation/models.py': {'segmenter.Segmenter'},
    }
    for path, names in taken.items():
        assert {f'seg_node.{name}' for name in names} <= set(imports(path)), path
    shared = {
        'preprocess',
        'postprocess',
        'place',
        'letterbox',
        'resize_image',
        'decide',
        'to_bgr',
    }
    for path in SOURCES:
        defined = {n.name for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef)}
        if not path.startswith(('seg_node/p', 'carla_lite/')):
            assert not defined & shared, path


@pytest.mark.parametrize('path', SOURCES)
def test_names_and_sizes(path: str) -> None:
    assert Path(path).stem not in {'utils', 'util', 'helpers', 'helper', 'common', 'misc'}
    lines = (REPOSITORY / path).read_text(encoding='utf-8').splitlines()
    assert len(lines) <= MAX_FILE_LINES
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f'{node.name} has {length} lines'


@pytest.mark.parametrize('path', SOURCES)
def test_nothing_is_ever_unpickled(path: str) -> None:
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    for call in calls:
        name = ast.unparse(call.func)
        arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert not name.startswith(('pickle.', 'dill.', 'joblib.', 'shelve.', 'marshal.'))
        assert name != 'torch.load' or arguments.get('weights_only') == 'True'
        assert arguments.get('allow_pickle', 'False') == 'False'


@pytest.mark.parametrize('path', SOURCES)
def test_modules_functions_and_classes_say_what_they_are(path: str) -> None:
    assert ast.get_docstring(tree_of(path))
    for node in tree_of(path).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith('_'):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize(
    ('module', 'never'),
    [
        ('seg_node.segmenter', 'torch rclpy openvino onnxruntime tensorrt onnx rosbags rich'),
        ('seg_node.bundle', 'torch rclpy openvino onnxruntime tensorrt onnx rosbags rich'),
        ('seg_node.segment', 'torch rclpy openvino onnxruntime tensorrt onnx'),
        ('seg_node.health', 'torch rclpy cv2 numpy'),
        ('seg_node.worker', 'torch rclpy cv2 numpy'),
        ('seg_node.engines.onnxruntime_engine', 'torch rclpy openvino tensorrt'),
        ('training.config', 'rclpy'),
    ],
)
def test_an_import_loads_no_more_than_it_needs(module: str, never: str) -> None:
    if module.startswith('training'):
        pytest.importorskip('torch', reason='training needs torch')
    loaded = run_python(f'import sys, {module}; print(*sys.modules)').split()
    assert not set(loaded) & set(never.split())
