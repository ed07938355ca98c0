"""A network as OpenDRIVE 1.4 text, as CARLA's client reads it."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from carla_lite.roads.network import (
    Cubic,
    Junction,
    Lane,
    Link,
    Mark,
    Network,
    Road,
    roadway,
    Section,
    Signal,
    SPEED_SIGN,
    TRAFFIC_LIGHT,
)

GEO_REFERENCE = (
    '+proj=tmerc +lat_0=42.0 +lon_0=2.0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs'
)
_ELEMENTS = {
    'solid': 1, 'broken': 1, 'solid solid': 2, 'solid broken': 2, 'broken solid': 2,
    'broken broken': 2,
}  # fmt: skip


def opendrive_of(network: Network) -> str:
    """Return the text of the map."""
    root = Element('OpenDRIVE')
    header = _add(root, 'header', revMajor=1, revMinor=4, name=network.name, version='1.00')
    SubElement(header, 'geoReference').text = GEO_REFERENCE
    for road in network.roads:
        _road(root, road)
    groups = _light_groups(network)
    for number, key in enumerate(sorted(groups), 1):
        controller = _add(root, 'controller', name=f'ctrl{number}', id=number, sequence=key[1])
        for signal in groups[key]:
            _add(controller, 'control', signalId=signal.number, type='')
    for junction in network.junctions:
        _junction(root, junction, sorted(groups))
    ElementTree.indent(root, ' ')
    return ElementTree.tostring(root, encoding='unicode', xml_declaration=True)


def junction_of_signal(road: Road, signal: Signal) -> int:
    """Return the junction that a light governs: the one that its traffic runs into; or -1."""
    link = road.successor if signal.orientation == '+' else road.predecessor
    return link.number if link is not None and link.kind == 'junction' else -1


def _light_groups(network: Network) -> dict[tuple[int, int], list[Signal]]:
    groups: dict[tuple[int, int], list[Signal]] = {}
    for road in network.roads:
        for signal in road.signals:
            if signal.kind == TRAFFIC_LIGHT:
                key = junction_of_signal(road, signal), signal.group
                groups.setdefault(key, []).append(signal)
    return groups


def _road(root: Element, road: Road) -> None:
    element = _add(
        root, 'road', name=road.name, length=road.length, id=road.number, junction=road.junction
    )
    links = _add(element, 'link')
    _link(links, 'predecessor', road.predecessor)
    _link(links, 'successor', road.successor)
    kind = _add(element, 'type', s=0.0, type='town')
    _add(kind, 'speed', max=road.speed_mps, unit='m/s')
    plan = _add(element, 'planView')
    for piece in road.pieces:
        geometry = _add(
            plan, 'geometry', s=piece.s, x=piece.x, y=piece.y, hdg=piece.heading,
            length=piece.length,
        )  # fmt: skip
        if piece.curvature:
            _add(geometry, 'arc', curvature=piece.curvature)
        else:
            _add(geometry, 'line')
    profile = _add(element, 'elevationProfile')
    for cubic in road.elevation:
        _cubic(profile, 'elevation', cubic)
    lateral = _add(element, 'lateralProfile')
    for cubic in road.superelevation:
        _cubic(lateral, 'superelevation', cubic)
    lanes = _add(element, 'lanes')
    _add(lanes, 'laneOffset', s=0.0, a=0.0, b=0.0, c=0.0, d=0.0)
    for section in road.sections:
        _section(lanes, section)
    if road.crossings:
        _crossings(element, road)
    if road.signals:
        _signals(element, road)


def _link(parent: Element, name: str, link: Link | None) -> None:
    if link is None:
        return
    element = _add(parent, name, elementType=link.kind, elementId=link.number)
    if link.kind == 'road':
        element.set('contactPoint', link.contact)


def _section(parent: Element, section: Section) -> None:
    element = _add(parent, 'laneSection', s=section.s)
    by_number = sorted(section.lanes, key=lambda lane: -lane.number)
    left = [lane for lane in by_number if lane.number > 0]
    right = [lane for lane in by_number if lane.number < 0]
    if left:
        side = _add(element, 'left')
        for lane in left:
            _lane(side, lane)
    centre = _add(_add(element, 'center'), 'lane', id=0, type='none', level='false')
    _add(centre, 'link')
    _mark(centre, section.middle)
    if right:
        side = _add(element, 'right')
        for lane in right:
            _lane(side, lane)


def _lane(parent: Element, lane: Lane) -> None:
    element = _add(parent, 'lane', id=lane.number, type=lane.kind, level='false')
    link = _add(element, 'link')
    if lane.predecessor is not None:
        _add(link, 'predecessor', id=lane.predecessor)
    if lane.successor is not None:
        _add(link, 'successor', id=lane.successor)
    for cubic in lane.widths:
        _cubic(element, 'width', cubic, start='sOffset')
    _mark(element, lane.mark)


def _mark(parent: Element, mark: Mark) -> None:
    crossable = mark.kind in ('none', 'broken', 'broken broken')
    element = _add(
        parent, 'roadMark', sOffset=0.0, type=mark.kind, weight='standard', color=mark.colour,
        material='standard', width=mark.width_m, laneChange='both' if crossable else 'none',
    )  # fmt: skip
    if mark.kind == 'none':
        return
    kind = _add(element, 'type', name=mark.kind, width=mark.width_m)
    gap = mark.gap_m if 'broken' in mark.kind else 0.0
    for index in range(_ELEMENTS[mark.kind]):
        t = 0.0 if _ELEMENTS[mark.kind] == 1 else mark.width_m * (1 - 2 * index)
        _add(kind, 'line', length=mark.dash_m, space=gap, tOffset=t, sOffset=0.0,
             rule='none', width=mark.width_m)  # fmt: skip


def _crossings(parent: Element, road: Road) -> None:
    element = _add(parent, 'objects')
    for index, crossing in enumerate(road.crossings):
        middle = crossing.s + crossing.width_m / 2
        right, left = roadway(road, middle)
        item = _add(
            element, 'object', id=road.number * 100 + 50 + index, name='SimpleCrosswalk',
            type='crosswalk', s=middle, t=0.0, zOffset=0.0, orientation='none',
            length=crossing.width_m, width=left - right, hdg=0.0, pitch=0.0, roll=0.0,
        )  # fmt: skip
        outline, half = _add(item, 'outline'), crossing.width_m / 2
        for u, v in ((half, right), (half, left), (-half, left), (-half, right), (half, right)):
            _add(outline, 'cornerLocal', u=u, v=v, z=0.0)


def _signals(parent: Element, road: Road) -> None:
    element = _add(parent, 'signals')
    for signal in road.signals:
        light = signal.kind == TRAFFIC_LIGHT
        value = float(signal.text) if signal.kind == SPEED_SIGN else -1.0
        item = _add(
            element, 'signal', s=signal.s, t=signal.t, id=signal.number,
            name=f'Signal_{signal.number}', dynamic='yes' if light else 'no',
            orientation=signal.orientation, zOffset=signal.height_m, country='OpenDRIVE',
            type=signal.kind, subtype='-1', value=value, unit='km/h', text=signal.text,
            hOffset=0.0, pitch=0.0, roll=0.0, height=0.9, width=0.6,
        )  # fmt: skip
        _add(item, 'validity', fromLane=signal.lanes[0], toLane=signal.lanes[1])


def _junction(root: Element, junction: Junction, groups: list[tuple[int, int]]) -> None:
    element = _add(root, 'junction', id=junction.number, name=f'junction{junction.number}')
    for index, join in enumerate(junction.joins):
        connection = _add(
            element, 'connection', id=index, incomingRoad=join.incoming,
            connectingRoad=join.connecting, contactPoint=join.contact,
        )  # fmt: skip
        for come, go in join.lanes:
            _add(connection, 'laneLink', attrib={'from': str(come), 'to': str(go)})
    for number, (owner, group) in enumerate(groups, 1):
        if owner == junction.number:
            _add(element, 'controller', id=number, type='0', sequence=group)


def _cubic(parent: Element, name: str, cubic: Cubic, start: str = 's') -> None:
    _add(parent, name, attrib={start: _text(cubic.s)}, a=cubic.a, b=cubic.b, c=cubic.c, d=cubic.d)


def _add(
    parent: Element, tag: str, attrib: dict[str, str] | None = None, **values: str | float
) -> Element:
    written = {name: _text(value) for name, value in values.items()}
    return SubElement(parent, tag, {**(attrib or {}), **written})


def _text(value: str | float) -> str:
    return f'{value:.15g}' if isinstance(value, float) else str(value)
