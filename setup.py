"""Build rules; ament_python runs them through colcon, pip runs them alone."""

from pathlib import Path

from setuptools import setup

PACKAGE = 'seg_node'
HERE = Path(__file__).parent


def installed(folder: str) -> list[tuple[str, list[str]]]:
    """List the files of a folder for data_files, keeping their places below it."""
    places: dict[str, list[str]] = {}
    for path in sorted((HERE / folder).rglob('*')):
        if path.is_file() and '__pycache__' not in path.parts:
            relative = path.relative_to(HERE)
            places.setdefault(f'share/{PACKAGE}/{relative.parent}', []).append(str(relative))
    return list(places.items())


def packages() -> list[str]:
    """Name what is installed; find_packages would take the tests and the benchmarks too."""
    return [
        '.'.join(init.parent.relative_to(HERE).parts)
        for top in ('seg_node', 'training', 'carla_lite')
        for init in sorted((HERE / top).rglob('__init__.py'))
    ]


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Lane segmentation for ROS 2: camera images in, lane masks out, on a CPU',
    license='Apache-2.0',
    maintainer='seg_node maintainers',
    maintainer_email='seg_node@example.org',
    python_requires='>=3.10',
    packages=packages(),
    package_data={'training': ['configs/*.yaml', 'configs/*.json']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/seg_node']),
        (f'share/{PACKAGE}', ['package.xml']),
        *installed('launch'),
        *installed('config'),
        *installed('models'),
    ],
    install_requires=['numpy', 'opencv-python-headless', 'onnxruntime'],
    extras_require={
        'carla_lite': ['msgpack'],
        'collect': ['jsonargparse[signatures]', 'pyyaml', 'rich'],
        'carla': ['carla==0.9.16; python_version < "3.13"'],
        'bags': ['rosbags'],
        'progress': ['rich'],
        'openvino': ['openvino'],
        'torch': ['torch', 'onnx'],
        'tensorrt': ['tensorrt', 'cuda-python'],
        'quantization': ['nncf>=3.4,<3.5', 'torchao>=0.18'],
        'training': [
            'torch',
            'onnx',
            'onnxscript',
            'lightning',
            'jsonargparse[signatures]',
            'safetensors',
            'openvino',
            'rich',
            'matplotlib',
            'pyyaml',
            'tensorboard',
        ],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'seg_node = seg_node.node:main',
            'replay = seg_node.replay:main',
            'carla_camera = seg_node.carla.camera_node:main',
            'record_topics = seg_node.topic_recorder:main',
            'carla_lite = carla_lite.__main__:main',
            'collect_data = training.__main__:collect_data',
        ],
    },
)
