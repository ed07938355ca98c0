"""CARLA 0.9.16's vehicles, walkers and props: their ids, sizes and what clients filter by."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VehicleModel:
    """
    One vehicle of the library.

    :param kind: car, van, truck, bus, motorcycle or bicycle; CARLA's ``base_type``.
    :param half_m: half length, half width, half height, metres.
    :param special: emergency, taxi, electric or nothing.
    """

    name: str
    kind: str
    half_m: tuple[float, float, float]
    generation: int = 1
    has_lights: bool = False
    special: str = ''
    doors: bool = False
    paintable: bool = True


def _two_wheeler(
    name: str, kind: str, half_m: tuple[float, float, float], lights: bool = False
) -> VehicleModel:
    return VehicleModel(name, kind, half_m, has_lights=lights)


def _new(  # generation 2 models have lights, and most have doors that open
    name: str,
    kind: str,
    half_m: tuple[float, float, float],
    special: str = '',
    doors: bool = True,
    paintable: bool = True,
) -> VehicleModel:
    return VehicleModel(name, kind, half_m, 2, True, special, doors, paintable)


VEHICLES: tuple[VehicleModel, ...] = (
    VehicleModel('vehicle.audi.a2', 'car', (1.853, 0.894, 0.774)),
    VehicleModel('vehicle.audi.etron', 'car', (2.428, 1.016, 0.825), 1, True, 'electric'),
    VehicleModel('vehicle.audi.tt', 'car', (2.091, 0.997, 0.693), 1, True),
    VehicleModel('vehicle.bmw.grandtourer', 'car', (2.306, 1.121, 0.834)),
    VehicleModel('vehicle.chevrolet.impala', 'car', (2.679, 1.017, 0.705), 1, True),
    VehicleModel('vehicle.citroen.c3', 'car', (1.994, 0.926, 0.809)),
    _new('vehicle.dodge.charger_2020', 'car', (2.503, 0.941, 0.768)),
    VehicleModel(
        'vehicle.dodge.charger_police', 'car', (2.487, 1.019, 0.777), 1, True, 'emergency'
    ),
    _new('vehicle.dodge.charger_police_2020', 'car', (2.619, 0.971, 0.820), 'emergency'),
    _new('vehicle.ford.crown', 'car', (2.683, 0.900, 0.787), 'taxi'),
    VehicleModel('vehicle.ford.mustang', 'car', (2.359, 0.947, 0.651), 1, True),
    VehicleModel('vehicle.jeep.wrangler_rubicon', 'car', (1.933, 0.953, 0.939)),
    VehicleModel('vehicle.lincoln.mkz_2017', 'car', (2.451, 1.064, 0.755), 1, True),
    _new('vehicle.lincoln.mkz_2020', 'car', (2.446, 0.918, 0.745)),
    VehicleModel('vehicle.mercedes.coupe', 'car', (2.513, 1.076, 0.825), 1, True),
    _new('vehicle.mercedes.coupe_2020', 'car', (2.337, 1.001, 0.721)),
    VehicleModel('vehicle.micro.microlino', 'car', (1.104, 0.740, 0.688), 1, False, 'electric'),
    VehicleModel('vehicle.mini.cooper_s', 'car', (1.903, 0.985, 0.738)),
    _new('vehicle.mini.cooper_s_2021', 'car', (2.276, 1.049, 0.884)),
    VehicleModel('vehicle.nissan.micra', 'car', (1.817, 0.923, 0.751)),
    VehicleModel('vehicle.nissan.patrol', 'car', (2.302, 0.966, 0.927), 1, True),
    _new('vehicle.nissan.patrol_2021', 'car', (2.783, 1.075, 1.023)),
    VehicleModel('vehicle.seat.leon', 'car', (2.096, 0.908, 0.737), 1, True),
    VehicleModel('vehicle.tesla.model3', 'car', (2.396, 1.082, 0.744), 1, True, 'electric'),
    VehicleModel('vehicle.toyota.prius', 'car', (2.257, 1.003, 0.763), 1, True, 'electric'),
    _new('vehicle.ford.ambulance', 'van', (3.183, 1.176, 1.216), 'emergency'),
    _new('vehicle.mercedes.sprinter', 'van', (2.958, 0.994, 1.280)),
    VehicleModel('vehicle.volkswagen.t2', 'van', (2.240, 1.035, 1.019), 1, True),
    _new('vehicle.volkswagen.t2_2021', 'van', (2.221, 0.887, 0.994)),
    VehicleModel('vehicle.carlamotors.carlacola', 'truck', (2.602, 1.308, 1.238), 1, True),
    _new('vehicle.carlamotors.european_hgv', 'truck', (3.968, 1.446, 1.733), doors=False),
    _new(
        'vehicle.carlamotors.firetruck',
        'truck',
        (4.234, 1.446, 1.914),
        'emergency',
        paintable=False,
    ),
    VehicleModel(
        'vehicle.tesla.cybertruck',
        'truck',
        (3.137, 1.195, 1.049),
        1,
        True,
        'electric',
        paintable=False,
    ),
    # CARLA's own box of this one is wider than a lane
    _new('vehicle.mitsubishi.fusorosa', 'bus', (5.136, 1.300, 1.700)),
    _two_wheeler('vehicle.harley-davidson.low_rider', 'motorcycle', (1.178, 0.382, 0.820), True),
    _two_wheeler('vehicle.kawasaki.ninja', 'motorcycle', (1.017, 0.398, 0.780), True),
    _two_wheeler('vehicle.vespa.zx125', 'motorcycle', (0.903, 0.380, 0.820), True),
    _two_wheeler('vehicle.yamaha.yzf', 'motorcycle', (1.105, 0.435, 0.780), True),
    _two_wheeler('vehicle.bh.crossbike', 'bicycle', (0.744, 0.430, 0.860)),
    _two_wheeler('vehicle.diamondback.century', 'bicycle', (0.822, 0.238, 0.860)),
    _two_wheeler('vehicle.gazelle.omafiets', 'bicycle', (0.920, 0.248, 0.880)),
)

# centre of each kind's weight range: enough for impulses and for who pushes whom
MASS_KG = {
    'car': 1700.0,
    'van': 2600.0,
    'truck': 5500.0,
    'bus': 6500.0,
    'motorcycle': 280.0,
    'bicycle': 90.0,
    'walker': 75.0,
}

PALETTE: tuple[str, ...] = (
    '17,37,103',
    '180,44,44',
    '255,255,255',
    '12,12,12',
    '137,137,137',
    '66,63,57',
    '99,93,82',
    '71,82,69',
    '243,243,243',
    '192,155,108',
)

CHILDREN = (9, 10, 11, 12, 13, 14, 48, 49)
ELDERLY = (6, 8, 24, 27, 30)
FEMALE = (
    1,
    4,
    5,
    6,
    8,
    11,
    12,
    14,
    21,
    22,
    23,
    24,
    28,
    30,
    32,
    33,
    35,
    36,
    39,
    41,
    43,
    45,
    47,
    48,
    50,
)
WALKER_COUNT = 52
WALKER_HALF_M = (0.188, 0.188, 0.930)
CHILD_HALF_M = (0.250, 0.250, 0.550)


@dataclass(frozen=True)
class PropModel:
    """One static prop; ``kind`` names its shape, ``size`` is CARLA's word for it."""

    name: str
    kind: str
    size: str
    half_m: tuple[float, float, float]


