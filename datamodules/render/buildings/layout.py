"""Random layouts of houses: the class, position and shape of each part, in units of the picture's height."""

from typing import NamedTuple

from numpy.random import Generator


class Part(NamedTuple):
    """One part of a house. Later parts of a layout cover earlier ones."""

    kind: str  # the class
    top: float
    left: float
    bottom: float
    right: float
    shape: str = "box"  # key of shapes.OUTLINES
    slope: float = 0.0  # inset of the top of roofs and gables at each side, as a share of the width
    number: int = 0  # index among the parts of the same kind, which selects random properties of the style
    seed: int = 0  # seed of the outline of a tree's crown
    role: str = ""  # "base" or "chimney" for walls, "crown" for trees


GROUND = 15 / 16  # lower edge of all houses, where the pavement begins; equal, because houses of a street adjoin


class Plan(NamedTuple):
    """The dimensions of one house."""

    left: float
    right: float
    top: float  # of the wall
    ceiling: float  # of the ground floor
    floors: int  # above the ground floor
    columns: int

    @property
    def pitch(self) -> float:
        """Distance between the centres of neighbouring windows."""
        return (self.right - self.left) / (self.columns + 0.3)

    def centre(self, column: int) -> float:
        return self.left + (column + 0.65) * self.pitch

    @property
    def storey(self) -> float:
        """Height of each floor above the ground floor."""
        return (self.ceiling - self.top - 0.04) / self.floors


def layout(draw: Generator) -> list[Part]:
    """The parts of one house in a square picture, from the back to the front."""
    plan = planned(draw)
    sky = Part("sky", 0, 0, 1, 1)
    pavement = Part("pavement", GROUND, 0, 1, 1)
    shop = draw.random() < 0.45
    parts = [sky, pavement, *roof(draw, plan), *cornices(draw, plan, shop), *upper_floors(draw, plan)]
    parts += [*ground_floor(draw, plan, shop), *trees(draw)]
    return numbered(parts)


def planned(draw: Generator) -> Plan:
    sides = [draw.uniform(0.03, 0.12) if draw.random() < 0.35 else 0.0 for _ in range(2)]
    floors = int(draw.choice([2, 3, 4], p=[0.4, 0.42, 0.18]))
    left, right = sides[0], 1 - sides[1]
    columns = int(draw.choice([3, 4, 5], p=[0.42, 0.4, 0.18] if right - left > 0.9 else [0.5, 0.5, 0]))
    top = draw.uniform(0.19, 0.36 - 0.04 * floors + 0.06)
    return Plan(left, right, top, GROUND - draw.uniform(0.2, 0.24), floors, columns)


def roof(draw: Generator, plan: Plan) -> list[Part]:
    """The wall, with roof, chimneys, gable and dormers."""
    wall = Part("wall", plan.top, plan.left, GROUND, plan.right)
    base = Part("wall", plan.ceiling, plan.left, GROUND, plan.right, role="base")
    kind = draw.choice(["flat", "mansard", "hip", "gable"], p=[0.27, 0.28, 0.25, 0.2])
    if kind == "flat":
        return [wall, base]
    rises = {"mansard": draw.uniform(0.09, 0.15), "hip": draw.uniform(0.07, 0.13), "gable": draw.uniform(0.15, 0.19)}
    slope = {"mansard": draw.uniform(0.04, 0.1), "hip": draw.uniform(0.3, 0.5), "gable": 0.5}[kind]
    rise = rises[kind]
    tiles = Part("roof", plan.top - rise, plan.left, plan.top + 0.01, plan.right, "trapezoid", slope)
    parts = [*chimneys(draw, plan, rise), tiles, wall, base]
    if kind == "gable":
        return parts + gable(draw, plan, rise)
    if kind == "mansard" and draw.random() < 0.6:
        return parts + dormers(draw, plan, rise)
    return parts


def chimneys(draw: Generator, plan: Plan, rise: float) -> list[Part]:
    parts = []
    for place in draw.uniform(0.12, 0.88, size=int(draw.integers(0, 3))):
        middle = plan.left + place * (plan.right - plan.left)
        top = plan.top - rise - draw.uniform(0.0, 0.035)
        parts.append(Part("wall", top, middle - 0.025, plan.top, middle + 0.025, role="chimney"))
    return parts


def gable(draw: Generator, plan: Plan, rise: float) -> list[Part]:
    """A gable, straight or stepped, with a window."""
    set_in = 0.06 * (plan.right - plan.left)
    shape = "steps" if draw.random() < 0.3 else "trapezoid"
    top, bottom = plan.top - rise + 0.045, plan.top + 0.01
    wall = Part("wall", top, plan.left + set_in, bottom, plan.right - set_in, shape, 0.5)
    middle = plan.left + (plan.right - plan.left) / 2
    return [wall, window(middle, plan.top - rise * 0.12, 0.075, rise * 0.42, "arch")]


def dormers(draw: Generator, plan: Plan, rise: float) -> list[Part]:
    """Windows in the roof."""
    width = min(plan.pitch * 0.4, 0.1)
    inner = plan.columns > 3 and draw.random() < 0.4
    columns = range(1, plan.columns - 1) if inner else range(plan.columns)
    return [window(plan.centre(column), plan.top - rise * 0.15, width, rise * 0.55, "box") for column in columns]


