"""What constructors take, also through ``**kwargs``, and what a lambda or a class_path calls with which arguments."""

import inspect
from pydoc import locate
from types import FunctionType

MISSING = object()  # no default


def defaults_of(kind):
    """The defaults of a constructor's parameters; ``**kwargs`` are those of the next constructor."""
    defaults = {}
    for base in kind.__mro__ if inspect.isclass(kind) else (kind,):
        signature = inspect.signature(base) if base is kind else None
        if signature is None:
            if "__init__" not in base.__dict__:
                continue
            signature = inspect.signature(base.__init__)
        defaults = {name: one.default for name, one in signature.parameters.items()} | defaults
        if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()):
            break
    return defaults


class Recorder:
    """Stands for a class or module in the body of a lambda, and returns what is called with which keywords."""

    def __init__(self, real):
        self.real = real

    def __getattr__(self, name):
        return Recorder(getattr(self.real, name))

    def __call__(self, *positional, **keywords):
        return called(self.real, keywords)


def called(kind, keywords):
    """A call of ``kind`` as its name and all its arguments."""
    return kind, {name: number(value) for name, value in (defaults_of(kind) | keywords).items()}


def factory(value):
    """The call that a default or a value of a file makes: of a lambda, a class or function, a name, a class_path."""
    if isinstance(value, dict) and "class_path" in value:
        return called(locate(value["class_path"]), value.get("init_args", {}))
    if isinstance(value, str) and "." in value and callable(locate(value)):
        return called(locate(value), {})
    if inspect.isfunction(value) and value.__name__ == "<lambda>":
        known = {name: Recorder(one) for name, one in value.__globals__.items()}
        return FunctionType(value.__code__, known)(None)
    if hasattr(value, "lazy_get_init_data"):  # jsonargparse.lazy_instance
        return called(locate(value.lazy_get_init_data().class_path), dict(value.lazy_get_init_args()))
    return called(value, {}) if callable(value) and value is not MISSING else None


def number(value):
    """``1e-3`` is a string in YAML 1.1 and a number in a configuration."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
