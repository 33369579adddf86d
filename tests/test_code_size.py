"""Files and functions of the library are short enough to be read in one sitting."""

from tests.code_size import Sizes, sizes


def longer(counted: dict[str, int], most: int) -> dict[str, int]:
    return {name: lines for name, lines in counted.items() if lines > most}


def test_functions_are_short():
    found = sizes()
    assert found.share(0.5) <= 8
    assert found.share(0.9) <= 22
    assert longer(found.functions, 60) == {}


def test_files_are_short():
    assert longer(sizes().files, 320) == {}


def test_what_is_counted(tmp_path):
    text = '"""A file."""\n\n# A comment.\nK = 3\n"""A field."""\n\n\ndef f(\n    x,\n):\n'
    text += '    """Of x."""\n    # why\n\n    return """\n    two"""\n'
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "course/checks").mkdir(parents=True)
    (tmp_path / "course/checks/ch01.py").write_text("def g():\n    pass\n")
    assert sizes(tmp_path) == Sizes({"a.py:8 f": 8}, {"a.py": 15}, 8)
    assert sizes(tmp_path).share(0.5) == 8
