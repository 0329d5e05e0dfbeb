from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from agent_exec.model import lazy_dataclass
from agent_exec.model.lazy_dataclass import dataclass, field, field_names, replace


@dataclass(frozen=True, slots=True)
class Point:
    """Two numbers by their place."""

    x: int
    y: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a child inherits."""

    name: str
    tags: tuple[str, ...] = ()

    @property
    def shout(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Base):
    """A field of its own, one with another default, and a constant."""

    wire_type = "child"

    tags: tuple[str, ...] = ("young",)
    limits: dict[str, int] = field(default_factory=dict)
    where: Point | None = None


def test_values_are_made_by_place_and_by_name() -> None:
    assert (Point(1).x, Point(1).y) == (1, 5)
    assert (Point(1, 2).x, Point(1, 2).y) == (1, 2)
    assert (Point(y=3, x=4).x, Point(y=3, x=4).y) == (4, 3)
    child = Child(name="kim", where=Point(1))
    assert (child.name, child.tags, child.limits, child.where) == ("kim", ("young",), {}, Point(1))
    assert child.shout == "KIM"
    assert child.wire_type == "child"


def test_replace_takes_standard_dataclasses_as_well() -> None:
    standard = dataclasses.make_dataclass("Standard", ["x", "y"])
    assert replace(standard(1, 2), y=3) == standard(1, 3)


@pytest.mark.parametrize(
    ("make", "arguments", "named"),
    [(Point, (), {}), (Point, (1, 2, 3), {}), (Point, (1,), {"z": 2}), (Base, ("kim",), {})],
)
def test_wrong_arguments_are_refused(
    make: type[object], arguments: tuple[object, ...], named: dict[str, object]
) -> None:
    for _ in range(2):  # the first call takes another way than all later ones
        with pytest.raises(TypeError):
            make(*arguments, **named)


def test_no_two_values_share_what_a_factory_made() -> None:
    assert Child(name="a").limits is not Child(name="b").limits


def test_values_with_equal_fields_are_equal_and_hash_alike() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2
    assert Base(name="kim", tags=("young",)) != Child(name="kim")
    assert Point(1, 2).__eq__((1, 2)) is NotImplemented


def test_a_value_shows_its_fields() -> None:
    assert repr(Child(name="kim")) == ("Child(name='kim', tags=('young',), limits={}, where=None)")


def test_a_value_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.z = 2  # type: ignore[attr-defined]
    assert not hasattr(point, "__dict__")


@pytest.mark.parametrize("value", [Point(1, 2), Child(name="kim", limits={"a": 1}, where=Point(3))])
def test_a_value_survives_copying_and_pickling(value: object) -> None:
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_replace_keeps_what_it_is_not_told() -> None:
    child = Child(name="kim", limits={"a": 1})
    for function in (replace, dataclasses.replace):
        assert function(child, name="lee") == Child(name="lee", limits={"a": 1})
        with pytest.raises(TypeError):
            function(child, nobody="lee")


def test_values_match_patterns() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_field_names_are_in_order_and_none_for_strangers() -> None:
    assert field_names(Child(name="kim")) == ("name", "tags", "limits", "where")
    assert field_names(Point) == ("x", "y")
    assert field_names("kim") is None


@pytest.mark.parametrize("kind", [Point, Base, Child])
def test_dataclasses_sees_what_it_would_have_made_itself(kind: type[object]) -> None:
    assert dataclasses.is_dataclass(kind)
    ours = {each.name: each for each in dataclasses.fields(kind)}
    assert tuple(ours) == field_names(kind)
    twin = dataclasses.make_dataclass(
        kind.__name__,
        [
            (name, each.type, dataclasses.field(default=each.default, kw_only=each.kw_only))
            if each.default_factory is dataclasses.MISSING
            else (
                name,
                each.type,
                dataclasses.field(default_factory=each.default_factory, kw_only=True),
            )
            for name, each in ours.items()
        ],
        frozen=True,
    )
    for each in dataclasses.fields(twin):
        mine = ours[each.name]
        assert (mine.type, mine.default, mine.kw_only, mine.init) == (
            each.type,
            each.default,
            each.kw_only,
            each.init,
        )


def test_pydantic_reads_and_describes_them() -> None:
    adapter = TypeAdapter(Child)
    text = '{"name": "kim", "tags": ["a"], "where": {"x": 1}}'
    assert adapter.validate_json(text) == Child(name="kim", tags=("a",), where=Point(1))
    with pytest.raises(ValidationError):
        adapter.validate_json('{"name": 1}', strict=True)
    schema = adapter.json_schema()
    assert list(schema["properties"]) == ["name", "tags", "limits", "where"]
    assert schema["required"] == ["name"]


def test_defining_and_making_values_loads_no_dataclasses() -> None:
    script = (
        "import sys\n"
        "from agent_exec.model.lazy_dataclass import dataclass, replace\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class Point:\n"
        "    x: 'int'\n"
        "assert replace(Point(1), x=2) == Point(2)\n"
        "assert 'dataclasses' not in sys.modules\n"
        "assert 'inspect' not in sys.modules\n"
    )
    core = Path(inspect.getfile(lazy_dataclass)).parents[2]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(core)!r})\n{script}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
