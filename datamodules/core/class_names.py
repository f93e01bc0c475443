"""Class names and numbers in settings: a quoted value is a name, an unquoted one a number."""

import warnings
from collections.abc import Sequence

from datamodules.files.decode import printable
from datamodules.files.image_files import nearest
from lightning_cgan.errors import UserError

Class = str | int  # in this order: jsonargparse would otherwise convert a quoted number


def class_numbers(asked: Sequence[Class], num_classes: int, names: Sequence[str], key: str) -> list[int]:
    """The numbers of classes given by number or name.

    Args:
        asked: numbers as int, names as str; a str of digits is a name.
        num_classes: of the set.
        names: of its classes, if they have any.
        key: of the setting, for messages.

    Raises:
        UserError: for a number or a name that the set does not have.
    """
    numbers = [class_number(one, names, key) if isinstance(one, str) else one for one in asked]
    wrong = [number for number in numbers if not 0 <= number < num_classes]
    if wrong:
        quoted = f' A class with the name {wrong[0]} is written in quotes, "{wrong[0]}".' * (str(wrong[0]) in names)
        raise UserError(
            f"Classes to draw are numbers from 0 to {num_classes - 1}, or names in quotes; got {wrong}.{quoted} "
            f"Set data.init_args.{key}."
        )
    for one in asked:
        if isinstance(one, int) and str(one) in names and names[one] != str(one):
            warnings.warn(
                f"class number {one} has the name {printable(names[one])}; the class with the name {one} is number "
                f'{names.index(str(one))}, and is written in quotes, ["{one}"].',
                stacklevel=1,
            )
    return numbers


def class_number(name: str, names: Sequence[str], key: str) -> int:
    """The number of the class with the name ``name``.

    Raises:
        UserError: for an unknown name.
    """
    if name not in names:
        raise UserError(
            f"Classes are chosen by number or by the name of their folder; got {printable(name)}, which is neither."
            f"{nearest(name, names)} Set data.init_args.{key}."
        )
    return names.index(name)


def warn_of_order(names: Sequence[str]) -> None:
    """Warn if class names are numbers that differ from the class numbers."""
    others = [number for number, name in enumerate(names) if name.isdecimal() and int(name) != number]
    if others:
        listed = ", ".join(f"{number} is {printable(names[number])}" for number in others[:5])
        warnings.warn(
            "classes are numbered from 0 in the order of their folders' names as text, 10 before 2: "
            f"{listed}{', ...' * (len(others) > 5)}.",
            stacklevel=1,
        )
