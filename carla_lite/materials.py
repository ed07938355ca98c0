"""What surfaces are made of; the renderer knows a texture and a look for each."""

from enum import IntEnum


class Material(IntEnum):
    """
    A surface's stuff.

    Those up to ``FLOOR`` take their colour from the town's look (a mesh's colour is a tint, white
    for "as the look says"); all others take the mesh's colour as it is.
    """

    ASPHALT = 0
    CONCRETE = 1  # a lighter road surface, bridges, medians
    WHITE_PAINT = 2
    YELLOW_PAINT = 3
    KERB = 4
    SIDEWALK = 5
    GRASS = 6
    SOIL = 7
    GRAVEL = 8
    PATCH = 9  # mended asphalt, another grey than the road around it
    TAR = 10  # dark seams, cracks
    LEAVES = 11
    BARK = 12
    MAT = 13  # the track town's rubber or foam mats
    WHITE_TAPE = 14
    YELLOW_TAPE = 15
    FLOOR = 16  # the track town's hall
    FACADE = 17  # walls with a grid of windows
    WALL = 18  # plain plaster
    BRICK = 19
    ROOF = 20
    METAL = 21
    LACQUER = 22  # vehicles
    GLASS = 23
    RUBBER = 24
    CLOTH = 25
    WOOD = 26
    LAMP = 27  # shines at night
    SIGN = 28
    WATER = 29
    CARPET = 30


#: Materials that wear off and show what is under them.
PAINTS = (
    Material.WHITE_PAINT,
    Material.YELLOW_PAINT,
    Material.WHITE_TAPE,
    Material.YELLOW_TAPE,
)
