"""The house in words: floors, circles and climbs of small houses that are worked out by hand."""

import textwrap

from tools import house

ARROWS = {"cli": {"runs", "data"}, "runs": {"data"}, "data": {"ground"}, "ground": set()}


def test_a_room_stands_above_the_highest_that_it_imports():
    assert house.floors_of(ARROWS) == {"ground": 1, "data": 2, "runs": 3, "cli": 4}
    assert house.circles_of(ARROWS) == []


def test_rooms_that_import_each_other_are_a_circle():
    assert house.circles_of({**ARROWS, "ground": {"data"}}) == [{"data", "ground"}]


def test_an_argument_is_followed_and_its_climbs_are_counted(tmp_path):
    files = {
        "deca_tf/runs/run.py": """
            from deca_tf.data.read import read
            from deca_tf.runs.train import train

            def run(config, out):
                split = read(config)
                again(config)
                return train(split, settings=config)

            def again(config):
                return read(config)
            """,
        "deca_tf/runs/train.py": "def train(split, settings):\n    return other(settings.training)\n",
        "deca_tf/data/read.py": "def read(config):\n    return config\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    walk = house.Walk(root=tmp_path)
    stays = walk.stays(("deca_tf.runs.run", "run", "config"))
    modules = ["runs.run", "data.read", "runs.run", "runs.train"]
    assert stays == [f"deca_tf.{module}" for module in modules]
    floors = {"runs": 2, "data": 1}
    assert house.climbs_of(stays, floors) == (["runs", "data", "runs"], 1)


def test_this_house_has_no_circle():
    assert house.circles_of(house.arrows_of(house.PACKAGES)) == []
