"""Replacements for functions of jsonargparse that restrict what it imports: by an allow-list, and by argument type."""

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

HARMLESS = (nn.Module, Optimizer, Tensor)  # what a name may create if the type of the argument does not say
GENERATED = (GraphModule, ScriptModule)  # torch compiles these from source text in which names are not escaped
# Packages whose functions read and write files: checkpoints, configurations, images, data sets.
ON_FILES = ("lightning", "torchvision.io", "torchvision.datasets", "lightning_cgan.callbacks", "datamodules")


class Argument(NamedTuple):
    """The argument being parsed."""

    typehint: Any
    called: bool  # whether a function named there is called immediately, with ``init_args``


allowed: ContextVar[AllowList | None] = ContextVar("allowed", default=None)
current: ContextVar[Argument | None] = ContextVar("current", default=None)
unguarded_import, unguarded_adapt = util.import_object, typehints.adapt_typehints
unguarded_parser = typehints.cached_get_class_parser


@contextmanager
def only(rules: AllowList) -> Iterator[None]:
    """Context in which jsonargparse imports only what ``rules`` allow, and reads only local files."""
    remote = "s" in optionals._get_config_read_mode()
    set_parsing_settings(config_read_mode_fsspec_enabled=False)
    token = allowed.set(rules)
    try:
        yield
    finally:
        allowed.reset(token)
        set_parsing_settings(config_read_mode_fsspec_enabled=remote)


def imported(name: str) -> Any:
    """The class or function at the dotted path ``name`` of a configuration."""
    return import_object(name)


def import_object(name: str, check_path: bool = True) -> Any:
    """Replaces jsonargparse's function. ``check_path`` is false for names from code instead of a configuration."""
    rules = allowed.get()
    if rules is None or not check_path or not isinstance(name, str):
        return unguarded_import(name, check_path)
    rules.check_name(name)
    imported = unguarded_import(name, check_path)
    check_imported(rules, name, imported)
    return imported


def adapt_typehints(val: Any, typehint: Any, *args: Any, **kwargs: Any) -> Any:
    """Replaces jsonargparse's function: records the type of the argument for the imports made meanwhile."""
    token = current.set(Argument(typehint, called=not isinstance(val, str)))
    try:
        return unguarded_adapt(val, typehint, *args, **kwargs)
    finally:
        current.reset(token)


def cached_get_class_parser(**kwargs: Any) -> Any:
    """Replaces jsonargparse's function, which reads the arguments of a class: no type is expected of that class."""
    token = current.set(None)
    try:
        return unguarded_parser(**kwargs)
    finally:
        current.reset(token)


def check_module(name: str) -> None:
    """Replaces jsonargparse's check of an argument whose value is a module: the suite has no such argument."""
    rules = allowed.get()
    if rules is not None:
        message = f"A value cannot be a module; got {name}{rules.where(name)}. Use a class or a function."
        raise rules.refusal(name, message)


def check_imported(rules: AllowList, name: str, value: Any) -> None:
    """Check that the imported ``value`` is defined in an allowed package and fits the argument being parsed.

    Raises:
        NotAllowed: if it is not or does not.
    """
    definer = value if inspect.isclass(value) or inspect.isroutine(value) else type(value)
    module = getattr(definer, "__module__", None)
    rules.check_origin(name, module if isinstance(module, str) else None)
    own = rules.is_own(module)
    if not own and not is_plain(value):
        message = f"A class path must name a class or a function of a module; got {name}{rules.where(name)}. Change it."
        raise rules.refusal(name, message)
    argument = current.get()
    if argument is None:
        return
    if expected := mismatch(value, argument, own):
        kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "object"
        raise rules.wrong_kind(name, kind, expected)
    rules.accepted.add(name)


def is_plain(value: Any) -> bool:
    """Whether ``value`` is a class or a module-level function, not a method, an inner function or another object."""
    return inspect.isclass(value) or (inspect.isfunction(value) and value.__name__ == value.__qualname__)


def mismatch(value: Any, argument: Argument, own: bool) -> str | None:
    """What ``argument`` expects instead of ``value``; None if the value fits.

    The user's ``own`` functions need no annotations, and own classes are accepted for arguments of unspecific type.
    """
    typehint = argument.typehint
    if is_callable_type(typehint):
        made = typehints.get_callable_return_type(typehint)
        if kinds := typehints.get_subclass_types(made):
            return None if creates(value, kinds, own) else f"A class or function that returns {names_of(kinds)}"
        if isinstance(made, type) and made not in (type(None), object):
            fits = gives(value, made, len(typehint.__args__) - 1, argument.called, own)
            return (
                None if fits else f"A function of {len(typehint.__args__) - 1} arguments that returns {made.__name__}"
            )
        return None if own or (creates(value, HARMLESS, own) and not argument.called) else "A network class"
    if typehints.accepts_any_value(typehint) or typehint is type:
        return None if own or (inspect.isclass(value) and creates(value, HARMLESS, own)) else "A plain value"
    kind = typehints.get_generic_origin(typehint)
    if inspect.isclass(kind) and kind.__module__ != "builtins" and not typehints.is_protocol(kind):
        # Functions are accepted here because some return networks; one that returns a tensor may have any side effect.
        fits = creates(value, (kind,), own) and (own or inspect.isclass(value) or not issubclass(kind, Tensor))
        return None if isinstance(value, kind) or fits else f"A subclass of {kind.__name__}"
    return None


def is_callable_type(typehint: Any) -> bool:
    origin = typehints.get_typehint_origin(typehint)
    return origin in typehints.callable_origin_types or typehint in typehints.callable_origin_types


def creates(value: Any, kinds: tuple[type, ...], own: bool) -> bool:
    """Whether calling ``value`` returns an instance of one of ``kinds``.

    Metrics inherit from ``nn.Module`` but are not networks, and some unpickle files: they count as metrics only.
    """
    module = str(getattr(value, "__module__", ""))
    made = value if inspect.isclass(value) else returned(value)
    if not own and ((within(module, ON_FILES) and made is not value) or is_generated(made)):
        return False
    if within(module, ("torchmetrics",)):
        kinds = tuple(kind for kind in kinds if within(kind.__module__, ("torchmetrics",)))
    if made is None:
        return own
    return inspect.isclass(made) and issubclass(made, kinds)


def is_generated(made: Any) -> bool:
    return inspect.isclass(made) and issubclass(made, GENERATED)


def gives(value: Any, kind: type, count: int, called: bool, own: bool) -> bool:
    """Whether ``value``, a function or a class of callables, takes ``count`` arguments and returns ``kind``."""
    if inspect.isclass(value):
        call = vars(value).get("__call__")
        return own or (inspect.isfunction(call) and returned(call) is kind)
    if called:  # a function with init_args is called immediately, so it would have to return a function
        return own
    try:
        inspect.signature(value).bind(*range(count))
    except (TypeError, ValueError):
        return False
    made = returned(value)
    return own if made is None else made is kind


def returned(function: Any) -> Any:
    """The return annotation of ``function``; None if it has none."""
    try:
        return get_type_hints(function).get("return")
    except Exception:  # an annotation may name something that cannot be imported
        return None


def names_of(kinds: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def guard() -> None:
    """Replace functions of jsonargparse by those above, in all of its modules."""
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
    vars(typehints)["check_import_path"] = check_module  # called there for modules only


guard()
__all__ = ["NotAllowed", "imported", "only"]
