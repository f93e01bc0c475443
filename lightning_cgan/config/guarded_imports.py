"""Holds jsonargparse to an allow-list: its one import function, and the type that each imported name is for."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, get_type_hints

from jsonargparse import set_parsing_settings
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.jit import ScriptModule
from torch.optim import Optimizer

from lightning_cgan._compat import optionals, typehints, util
from lightning_cgan.config.allow_list import AllowList, NotAllowed, within

HARMLESS = (nn.Module, Optimizer, Tensor)  # what a name may make where the type does not say
GENERATED = (GraphModule, ScriptModule)  # torch compiles these from source text, in which names are not escaped
# Their functions read and write files: checkpoints, configurations, images, data sets.
ON_FILES = ("lightning", "torchvision.io", "torchvision.datasets", "lightning_cgan.callbacks", "datamodules")


class Place(NamedTuple):
    """Where a value stands: the type of the argument, and whether a function named there is called at once."""

    typehint: Any
    called: bool


allowed: ContextVar[AllowList | None] = ContextVar("allowed", default=None)
place: ContextVar[Place | None] = ContextVar("place", default=None)
unguarded_import, unguarded_adapt = util.import_object, typehints.adapt_typehints
unguarded_parser = typehints.cached_get_class_parser


@contextmanager
def only(rules: AllowList) -> Iterator[None]:
    """Inside, jsonargparse imports what ``rules`` allow and nothing else, and reads files of this machine only."""
    remote = "s" in optionals._get_config_read_mode()
    set_parsing_settings(config_read_mode_fsspec_enabled=False)
    token = allowed.set(rules)
    try:
        yield
    finally:
        allowed.reset(token)
        set_parsing_settings(config_read_mode_fsspec_enabled=remote)


def imported(name: str) -> Any:
    """The class or function that a configuration names."""
    return import_object(name)


def import_object(name: str, check_path: bool = True) -> Any:
    """In place of jsonargparse's. ``check_path`` is false for names that come from code, not from a configuration."""
    rules = allowed.get()
    if rules is None or not check_path or not isinstance(name, str):
        return unguarded_import(name, check_path)
    rules.check_name(name)
    thing = unguarded_import(name, check_path)
    check_thing(rules, name, thing)
    return thing


def adapt_typehints(val: Any, typehint: Any, *args: Any, **kwargs: Any) -> Any:
    """In place of jsonargparse's: remembers the type for what is imported meanwhile."""
    token = place.set(Place(typehint, called=not isinstance(val, str)))
    try:
        return unguarded_adapt(val, typehint, *args, **kwargs)
    finally:
        place.reset(token)


def cached_get_class_parser(**kwargs: Any) -> Any:
    """In place of jsonargparse's: the class is looked up for its arguments, and need not fit the type above it."""
    token = place.set(None)
    try:
        return unguarded_parser(**kwargs)
    finally:
        place.reset(token)


def check_module(name: str) -> None:
    """In place of jsonargparse's check of an argument that is a module. The suite has no such argument."""
    rules = allowed.get()
    if rules is not None:
        told = f"A module is no value; got {name}{rules.place(name)}. Name a class or a function."
        raise rules.refusal(name, told)


def check_thing(rules: AllowList, name: str, thing: Any) -> None:
    """Refuse ``thing``, just imported, if another package defines it, or its place cannot take it."""
    definer = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    module = getattr(definer, "__module__", None)
    rules.check_origin(name, module if isinstance(module, str) else None)
    own = rules.is_own(module)
    if not own and not is_plain(thing):
        told = f"A class path leads to a class or a function of a module; got {name}{rules.place(name)}. Name another."
        raise rules.refusal(name, told)
    here = place.get()
    if here is None:
        return
    if wanted := misfit(thing, here, own):
        kind = "class" if inspect.isclass(thing) else "function" if inspect.isroutine(thing) else "object"
        raise rules.misfit(name, kind, wanted)
    rules.accepted.add(name)


def is_plain(thing: Any) -> bool:
    """Whether ``thing`` is a class or a function of a module: no method, no object, nothing from inside a function."""
    return inspect.isclass(thing) or (inspect.isfunction(thing) and thing.__name__ == thing.__qualname__)


