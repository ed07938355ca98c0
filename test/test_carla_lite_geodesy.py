"""Places on Earth are those that CARLA's own client works out from the same map."""

from carla_lite.pose import Pose
from carla_lite.world.geodesy import GeoReference, Gnss
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

REFERENCES = [
    '+proj=tmerc +lat_0=49 +lon_0=8 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m',
    '+lat_0=-3.35e1 +lon_0=-70.65',
    '+proj=tmerc +lat_0=0 +lon_0=0',
    '+proj=utm +zone=32',
    '',
]


def opendrive(reference):
    return f"""<?xml version="1.0"?>
<OpenDRIVE><header revMajor="1" revMinor="4" name="a" version="1" date="" north="0" south="0"
 east="0" west="0"><geoReference><![CDATA[{reference}]]></geoReference></header>
<road name="r" length="100" id="1" junction="-1"><planView>
<geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry></planView>
<elevationProfile/><lateralProfile/><lanes><laneSection s="0">
<center><lane id="0" type="none" level="false"/></center>
<right><lane id="-1" type="driving" level="false"><width sOffset="0" a="3" b="0" c="0" d="0"/>
</lane></right></laneSection></lanes></road></OpenDRIVE>"""


@pytest.fixture(scope='module', params=REFERENCES)
def both(request):
    carla = pytest.importorskip('carla')
    text = opendrive(request.param)
    return carla, carla.Map('here', text), GeoReference.of(text)


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-20000, 20000, width=32),
    st.floats(-20000, 20000, width=32),
    st.floats(-100, 3000, width=32),
)
def test_places_are_the_official_clients(both, x, y, z):
    carla, theirs, ours = both
    there = theirs.transform_to_geolocation(carla.Location(x, y, z))
    latitude, longitude, altitude = ours.place(x, y, z)
    assert latitude == pytest.approx(there.latitude, abs=1e-11)
    assert longitude == pytest.approx(there.longitude, abs=1e-11)
    assert altitude == pytest.approx(there.altitude, abs=1e-6)


def test_metres_are_about_metres():
    here = GeoReference(49.0, 8.0)
    north = here.place(0.0, 1000.0, 0.0)[0] - 49.0
    assert north * 111_320 == pytest.approx(1000.0, rel=0.002)
    east = here.place(1000.0, 0.0, 0.0)[1] - 8.0
    assert east * 111_320 * np.cos(np.radians(49.0)) == pytest.approx(1000.0, rel=0.002)


def test_noise_has_its_bias_and_spread_and_repeats_with_its_seed():
    attributes = {'noise_seed': '7', 'noise_lat_stddev': '0.001', 'noise_alt_bias': '5.0'}
    here = GeoReference(49.0, 8.0)
    first, second = (
        np.array([unit.measure(Pose(z=2.0)) for _ in range(500)])
        for unit in (Gnss(here, attributes), Gnss(here, attributes))
    )
    assert (first == second).all()
    assert first[:, 0].std() == pytest.approx(0.001, rel=0.15)
    assert first[:, 0].mean() == pytest.approx(49.0, abs=2e-4)
    assert (first[:, 1] == 8.0).all() and (first[:, 2] == 7.0).all()
    other = Gnss(here, attributes | {'noise_seed': '8'}).measure(Pose(z=2.0))
    assert other[0] != first[0, 0]


def test_places_beyond_the_earth_and_rubbish_in_attributes_do_no_harm():
    for x, y in ((1e30, 1e30), (-1e300, 1e300)):
        assert np.isfinite(GeoReference(49.0, 8.0).place(x, y, 0.0)).all()
    rubbish = {'noise_seed': 'inf', 'noise_lat_bias': 'nan', 'noise_lon_stddev': 'much'}
    assert Gnss(GeoReference(), rubbish).measure(Pose()) == pytest.approx((42.0, 2.0, 0.0))
