"""The blueprint library is CARLA's in its ids, attributes and defaults."""

from carla_lite.errors import CarlaLiteError
from carla_lite.world import blueprints
from carla_lite.world.sensor_blueprints import SENSORS
import pytest

LIBRARY = blueprints.definitions()
VEHICLE_KINDS = {'car', 'van', 'truck', 'bus', 'motorcycle', 'bicycle'}


def values(name):
    return {part.id: part.value for part in blueprints.find(name).attributes}


def test_ids_and_numbers_are_unique_and_tags_are_the_parts_of_the_id():
    assert len({entry.id for entry in LIBRARY}) == len(LIBRARY) > 100
    assert sorted(entry.uid for entry in LIBRARY) == list(range(1, len(LIBRARY) + 1))
    for entry in LIBRARY:
        assert entry.tags == ','.join(entry.id.split('.'))
        names = [part.id for part in entry.attributes]
        assert len(set(names)) == len(names)
        assert {'role_name', 'ros_name'} <= set(names)


def test_every_value_reads_as_its_kind():
    read = {
        blueprints.BOOL: lambda text: {'true': True, 'false': False}[text],
        blueprints.INT: int,
        blueprints.FLOAT: float,
        blueprints.STRING: str,
        blueprints.COLOUR: lambda text: bytes(int(part) for part in text.split(',')),
    }
    for entry in LIBRARY:
        for part in entry.attributes:
            for text in (part.value, *part.recommended):
                read[part.kind](text)
            if part.is_modifiable:
                assert part.value == part.recommended[0]
            else:
                assert part.recommended == ()
            if part.kind == blueprints.COLOUR:
                assert all(len(read[part.kind](text)) == 3 for text in part.recommended)


def test_vehicles_say_what_clients_filter_by():
    vehicles = [entry for entry in LIBRARY if entry.id.startswith('vehicle.')]
    assert len(vehicles) == 41
    for entry in vehicles:
        own = values(entry.id)
        kind = blueprints.kind_of(entry.id)
        assert own['base_type'] == kind and kind in VEHICLE_KINDS
        two = kind in ('motorcycle', 'bicycle')
        assert own['number_of_wheels'] == ('2' if two else '4')
        assert ('driver_id' in own) == two
        assert own['generation'] in '12' and own['has_lights'] in ('true', 'false')
        length, width, height = blueprints.size_m(entry.id)
        assert width < length < 11 and 0.4 < width < 3 and 1.2 < height < 4
        assert blueprints.mass_kg(entry.id) > 50
    assert {blueprints.kind_of(entry.id) for entry in vehicles} == VEHICLE_KINDS
    roles = next(x for x in blueprints.find('vehicle.audi.tt').attributes if x.id == 'role_name')
    assert roles.recommended == ('autopilot', 'scenario', 'ego_vehicle')


def test_boxes_stand_on_the_ground_and_walkers_are_held_in_their_middle():
    centre, half = blueprints.bounding_box('vehicle.tesla.model3')
    assert centre == (0.0, 0.0, half[2])
    assert half == pytest.approx((2.396, 1.082, 0.744))
    centre, half = blueprints.bounding_box('walker.pedestrian.0001')
    assert centre == (0.0, 0.0, 0.0) and half[2] == pytest.approx(0.93)
    assert blueprints.size_m('walker.pedestrian.0010')[2] < 1.3
    assert blueprints.bounding_box('sensor.camera.rgb') == ((0, 0, 0), (0, 0, 0))


def test_cameras_have_carlas_defaults_and_our_own_change_nothing():
    rgb = values('sensor.camera.rgb')
    carlas = {
        'image_size_x': '800', 'image_size_y': '600', 'fov': '90.0', 'sensor_tick': '0.0',
        'lens_circle_falloff': '5.0', 'lens_k': '-1.0', 'lens_x_size': '0.08', 'gamma': '2.2',
        'exposure_mode': 'histogram', 'exposure_min_bright': '10.0', 'iso': '100.0',
        'exposure_max_bright': '12.0', 'fstop': '1.4', 'shutter_speed': '200.0',
        'motion_blur_intensity': '0.45', 'temp': '6500.0', 'bloom_intensity': '0.675',
        'lite_noise': '0.0', 'lite_jpeg_quality': '0', 'lite_bonnet': 'false',
    }  # fmt: skip
    assert carlas.items() <= rgb.items()
    for name in ('semantic_segmentation', 'instance_segmentation', 'depth'):
        own = values(f'sensor.camera.{name}')
        assert set(own) < set(rgb) and 'gamma' not in own
    assert {f'noise_gyro_bias_{axis}' for axis in 'xyz'} < set(values('sensor.other.imu'))
    assert {f'noise_{axis}_stddev' for axis in ('lat', 'lon', 'alt')} < set(
        values('sensor.other.gnss')
    )
    assert {entry.id for entry in LIBRARY if entry.id.startswith('sensor.')} == set(SENSORS)


def test_walkers_have_an_age_a_gender_and_speeds():
    walkers = [entry for entry in LIBRARY if entry.id.startswith('walker.')]
    assert walkers[0].id == 'walker.pedestrian.0001' and len(walkers) == 52
    ages = {values(entry.id)['age'] for entry in walkers}
    assert ages == {'adult', 'child', 'elderly'}
    speed = next(part for part in walkers[0].attributes if part.id == 'speed')
    assert len(speed.recommended) == 3  # clients take the second to walk and the third to run
    assert [float(x) for x in speed.recommended] == sorted(float(x) for x in speed.recommended)


@pytest.mark.parametrize('ask', [blueprints.find, blueprints.kind_of, blueprints.size_m])
def test_unknown_ids_are_named(ask):
    with pytest.raises(CarlaLiteError, match=r"'vehicle\.trabant\.601'.*get_blueprint_library"):
        ask('vehicle.trabant.601')