PROPS: tuple[PropModel, ...] = (
    PropModel('static.prop.trafficcone01', 'cone', 'small', (0.20, 0.20, 0.36)),
    PropModel('static.prop.trafficcone02', 'cone', 'small', (0.20, 0.20, 0.36)),
    PropModel('static.prop.constructioncone', 'cone', 'medium', (0.19, 0.19, 0.34)),
    PropModel('static.prop.streetbarrier', 'barrier', 'medium', (0.19, 0.61, 0.53)),
    PropModel('static.prop.chainbarrier', 'barrier', 'medium', (0.10, 0.77, 0.45)),
    PropModel('static.prop.trafficwarning', 'warning', 'big', (1.20, 1.00, 1.30)),
    PropModel('static.prop.warningconstruction', 'warning', 'medium', (0.35, 0.35, 0.60)),
    PropModel('static.prop.warningaccident', 'warning', 'medium', (0.35, 0.35, 0.60)),
    PropModel('static.prop.box01', 'box', 'medium', (0.30, 0.30, 0.30)),
    PropModel('static.prop.box02', 'box', 'medium', (0.33, 0.33, 0.33)),
    PropModel('static.prop.box03', 'box', 'medium', (0.32, 0.32, 0.32)),
    PropModel('static.prop.creasedbox01', 'box', 'small', (0.40, 0.40, 0.25)),
    PropModel('static.prop.container', 'container', 'big', (1.00, 0.90, 0.90)),
    PropModel('static.prop.bin', 'bin', 'small', (0.30, 0.30, 0.50)),
    PropModel('static.prop.trashcan01', 'bin', 'medium', (0.35, 0.35, 0.55)),
    PropModel('static.prop.trashbag', 'bin', 'small', (0.30, 0.30, 0.30)),
    PropModel('static.prop.barrel', 'barrel', 'small', (0.30, 0.30, 0.45)),
    PropModel('static.prop.bench01', 'bench', 'medium', (0.35, 0.80, 0.45)),
    PropModel('static.prop.busstop', 'busstop', 'big', (0.95, 2.10, 1.40)),
    PropModel('static.prop.mailbox', 'bin', 'medium', (0.30, 0.30, 0.60)),
    PropModel('static.prop.streetsign', 'sign', 'medium', (0.05, 0.35, 1.20)),
    PropModel('static.prop.dirtdebris01', 'debris', 'medium', (0.60, 0.60, 0.05)),
)
