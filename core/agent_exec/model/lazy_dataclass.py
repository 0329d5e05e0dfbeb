"""``dataclass`` for frozen, slotted values, whose code is made when it is first needed.

The standard one compiles seven functions for each class as soon as it is defined, 0.4 ms a
class; a command defines fifty and makes instances of ten. Here only ``__init__`` is compiled, and
at the first instance; ``dataclasses`` itself is loaded when somebody asks for ``fields``. To type
checkers, pydantic and ``dataclasses.replace`` there is no difference.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

__all__ = ["dataclass", "field", "field_names", "replace"]

_MISSING = object()
_NAMES = "_field_names_"
_FIELDS = "_own_fields_"


class _Field:
    """What is known of a field before ``dataclasses`` is loaded."""

    __slots__ = ("annotation", "default", "factory", "is_kw_only")

    def __init__(self, annotation: str, default: object, *, is_kw_only: bool) -> None:
        self.annotation = annotation
        self.factory = default.make if isinstance(default, _Factory) else None
        self.default = _MISSING if self.factory else default
        self.is_kw_only = is_kw_only


class _Factory:
    __slots__ = ("make",)

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def field_names(value: object) -> tuple[str, ...] | None:
    """The names of a dataclass's fields in their order; None if it is none of ours."""
    return getattr(value, _NAMES, None)


def _field(*, default_factory: Callable[[], object]) -> object:
    return _Factory(default_factory)


def _replace(value: object, **changes: object) -> object:
    names = field_names(value)
    if names is None:
        import dataclasses

        return dataclasses.replace(value, **changes)  # type: ignore[type-var]
    return type(value)(**{name: getattr(value, name) for name in names} | changes)


def _dataclass(
    *, frozen: bool, slots: bool, kw_only: bool = False
) -> Callable[[type[object]], type[object]]:
    assert frozen
    assert slots
    return lambda plain: _remade(plain, kw_only=kw_only)


def _remade(plain: type[object], *, kw_only: bool) -> type[object]:
    """Make the class anew: slots can only be had from the beginning."""
    contents = dict(vars(plain))
    own: dict[str, _Field] = {}
    for name, annotation in plain.__annotations__.items():
        if not annotation.startswith("ClassVar"):
            own[name] = _Field(annotation, contents.pop(name, _MISSING), is_kw_only=kw_only)
    every: dict[str, _Field] = {}
    for base in reversed(plain.__mro__):
        every |= vars(base).get(_FIELDS, {})
    inherited = every.keys() & own.keys()
    every |= own
    for name in ("__dict__", "__weakref__"):
        contents.pop(name, None)
    contents |= {
        "__slots__": tuple(name for name in own if name not in inherited),
        "__match_args__": tuple(name for name, field in every.items() if not field.is_kw_only),
        _FIELDS: own,
        _NAMES: tuple(every),
        "__dataclass_fields__": _Standard(every),
        "__dataclass_params__": _Standard(every),
        "__setattr__": _refuse_change,
        "__delattr__": _refuse_change,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }
    for name, method in (("__repr__", _repr), ("__eq__", _eq), ("__hash__", _hash)):
        contents.setdefault(name, method)

    def first_init(self: object, *args: object, **kwargs: object) -> None:
        init = _compiled_init(made, every)
        type.__setattr__(made, "__init__", init)
        init(self, *args, **kwargs)

    contents["__init__"] = first_init
    made = type(plain.__name__, plain.__bases__, contents)
    return made


def _compiled_init(owner: type[object], every: dict[str, _Field]) -> Callable[..., None]:
    names: dict[str, object] = {"_set": object.__setattr__, "_missing": _MISSING}
    positional, keyword, body = ["self"], ["*"], []
    for name, field in every.items():
        value = name
        default = ""
        if field.factory is not None:
            names[f"_make_{name}"] = field.factory
            default = "=_missing"
            value = f"_make_{name}() if {name} is _missing else {name}"
        elif field.default is not _MISSING:
            names[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
        (keyword if field.is_kw_only else positional).append(name + default)
        body.append(f" _set(self, {name!r}, {value})\n")
    parameters = positional + (keyword if len(keyword) > 1 else [])
    source = f"def __init__({', '.join(parameters)}):\n{''.join(body) or ' pass'}"
    exec(source, names)  # noqa: S102 (as dataclasses does; the names are identifiers)
    init: Callable[..., None] = names["__init__"]  # type: ignore[assignment]
    init.__qualname__ = f"{owner.__qualname__}.__init__"
    return init


class _Standard:
    """Gives what ``dataclasses`` would have left on the class, to those who look for it."""

    def __init__(self, every: dict[str, _Field]) -> None:
        self._every = every
        self._attribute = ""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._owner = owner
        self._attribute = name

    def __get__(self, instance: object, owner: type[object]) -> object:
        import dataclasses

        contents: dict[str, object] = {"__module__": self._owner.__module__}
        contents["__annotations__"] = {
            name: field.annotation for name, field in self._every.items()
        }
        for name, field in self._every.items():
            if field.factory is not None:
                contents[name] = dataclasses.field(
                    default_factory=field.factory, kw_only=field.is_kw_only
                )
            elif field.default is not _MISSING:
                contents[name] = dataclasses.field(default=field.default, kw_only=field.is_kw_only)
            else:
                contents[name] = dataclasses.field(kw_only=field.is_kw_only)
        twin = type(self._owner.__name__, (), contents)
        dataclasses.dataclass(init=False, repr=False, frozen=True)(twin)  # in place
        value: object = getattr(twin, self._attribute)
        setattr(self._owner, self._attribute, value)
        return value


def _refuse_change(self: object, name: str, value: object = None) -> Never:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r}")


def _values(value: object) -> tuple[object, ...]:
    return tuple([getattr(value, name) for name in getattr(value, _NAMES)])


def _repr(self: object) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in getattr(self, _NAMES))
    return f"{type(self).__qualname__}({shown})"


def _eq(self: object, other: object) -> object:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: object) -> int:
    return hash(_values(self))


def _state(self: object) -> tuple[object, ...]:
    return _values(self)


def _set_state(self: object, state: tuple[object, ...]) -> None:
    for name, value in zip(getattr(self, _NAMES), state, strict=True):
        object.__setattr__(self, name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _field, _replace
