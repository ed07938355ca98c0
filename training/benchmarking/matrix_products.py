"""
What the machine can do at most: plain products of square matrices, through the engines.

The share of this that a network reaches tells how well it fits the machine. The products are
timed in turns with the networks, so that a busy moment hurts both alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from training.benchmarking.raw_model import open_raw

#: Side of the matrices and number of products in a row. Smaller ones stay in the caches, larger
#: ones pay less for starting; which is faster depends on the machine, so both are timed.
SHAPES = ((512, 6), (1024, 2))


@dataclass(frozen=True)
class Product:
    """A chain of matrix products, ready to run."""

    multiply_adds: int
    run: Callable[[], object]


def load_products(engine: str, precision: str, threads: int, folder: Path) -> list[Product]:
    """
    Load the products in an engine.

    :param folder: for their ONNX files.
    """
    if engine == 'torch':
        return [_torch_product(side, count, precision, threads) for side, count in SHAPES]
    products = []
    for side, count in SHAPES:
        path = folder / f'matrix_product_{side}_{precision}.onnx'
        path.write_bytes(product_network(side, count, precision == 'int8').SerializeToString())
        # int8 is in the graph; what is left of it in floats is computed in fp32
        model = open_raw(path, engine, 'bf16' if precision == 'bf16' else 'fp32', threads)
        array = np.ones((side, side), np.uint8 if precision == 'int8' else np.float32)
        products.append(Product(count * side**3, lambda m=model, a=array: m.run(a)))  # type: ignore[misc]
    return products


def _torch_product(side: int, count: int, precision: str, threads: int) -> Product:
    import torch

    torch.set_num_threads(threads)
    kinds = {'bf16': torch.bfloat16, 'fp16': torch.float16}
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    dtype = kinds.get(precision, torch.float32)
    weights = torch.full((side, side), 1 / side, dtype=dtype, device=device)
    first = torch.ones_like(weights)

    def run() -> None:
        product = first
        with torch.inference_mode():
            for _ in range(count):
                product = product @ weights
            product[0, 0].item()  # waits for a GPU

    return Product(count * side**3, run)


def product_network(side: int, count: int, quantized: bool) -> onnx.ModelProto:
    """
    Return a chain of matrix products as a graph.

    :param quantized: between DequantizeLinear and QuantizeLinear, uint8 times int8 for each
        column, as networks are quantized.
    """
    random = np.random.default_rng(0)
    constants: dict[str, np.ndarray] = {}
    nodes: list[onnx.NodeProto] = []
    if quantized:
        constants['scale'], constants['zero'] = np.array(0.02, np.float32), np.array(128, np.uint8)
        constants['weight_scale'] = np.full(side, 0.2 / side, np.float32)
        constants['weight_zero'] = np.zeros(side, np.int8)
    source = 'array'
    for index in range(count):
        values = random.integers(-127, 128, (side, side))
        if quantized:
            constants[f'weight_{index}'] = values.astype(np.int8)
            nodes += _quantized_product(source, index)
            source = f'array_{index}'
        else:
            constants[f'weight_{index}'] = (values / 127 / side).astype(np.float32)
            nodes.append(
                helper.make_node('MatMul', [source, f'weight_{index}'], [f'array_{index}'])
            )
            source = f'array_{index}'
    kind = TensorProto.UINT8 if quantized else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        'matrix_products',
        [helper.make_tensor_value_info('array', kind, (side, side))],
        [helper.make_tensor_value_info(source, kind, (side, side))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)


def _quantized_product(source: str, index: int) -> list[onnx.NodeProto]:
    weight, left, right = f'weight_{index}', f'left_{index}', f'right_{index}'
    return [
        helper.make_node('DequantizeLinear', [source, 'scale', 'zero'], [left]),
        helper.make_node(
            'DequantizeLinear', [weight, 'weight_scale', 'weight_zero'], [right], axis=1
        ),
        helper.make_node('MatMul', [left, right], [f'product_{index}']),
        helper.make_node(
            'QuantizeLinear', [f'product_{index}', 'scale', 'zero'], [f'array_{index}']
        ),
    ]
