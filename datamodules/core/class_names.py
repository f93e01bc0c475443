"""What users call classes: names in quotes are names, numbers without quotes are numbers."""

import warnings
from collections.abc import Sequence

from datamodules.files.decode import shown
from datamodules.files.image_files import nearest
from lightning_cgan.errors import UserError

Class = str | int  # in this order: jsonargparse would make a number of a quoted one otherwise


def class_numbers(asked: Sequence[Class], num_classes: int, names: Sequence[str], key: str) -> list[int]:
    """The numbers of the classes that are asked for.

    Args:
        asked: numbers, or names; a name that looks like a number is a name.
        num_classes: of the set.
        names: of its classes, where they have some.
        key: that asks for them, for messages.

    Raises:
        UserError: for a number or a name that the set does not have.
    """
    numbers = [class_number(one, names, key) if isinstance(one, str) else one for one in asked]
    wrong = [number for number in numbers if not 0 <= number < num_classes]
    if wrong:
        quoted = f' A class that is called {wrong[0]} is asked for in quotes, "{wrong[0]}".' * (str(wrong[0]) in names)
        raise UserError(
            f"Classes to draw are numbers from 0 to {num_classes - 1}, or names in quotes; got {wrong}.{quoted} "
            f"Set data.init_args.{key}."
        )
    for one in asked:
        if isinstance(one, int) and str(one) in names and names[one] != str(one):
            warnings.warn(
                f"class number {one} is called {shown(names[one])}; the class called {one} is number "
                f'{names.index(str(one))}, and is asked for in quotes, ["{one}"].',
                stacklevel=1,
            )
    return numbers


def class_number(name: str, names: Sequence[str], key: str) -> int:
    """The number of the class called ``name``.

    Raises:
        UserError: for an unknown name.
    """
    if name not in names:
        raise UserError(
            f"Classes are drawn by number or by the name of their folder; there is no {shown(name)}."
            f"{nearest(name, names)} Set data.init_args.{key}."
        )
    return names.index(name)


def warn_of_order(names: Sequence[str]) -> None:
    """Say how classes are numbered whose names are numbers, if not by these."""
    others = [place for place, name in enumerate(names) if name.isdecimal() and int(name) != place]
    if others:
        listed = ", ".join(f"{place} is {shown(names[place])}" for place in others[:5])
        warnings.warn(
            "classes are numbered from 0 in the order of their folders' names as text, 10 before 2: "
            f"{listed}{', ...' * (len(others) > 5)}.",
            stacklevel=1,
        )
