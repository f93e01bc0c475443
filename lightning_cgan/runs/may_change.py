"""Configuration keys that a run may change when it continues, because they do not change what is trained."""

PREDICT_KEYS = {f"predict_{name}" for name in ("classes", "per_class", "morphs", "steps", "folder", "from")}
MAY_CHANGE = {"root", "download", "num_workers"} | PREDICT_KEYS
