"""What the pictures are made of, each to be left out to learn what it is worth."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ingredients:
    """
    Switches of the renderer; all on is the simulator as it is meant.

    :param grain: textures of materials and stains on the ground.
    :param wear: worn paint.
    :param dirt: patches, cracks, tar seams, tyre marks, leaves, puddles.
    :param scenery: all that stands up beside the road.
    :param shadows: hard shadows of what stands up.
    :param lamps: street lamps and headlights at night.
    :param weather: fog, rain, wet reflections, clouds; without them the weather is clear.
    :param lens: noise, vignetting, blur, white balance and JPEG of the camera.
    """

    grain: bool = True
    wear: bool = True
    dirt: bool = True
    scenery: bool = True
    shadows: bool = True
    lamps: bool = True
    weather: bool = True
    lens: bool = True
