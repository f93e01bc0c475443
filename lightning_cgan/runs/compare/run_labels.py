"""Short names for the rows of a comparison: the classes, and the keys that distinguish rows of the same classes."""

from typing import Any

from lightning_cgan.runs.compare.runs import exact, shown

ORDER = ("model", "data", "trainer")
MOST = 3  # keys in a name, also if fewer would suffice


def run_labels(configs: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """A name for each of these different configurations (dotted keys), and notes on keys that the names leave out."""
    names, notes = [title(config) for config in configs], []
    for shared in dict.fromkeys(names):
        places = [place for place, name in enumerate(names) if name == shared]
        if len(places) > 1:
            texts, rest = distinctions([configs[place] for place in places])
            for place, words in zip(places, texts, strict=True):
                names[place] = f"{shared}, {words}"
            if rest:
                notes.append(f"The rows of {shared} differ also in {', '.join(rest)}.")
    return names, notes


def title(config: dict[str, Any]) -> str:
    """ "ProjectionGAN on Digits"; for a view of a data set, the name of the data set."""
    data = config.get("data.init_args.data.class_path") or config.get("data.class_path") or "unknown data"
    return f"{last(config.get('model.class_path') or 'unknown model')} on {last(data)}"


def last(path: str) -> str:
    return path.rpartition(".")[2]


def distinctions(configs: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The text that distinguishes each of ``configs``, and the labels of other keys that differ.

    The fewest keys that distinguish all rows are used, or up to three if more differ. Arguments of a class are used
    only if the class is not enough.
    """
    known = sorted({key for config in configs for key in config}, key=lambda key: (ORDER.index(key.split(".")[0]), key))
    keys = [key for key in known if len({exact(config.get(key)) for config in configs}) > 1]
    classes = [key.removesuffix("class_path") for key in keys if key.endswith(".class_path")]
    label = labels(known)
    own = [key for key in keys if not any(key.startswith(f"{place}init_args.") for place in classes)]
    chosen: list[str] = []
    for key in sorted(keys, key=lambda key: (key not in own, len(label[key]))):
        if kinds(configs, [*chosen, key]) > kinds(configs, chosen):
            chosen.append(key)
    spare = [key for key in own if key not in chosen]
    if len(chosen) + len(spare) <= MOST:
        chosen, spare = [key for key in keys if key in chosen or key in spare], []
    texts = [", ".join(f"{label[key]} {value_text(key, config, configs)}" for key in chosen) for config in configs]
    return texts, [label[key] for key in spare]


def kinds(configs: list[dict[str, Any]], keys: list[str]) -> int:
    """The number of different ``configs`` by these keys."""
    return len({tuple(exact(config.get(key)) for key in keys) for config in configs})


def labels(keys: list[str]) -> dict[str, str]:
    """The shortest unique ends of dotted keys, without "init_args" and "class_path"."""
    parts = {key: [part for part in key.split(".") if part not in ("init_args", "class_path")] for key in keys}
    ends = [".".join(words[-length:]) for words in parts.values() for length in range(1, len(words) + 1)]
    return {
        key: next((end for n in range(1, len(words)) if ends.count(end := ".".join(words[-n:])) == 1), ".".join(words))
        for key, words in parts.items()
    }


def value_text(key: str, config: dict[str, Any], configs: list[dict[str, Any]]) -> str:
    """The value of ``key`` in ``config``; for a class path its shortest unique end."""
    if key not in config or config[key] is None:
        return "none"
    if not key.endswith("class_path"):
        return shown(config[key])
    words = config[key].split(".")
    others = {c[key] for c in configs if c.get(key)} - {config[key]}
    ends = (".".join(words[-n:]) for n in range(1, len(words) + 1))
    return next(end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others))
