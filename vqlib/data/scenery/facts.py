"""What is in a landscape, and the same in English and in Chinese words."""

from dataclasses import dataclass, replace

import numpy as np

SIDES = ("left", "middle", "right")


@dataclass(frozen=True)
class Facts:
    """What there is in a landscape."""

    time: str
    """Time of day: "dawn", "day", "dusk" or "night"."""
    sun: str | None
    """Where the sun (at night the moon) stands: "left", "middle" or "right"; None: out of view."""
    crescent: bool
    """The moon is a crescent, not full."""
    clouds: bool
    """Clouds in the sky."""
    mountains: bool
    """Mountains on the horizon."""
    snow: bool
    """Snow on the mountains."""
    forest: bool
    """A forest on the horizon."""
    lake: bool
    """A lake before the horizon."""
    meadow: str | None
    """Kind of meadow: "green", "flowery", "golden" or "snowy"; None: no meadow."""
    trees: str | None
    """Kind of trees on the meadow: "pines", "leafy" or "autumn"; None: no trees."""
    side: str | None
    """Where the trees stand: "left", "right" or "both"."""

    def seen(self, things: set[str]) -> "Facts":
        """The facts about some things only, given as names of labels ("sun", "tree", …)."""
        hidden = {
            "sun": {"sun": None, "crescent": False},
            "cloud": {"clouds": False},
            "mountain": {"mountains": False, "snow": False},
            "forest": {"forest": False},
            "water": {"lake": False},
            "meadow": {"meadow": None},
            "tree": {"trees": None, "side": None},
        }
        changes = {k: v for thing in hidden.keys() - things for k, v in hidden[thing].items()}
        return replace(self, **changes)


def random_facts(rng: np.random.Generator) -> Facts:
    """Draw what there will be: snowy meadows have snowy mountains and no leaves, and so on."""

    def pick(*choices):
        return choices[int(rng.random() * len(choices))]

    time = pick("dawn", "day", "day", "dusk", "night")
    meadow = pick("green", "green", "flowery", "golden", "snowy")
    kinds = {"golden": ("autumn", "autumn", "pines"), "snowy": ("pines", "pines")}
    trees = pick(*kinds.get(meadow, ("pines", "leafy", "leafy")), None)
    sun = pick(*SIDES, None)
    return Facts(
        time=time,
        sun=sun,
        crescent=pick(True, False) and time == "night" and sun is not None,
        clouds=pick(True, True, False),
        mountains=True,
        snow=pick(True, False) or meadow == "snowy",
        forest=pick(True, False),
        lake=pick(True, True, False),
        meadow=meadow,
        trees=trees,
        side=pick("left", "right", "both") if trees else None,
    )


def english(facts: Facts) -> tuple[str, ...]:
    """The facts as a caption, in words and commas."""
    far = ["snowy mountains" if facts.snow else "mountains"] * facts.mountains
    far += ["a forest"] * facts.forest
    lake = ("behind a lake" if far else "a lake") if facts.lake else ""
    view = " and ".join(far) + " " + lake if far or lake else "a landscape"
    time = {"dawn": "at dawn", "day": "by day", "dusk": "at dusk", "night": "at night"}
    sky = "a cloudy sky" if facts.clouds else "a clear sky"
    if facts.sun:
        suns = {"dawn": "a golden sun", "day": "a bright sun", "dusk": "a red sun"}
        moon = "a crescent moon" if facts.crescent else "a full moon"
        sides = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
        sky += f" with {suns.get(facts.time, moon)} {sides[facts.sun]}"
    near = [f"a {facts.meadow} meadow"] if facts.meadow else []
    if facts.trees:
        kinds = {"pines": "pines", "leafy": "green trees", "autumn": "autumn trees"}
        sides = {"left": "on the left", "right": "on the right", "both": "on both sides"}
        near.append(f"{kinds[facts.trees]} {sides[facts.side]}")
    clauses = [f"{view} {time[facts.time]}", sky]
    clauses += [" with ".join(near)] if near else []
    return tuple(" , ".join(clauses).split())


def chinese(facts: Facts) -> tuple[str, ...]:
    """The facts as a Chinese caption, in words and commas."""
    far = ["雪山" if facts.snow else "群山"] * facts.mountains + ["森林"] * facts.forest
    time = {"dawn": "清晨", "day": "白天", "dusk": "黄昏", "night": "夜晚"}
    clauses = [time[facts.time]]
    if far:
        clauses.append(("湖边" if facts.lake else "远处") + " 有 " + " 和 ".join(far))
    elif facts.lake:
        clauses.append("远处 有 湖")
    clauses.append("天上 有 云" if facts.clouds else "天空 晴朗")
    if facts.sun:
        suns = {"dawn": "金色的 太阳", "day": "明亮的 太阳", "dusk": "红色的 太阳"}
        moon = "一弯 新月" if facts.crescent else "一轮 圆月"
        sides = {"left": "左边", "middle": "中间", "right": "右边"}
        clauses.append(f"{sides[facts.sun]} 是 {suns.get(facts.time, moon)}")
    if facts.meadow:
        kinds = {"green": "绿色的", "flowery": "开花的", "golden": "金色的", "snowy": "盖着雪的"}
        clauses.append(f"近处 是 {kinds[facts.meadow]} 草地")
    if facts.trees:
        kinds = {"pines": "松树", "leafy": "绿树", "autumn": "红叶树"}
        sides = {"left": "左边", "right": "右边", "both": "两边"}
        clauses.append(f"{sides[facts.side]} 长着 {kinds[facts.trees]}")
    return tuple(" ， ".join(clauses).split())
