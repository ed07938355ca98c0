"""
The yardstick: the lane node that people write first, with the same weights.

``python -m bench.yardstick_node BUNDLE``: a subscription that queues ten images, the picture
copied and converted as cv_bridge and tutorials do it, float tensors, eager PyTorch, everything in
the callback. Nothing is slowed down on purpose, and nothing is done that this design forbids.
"""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
import sys

from bench.numbers import whole_from_zero
import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from safetensors.torch import load_file
from seg_node.bundle import ModelBundle
from seg_node.dds_profile import use_large_images_profile
from seg_node.preprocess import InputSpec
from sensor_msgs.msg import Image
import torch
from training.models.unet import UNet, UNetConfig


class YardstickNode(Node):
    """Images in, masks out, in one callback."""

    def __init__(self, bundle: ModelBundle) -> None:
        """Load the network, publish, subscribe."""
        super().__init__('yardstick')
        self._spec = bundle.manifest.input
        self._network = load_network(bundle)
        self._publisher = self.create_publisher(Image, '~/mask', 10)
        self._subscription = self.create_subscription(Image, 'image', self._on_image, 10)

    def warm_up(self) -> None:
        """Run the network once, so that the first frame does not pay for it."""
        segment(self._network, self._spec, np.zeros((480, 640, 3), np.uint8))

    def _on_image(self, message: Image) -> None:
        flat = np.array(message.data, dtype=np.uint8)
        image = flat.reshape(message.height, message.width, 3)
        labels = segment(self._network, self._spec, image)
        mask = cv2.resize(labels, (message.width, message.height), interpolation=cv2.INTER_NEAREST)
        self._publisher.publish(
            Image(
                header=message.header,
                height=message.height,
                width=message.width,
                encoding='mono8',
                step=message.width,
                data=mask.tobytes(),
            )
        )


def segment(network: UNet, spec: InputSpec, image: np.ndarray) -> np.ndarray:
    """
    Return labels (height, width) uint8 at the network's size.

    :param image: (H, W, 3) uint8 BGR.
    """
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    scaled = rgb.astype(np.float32) / 255
    small = cv2.resize(scaled, (spec.width, spec.height))
    normalized = (small - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    planes = np.ascontiguousarray(normalized.transpose(2, 0, 1))
    with torch.no_grad():
        logits = network(torch.from_numpy(planes).unsqueeze(0))
    return logits.argmax(dim=1)[0].numpy().astype(np.uint8)


def load_network(bundle: ModelBundle) -> UNet:
    """
    Build the bundle's network in torch, in evaluation mode.

    :raises BenchError: when the bundle has no weights for torch.
    """
    from bench.errors import BenchError

    manifest = bundle.manifest
    weights = [file for file in manifest.files if file.format == 'safetensors']
    if not weights or not manifest.network:
        raise BenchError(f'{bundle.folder} has no weights for torch: name a bundle of `export`')
    shape = {key: value for key, value in manifest.network.items() if key != 'kind'}
    network = UNet(UNetConfig(**shape))
    network.load_state_dict(load_file(bundle.path_of(weights[0])))
    return network.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog='python -m bench.yardstick_node', description=__doc__)
    parser.add_argument('bundle', type=Path)
    parser.add_argument(
        '--threads', type=whole_from_zero, default=0, help='of torch; 0 for its own choice'
    )
    options, for_ros = parser.parse_known_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    use_large_images_profile()
    rclpy.init(args=for_ros)
    node = YardstickNode(ModelBundle.load(options.bundle))
    node.warm_up()
    node.get_logger().info('ready')
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
