"""What does not fit is refused with its field named; what fits comes out as it went in."""

from dataclasses import asdict, dataclass, field
import json
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from seg_node.strict_json import from_json, parse_json


@dataclass(frozen=True)
class Wheel:
    size: float
    spokes: int = 32

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise ValueError(f'size: must be above 0, got {self.size}')


@dataclass(frozen=True)
class Bike:
    name: str
    wheels: tuple[Wheel, ...] = ()
    gears: tuple[int, int] = (3, 7)
    kind: Literal['road', 'city', 1] = 'city'
    owner: str | None = None
    electric: bool = False
    parts: dict[str, Wheel] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    anything: Any = None


def refused(value: Any, where: str = '') -> str:
    with pytest.raises(ValueError) as caught:
        from_json(Bike, value, where)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_defaults_and_conversions() -> None:
    assert from_json(Bike, {'name': 'a'}) == Bike('a')
    bike = from_json(Bike, {'name': 'a', 'wheels': [{'size': 28}], 'gears': [1, 2], 'owner': None})
    assert bike == Bike('a', (Wheel(28.0),), (1, 2))
    assert isinstance(bike.wheels[0].size, float)
    assert from_json(Bike, {'name': 'a', 'parts': {'spare': {'size': 1}}}).parts == {
        'spare': Wheel(1.0)
    }
    assert from_json(Bike, {'name': 'a', 'notes': {'x': [1, {'y': None}]}}).notes == {
        'x': [1, {'y': None}]
    }


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        ([], 'top level: expected an object, got []'),
        ({}, 'name: missing'),
        ({'name': 'a', 'bell': 1}, 'bell: unknown; known are name, wheels, gears'),
        ({'name': None}, 'name: expected str, got None'),
        ({'name': 'a', 'owner': 3}, 'owner: expected str, got 3'),
        ({'name': 'a', 'electric': 1}, 'electric: expected bool, got 1'),
        ({'name': 'a', 'wheels': {'size': 1}}, "wheels: expected list, got {'size': 1}"),
        ({'name': 'a', 'wheels': [{'size': 1}, 2]}, 'wheels[1]: expected an object, got 2'),
        ({'name': 'a', 'wheels': [{'size': '1'}]}, "wheels[0].size: expected float, got '1'"),
        ({'name': 'a', 'wheels': [{'size': True}]}, 'wheels[0].size: expected float, got True'),
        ({'name': 'a', 'wheels': [{'size': 1, 'spokes': 2.0}]}, 'wheels[0].spokes: expected int'),
        ({'name': 'a', 'wheels': [{'size': 1, 'spokes': True}]}, 'wheels[0].spokes: expected int'),
        ({'name': 'a', 'wheels': [{'size': -1}]}, 'wheels[0].size: must be above 0, got -1.0'),
        ({'name': 'a', 'wheels': [{'size': 10**400}]}, 'wheels[0].size: expected a finite number'),
        ({'name': 'a', 'wheels': [{'size': 1e999}]}, 'wheels[0].size: expected a finite number'),
        ({'name': 'a', 'gears': [1]}, 'gears: expected 2 values, got 1'),
        ({'name': 'a', 'gears': [1, 'x']}, "gears[1]: expected int, got 'x'"),
        ({'name': 'a', 'kind': 'Road'}, "kind: expected one of ['road', 'city', 1], got 'Road'"),
        ({'name': 'a', 'kind': True}, "kind: expected one of ['road', 'city', 1], got True"),
        ({'name': 'a', 'kind': []}, "kind: expected one of ['road', 'city', 1], got []"),
        ({'name': 'a', 'parts': []}, 'parts: expected dict, got []'),
        ({'name': 'a', 'parts': {'spare': 1}}, 'parts.spare: expected an object, got 1'),
        ({'name': 'a', 'parts': {'a b\n': 1}}, r"parts['a b\n']: expected an object, got 1"),
        ({'name': 'a', 'line\nbreak': 1}, r"['line\nbreak']: unknown"),
        ({'name': 'a', 'x' * 999: 1}, 'x' * 999 + ': unknown'),
        ({'name': 'a', 'gears': ['y' * 999, 1]}, 'got ' + repr('y' * 999)[:37] + '...'),
    ],
)
def test_what_does_not_fit_is_named(value: Any, message: str) -> None:
    assert message in refused(value)


def test_the_object_is_named_too() -> None:
    assert refused({'wheels': []}, 'shop.bike') == 'shop.bike.name: missing'
    assert refused({'name': 'a', 'wheels': [{}]}, 'bike') == 'bike.wheels[0].size: missing'
    assert refused({'name': 'a', 'wheels': [{'size': 0}]}, 'bike').startswith(
        'bike.wheels[0].size: must be above 0'
    )
    assert refused(3, 'bike') == 'bike: expected an object, got 3'


def deep(levels: int, as_list: bool) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value] if as_list else {'x': value}
    return value


@pytest.mark.parametrize('as_list', [False, True])
def test_any_takes_everything_but_endless_nesting(as_list: bool) -> None:
    value = deep(32, as_list)
    assert from_json(Bike, {'name': 'a', 'anything': value}).anything == value
    message = refused({'name': 'a', 'anything': deep(33, as_list)})
    assert message == 'anything: more than 32 levels of nesting'


def test_any_takes_no_number_that_json_cannot_hold() -> None:
    anything = {'network': [{'scale': parse_json('1e999')}]}
    message = refused({'name': 'a', 'anything': anything})
    assert message == 'anything.network[0].scale: expected a finite number, got inf'


@settings(deadline=None)
@given(
    st.builds(
        Bike,
        name=st.text(),
        wheels=st.lists(
            st.builds(Wheel, st.floats(1e-9, allow_infinity=False, allow_nan=False), st.integers())
        ).map(tuple),
        gears=st.tuples(st.integers(), st.integers()),
        kind=st.sampled_from(['road', 'city', 1]),
        owner=st.none() | st.text(),
        electric=st.booleans(),
        parts=st.dictionaries(st.text(), st.just(Wheel(2.0))),
        anything=st.none() | st.integers() | st.lists(st.text()),
    )
)
def test_round_trip(bike: Bike) -> None:
    assert from_json(Bike, parse_json(json.dumps(asdict(bike)))) == bike


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"a": NaN}', 'NaN is not JSON'),
        ('[Infinity]', 'Infinity is not JSON'),
        ('-Infinity', '-Infinity is not JSON'),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "key 'b' twice"),
        ('{"\\n": 1, "\\n": 1}', r"key '\n' twice"),
        ('{"a": 1,}', 'line 1'),
        ('\ufeff{}', 'BOM'),
    ],
)
def test_what_is_not_json(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_json(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_plain_json() -> None:
    assert parse_json('{"a": [1, 2.5, null, true, {"b": "\\u00e4"}], "c": {}}') == {
        'a': [1, 2.5, None, True, {'b': 'ä'}],
        'c': {},
    }
