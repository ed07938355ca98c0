"""Put other modules in the places of a network's modules."""

from collections.abc import Callable

from torch import nn


def replace_modules(
    network: nn.Module, substitute: Callable[[nn.Module], nn.Module]
) -> dict[str, nn.Module]:
    """
    Offer every module below the root to ``substitute`` and put what it returns in its place.

    A module that stands in several places is offered once and replaced in all of them.

    :param substitute: returns another module, or the one it was given.
    :return: the substitutes by name (the first one of several places).
    """
    places = [
        (parent, key, child)
        for parent in network.modules()
        for key, child in parent._modules.items()  # named_children leaves out second names
        if child is not None
    ]
    names = {module: name for name, module in network.named_modules()}
    substitutes: dict[nn.Module, nn.Module] = {}
    for parent, key, child in places:
        if child not in substitutes:
            substitutes[child] = substitute(child)
        if substitutes[child] is not child:
            setattr(parent, key, substitutes[child])
    return {names[old]: new for old, new in substitutes.items() if new is not old}