def misfit(thing: Any, here: Place, own: bool) -> str | None:
    """What is wanted where ``thing`` is named, if it is something else.

    The user's own functions need no annotations, and their own classes go where the type does not say what.
    """
    typehint = here.typehint
    if is_callable_type(typehint):
        made = typehints.get_callable_return_type(typehint)
        if kinds := typehints.get_subclass_types(made):
            return None if makes(thing, kinds, own) else f"A class or function that makes {named(kinds)}"
        if isinstance(made, type) and made not in (type(None), object):
            fits = gives(thing, made, len(typehint.__args__) - 1, here.called, own)
            return (
                None if fits else f"A function of {len(typehint.__args__) - 1} arguments that returns {made.__name__}"
            )
        return None if own or (makes(thing, HARMLESS, own) and not here.called) else "A class of networks"
    if typehints.accepts_any_value(typehint) or typehint is type:
        return None if own or (inspect.isclass(thing) and makes(thing, HARMLESS, own)) else "A plain value"
    kind = typehints.get_generic_origin(typehint)
    if inspect.isclass(kind) and kind.__module__ != "builtins" and not typehints.is_protocol(kind):
        # A function that gives a tensor may do anything for it; networks are what functions are accepted for here.
        fits = makes(thing, (kind,), own) and (own or inspect.isclass(thing) or not issubclass(kind, Tensor))
        return None if isinstance(thing, kind) or fits else f"A class that makes {named((kind,))}"
    return None


def is_callable_type(typehint: Any) -> bool:
    origin = typehints.get_typehint_origin(typehint)
    return origin in typehints.callable_origin_types or typehint in typehints.callable_origin_types


def makes(thing: Any, kinds: tuple[type, ...], own: bool) -> bool:
    """Whether calling ``thing`` gives one of ``kinds``.

    Metrics are networks by inheritance only, and some of them unpickle files: they go where a metric is wanted.
    """
    module = str(getattr(thing, "__module__", ""))
    made = thing if inspect.isclass(thing) else returned(thing)
    if not own and ((within(module, ON_FILES) and made is not thing) or is_generated(made)):
        return False
    if within(module, ("torchmetrics",)):
        kinds = tuple(kind for kind in kinds if within(kind.__module__, ("torchmetrics",)))
    if made is None:
        return own
    return inspect.isclass(made) and issubclass(made, kinds)


def is_generated(made: Any) -> bool:
    return inspect.isclass(made) and issubclass(made, GENERATED)


def gives(thing: Any, kind: type, count: int, called: bool, own: bool) -> bool:
    """Whether ``thing``, called with ``count`` arguments, or an instance of it so called, gives a ``kind``."""
    if inspect.isclass(thing):
        call = vars(thing).get("__call__")
        return own or (inspect.isfunction(call) and returned(call) is kind)
    if called:  # with init_args a function is called at once, and what it gives would have to be a function
        return own
    try:
        inspect.signature(thing).bind(*range(count))
    except (TypeError, ValueError):
        return False
    made = returned(thing)
    return own if made is None else made is kind


def returned(function: Any) -> Any:
    """What ``function`` says that it returns; None where it does not say."""
    try:
        return get_type_hints(function).get("return")
    except Exception:  # an annotation may name what cannot be imported
        return None


def named(kinds: tuple[type, ...]) -> str:
    return "a " + " or ".join(kind.__name__ for kind in kinds)


def guard() -> None:
    """Put the functions above in the place of jsonargparse's, wherever it holds them."""
    replaced: dict[Any, Any] = {
        unguarded_import: import_object,
        unguarded_adapt: adapt_typehints,
        unguarded_parser: cached_get_class_parser,
    }
    for module_name, module in list(sys.modules.items()):
        if within(module_name, ("jsonargparse",)):
            for name, value in list(vars(module).items()):
                if inspect.isfunction(value) and value in replaced:
                    setattr(module, name, replaced[value])
    vars(typehints)["check_import_path"] = check_module  # there it is asked about modules only


guard()
__all__ = ["NotAllowed", "imported", "only"]