def cornices(draw: Generator, plan: Plan, shop: bool) -> list[Part]:
    over = 0.015
    thick = draw.uniform(0.03, 0.045)
    parts = [Part("cornice", plan.top, plan.left - over, plan.top + thick, plan.right + over)]
    if shop or draw.random() < 0.5:
        parts.append(Part("cornice", plan.ceiling, plan.left, plan.ceiling + 0.032, plan.right))
    if plan.floors > 2 and draw.random() < 0.15:
        middle = plan.top + 0.04 + plan.storey
        parts.append(Part("cornice", middle, plan.left, middle + 0.03, plan.right))
    return parts


def window(middle: float, bottom: float, width: float, height: float, shape: str) -> Part:
    return Part("window", bottom - height, middle - width / 2, bottom, middle + width / 2, shape)


def upper_floors(draw: Generator, plan: Plan) -> list[Part]:
    storey, pitch = plan.storey, plan.pitch
    width = pitch * draw.uniform(0.38, 0.6)
    height = storey * draw.uniform(0.52, 0.66)
    arched = draw.choice(["no", "first", "all"], p=[0.7, 0.15, 0.15])
    shutters = draw.random() < 0.7 and plan.columns < 5 and pitch - width > 0.11
    rule = draw.choice(["none", "columns", "row", "some", "all"], p=[0.34, 0.2, 0.2, 0.18, 0.08])
    column, row = draw.integers(plan.columns), draw.integers(plan.floors)
    parts = []
    for floor in range(plan.floors):
        bottom = plan.top + 0.04 + storey * (floor + 1) - 0.17 * storey
        shape = "arch" if arched == "all" or (arched == "first" and floor == plan.floors - 1) else "box"
        if rule == "row" and floor == row and draw.random() < 0.6:
            windows = [window(plan.centre(k), bottom, width, height, shape) for k in range(plan.columns)]
            left, right = windows[0].left - 0.04, windows[-1].right + 0.04
            parts += [*windows, Part("balcony", bottom - 0.4 * height, left, bottom + 0.02, right)]
            continue
        for k in range(plan.columns):
            out = {
                "none": False,
                "columns": k in (column, plan.columns - 1 - column),
                "row": floor == row,
                "some": draw.random() < 0.35,
                "all": True,
            }[rule]
            parts += opening(window(plan.centre(k), bottom, width, height, shape), out, shutters)
    return parts


def opening(glass: Part, balcony: bool, shutters: bool) -> list[Part]:
    """A window with a balcony or a sill, and with shutters if ``shutters``."""
    parts = [glass]
    if shutters:
        parts.append(Part("shutter", glass.top, glass.left - 0.042, glass.bottom, glass.left - 0.008))
        parts.append(Part("shutter", glass.top, glass.right + 0.008, glass.bottom, glass.right + 0.042))
    if balcony:
        rail = glass.bottom - 0.42 * (glass.bottom - glass.top)
        return [*parts, Part("balcony", rail, glass.left - 0.03, glass.bottom + 0.02, glass.right + 0.03)]
    return [*parts, Part("sill", glass.bottom, glass.left - 0.016, glass.bottom + 0.028, glass.right + 0.016)]


def ground_floor(draw: Generator, plan: Plan, shop: bool) -> list[Part]:
    door = int(draw.integers(plan.columns))
    height = GROUND - plan.ceiling
    wide = plan.pitch * draw.uniform(0.5, 0.7)
    shape = "arch" if draw.random() < 0.3 else "box"
    bottom = GROUND - height * draw.uniform(0.24, 0.32)
    narrow = plan.pitch * draw.uniform(0.4, 0.58)
    parts = []
    for k in range(plan.columns):
        middle = plan.centre(k)
        if k == door:
            top = plan.ceiling + height * 0.22
            parts.append(Part("door", top, middle - wide / 2, GROUND, middle + wide / 2, shape))
        elif shop:
            half = plan.pitch * 0.44
            parts.append(Part("shop", plan.ceiling + 0.045, middle - half, GROUND - 0.012, middle + half))
        else:
            parts += opening(window(middle, bottom, narrow, height * 0.42, "box"), False, False)
    return parts


def trees(draw: Generator) -> list[Part]:
    parts = []
    for _ in range(int(draw.choice([0, 1, 2], p=[0.48, 0.4, 0.12]))):
        radius = draw.uniform(0.12, 0.18)
        middle = draw.uniform(1.2 * radius, 1 - 1.2 * radius)
        root, height = GROUND + 0.02, draw.uniform(0.24, 0.38)
        fork, wide, seed = root - height, 1.15 * radius, int(draw.integers(2**31))
        parts.append(Part("tree", fork, middle - 0.017, root, middle + 0.017))
        bottom = root - 0.45 * height
        crown = Part("tree", fork - radius, middle - wide, bottom, middle + wide, "crown", seed=seed, role="crown")
        parts.append(crown)
    return parts


def numbered(parts: list[Part]) -> list[Part]:
    """The parts with ``number`` set to the index among the parts of the same kind."""
    count: dict[str, int] = {}
    result = []
    for part in parts:
        count[part.kind] = count.get(part.kind, -1) + 1
        result.append(part._replace(number=count[part.kind]))
    return result
